"""Everything that is kept in the catalog, behind one door."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from tlsync.clock import Clock
from tlsync.errors import CatalogDamaged, CatalogError
from tlsync.store.analyses import Analyses
from tlsync.store.catalog import Catalog
from tlsync.store.contents import Contents
from tlsync.store.cursors import Cursors
from tlsync.store.database import CatalogDatabase
from tlsync.store.heartbeat import Heartbeat
from tlsync.store.history import History
from tlsync.store.removals import Removals
from tlsync.store.roots import Roots
from tlsync.store.sessions import Sessions
from tlsync.store.spending import Spending
from tlsync.store.state_folder import prepare_state_folder


class Store:
    """The catalog, opened for writing. One per state folder: the caller holds the lock of `daemon`."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        """Open or create the catalog.

        Raises:
            CatalogDamaged: It can't be believed; see `damage`.
            CatalogError: It can't be opened, or belongs to a newer tlsync.
        """
        prepare_state_folder(state_dir)
        self._db = CatalogDatabase(state_dir, clock)
        self.catalog = Catalog(self._db, clock)
        self.roots = Roots(self._db, clock)
        self.contents = Contents(self._db, clock)
        self.analyses = Analyses(self._db, clock)
        self.sessions = Sessions(self._db, clock)
        self.removals = Removals(self._db, clock)
        self.cursors = Cursors(self._db, clock)
        self.heartbeat = Heartbeat(self._db, clock)
        self.history = History(self._db, clock)
        self.spending = Spending(state_dir, clock)

    def bind(self, base_url: str) -> None:
        """Tie the catalog to one platform, since ids of one mean nothing on another.

        Raises:
            CatalogError: It is tied to another one already.
        """
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO about (key, value) VALUES ('base_url', ?) ON CONFLICT DO NOTHING", (base_url,)
            )
        row = self._db.row("SELECT value FROM about WHERE key = 'base_url'")
        known = str(row["value"]) if row else base_url
        if known != base_url:
            raise CatalogError(
                f"the catalog in {self._db.path.parent} belongs to {known}, and the settings say {base_url}",
                hint="use another state_dir (or --profile NAME) for another platform",
            )

    def note_limits(self, limits: str) -> bool:
        """Remember the limits in force; says whether they differ from those of the last run."""
        row = self._db.row("SELECT value FROM about WHERE key = 'limits'")
        with self._db.write() as connection:
            connection.execute("INSERT OR REPLACE INTO about (key, value) VALUES ('limits', ?)", (limits,))
        return row is not None and row["value"] != limits

    def known_assets(self, asset_ids: Iterable[str]) -> set[str]:
        """Which of some assets are, or were to be, of this catalog."""
        rows = self._db.rows(
            "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM sessions WHERE asset_id = json_each.value)"
            " OR EXISTS (SELECT 1 FROM assets WHERE asset_id = json_each.value)",
            json.dumps(list(asset_ids)),
        )
        return {row[0] for row in rows}

    @property
    def damage(self) -> CatalogDamaged | None:
        """Set when any thread found the catalog damaged; whoever uses it should stop."""
        return self._db.damage

    @property
    def is_rebuilding(self) -> bool:
        """Whether the catalog took the place of one that was set aside, and known content is not linked yet."""
        return self._db.row("SELECT 1 FROM about WHERE key = 'rebuilding'") is not None

    def begin_rebuilding(self) -> None:
        with self._db.write() as connection:
            connection.execute("INSERT OR REPLACE INTO about (key, value) VALUES ('rebuilding', '1')")

    def end_rebuilding(self) -> None:
        with self._db.write() as connection:
            connection.execute("DELETE FROM about WHERE key = 'rebuilding'")

    def check_if_due(self) -> None:
        """Once a week, look whether the catalog is sound.

        Raises:
            CatalogDamaged: It is not.
        """
        self._db.check_if_due()

    def close(self) -> None:
        self.spending.close()
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
