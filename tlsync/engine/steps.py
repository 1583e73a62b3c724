"""State → the one step that advances it, and what becomes of a file whose step failed."""

from __future__ import annotations

import errno
import logging
import random
from collections.abc import Callable
from datetime import timedelta

from tlsync.engine import health
from tlsync.engine.arrival import Arrival
from tlsync.engine.context import Context
from tlsync.engine.enricher import Enricher
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.indexer import Indexer
from tlsync.engine.lanes import LOCAL, RECOGNITION, REMOTE, TRANSFER
from tlsync.engine.prospects import LOOK_AGAIN_S
from tlsync.engine.recognition import Recognition
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.engine.sidecar_links import SidecarLinks
from tlsync.engine.trouble import Trouble
from tlsync.engine.twins import Twins
from tlsync.engine.uploader import Uploader
from tlsync.engine.waiting import WaitingRoom
from tlsync.errors import (
    ApiError,
    CapReached,
    FileChanged,
    FileError,
    FileUnreadable,
    FileVanished,
    Interrupted,
    Overloaded,
    TlsyncError,
    TooSlow,
    Transient,
    Unreachable,
)
from tlsync.models import FileId
from tlsync.states import AT_REST, FileState
from tlsync.store.catalog import FileRow, StaleMove

log = logging.getLogger(__name__)

LANES: dict[FileState, str] = {
    FileState.IDENTIFIED: RECOGNITION,
    FileState.UPLOADING: TRANSFER,
    FileState.UPLOADED: REMOTE,
    FileState.ASSET_READY: REMOTE,
    FileState.INDEXING: REMOTE,
    FileState.READY: REMOTE,
}
"""Where a state's step runs; what is not named is local."""

_ON_DISK = frozenset(
    {FileState.DISCOVERED, FileState.SETTLING, FileState.IDENTIFIED, FileState.UPLOADING, FileState.READY}
)
"""States whose step touches the file's volume, and would hang with it."""
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 3600.0
_LONGEST_WAIT_S = 900.0
_LONGEST_OFFLINE_S = 60.0
_DISK_FULL_S = 60.0
_DISK_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_OF_THE_FILE = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG})
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
PATIENT_FROM_S = 30.0
"""A single pass does not wait for a retry that is further away than this."""


def lane_of(state: FileState) -> str:
    return LANES.get(state, LOCAL)


def states_by_lane() -> dict[str, list[FileState]]:
    """The states whose step runs in a lane; a failed file has one if it is to be retried."""
    working = [state for state in FileState if state == FileState.FAILED or state not in AT_REST]
    return {lane: [state for state in working if lane_of(state) == lane] for lane in {*LANES.values(), LOCAL}}


class Steps:
    """Does one step of a file. Never raises."""

    def __init__(
        self,
        context: Context,
        registry: IndexRegistry,
        uploader: Uploader,
        trouble: Trouble,
        on_gone: Callable[[FileRow], None],
    ) -> None:
        """
        Args:
            on_gone: Called with a file that was not found; it is judged with others, so nothing is noted here.
        """
        self._context = context
        self._on_gone = on_gone
        self._catalog = context.store.catalog
        self._trouble = trouble
        self._waiting = WaitingRoom()
        arrival = Arrival(context)
        twins = Twins(context, registry)
        indexer = Indexer(context, registry, twins)
        self._steps: dict[FileState, Callable[[FileRow], Next]] = {
            FileState.DISCOVERED: arrival.discovered,
            FileState.SETTLING: arrival.settling,
            FileState.IDENTIFIED: Recognition(context, registry, twins, SidecarLinks(context, registry)).identified,
            FileState.UPLOADING: uploader.uploading,
            FileState.UPLOADED: indexer.uploaded,
            FileState.ASSET_READY: indexer.asset_ready,
            FileState.INDEXING: indexer.indexing,
            FileState.READY: Enricher(context).ready,
            FileState.FAILED: self._failed,
        }

    def advance(self, file_id: FileId) -> tuple[str, Next]:
        """Take a file one step further; say in which lane the next step is, and when."""
        try:
            file = self._catalog.get(file_id)
            if file is None:
                return LOCAL, REST
            step = self._steps.get(file.state)
            if step is None:
                return LOCAL, REST
            if lane_of(file.state) != LOCAL and self._trouble.is_safe_mode:
                return LOCAL, REST
            if file.state in _ON_DISK and self._context.store.roots.get(file.root_id).condition == "hung":
                return LOCAL, REST  # the scan finds it again once its volume answers
            wait_s = self._context.caps.holds_s(file)
            if wait_s is not None:
                return lane_of(file.state), Next(wait_s, is_patient=True)
            try:
                began_s = self._context.clock.monotonic_s()
                outcome = step(file)
                self._waiting.done(file.id)
                self._context.caps.went_on(file.id)
                if file.error_code == CapReached.code:
                    self._forget_hold(file)
                if lane_of(file.state) != LOCAL:
                    self._wake_freed(began_s)
            except Exception as error:
                outcome = self._handle(file, error)
            now = self._catalog.get(file_id)
            if now is None:
                return LOCAL, REST
            if now.state != file.state:
                self._context.progress.moved(now.path, now.state, now.reason)
            return lane_of(now.state), outcome
        except TlsyncError as error:  # the catalog itself: nothing can be noted
            return LOCAL, Next(self._trouble.report(error))

    def _failed(self, file: FileRow) -> Next:
        """Back to where it came from, when its time has come."""
        if file.retry_at is None:
            return REST
        wait_s = (file.retry_at - self._context.clock.now()).total_seconds()
        if wait_s > 0:
            # Wall clocks jump; a look every so often keeps a jump from hiding a file for hours.
            return Next(min(wait_s, _LONGEST_RETRY_S), is_patient=wait_s > PATIENT_FROM_S)
        self._catalog.move(file, file.came_from or FileState.SETTLING, f"attempt {file.attempts + 1}")
        return NOW

    def _handle(self, file: FileRow, error: Exception) -> Next:
        """Decide what an error means for the file. The one place that catches everything."""
        if isinstance(error, Interrupted):
            return NOW
        if isinstance(error, StaleMove):
            return NOW
        if isinstance(error, FileVanished):
            self._on_gone(file)
            return REST
        if isinstance(error, FileChanged):
            self._catalog.move(file, FileState.SETTLING, error.message) if file.state != FileState.SETTLING else None
            return NOW
        if isinstance(error, FileUnreadable) and isinstance(error.__cause__, OSError):
            return self._fail_os(file, error.__cause__, error)
        if isinstance(error, TooSlow):
            return self._park(file, error, file.attempts, LOOK_AGAIN_S)
        if isinstance(error, ApiError):
            return self._handle_api(file, error)
        if isinstance(error, CapReached):
            return self._hold(file, error)
        if isinstance(error, TlsyncError):
            return Next(self._trouble.report(error)) if error.concerns == "everything" else self._fail(file, error)
        if isinstance(error, OSError):
            return self._fail_os(file, error, None)
        if isinstance(error, MemoryError):
            return Next(self._trouble.report(_overloaded("no memory is left")))
        log.exception("a step failed in a way nobody foresaw path=%s", file.path, exc_info=error)
        self._trouble.mistake()
        return self._fail(file, _bug(error))

    def _handle_api(self, file: FileRow, error: ApiError) -> Next:
        """The platform's trouble is waited out and not counted against the file; a refusal is."""
        if error.concerns == "group":
            wait_s = self._trouble.hold(error) + self._waiting.sit_down(file.id, error.group)
            return self._wait(file, error, wait_s)
        # An answer that was lost on the way may be this connection's bad luck: the step looks for its effect.
        is_lost_answer = isinstance(error, Unreachable) and error.maybe_applied
        if error.concerns == "everything" and not is_lost_answer:
            return Next(self._trouble.report(error))
        if isinstance(error, Transient):
            longest_s = _LONGEST_OFFLINE_S if isinstance(error, Unreachable) else _LONGEST_WAIT_S
            return self._wait(file, error, self._waiting.next_wait_s(file.id, longest_s))
        return self._fail(file, error)

    def _wait(self, file: FileRow, error: TlsyncError, wait_s: float) -> Next:
        """Stay in the state and say why. A single pass that would have to wait long notes a failure instead."""
        if self._trouble.gives_up and wait_s > PATIENT_FROM_S:
            return self._park(file, error, file.attempts, wait_s)
        if file.reason != str(error):
            self._catalog.note(file, str(error))
        return Next(wait_s, is_patient=wait_s > PATIENT_FROM_S)

    def _hold(self, file: FileRow, error: CapReached) -> Next:
        """A cap has no room: the file stays where it is until the next day or month begins."""
        known = self._catalog.get(file.id)
        if known is not None and (known.reason, known.error_code) != (str(error), error.code):
            self._catalog.note(file, str(error), error_code=error.code, hint=error.hint)
        return Next(self._context.caps.hold(file, error), is_patient=True)

    def _forget_hold(self, file: FileRow) -> None:
        """A file that was held went on, and stayed in its state: what is noted of the cap holds no longer."""
        now = self._catalog.get(file.id)
        if now is not None and now.state == file.state and now.error_code == CapReached.code:
            self._catalog.note(now, "" if now.reason == file.reason else now.reason, error_code=None, hint="")

    def _wake_freed(self, began_s: float) -> None:
        """A call went well: files that waited for what is over now go on at once."""
        for file_id in self._waiting.call_in(self._trouble.over(began_s)):
            self._context.wake(file_id)

    def _fail(self, file: FileRow, error: TlsyncError) -> Next:
        """Note the error with the file. What waiting may mend gets a time for the next attempt."""
        attempts = file.attempts + 1
        wait_s = None
        if error.is_temporary:
            wait_s = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 4 ** (attempts - 1)) * random.uniform(0.8, 1.2)  # noqa: S311
        return self._park(file, error, attempts, wait_s)

    def _park(self, file: FileRow, error: TlsyncError, attempts: int, wait_s: float | None) -> Next:
        self._catalog.move(
            file,
            FileState.FAILED,
            str(error),
            error_code=error.code,
            hint=error.hint,
            attempts=attempts,
            retry_at=None if wait_s is None else self._context.clock.now() + timedelta(seconds=wait_s),
        )
        log.log(
            logging.INFO if error.is_temporary else logging.ERROR, "failed path=%s reason=%s", file.path, error.message
        )
        return REST if wait_s is None else Next(wait_s, is_patient=wait_s > PATIENT_FROM_S)

    def _fail_os(self, file: FileRow, error: OSError, told: FileError | None) -> Next:
        """What the system says no with: the machine, the disk that is written to, the root, or the file itself."""
        if error.errno in _EXHAUSTED:
            return Next(self._trouble.report(_overloaded(error.strerror or str(error))))
        if error.errno in _DISK_FULL:
            full = TlsyncError(f"can't write beside it: {error.strerror}", hint="free some space on that disk")
            full.is_temporary = True
            return self._wait(file, full, _DISK_FULL_S)
        roots = self._context.store.roots
        if error.errno not in _OF_THE_FILE and not health.check(roots.get(file.root_id), roots):
            return REST  # the whole root is away: nothing is said of the file, and the scan finds it again
        if told is None:
            told = FileUnreadable(
                str(file.path),
                f"can't be read: {error.strerror or error}",
                hint="check the disk and its permissions",
            )
        return self._fail(file, told)


def _bug(error: Exception) -> TlsyncError:
    return TlsyncError(
        f"tlsync made a mistake: {type(error).__name__}",
        hint="the log has the details; please report them, then: tlsync retry",
    )


def _overloaded(reason: str) -> Overloaded:
    return Overloaded(
        f"this machine has too little left for tlsync: {reason.lower()}",
        hint="close other programs, raise the system's limits, or set fewer upload.workers",
    )
