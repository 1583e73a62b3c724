"""The chunks of one upload: what the session lacks is sent, noted, reported, and hashed behind.

Kept here: a chunk is in the catalog before it is reported, and the last report waits for whoever proves the file,
since it is what makes the file count as whole.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from tlsync.api.types import CompletedChunk, PresignedUrlChunk
from tlsync.engine.chunk_sender import ChunkSender, Source, is_md5
from tlsync.engine.chunk_urls import ChunkUrls
from tlsync.engine.context import Context
from tlsync.engine.progress import TransferBoard
from tlsync.engine.sameness import is_unchanged
from tlsync.errors import FileChanged, Interrupted, NotFound, Rejected, SessionExpired
from tlsync.media import identity
from tlsync.media.chunks import plan_chunks, read_chunk
from tlsync.models import Chunk
from tlsync.store.catalog import FileRow
from tlsync.store.sessions import SentChunk, Session

_BATCH = 10
"""Chunks per report; the platform takes up to 50. Few, so that little is in doubt after a crash."""
_REPORT_EVERY_S = 30.0
"""Over a slow line a batch takes long; a report shows other machines that this upload is alive."""
_TELL_EVERY_S = 0.2


class Sending:
    """One attempt at one file, from its open descriptor to its session. Used by one thread."""

    def __init__(
        self,
        context: Context,
        sender: ChunkSender,
        board: TransferBoard,
        file: FileRow,
        fd: int,
        session: Session,
        *,
        sent: Mapping[int, SentChunk],
        urls: Sequence[PresignedUrlChunk],
    ) -> None:
        """
        Args:
            sent: Chunks of an earlier run, still to be compared with the file.
            urls: Those that came with the session.
        """
        self._context = context
        self._sender = sender
        self._board = board
        self._file = file
        self._fd = fd
        self._session = session
        self._sessions = context.store.sessions
        self._chunks = {chunk.number: chunk for chunk in plan_chunks(session.size_bytes, session.chunk_bytes)}
        self._sent = dict(sent)
        self._sent_bytes = sum(chunk.size_bytes for chunk in sent.values())
        self._unreported = [chunk for _, chunk in sorted(sent.items()) if not chunk.is_reported]
        self._unverified = deque(sorted(sent))
        self._hasher = identity.InOrderHasher(session.size_bytes, str(file.path))
        self._flying: dict[int, int] = {}
        """Bytes of chunks under way that have left, by chunk number; for progress only."""
        self._told_s = 0.0
        self._reported_s = context.clock.monotonic_s()
        wanted = [number for number in self._chunks if number not in self._sent]
        self._source = Source(
            path=file.path,
            fd=fd,
            content_id=session.content_id,
            upload_id=session.upload_id,
            headers=session.headers,
            urls=ChunkUrls(context.client, session.upload_id, wanted, urls, context.clock),
            on_bytes=self._on_bytes,
        )

    def send_all(self) -> str:
        """Send every chunk that is not sent, keep the catalog and the platform informed.

        Returns:
            The SHA-256 of the file. One chunk at least is not reported yet.

        Raises:
            SessionExpired: The session is over, or holds other bytes than the file.
            FileChanged: The file is another by now.
        """
        waiting = deque(number for number in sorted(self._chunks) if number not in self._sent)
        running: dict[Future[str], int] = {}
        # As many wait in the pool as are under way: no worker is idle while a report is made here.
        most = 2 * self._sender.workers
        self._tell()
        try:
            while waiting or running or self._unverified:
                if waiting and len(running) < most:
                    while waiting and len(running) < most:
                        number = waiting.popleft()
                        running[self._sender.submit(self._source, self._chunks[number])] = number
                    self._source.urls.ask_ahead(itertools.islice(waiting, most))
                self.report(keep_back=1)
                has_worked = self._verify_next() or self._hasher.step(self._fd)
                if running and not has_worked:
                    self._sender.wait(running)
                for future in [future for future in running if future.done()]:  # in the order of their numbers
                    self._record(running.pop(future), future.result())
        finally:
            for future in running:
                future.cancel()
            while not all(future.done() for future in running):
                # A worker reads from the open file: it must be done before the file is closed.
                self._sender.wait([future for future in running if not future.done()])
            self._save(running)
        while self._hasher.step(self._fd):
            self._check_stop()
        return self._hasher.finish(self._fd)

    def report(self, *, keep_back: int) -> None:
        """Report chunks in batches, all but `keep_back`."""
        while (count := self._reportable(keep_back)) > 0:
            batch = self._unreported[:count]
            try:
                self._context.client.multipart_upload.report_chunk_batch(
                    self._session.upload_id,
                    completed_chunks=[
                        CompletedChunk(chunk_index=chunk.number, proof=chunk.etag, chunk_size=chunk.size_bytes)
                        for chunk in batch
                    ],
                )
            except NotFound as error:
                raise SessionExpired("the platform no longer knows the session") from error
            except Rejected:
                self._sender.check_session(self._session.upload_id)
                raise
            self._reported_s = self._context.clock.monotonic_s()
            del self._unreported[:count]
            if self._unreported or keep_back:  # after the last report the platform calls the file whole, as it says
                self._sessions.reported(self._session, [chunk.number for chunk in batch])

    def _reportable(self, keep_back: int) -> int:
        """How many chunks to report now."""
        count = min(_BATCH, len(self._unreported) - keep_back)
        is_overdue = self._context.clock.monotonic_s() - self._reported_s >= _REPORT_EVERY_S
        return count if count == _BATCH or keep_back == 0 or is_overdue else 0

    def _record(self, number: int, etag: str) -> None:
        chunk = self._chunks[number]
        self._sessions.record(self._session, number, chunk.size_bytes, etag)
        self._sent[number] = sent = SentChunk(number, chunk.size_bytes, etag, is_reported=False)
        self._sent_bytes += chunk.size_bytes
        self._unreported.append(sent)
        self._context.tally.sent(chunk.size_bytes)
        check_source(self._file, self._fd)
        self._hasher.confirm(chunk)
        self._tell()

    def _save(self, running: Mapping[Future[str], int]) -> None:
        """After a failure: chunks that still arrived are noted, so that they are not sent again."""
        for future, number in running.items():
            if not future.cancelled() and future.exception() is None:
                size_bytes = self._chunks[number].size_bytes
                self._sessions.record(self._session, number, size_bytes, future.result())
                self._context.tally.sent(size_bytes)

    def _verify_next(self) -> bool:
        """Compare one chunk of an earlier run with the file, if there is one; says whether there was.

        Raises:
            SessionExpired: It is another. What was reported can't be replaced, so the session is of no use.
        """
        if not self._unverified:
            return False
        self._check_stop()
        chunk = self._chunks[self._unverified.popleft()]
        check_chunk(self._file, self._fd, chunk, self._sent[chunk.number], self._session)
        self._hasher.confirm(chunk)
        return True

    def _check_stop(self) -> None:
        if self._context.stop.is_set():
            raise Interrupted("stopped while a file was read")

    def _on_bytes(self, chunk: Chunk, left_bytes: int) -> None:
        if left_bytes:
            self._flying[chunk.number] = left_bytes
        else:
            self._flying.pop(chunk.number, None)
        if self._context.clock.monotonic_s() - self._told_s > _TELL_EVERY_S:
            self._tell()

    def _tell(self) -> None:
        self._told_s = self._context.clock.monotonic_s()
        done = min(self._sent_bytes + sum(list(self._flying.values())), self._session.size_bytes - 1)
        self._board.confirmed(self._file.path, self._sent_bytes, self._session.size_bytes)
        self._context.progress.sent(self._file.path, done, self._session.size_bytes)


def check_source(file: FileRow, fd: int) -> None:
    """The open file must be as it was when it was identified.

    Raises:
        FileChanged: It is not.
    """
    if not is_unchanged(fd, file.signature):
        raise FileChanged(str(file.path), "changed while it was sent")


def check_chunk(file: FileRow, fd: int, chunk: Chunk, sent: SentChunk, session: Session) -> None:
    """What an earlier run sent must be what the file holds.

    A session is found by the fingerprint, and may have been begun for a file that only looks the same. The ETag says
    what storage has where it is an MD5; where it is none, only the very file that was sent is believed.

    Raises:
        SessionExpired: The session holds other bytes, or nothing shows that it does not.
    """
    if not is_md5(sent.etag):
        if session.source is None or not is_unchanged(fd, session.source):
            raise SessionExpired("the upload session was begun for another file")
        return
    digest = hashlib.md5(usedforsecurity=False)
    for _ in read_chunk(fd, chunk, digest=digest, path=file.path):
        pass
    if digest.hexdigest() != sent.etag.lower():
        raise SessionExpired("the upload session holds other bytes than the file")
