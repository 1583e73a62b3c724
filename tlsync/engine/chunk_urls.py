"""Presigned URLs of one session: each is used once, and asked for in time. They live in memory only."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from tlsync.api import TwelveLabs
from tlsync.api.types import PresignedUrlChunk
from tlsync.clock import Clock, from_text
from tlsync.errors import ApiError, BadAnswer
from tlsync.models import UploadId

_MOST_PER_CALL = 50
_LIFE_S = 3600.0
_SAFE_SHARE = 0.8
"""A URL is not used in the last fifth of its hour: a slow chunk must still arrive in time."""


class ChunkUrls:
    """Hands out fresh URLs by chunk number. Used by all workers of one upload."""

    def __init__(
        self,
        client: TwelveLabs,
        upload_id: UploadId,
        wanted: Iterable[int],
        first: Sequence[PresignedUrlChunk],
        clock: Clock,
    ) -> None:
        """
        Args:
            wanted: Numbers of the chunks that will be sent; more URLs are asked for with these in view.
            first: URLs that came with the session.
        """
        self._client = client
        self._upload_id = upload_id
        self._wanted = sorted(wanted)
        self._clock = clock
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._urls: dict[int, tuple[str, float]] = {}
        self._taken: dict[int, tuple[str, float]] = {}
        self._asks_ahead = True
        self._keep(first)

    def take(self, number: int) -> str:
        """A URL for one attempt at a chunk; it is not handed out again, unless it is given back.

        Raises:
            ApiError: The platform does not give any.
        """
        url = self._pop(number)
        if url is None:
            with self._asking:
                url = self._pop(number)  # another worker may have asked meanwhile
                if url is None:
                    self._ask(number)
                    url = self._pop(number)
        if url is None:
            raise BadAnswer(f"the platform gave no URL for chunk {number}", hint="it is tried again later")
        return url

    def ask_ahead(self, numbers: Iterable[int]) -> None:
        """Ask for the URLs of chunks that come next, so that no worker has to wait for its own.

        Trouble is left to `take`, which asks again.
        """
        if not self._asks_ahead:
            return
        with self._asking:
            lacking = self._first_lacking(numbers)
            if lacking is None:
                return
            try:
                self._ask(lacking)
            except ApiError:
                self._asks_ahead = False

    def used(self, number: int) -> None:
        """Something is sent to the URL that was taken for a chunk: it can't be given back any more."""
        with self._lock:
            self._taken.pop(number, None)

    def give_back(self, number: int) -> None:
        """The attempt is over. If nothing was sent to its URL, that is as good as before."""
        with self._lock:
            if number in self._taken:
                self._urls[number] = self._taken.pop(number)

    def _pop(self, number: int) -> str | None:
        with self._lock:
            url, good_until_s = self._urls.pop(number, ("", 0.0))
            if not url or self._clock.monotonic_s() >= good_until_s:
                return None
            self._taken[number] = (url, good_until_s)
            return url

    def _first_lacking(self, numbers: Iterable[int]) -> int | None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            return next((number for number in numbers if self._urls.get(number, ("", now_s))[1] <= now_s), None)

    def _ask(self, number: int) -> None:
        answer = self._client.multipart_upload.get_additional_presigned_urls(
            self._upload_id, start=number, count=self._run_from(number)
        )
        self._keep(answer.upload_urls or ())

    def _keep(self, answers: Iterable[PresignedUrlChunk]) -> None:
        with self._lock:
            for answer in answers:
                if answer.chunk_index is not None and answer.url:
                    good_until_s = self._clock.monotonic_s() + _SAFE_SHARE * self._life_s(answer)
                    self._urls[answer.chunk_index] = (answer.url, good_until_s)

    def _life_s(self, answer: PresignedUrlChunk) -> float:
        """An hour, or less if the platform says so. A wrong clock here must not make a URL live longer."""
        if not answer.expires_at:
            return _LIFE_S
        try:
            left_s = (from_text(answer.expires_at) - self._clock.now()).total_seconds()
        except ValueError:
            return _LIFE_S
        return min(_LIFE_S, left_s) if left_s > 0 else _LIFE_S

    def _run_from(self, number: int) -> int:
        """How many contiguous chunks from `number` on are worth asking for: up to the last one wanted."""
        last = self._wanted[-1] if self._wanted else number
        return max(1, min(_MOST_PER_CALL, last - number + 1))
