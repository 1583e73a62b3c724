"""From `discovered` to `identified`: is the file whole, is it media, what does it hold?"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tlsync.engine.context import Context
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.engine.settle import SettleTracker
from tlsync.errors import FileVanished, NotEligible
from tlsync.media import container, identity, limits
from tlsync.models import MediaInfo, StatSignature
from tlsync.states import FileState
from tlsync.store.catalog import FileRow

_RESTLESS_PERIODS = 3
"""A single pass waits for so many quiet periods before it leaves a growing file for later."""


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

    def discovered(self, file: FileRow) -> Next:
        self._tracker.forget(file.id)
        self._catalog.move(file, FileState.SETTLING, "may still be written", signature=signature_of(file.path))
        return NOW

    def settling(self, file: FileRow) -> Next:
        now_s = self._context.clock.monotonic_s()
        signature = signature_of(file.path)
        wait_s = self._tracker.observe(file.id, signature, now_s)
        if wait_s > 0:
            restless_s = self._tracker.restless_s(file.id, now_s)
            is_restless = restless_s > _RESTLESS_PERIODS * self._context.settings.sync.settle_s
            if is_restless:
                self._catalog.note(file, f"still being written after {restless_s:.0f} s", signature=signature)
            return Next(wait_s, is_patient=is_restless)
        try:
            return self._identify(file, signature)
        finally:
            self._tracker.forget(file.id)

    def _identify(self, file: FileRow, before: StatSignature) -> Next:
        """The file was quiet: read what it says of itself, with equal looks before and after."""
        try:
            content = self._read(file, before)
        except NotEligible as refusal:
            self._catalog.move(
                file,
                FileState.INELIGIBLE,
                refusal.message,
                signature=before,
                error_code=refusal.code,
                hint=refusal.hint or "it is looked at again when it changes",
                content_id=None,
            )
            return REST
        if content is None or signature_of(file.path) != before:
            return NOW  # it changed under the reading: a new quiet period begins
        fingerprint, media = content
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
        return NOW

    def _read(self, file: FileRow, before: StatSignature) -> tuple[str, MediaInfo] | None:
        if before.size_bytes == 0:
            raise NotEligible(str(file.path), "empty", hint="it is looked at again when it changes")
        with identity.open_media(file.path) as fd:
            if identity.signature(os.fstat(fd)) != before:
                return None
            incomplete = container.check_whole(fd, before.size_bytes, file.path)
            if incomplete is not None:
                raise NotEligible(
                    str(file.path),
                    f"incomplete: {incomplete}",
                    hint="copy it again; it is looked at again when it changes",
                )
            media = self._context.prober.probe(file.path)
            refusal = limits.check(media, before.size_bytes, self._context.limits_of(file.root_id))
            if refusal is not None:
                raise NotEligible(str(file.path), refusal, hint="see [limits] in the settings")
            return identity.fingerprint(fd, before.size_bytes), media
