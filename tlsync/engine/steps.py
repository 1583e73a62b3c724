"""State → the one step that advances it, and what becomes of a file whose step failed."""

from __future__ import annotations

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
from tlsync.engine.recognition import Recognition
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.engine.trouble import Trouble
from tlsync.engine.uploader import Uploader
from tlsync.errors import FileChanged, FileVanished, Interrupted, ServerFault, TlsyncError, Unreachable
from tlsync.models import FileId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow, StaleMove

log = logging.getLogger(__name__)

LOCAL = "local"
TRANSFER = "transfer"
REMOTE = "remote"

LANES: dict[FileState, str] = {
    FileState.IDENTIFIED: TRANSFER,
    FileState.UPLOADING: TRANSFER,
    FileState.UPLOADED: REMOTE,
    FileState.ASSET_READY: REMOTE,
    FileState.INDEXING: REMOTE,
    FileState.READY: REMOTE,
}
"""Where a state's step runs; what is not named is local."""

_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 3600.0
PATIENT_FROM_S = 30.0
"""A single pass does not wait for a retry that is further away than this."""


def lane_of(state: FileState) -> str:
    return LANES.get(state, LOCAL)


class Steps:
    """Does one step of a file. Never raises."""

    def __init__(self, context: Context, registry: IndexRegistry, uploader: Uploader, trouble: Trouble) -> None:
        self._context = context
        self._catalog = context.store.catalog
        self._trouble = trouble
        arrival = Arrival(context)
        indexer = Indexer(context, registry)
        self._steps: dict[FileState, Callable[[FileRow], Next]] = {
            FileState.DISCOVERED: arrival.discovered,
            FileState.SETTLING: arrival.settling,
            FileState.IDENTIFIED: Recognition(context, registry).identified,
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
            try:
                outcome = step(file)
                if lane_of(file.state) != LOCAL:
                    self._trouble.over()
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
            return self._vanished(file)
        if isinstance(error, FileChanged):
            self._catalog.move(file, FileState.SETTLING, error.message) if file.state != FileState.SETTLING else None
            return NOW
        if isinstance(error, TlsyncError):
            # An answer that was lost on the way may be this connection's bad luck: the step looks for its effect.
            is_lost_answer = isinstance(error, Unreachable) and error.maybe_applied
            if error.concerns == "everything" and not is_lost_answer:
                return Next(self._trouble.report(error))
            return self._fail(file, error)
        if isinstance(error, OSError):
            return self._fail_os(file, error)
        log.exception("a step failed in a way nobody foresaw path=%s", file.path, exc_info=error)
        return self._fail(file, _bug(error))

    def _fail(self, file: FileRow, error: TlsyncError) -> Next:
        """Note the error with the file. What waiting may mend gets a time for the next attempt."""
        if isinstance(error, ServerFault | Unreachable):
            self._trouble.fault(error)
        attempts = file.attempts + 1
        wait_s = None
        if error.is_temporary:
            wait_s = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 4 ** (attempts - 1)) * random.uniform(0.8, 1.2)  # noqa: S311
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

    def _fail_os(self, file: FileRow, error: OSError) -> Next:
        failure = TlsyncError(f"can't be read: {error.strerror or error}", hint="check the disk and its permissions")
        failure.is_temporary = True
        if not health.check(self._context.store.roots.get(file.root_id), self._context.store.roots, self._catalog):
            return REST  # the whole root is away: nothing is said of the file, and the scan finds it again
        return self._fail(file, failure)

    def _vanished(self, file: FileRow) -> Next:
        root = self._context.store.roots.get(file.root_id)
        if not health.check(root, self._context.store.roots, self._catalog):
            return REST
        if file.content_id is None:
            self._catalog.forget(file)  # it came and went before anybody knew what it was
        else:
            self._catalog.move(file, FileState.MISSING, "no longer there")
        return REST


def _bug(error: Exception) -> TlsyncError:
    return TlsyncError(
        f"tlsync made a mistake: {type(error).__name__}",
        hint="the log has the details; please report them, then: tlsync retry",
    )
