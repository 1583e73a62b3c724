"""`uploading`: send what the session lacks, and close it when the whole file is there.

Order of effects, which makes a crash at any point harmless:
    PUT of a chunk → its ETag is in the catalog → reported in a batch → noted as reported → … →
    source looked at once more → last batch reported → asset id and SHA-256 in the catalog.
The last report is held back until everything else is proven, since it is what makes the file count as whole.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tlsync.api.types import CompletedChunk, PresignedUrlChunk
from tlsync.engine.chunk_sender import ChunkSender, Source, is_md5
from tlsync.engine.chunk_urls import ChunkUrls
from tlsync.engine.context import NOT_SENT_NOW, Context, shown
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.openings import Openings, wire_name
from tlsync.engine.progress import TransferBoard
from tlsync.engine.rivals import Rivals
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.engine.twins import Twins
from tlsync.engine.whole_hash import WholeHash
from tlsync.errors import BadAnswer, FileChanged, Interrupted, NotFound, Rejected, SessionExpired
from tlsync.media import identity
from tlsync.media.chunks import plan_chunks, read_chunk
from tlsync.models import Chunk, ContentId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow, StaleMove
from tlsync.store.contents import Content
from tlsync.store.sessions import SentChunk, Session

_BATCH = 10
"""Chunks per report; the platform takes up to 50. Few, so that little is in doubt after a crash."""
_REPORT_EVERY_S = 30.0
"""Over a slow line a batch takes long; a report shows other machines that this upload is alive."""
_COMPLETION_LOOKS = 5
_TWIN_POLL_S = 2.0
_TELL_EVERY_S = 0.2


@dataclass(slots=True)
class _Upload:
    """One file on its way: what belongs to this attempt and is not worth keeping."""

    file: FileRow
    fd: int
    session: Session
    chunks: dict[int, Chunk]
    sent: dict[int, SentChunk]
    source: Source
    hasher: identity.InOrderHasher
    unverified: list[int]
    """Chunks of an earlier run, still to be compared with the file."""
    flying: dict[int, int] = field(default_factory=dict)
    """Bytes of chunks under way that have left, by chunk number; for progress only."""
    told_s: float = 0.0
    reported_s: float = 0.0

    def done_bytes(self) -> int:
        return sum(chunk.size_bytes for chunk in self.sent.values()) + sum(list(self.flying.values()))


class Uploader:
    """Uploads by multipart sessions. The chunk workers are shared by all files."""

    def __init__(self, context: Context, registry: IndexRegistry, board: TransferBoard) -> None:
        self._context = context
        self._openings = Openings(context)
        self._rivals = Rivals(context)
        self._twins = Twins(context, registry)
        self._catalog = context.store.catalog
        self._sessions = context.store.sessions
        self._board = board
        self._sender = ChunkSender(context)
        self._guard = threading.Lock()
        self._under_way: dict[ContentId, FileRow] = {}

    def close(self) -> None:
        """Wait for the chunks under way, which end soon once the stop event is set."""
        self._sender.close()

    def abandon(self, folder: Path) -> None:
        """Let go of the workers that hang in reading files below a folder."""
        self._sender.abandon(folder)
        with self._guard:
            for content_id in [one for one, file in self._under_way.items() if folder in file.path.parents]:
                del self._under_way[content_id]

    def uploading(self, file: FileRow) -> Next:
        """Bring a file's upload to its end, or as far as it goes now."""
        assert file.content_id is not None, "files that are uploaded have a content"
        if not self._context.may_send:
            self._catalog.note(file, NOT_SENT_NOW)
            return REST
        with self._guard:
            # A file that was renamed while it is sent comes again under its new name.
            other = self._under_way.setdefault(file.content_id, file)
        if other is not file:
            self._catalog.note(file, f"same content as {shown(other.path)}, which is sent")
            return Next(_TWIN_POLL_S)
        try:
            return self._upload(file, self._context.store.contents.get(file.content_id))
        finally:
            with self._guard:
                if self._under_way.get(file.content_id) is file:
                    del self._under_way[file.content_id]

    def _upload(self, file: FileRow, content: Content) -> Next:
        with identity.open_media(file.path, file.root) as fd:
            self._check_source(file, fd)
            session = self._sessions.active(content.id)
            if session is None and self._context.store.contents.asset(content.id) is not None:
                self._catalog.move(file, FileState.IDENTIFIED, "its content is on the platform by now: compared")
                return NOW
            sent: dict[int, SentChunk] = {}
            urls: Sequence[PresignedUrlChunk] = ()
            try:
                if session is None:
                    session, urls = self._openings.open(file, content)
                else:
                    found = self._twins.find(file, content, WholeHash(self._context, file), is_expected=True)
                    if found is not None:  # by another machine, while this one was away or stood back
                        self._rivals.over(content.id)
                        self._twins.take_over(file, content, found)
                        return NOW
                    arrived = self._openings.resume(file, session)
                    if arrived is None:
                        return self._finish_known(file, fd, session)
                    sent = arrived
                if not sent:
                    pause = self._rivals.stand_back(file, content, session)
                    if pause is not None:
                        return pause
                upload = self._prepare(file, fd, session, sent=sent, urls=urls)
                self._send_all(upload)
                return self._finish(upload)
            except SessionExpired as error:
                with self._catalog.transaction():
                    self._sessions.abandon(content.id)
                    self._catalog.move(file, FileState.IDENTIFIED, f"{error.message}: a new one is opened")
                return NOW
            except FileChanged:
                self._sessions.abandon(content.id)
                raise
            finally:
                self._board.drop(file.path)

    def _prepare(
        self, file: FileRow, fd: int, session: Session, *, sent: dict[int, SentChunk], urls: Sequence[PresignedUrlChunk]
    ) -> _Upload:
        chunks = {chunk.number: chunk for chunk in plan_chunks(session.size_bytes, session.chunk_bytes)}
        wanted = [number for number in chunks if number not in sent]
        flying: dict[int, int] = {}

        def on_bytes(chunk: Chunk, left_bytes: int) -> None:
            flying[chunk.number] = left_bytes
            if self._context.clock.monotonic_s() - upload.told_s > _TELL_EVERY_S:
                self._tell(upload)

        source = Source(
            path=file.path,
            fd=fd,
            upload_id=session.upload_id,
            headers=session.headers,
            urls=ChunkUrls(self._context.client, session.upload_id, wanted, urls, self._context.clock),
            on_bytes=on_bytes,
        )
        hasher = identity.InOrderHasher(session.size_bytes, str(file.path))
        upload = _Upload(file, fd, session, chunks, sent, source, hasher, unverified=sorted(sent), flying=flying)
        upload.reported_s = self._context.clock.monotonic_s()
        return upload

    # Sending

    def _send_all(self, upload: _Upload) -> None:
        """Send every chunk that is not sent, keep the catalog and the platform informed, hash behind."""
        waiting: Iterator[int] = iter([number for number in sorted(upload.chunks) if number not in upload.sent])
        running: dict[Future[str], int] = {}
        self._tell(upload)
        try:
            while True:
                while len(running) < self._sender.workers and (number := next(waiting, None)) is not None:
                    running[self._sender.submit(upload.source, upload.chunks[number])] = number
                if not running and not upload.unverified:
                    break
                if running:
                    self._sender.wait(running, 0.0 if upload.unverified else None)
                    for future in [future for future in running if future.done()]:  # in the order of their numbers
                        self._record(upload, running.pop(future), future.result())
                if upload.unverified:
                    self._verify_next(upload)
                self._report(upload, keep_back=1)
        finally:
            for future in running:
                future.cancel()
            while not all(future.done() for future in running):
                # A worker reads from the open file: it must be done before the file is closed.
                self._sender.wait([future for future in running if not future.done()])
            self._save(upload, running)

    def _save(self, upload: _Upload, running: dict[Future[str], int]) -> None:
        """After a failure: chunks that still arrived are noted, so that they are not sent again."""
        for future, number in running.items():
            if not future.cancelled() and future.exception() is None:
                size_bytes = upload.chunks[number].size_bytes
                self._sessions.record(upload.session, number, size_bytes, future.result())
                self._context.tally.sent(size_bytes)

    def _record(self, upload: _Upload, number: int, etag: str) -> None:
        chunk = upload.chunks[number]
        self._sessions.record(upload.session, number, chunk.size_bytes, etag)
        upload.sent[number] = SentChunk(number, chunk.size_bytes, etag, is_reported=False)
        self._context.tally.sent(chunk.size_bytes)
        self._check_source(upload.file, upload.fd)
        upload.hasher.confirm(chunk)
        if not upload.unverified:
            upload.hasher.catch_up(upload.fd)
        self._tell(upload)

    def _verify_next(self, upload: _Upload) -> None:
        """Compare one chunk of an earlier run with the file.

        Raises:
            SessionExpired: It is another. What was reported can't be replaced, so the session is of no use.
        """
        if self._context.stop.is_set():
            raise Interrupted("stopped while comparing chunks of an earlier run")
        number = upload.unverified.pop(0)
        chunk = upload.chunks[number]
        self._check_chunk(upload.file, upload.fd, chunk, upload.sent[number])
        upload.hasher.confirm(chunk)
        upload.hasher.catch_up(upload.fd)

    def _check_chunk(self, file: FileRow, fd: int, chunk: Chunk, sent: SentChunk) -> None:
        """A session is found by the fingerprint, and may have been begun for a file that only looks the same."""
        if not is_md5(sent.etag):
            return
        digest = hashlib.md5(usedforsecurity=False)
        for _ in read_chunk(fd, chunk, digest=digest, path=file.path):
            pass
        if digest.hexdigest() != sent.etag.lower():
            raise SessionExpired("the upload session holds other bytes than the file")

    # Reporting and the end

    def _report(self, upload: _Upload, *, keep_back: int) -> str | None:
        """Report chunks in batches, all but `keep_back`. Answers with the asset when the set was complete."""
        unreported = [chunk for _, chunk in sorted(upload.sent.items()) if not chunk.is_reported]
        is_last = keep_back == 0
        finished: str | None = None
        reportable = unreported[: len(unreported) - keep_back]
        is_overdue = self._context.clock.monotonic_s() - upload.reported_s >= _REPORT_EVERY_S
        while len(reportable) >= _BATCH or (reportable and (is_last or is_overdue)):
            batch, reportable = reportable[:_BATCH], reportable[_BATCH:]
            try:
                answer = self._context.client.multipart_upload.report_chunk_batch(
                    upload.session.upload_id,
                    completed_chunks=[
                        CompletedChunk(chunk_index=chunk.number, proof=chunk.etag, chunk_size=chunk.size_bytes)
                        for chunk in batch
                    ],
                )
            except NotFound as error:
                raise SessionExpired("the platform no longer knows the session") from error
            except Rejected:
                self._sender.check_session(upload.session.upload_id)
                raise
            upload.reported_s = self._context.clock.monotonic_s()
            self._sessions.reported(upload.session, [chunk.number for chunk in batch])
            for chunk in batch:
                upload.sent[chunk.number] = SentChunk(chunk.number, chunk.size_bytes, chunk.etag, is_reported=True)
            finished = answer.url or finished
        return finished

    def _finish(self, upload: _Upload) -> Next:
        """All bytes are on storage. Prove the source once more, then make the upload count."""
        upload.hasher.catch_up(upload.fd)
        sha256 = upload.hasher.finish(upload.fd)
        self._check_source(upload.file, upload.fd)
        self._check_path(upload.file)
        self._report(upload, keep_back=0)
        self._await_completion(upload)
        return self._note_end(upload.file, upload.session, sha256)

    def _await_completion(self, upload: _Upload) -> None:
        """The platform has every report; wait until it says that the file is whole (reference, step 7)."""
        for _ in range(_COMPLETION_LOOKS):
            if self._sender.check_session(upload.session.upload_id) == "completed":
                return
            if self._context.clock.wait(self._context.stop, self._context.settings.sync.poll_s):
                raise Interrupted("stopped while the platform put the chunks together")
        raise BadAnswer("the platform has all chunks and does not call the upload complete", hint="it is asked again")

    def _finish_known(self, file: FileRow, fd: int, session: Session) -> Next:
        """The platform has the whole file; tlsync was stopped before it noted that."""
        sent = self._sessions.chunks(session)
        for chunk in plan_chunks(session.size_bytes, session.chunk_bytes):
            if chunk.number in sent:
                self._check_chunk(file, fd, chunk, sent[chunk.number])
        sha256 = identity.sha256_of(fd, session.size_bytes, stop=self._context.stop, on_bytes=None)
        self._check_source(file, fd)
        return self._note_end(file, session, sha256)

    def _note_end(self, file: FileRow, session: Session, sha256: str) -> Next:
        contents = self._context.store.contents
        with self._catalog.transaction():
            contents.prove(session.content_id, sha256)
            contents.set_asset(session.content_id, session.asset_id, wire_name(file.path), "processing")
            self._sessions.complete(session)
            with suppress(StaleMove):  # the file has gone meanwhile; what was sent is known all the same
                self._catalog.move(file, FileState.UPLOADED, "all bytes received", attempts=0)
        self._rivals.over(session.content_id)
        self._context.tally.upload_done()
        self._context.progress.sent(file.path, session.size_bytes, session.size_bytes)
        for twin in self._catalog.of_content(session.content_id):
            if twin.state == FileState.IDENTIFIED:
                self._context.wake(twin.id)
        return NOW

    def _check_source(self, file: FileRow, fd: int) -> None:
        if identity.signature(os.fstat(fd)) != file.signature:
            raise FileChanged(str(file.path), "changed while it was sent")

    def _check_path(self, file: FileRow) -> None:
        """The path must still lead to the file that was read."""
        try:
            found = file.path.lstat()
        except FileNotFoundError:
            return  # renamed or removed: the bytes are what they were, and the next scan says more
        if identity.signature(found) != file.signature:
            raise FileChanged(str(file.path), "another file took its place while it was sent")

    def _tell(self, upload: _Upload) -> None:
        upload.told_s = self._context.clock.monotonic_s()
        done = min(upload.done_bytes(), upload.session.size_bytes - 1)
        self._board.sent(upload.file.path, done, upload.session.size_bytes)
        self._context.progress.sent(upload.file.path, done, upload.session.size_bytes)
