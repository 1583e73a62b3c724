"""One workstation: a watched folder, a state folder, and the processes that work on them one after another."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox.helpers import KEY, ORIGIN
from tests.simulation.chaos import Chaos
from tests.simulation.disk import Disk
from tests.simulation.fibers import Crash, FiberEvent, Kernel, Life, SimulatedClock, SimulatedWorkers
from tests.simulation.network import Network, Note
from tlsync.api import RetryPolicy, TwelveLabs
from tlsync.clock import from_text
from tlsync.config import PlatformSettings, RootSettings, Settings, SyncSettings
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.engine.tally import Summary
from tlsync.errors import CatalogBusy, TlsyncError
from tlsync.sandbox.routes import Router
from tlsync.sandbox.world import BASE_PATH
from tlsync.states import AT_REST, FileState
from tlsync.store.reader import CatalogReader, FileView
from tlsync.store.store import Store

INDEX = "footage"


@dataclass(frozen=True)
class Mark:
    """How far a machine is with an asset: `opened`, `reported`, `whole`, `stamped`."""

    at_s: float
    what: str
    machine: str


Marks = dict[str, list[Mark]]
"""By asset, in the order in which it happened."""
_LONGEST_PASS_S = 6 * 3600.0


class Machine:
    """Starts, stops and kills processes. What outlives them is on the disk."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        kernel: Kernel,
        chaos: Chaos,
        disk: Disk,
        router: Router,
        prober: Any,
        source: random.Random,
        note: Note,
        recorded: set[tuple[str, int]],
        noted: set[str],
        marks: Marks,
        complain: Callable[[str], None],
    ) -> None:
        self.name = name
        self.root = folder / name
        self.root.mkdir()
        self.state_dir = folder / f"{name}-state"
        self.settings = Settings(
            state_dir=self.state_dir,
            platform=PlatformSettings(base_url=ORIGIN + BASE_PATH),
            roots=(RootSettings(path=self.root, index=INDEX),),
            sync=SyncSettings(settle_s=10.0, poll_s=5.0, rescan_s=900.0),
        )
        self.clock = SimulatedClock(kernel)
        self.deaths = 0
        self.refusals: list[TlsyncError] = []
        """What processes ended with, other than an order to stop."""
        self._kernel = kernel
        self._chaos = chaos
        self._disk = disk
        self._router = router
        self._prober = prober
        self._random = source
        self._note = note
        self._recorded = recorded
        self._noted = noted
        self._marks = marks
        self._written: set[Path] = set()
        """Sidecars that the process wrote, or found to say the same."""
        self._complain = complain
        self._life: Life | None = None
        self._stop = FiberEvent(kernel)
        self._store: Store | None = None
        _copy_template(self.state_dir, self.clock)

    @property
    def is_running(self) -> bool:
        return self._life is not None and not self._life.is_dead and bool(self._kernel.of(self._life))

    def start(self) -> None:
        """The daemon begins."""
        self._begin("daemon", lambda engine: engine.run_forever(), is_single_pass=False)

    def sync(self, paths: Sequence[Path] = (), *, retry: bool = False) -> Summary:
        """`tlsync retry` if asked for, then `tlsync sync`, to its end."""
        found: list[Summary] = []

        def act(engine: Engine) -> None:
            if retry:
                engine.retry([self.root])  # named, since some are looked at again only then
            found.append(engine.run_once(paths))

        self._begin("sync", act, is_single_pass=True)
        self._kernel.wait(lambda: not self.is_running, _LONGEST_PASS_S)
        if self.is_running:
            self.kill()
            raise AssertionError(f"a pass does not end: {[view.reason for view in self.files().values()]}")
        if not found:
            raise AssertionError(f"the pass ended with {self.refusals or self._kernel.mistakes}")
        return found[0]

    def stop(self) -> None:
        """The daemon is asked to stop, and does."""
        self._note("stop", self.name)
        self._stop.set()
        self._kernel.wait(lambda: not self.is_running, None)

    def kill(self, life: Life | None = None) -> None:
        """The process ends at once: nothing that it still does has an effect."""
        life = life or self._life
        if life is None or life.is_dead:
            return
        self._note("killed", self.name)
        self.deaths += 1
        life.is_dead = True
        if self._store is not None:
            connection = self._store._db._connection
            with suppress(sqlite3.ProgrammingError):
                connection.rollback()
            connection.close()

    def retry(self) -> None:
        """`tlsync retry` while the daemon runs."""
        if self._engine is not None and self.is_running:
            with suppress(TlsyncError, Crash):
                self._engine.retry([])

    def owns(self, life: Life) -> bool:
        return life is self._life

    def may_sleep(self) -> bool:
        """Nothing is under way; at most something failed, and is tried again later."""
        return all(view.state in AT_REST for view in self.files().values())

    def next_due_s(self) -> float:
        """Seconds until something is to be done; infinite when all rest."""
        waits_s = []
        for view in self.files().values():
            if view.state == FileState.FAILED and view.retry_at is not None:
                waits_s.append(max(60.0, (from_text(view.retry_at) - self.clock.now()).total_seconds() - 1))
            elif view.state not in AT_REST:
                waits_s.append(300.0)
        return min(waits_s, default=float("inf"))

    def files(self) -> dict[Path, FileView]:
        """What the catalog says."""
        with CatalogReader(self.state_dir) as reader:
            return {view.path: view for view in reader.files()}

    def _begin(self, name: str, act: Callable[[Engine], object], *, is_single_pass: bool) -> None:
        if self._life is not None:
            old = self._life
            self._kernel.wait(lambda: not self._kernel.of(old), None)
        life = self._life = Life(f"{self.name}.{name}{self.deaths}")
        self._stop = FiberEvent(self._kernel)
        self._engine: Engine | None = None
        self._note("start", life.name)
        self._kernel.spawn(life.name, life, lambda: self._live(life, act, is_single_pass=is_single_pass))

    def _live(self, life: Life, act: Callable[[Engine], object], *, is_single_pass: bool) -> None:
        network = Network(
            life,
            self._router,
            self._kernel,
            self._chaos,
            self._random,
            self._note,
            self.kill,
            self._recorded,
            self._complain,
        )
        stop = self._stop
        self._store = None
        try:
            with Store(self.state_dir, self.clock) as store:
                self._store = store
                self._watch_store(life, store)
                store.bind(self.settings.platform.base_url)
                with TwelveLabs(
                    KEY,
                    self.settings.platform.base_url,
                    stop=stop,
                    clock=self.clock,
                    retries=RetryPolicy(jitter=self._random.random),
                    transport=network,
                    storage_transport=network,
                ) as client:
                    self._engine = Engine(
                        self.settings,
                        store,
                        client,
                        self._prober,
                        clock=self.clock,
                        stop=stop,
                        progress=Silent(),
                        is_single_pass=is_single_pass,
                        workers=SimulatedWorkers(self._kernel, life),
                    )
                    self._watch_sidecars(self._engine)
                    act(self._engine)
        except TlsyncError as error:
            if life.is_dead:
                raise Crash from error
            self._note("ended", life.name, str(error))
            if not error.is_temporary:  # else whoever starts it (the system, a person) starts it again
                self.refusals.append(error)

    def _watch_store(self, life: Life, store: Store) -> None:
        """Note every move and every chunk that is recorded; let the catalog fail, and the process die at its edges."""
        db: Any = store._db
        write, rows = db.write, db.rows
        depth = 0

        @contextmanager
        def watched_write() -> Iterator[sqlite3.Connection]:
            nonlocal depth
            self._kernel.check()
            if depth == 0:
                if self._chaos.strikes("catalog.full", 0.1):
                    raise CatalogBusy("the disk of the catalog is full", hint="free some space")
                self._maybe_die(life, "crash.before_commit")
            depth += 1
            try:
                with write() as connection:
                    yield connection
            finally:
                depth -= 1
            if depth == 0:
                self._maybe_die(life, "crash.after_commit")

        def watched_rows(sql: str, *values: Any) -> list[sqlite3.Row]:
            self._kernel.check()
            found: list[sqlite3.Row] = rows(sql, *values)
            return found

        db.write, db.rows = watched_write, watched_rows
        catalog: Any = store.catalog
        write_history = catalog._write_history

        def noted_history(connection: Any, file_id: Any, old: Any, new: Any, reason: str, now: str) -> None:
            write_history(connection, file_id, old, new, reason, now)
            self._note("move", self.name, int(file_id), str(old), str(new), reason)
            if (old, new) == (FileState.READY, FileState.ENRICHED):
                file = catalog.get(file_id)
                if file.sidecar not in self._written:
                    self._complain(f"sidecars: {file.path.name} was called enriched before its sidecar was written")

        catalog._write_history = noted_history
        contents: Any = store.contents
        set_asset = contents.set_asset

        def noted_asset(content_id: Any, asset_id: Any, *rest: Any, **more: Any) -> None:
            set_asset(content_id, asset_id, *rest, **more)
            self._noted.add(asset_id)
            self._mark("whole", str(asset_id))
            self._note("asset", self.name, int(content_id), str(asset_id))

        set_stamped = contents.set_stamped

        def noted_stamp(content_id: Any, index_id: Any) -> None:
            set_stamped(content_id, index_id)
            asset = contents.asset(content_id)
            if asset is not None:
                self._mark("stamped", str(asset.asset_id))

        contents.set_asset, contents.set_stamped = noted_asset, noted_stamp
        sessions: Any = store.sessions
        record, discard = sessions.record, sessions.discard
        open_session, reported = sessions.open, sessions.reported

        def noted_open(content_id: Any, upload_id: Any, asset_id: Any, **more: Any) -> Any:
            opened = open_session(content_id, upload_id, asset_id, **more)
            self._mark("opened", str(asset_id))
            return opened

        def noted_report(session: Any, numbers: Any) -> None:
            reported(session, numbers)
            self._mark("reported", str(session.asset_id))

        def noted_record(session: Any, number: int, size_bytes: int, etag: str) -> None:
            record(session, number, size_bytes, etag)
            self._recorded.add((session.upload_id, number))

        def noted_discard(session: Any, number: int) -> None:
            discard(session, number)
            self._recorded.discard((session.upload_id, number))

        sessions.record, sessions.discard = noted_record, noted_discard
        sessions.open, sessions.reported = noted_open, noted_report

    def _watch_sidecars(self, engine: Engine) -> None:
        sidecars: Any = engine._context.sidecars
        write = sidecars.write

        def noted_write(media: Path, document: Any) -> Path:
            path: Path = write(media, document)
            self._written.add(path)
            return path

        sidecars.write = noted_write
        self._written.clear()

    def _mark(self, what: str, asset_id: str) -> None:
        self._marks.setdefault(asset_id, []).append(Mark(self._kernel.now_s, what, self.name))

    def _maybe_die(self, life: Life, site: str) -> None:
        if self._chaos.strikes(site, 0.02, most=2):
            self.kill(life)
            raise Crash


_templates: dict[str, Path] = {}


def _copy_template(state_dir: Path, clock: SimulatedClock) -> None:
    """A new catalog costs many times what a copy of one does."""
    template = _templates.get("catalog")
    if template is None:
        template = _templates["catalog"] = Path(tempfile.mkdtemp(prefix="tlsync-simulation-"))
        Store(template / "state", clock).close()
    shutil.copytree(template / "state", state_dir)


def remove_template() -> None:
    template = _templates.pop("catalog", None)
    if template is not None:
        shutil.rmtree(template)
