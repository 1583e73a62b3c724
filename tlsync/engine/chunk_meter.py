"""The bytes of one chunk that really go out, over all its attempts: asked for before, noted after."""

from __future__ import annotations

from datetime import date

from tlsync.engine.caps import Caps
from tlsync.models import ContentId, UploadId


class ChunkMeter:
    """Used by the one worker that sends the chunk."""

    def __init__(self, caps: Caps, content_id: ContentId, upload_id: UploadId, size_bytes: int) -> None:
        self._caps = caps
        self._content_id = content_id
        self._upload_id = upload_id
        self._size_bytes = size_bytes
        self._day: date | None = None
        self._left_bytes = 0
        self._wasted_bytes = 0

    def begin(self) -> None:
        """Before the first byte of an attempt.

        Raises:
            CapReached: There is no room now.
        """
        self.end()
        self._day = self._caps.begin_chunk(self._content_id, self._size_bytes, self._wasted_bytes)
        self._wasted_bytes = 0

    def passed(self, size_bytes: int) -> None:
        """So many more bytes are handed to the line."""
        self._left_bytes += size_bytes

    def end(self) -> None:
        """An attempt is over, however it ended."""
        if self._day is not None and self._left_bytes:
            self._caps.sent(self._content_id, self._upload_id, self._day, self._left_bytes)
            self._wasted_bytes += self._left_bytes
            self._left_bytes = 0
