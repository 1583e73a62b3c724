"""`uploading`: send what the session lacks, and close it when the whole file is there.

Order of effects, which makes a crash at any point harmless:
    PUT of a chunk → its ETag is in the catalog → reported in a batch → noted as reported → … →
    source looked at once more → last batch reported → asset id and SHA-256 in the catalog.
The last report is held back until everything else is proven, since it is what makes the file count as whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from tlsync.api.types import CompletedChunk, PresignedUrlChunk
from tlsync.clock import from_text
from tlsync.engine.chunk_sender import ChunkSender, Source, is_md5
from tlsync.engine.chunk_urls import ChunkUrls
from tlsync.engine.context import Context, shown
from tlsync.engine.progress import TransferBoard
from tlsync.engine.scheduler import NOW, Next
from tlsync.errors import BadAnswer, FileChanged, Interrupted, NotFound, Rejected, SessionExpired
from tlsync.media import identity
from tlsync.media.chunks import plan_chunks, read_chunk
from tlsync.models import AssetId, Chunk, UploadId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.sessions import SentChunk, Session

_BATCH = 10
"""Chunks per report; the platform takes up to 50. Few, so that little is in doubt after a crash."""
_COMPLETION_LOOKS = 5
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

    def done_bytes(self) -> int:
        return sum(chunk.size_bytes for chunk in self.sent.values()) + sum(list(self.flying.values()))


class Uploader:
    """Uploads by multipart sessions. The chunk workers are shared by all files."""

    def __init__(self, context: Context, board: TransferBoard) -> None:
        self._context = context
        self._catalog = context.store.catalog
        self._sessions = context.store.sessions
        self._board = board
        self._sender = ChunkSender(context)

    def close(self) -> None:
        """Wait for the chunks under way, which end soon once the stop event is set."""
        self._sender.close()

    def abandon(self, folder: Path) -> None:
        """Let go of the workers that hang in reading files below a folder."""
        self._sender.abandon(folder)

    def uploading(self, file: FileRow) -> Next:
        """Bring a file's upload to its end, or as far as it goes now."""
        assert file.content_id is not None, "files that are uploaded have a content"
        with identity.open_media(file.path) as fd:
            self._check_source(file, fd)
            session = self._sessions.active(file.content_id)
            try:
                if session is None:
                    session, urls = self._open(file)
                    upload = self._prepare(file, fd, session, sent={}, urls=urls)
                else:
                    resumed = self._resume(file, fd, session)
                    if resumed is None:
                        return self._finish_known(file, fd, session)
                    upload = resumed
                self._send_all(upload)
                return self._finish(upload)
            except SessionExpired:
                with self._catalog.transaction():
                    self._sessions.abandon(file.content_id)
                    self._catalog.move(file, FileState.IDENTIFIED, "the upload session expired: a new one is opened")
                return NOW
            except FileChanged:
                self._sessions.abandon(file.content_id)
                raise
            finally:
                self._board.drop(file.path)

    # Opening and resuming

    def _open(self, file: FileRow) -> tuple[Session, Sequence[PresignedUrlChunk]]:
        assert file.content_id is not None
        size_bytes = file.signature.size_bytes
        answer = self._context.client.multipart_upload.create(filename=_wire_name(file.path), total_size=size_bytes)
        if not answer.upload_id or not answer.asset_id or not answer.chunk_size or answer.chunk_size < 1:
            raise BadAnswer(
                "the platform opened an upload session without saying which", hint="it is tried again later"
            )
        if answer.total_chunks is not None and answer.total_chunks != -(-size_bytes // answer.chunk_size):
            raise BadAnswer(
                f"the platform wants {answer.total_chunks} chunks of {answer.chunk_size} bytes for {size_bytes} bytes",
                hint="it is tried again later",
            )
        session = self._sessions.open(
            file.content_id,
            UploadId(answer.upload_id),
            AssetId(answer.asset_id),
            size_bytes=size_bytes,
            chunk_bytes=answer.chunk_size,
            headers=answer.upload_headers or {},
            expires_at=from_text(answer.expires_at) if answer.expires_at else None,
        )
        return session, tuple(answer.upload_urls or ())

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
        return upload

    def _resume(self, file: FileRow, fd: int, session: Session) -> _Upload | None:
        """Ask the platform what it has. None: it has everything, and only the end was not noted.

        Raises:
            SessionExpired: A new session is needed.
        """
        if session.size_bytes != file.signature.size_bytes:
            raise SessionExpired("the session belongs to another version of the file")
        try:
            status = self._context.client.multipart_upload.get_status(session.upload_id, page_limit=50)
            state, total = status.first.status, status.first.total_size
            states = {chunk.index: chunk.status for chunk in status}
        except (NotFound, Rejected) as error:
            raise SessionExpired(f"the platform no longer knows the session: {error.message}") from error
        if state == "completed":
            return None
        if state in ("expired", "failed") or (total is not None and total != session.size_bytes):
            raise SessionExpired(f"the session is {state}")
        sent = self._sessions.chunks(session)
        for number, chunk in list(sent.items()):
            if states.get(number) == "failed":
                self._sessions.discard(session, number)
                del sent[number]
            elif chunk.is_reported and states.get(number) != "completed":
                sent[number] = SentChunk(number, chunk.size_bytes, chunk.etag, is_reported=False)
        return self._prepare(file, fd, session, sent=sent, urls=())

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
                    again = self._verify_next(upload)
                    if again is not None:
                        waiting = iter([again, *waiting])
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

    def _verify_next(self, upload: _Upload) -> int | None:
        """Compare one chunk of an earlier run with the file. Not equal: the number to send again."""
        if self._context.stop.is_set():
            raise Interrupted("stopped while comparing chunks of an earlier run")
        number = upload.unverified.pop(0)
        chunk, sent = upload.chunks[number], upload.sent[number]
        if is_md5(sent.etag):
            digest = hashlib.md5(usedforsecurity=False)
            for _ in read_chunk(upload.fd, chunk, digest=digest, path=upload.file.path):
                pass
            if digest.hexdigest() != sent.etag.lower():
                self._sessions.discard(upload.session, number)
                del upload.sent[number]
                return number
        upload.hasher.confirm(chunk)
        upload.hasher.catch_up(upload.fd)
        return None

    # Reporting and the end

    def _report(self, upload: _Upload, *, keep_back: int) -> str | None:
        """Report chunks in batches, all but `keep_back`. Answers with the asset when the set was complete."""
        unreported = [chunk for _, chunk in sorted(upload.sent.items()) if not chunk.is_reported]
        is_last = keep_back == 0
        finished: str | None = None
        reportable = unreported[: len(unreported) - keep_back]
        while len(reportable) >= _BATCH or (is_last and reportable):
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
        sha256 = identity.sha256_of(fd, session.size_bytes, stop=self._context.stop, on_bytes=None)
        self._check_source(file, fd)
        return self._note_end(file, session, sha256)

    def _note_end(self, file: FileRow, session: Session, sha256: str) -> Next:
        contents = self._context.store.contents
        with self._catalog.transaction():
            contents.prove(session.content_id, sha256)
            contents.set_asset(session.content_id, session.asset_id, _wire_name(file.path), "processing")
            self._sessions.complete(session)
            self._catalog.move(file, FileState.UPLOADED, "all bytes received", attempts=0)
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


def _wire_name(path: Path) -> str:
    """The file name as the platform takes it: UTF-8, 1 to 255 characters."""
    name = shown(Path(path.name))
    return name if len(name) <= 255 else name[: 255 - len(path.suffix)] + path.suffix
