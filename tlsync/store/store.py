"""Everything that is kept in the catalog, behind one door."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from tlsync.clock import Clock
from tlsync.errors import CatalogError
from tlsync.store.analyses import Analyses
from tlsync.store.catalog import Catalog
from tlsync.store.contents import Contents
from tlsync.store.database import CatalogDatabase
from tlsync.store.heartbeat import Heartbeat
from tlsync.store.roots import Roots
from tlsync.store.sessions import Sessions


class Store:
    """The catalog, opened for writing. One per state folder: the caller holds the lock of `daemon`."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        """Open or create the catalog.

        Raises:
            CatalogError: It can't be opened, is damaged, or belongs to a newer tlsync.
        """
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogError(
                f"{state_dir}: the state folder can't be made ({error.strerror})",
                hint="set state_dir in the settings, or TLSYNC_STATE_DIR, to a folder of yours",
            ) from error
        self._db = CatalogDatabase(state_dir)
        self.catalog = Catalog(self._db, clock)
        self.roots = Roots(self._db, clock)
        self.contents = Contents(self._db, clock)
        self.analyses = Analyses(self._db, clock)
        self.sessions = Sessions(self._db, clock)
        self.heartbeat = Heartbeat(self._db, clock)

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

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
