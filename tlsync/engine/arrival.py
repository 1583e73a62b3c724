"""From `discovered` to `identified`: is the file whole, is it media, what does it hold?"""

from __future__ import annotations

import stat
from pathlib import Path

from tlsync.engine import mounts
from tlsync.engine.context import Context
from tlsync.engine.plausible import Suspect, check_plausible
from tlsync.engine.sameness import is_unchanged
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.engine.settle import SettleTracker
from tlsync.errors import FileError, FileVanished, NotEligible
from tlsync.media import container, identity, limits
from tlsync.media.writers import Writer, Writers
from tlsync.models import MediaInfo, StatSignature
from tlsync.states import FileState
from tlsync.store.catalog import FileRow

_RESTLESS_PERIODS = 3
"""A single pass waits for so many quiet periods before it leaves a growing file for later."""
_PERIODS_WHERE_OTHERS_WRITE = 2.0
"""On a network share the writer may be another machine, whose open files nobody here knows."""


def signature_of(path: Path) -> StatSignature:
    """How a regular file looks now. Links are not followed.

    Raises:
        FileVanished: There is nothing, or not a regular file.
        OSError: The system does not say.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileVanished(str(path), "the file is no longer there") from error
    if not stat.S_ISREG(found.st_mode):
        raise FileVanished(str(path), "not a regular file any more")
    return identity.signature(found)


class Arrival:
    """The first two steps of a file's life."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._catalog = context.store.catalog
        self._tracker = SettleTracker(context.settings.sync.settle_s)
        self._writers = Writers()

    def discovered(self, file: FileRow) -> Next:
        self._tracker.forget(file.id)
        self._catalog.move(file, FileState.SETTLING, "may still be written", signature=signature_of(file.path))
        return NOW

    def settling(self, file: FileRow) -> Next:
        clock = self._context.clock
        asked_s = clock.monotonic_s()
        try:
            signature = self._look(file)
        except FileVanished:
            self._tracker.forget(file.id)
            raise
        now_s = clock.monotonic_s()
        wait_s = self._tracker.observe(
            file.id, signature, now_s, wall_s=clock.now().timestamp(), took_s=now_s - asked_s
        )
        if wait_s > 0:
            wait_s = self._tracker.next_look_s(file.id, wait_s)
            return self._wait(file, signature, wait_s, self._tracker.restless_s(file.id), "still being written")
        try:
            return self._identify(file, signature)
        except NotEligible as refusal:
            return self._refuse(file, signature, refusal)
        except FileError:
            self._tracker.rest(file.id)
            raise
        finally:
            self._tracker.is_awake(clock.monotonic_s())

    def _look(self, file: FileRow) -> StatSignature:
        """How a file looks now; as before, where only that differs which proves nothing on its file system."""
        now, before = signature_of(file.path), self._tracker.seen(file.id)
        if before is None or before == now:
            return now
        with identity.open_media(file.path, file.root) as fd:
            return before if is_unchanged(fd, before, now) else now

    def _wait(self, file: FileRow, signature: StatSignature, wait_s: float, restless_s: float, why: str) -> Next:
        """Look again later; say so when it takes long. `restless_s`: for how long there has been no end in sight."""
        is_restless = restless_s > _RESTLESS_PERIODS * self._context.settings.sync.settle_s
        if is_restless and (signature != file.signature or not file.reason.startswith(why)):
            watched_s = self._tracker.watched_s(file.id, self._context.clock.monotonic_s())
            self._catalog.note(file, f"{why} after {watched_s:.0f} s", signature=signature)
        return Next(wait_s, is_patient=is_restless)

    def _identify(self, file: FileRow, before: StatSignature) -> Next:
        """The file was quiet: read what it says of itself, with equal looks before and after."""
        with identity.open_media(file.path, file.root) as fd:
            if not is_unchanged(fd, before):
                self._tracker.forget(file.id)
                return NOW
            held = self._held(file, fd, before)
            if held is not None:
                return held
            self._check_plausible(file, before)
            fingerprint, media = self._read(file, fd, before)
            if not is_unchanged(fd, before, signature_of(file.path)):
                self._tracker.forget(file.id)
                return NOW  # it changed under the reading: a new quiet period begins
        contents = self._context.store.contents
        with self._catalog.transaction():
            claim = contents.claim(file.id, before.size_bytes, fingerprint, media)
            self._catalog.move(
                file,
                FileState.IDENTIFIED,
                f"{media.kind}, {media.duration_s:.1f} s",
                signature=before,
                content_id=claim.content.id,
            )
        self._tracker.forget(file.id)
        return NOW

    def _held(self, file: FileRow, fd: int, signature: StatSignature) -> Next | None:
        """Whether a file that was quiet has to wait all the same: somebody may still write it."""
        now_s = self._context.clock.monotonic_s()
        if self._writers.of(fd) == Writer.PRESENT:
            wait_s = self._context.settings.sync.settle_s / 2
            open_s = self._tracker.watched_s(file.id, now_s)
            return self._wait(file, signature, wait_s, open_s, "still open for writing by another program")
        mount = mounts.mount_of(fd, mounts.parse(mounts.table_text()))
        if mount is None or not mount.is_network:
            return None
        wait_s = self._tracker.wait_s(file.id, now_s, times=_PERIODS_WHERE_OTHERS_WRITE)
        if wait_s == 0:
            return None
        look_s = self._tracker.next_look_s(file.id, wait_s)
        return self._wait(file, signature, look_s, 0.0, "may still be written by another computer")

    def _check_plausible(self, file: FileRow, now: StatSignature) -> None:
        contents = self._context.store.contents
        known = file.content_id is not None and contents.asset(file.content_id) is not None
        sent_bytes = contents.get(file.content_id).size_bytes if known and file.content_id is not None else 0
        check_plausible(file.path, now.size_bytes, sent_bytes)

    def _read(self, file: FileRow, fd: int, before: StatSignature) -> tuple[str, MediaInfo]:
        """The fingerprint of a file, and what it says of itself.

        Raises:
            NotEligible: It is not whole, not media, or outside the limits.
        """
        incomplete = container.check_whole(fd, before.size_bytes, file.path)
        if incomplete is not None:
            raise Suspect(
                str(file.path),
                f"incomplete: {incomplete}",
                hint="copy it again; it is looked at again when it changes",
            )
        media = self._context.prober.probe(file.path)
        refusal = limits.check(media, before.size_bytes, self._context.limits_of(file.root_id))
        if refusal is not None:
            raise NotEligible(str(file.path), refusal, hint="see [limits] in the settings")
        return identity.fingerprint(fd, before.size_bytes), media

    def _refuse(self, file: FileRow, signature: StatSignature, refusal: NotEligible) -> Next:
        """Leave a file alone until it changes."""
        is_suspect = isinstance(refusal, Suspect)
        if is_suspect:
            self._tracker.rest(file.id)
        else:
            self._tracker.forget(file.id)
        self._catalog.move(
            file,
            FileState.INELIGIBLE,
            refusal.message,
            signature=signature,
            error_code=refusal.code,
            hint=refusal.hint or "it is looked at again when it changes",
            content_id=file.content_id if is_suspect else None,
        )
        return REST
