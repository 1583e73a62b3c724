"""Puts the parts together and runs them: once over the roots, or until stopped."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tlsync.api import TwelveLabs
from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.engine.backlog import Backlog
from tlsync.engine.caps import Caps
from tlsync.engine.context import Context, shown
from tlsync.engine.effective_limits import limits_for
from tlsync.engine.forgetting import Manner, forget_files
from tlsync.engine.hang_watch import HangWatch
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.lanes import LOCAL, RECOGNITION, REMOTE, TRANSFER
from tlsync.engine.progress import Progress, TransferBoard
from tlsync.engine.prospects import Prospects
from tlsync.engine.retrying import retry_files
from tlsync.engine.root_watch import RootWatch
from tlsync.engine.scanner import Scanner
from tlsync.engine.scheduler import Scheduler
from tlsync.engine.steps import Steps, lane_of, states_by_lane
from tlsync.engine.tally import FileProblem, Summary
from tlsync.engine.throttle import Throttle
from tlsync.engine.trouble import Trouble
from tlsync.engine.uploader import Uploader
from tlsync.engine.workers import SystemWorkers, Workers
from tlsync.errors import CatalogError, ConfigError, TooSlow, Unauthorized
from tlsync.hours import Hours
from tlsync.media.probe import Prober
from tlsync.models import ContentId, FileId, RootId
from tlsync.secret import Secret
from tlsync.states import UNDER_WAY, FileState
from tlsync.store.catalog import FileRow
from tlsync.store.roots import RootRow
from tlsync.store.sidecars import Sidecars
from tlsync.store.store import Store
from tlsync.timetable import Timetable

_LOCAL_THREADS = 2
_REMOTE_THREADS = 3


class Engine:
    """One run of tlsync over a catalog. Made, run once or forever, and closed."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        client: TwelveLabs,
        prober: Prober,
        *,
        clock: Clock,
        stop: threading.Event,
        progress: Progress,
        is_single_pass: bool,
        workers: Workers | None = None,
        may_send: bool = True,
    ) -> None:
        self._settings = settings
        self._store = store
        self._stop = stop
        self._clock = clock
        self.board = TransferBoard(clock)
        self.trouble = Trouble(clock, progress, self._pause, client, gives_up=is_single_pass)
        sidecars = Sidecars(settings.sidecar.location, settings.state_dir, tuple(settings.sidecar.captions))
        bandwidth = settings.upload.bandwidth
        self._context = Context(
            settings=settings,
            store=store,
            client=client,
            prober=prober,
            sidecars=sidecars,
            clock=clock,
            stop=stop,
            progress=progress,
            caps=Caps(settings.caps, settings.prices, store.spending, self._is_under_way),
            wake=self._wake,
            workers=workers or SystemWorkers(),
            may_send=may_send,
            throttle=Throttle(bandwidth.rate_at(clock.now()) if bandwidth else None, clock, stop),
            prospects=Prospects(store.sessions, clock, bandwidth, settings.upload.hours),
            is_held=lambda lane: self._scheduler.is_held(lane),
        )
        registry = IndexRegistry(client, store.roots, settings.index, clock)
        self._uploader = Uploader(self._context, registry, self.board)
        steps = Steps(self._context, registry, self._uploader, self.trouble, self._doubt)
        self._scheduler = Scheduler(
            {
                LOCAL: _LOCAL_THREADS,
                RECOGNITION: settings.upload.workers,
                TRANSFER: settings.upload.workers,
                REMOTE: _REMOTE_THREADS,
            },
            steps.advance,
            clock,
            stop,
            self._context.workers,
            self._more,
        )
        self._scanner = Scanner(
            store.catalog,
            store.roots,
            store.contents,
            sidecars,
            progress,
            self._put_all,
            settings.analysis.kinds,
        )
        self._backlog = Backlog(store.catalog, states_by_lane())
        self._rows: list[RootRow] = []
        for root in settings.roots:
            row = store.roots.ensure(root.path, root.index)
            self._scanner.add_root(row, root)
            self._rows.append(row)
        self._scope: list[Path] = []
        self._not_awaited: frozenset[str] = frozenset()

    def run_once(self, paths: Sequence[Path] = ()) -> Summary:
        """One pass over all roots, or over some paths below them, until nothing more can be done.

        Raises:
            ConfigError: A path is below no root.
            TlsyncError: Something that concerns everything ended the pass; the state is kept.
        """
        targets = [(self._root_of(path), path) for path in paths]
        self._scope = list(paths)
        for file in self._store.catalog.in_states(FileState.FAILED):
            if file.retry_at is not None and self._is_in_scope(file.path):
                self._store.catalog.note(file, file.reason, retry_at=self._clock.now())
        self._look_again_at_ineligible()
        try:
            with HangWatch(self._rows, self._store.roots, self._let_go) as watch:
                for root, path in targets:
                    watch.do(root.id, partial(self._scanner.look, root, path))
                for root in [] if targets else self._rows:
                    watch.do(root.id, partial(self._scanner.scan, root))
                self._scheduler.run(
                    lambda: self.trouble.fatal is not None or self._scheduler.is_idle(besides=self._not_awaited)
                )
                for root in self._rows:
                    watch.do(root.id, partial(self._scanner.judge_doubted, root))
        finally:
            self._uploader.close()
        if self.trouble.fatal is not None:
            raise self.trouble.fatal
        return self._summary()

    def run_forever(self) -> None:
        """Watch the roots and work until the stop event is set.

        Raises:
            CatalogDamaged: The catalog can't be used any more.
        """
        self._look_again_at_ineligible()
        watch = RootWatch(
            self._settings,
            self._rows,
            self._scanner,
            self._store.roots,
            self._clock,
            self._stop,
            on_hung=self._let_go,
        )
        watch.start()
        try:
            self._scheduler.run(lambda: self._store.damage is not None)
        finally:
            self._stop.set()
            watch.join()
            self._uploader.close()
        if self._store.damage is not None:
            raise self._store.damage

    def retry(self, paths: Sequence[Path]) -> int:
        """Give failed files another chance; says how many."""
        files = retry_files(self._store, paths)
        for file in files:
            self._put(file)
        return len(files)

    def forget(self, paths: Sequence[Path], manner: Manner) -> int:
        """Let go of files; says how many."""
        return len(forget_files(self._store, self._context.sidecars, paths, manner))

    def use_key(self, key: Secret) -> None:
        """Another API key: what was refused with the old one is tried again at once."""
        self._context.client.use_key(key)
        if self.trouble.mend(Unauthorized):
            self._scheduler.hurry()

    def hold_back(self, lanes: frozenset[str], *, is_awaited: bool = True) -> None:
        """Start nothing in these lanes until this is called with others. Chunks under way end.

        Args:
            is_awaited: A single pass goes on until they are let go; else it ends without what is left in them.
        """
        self._not_awaited = frozenset() if is_awaited else lanes
        self._scheduler.hold(lanes)

    def limit(self, bytes_per_s: int | None, timetable: Timetable, hours: Hours) -> None:
        """Send at this rate from now on, and reckon with this timetable and these hours. Called when they change.

        Files that were too slow with others are looked at again; a single pass looks at those that it is for anyway.
        """
        self._context.throttle.set_rate(bytes_per_s)
        self._context.prospects.use(timetable, hours)
        for file in [] if self.trouble.gives_up else self._store.catalog.in_states(FileState.FAILED):
            if file.error_code == TooSlow.code:
                self._put(self._store.catalog.move(file, file.came_from or FileState.SETTLING, "other limits"))

    @property
    def turns(self) -> int:
        """How often the loop that hands out all work came round: a sign of life that nothing else can give."""
        return self._scheduler.turns

    def report(self) -> dict[str, Any]:
        """What `status` shows beyond the catalog."""
        return {
            "transfers": self.board.report(),
            "bytes_per_s": self.board.bytes_per_s(),
            "troubles": self.trouble.describe(),
        }

    def notices(self) -> list[dict[str, Any]]:
        """What somebody may want to be told of: all that is wrong, and the caps that keep files waiting."""
        return self.trouble.describe() + self._context.caps.reached()

    def offline_roots(self) -> list[RootRow]:
        """The roots that are not there."""
        rows = [self._store.roots.get(row.id) for row in self._rows]
        return [row for row in rows if not row.is_online]

    def _put(self, file: FileRow) -> None:
        self._scheduler.put(file.id, lane_of(file.state))

    def _put_all(self, file_ids: Sequence[FileId], state: FileState) -> None:
        self._scheduler.put_all(file_ids, lane_of(state))

    def _more(self, lane: str, limit: int) -> list[FileId] | None:
        """Files for which there was no room before."""
        try:
            return self._backlog.more(lane, limit)
        except CatalogError as error:
            self.trouble.report(error)
            return None

    def _doubt(self, file: FileRow) -> None:
        self._scanner.doubts.add(file.root_id, os.fsencode(file.path.relative_to(file.root)))

    def _is_under_way(self, content_id: ContentId) -> bool:
        """Whether a content is on its way to the platform, or there to its last text."""
        busy = self._scheduler.running()  # first: a step that is over has noted what it did
        files = self._store.catalog.of_content(content_id)
        is_under_way = any(file.state in UNDER_WAY or file.id in busy for file in files)
        return is_under_way or self._uploader.is_sending(content_id)

    def _wake(self, file_id: FileId) -> None:
        file = self._store.catalog.get(file_id)
        if file is not None:
            self._put(file)

    def _pause(self, seconds: float, is_catalog: bool) -> None:
        remote = (RECOGNITION, TRANSFER, REMOTE)
        self._scheduler.pause((LOCAL, *remote) if is_catalog else remote, seconds)

    def _let_go(self, root_id: RootId) -> None:
        """A root hangs: whoever waits for it must not keep the others from working."""
        self._scheduler.abandon(
            lambda file_id: (file := self._store.catalog.get(file_id)) is not None and file.root_id == root_id
        )
        self._uploader.abandon(self._store.roots.get(root_id).path)

    def _look_again_at_ineligible(self) -> None:
        """Limits that changed since the last run may let other files in."""
        in_force = {repr(limits_for(self._settings, row.index_models)) for row in self._rows}
        if not self._store.note_limits("; ".join(sorted(in_force))):
            return
        for file in self._store.catalog.in_states(FileState.INELIGIBLE):
            self._put(self._store.catalog.move(file, FileState.SETTLING, "the limits changed"))

    def _root_of(self, path: Path) -> RootRow:
        for row in self._rows:
            if path == row.path or row.path in path.parents:
                return row
        raise ConfigError(
            f"{shown(path)}: below none of the watched folders", hint="add a [[root]] for it to the settings"
        )

    def _is_in_scope(self, path: Path) -> bool:
        return not self._scope or any(path == target or target in path.parents for target in self._scope)

    def _summary(self) -> Summary:
        ids = {row.id for row in self._rows}
        files = [
            file
            for state in FileState
            if state != FileState.MISSING
            for file in self._store.catalog.in_states(state)
            if file.root_id in ids and self._is_in_scope(file.path)
        ]
        counts = {state: sum(file.state == state for file in files) for state in FileState}
        enriched, failed = counts[FileState.ENRICHED], counts[FileState.FAILED]
        ineligible = counts[FileState.INELIGIBLE]
        problems = [
            FileProblem(shown(file.path), file.error_code or "error", file.reason, file.hint)
            for file in files
            if file.state in (FileState.FAILED, FileState.INELIGIBLE)
        ] + [
            FileProblem(shown(root.path), "root_offline", root.trouble, "connect the drive, or correct [[root]] path")
            for root in self.offline_roots()
        ]
        tally = self._context.tally
        return Summary(
            files=len(files),
            uploaded=tally.uploaded,
            bytes_sent=tally.bytes_sent,
            reused=tally.reused,
            enriched=enriched,
            ineligible=ineligible,
            failed=failed,
            pending=len(files) - enriched - failed - ineligible,
            errors=tuple(sorted(problems, key=lambda problem: problem.path)),
            caps=tuple(self._context.caps.report(file.id for file in files)),
        )
