"""`uploading`: send what the session lacks, and close it when the whole file is there.

Order of effects, which makes a crash at any point harmless:
    PUT of a chunk → its ETag is in the catalog → reported in a batch → noted as reported → … →
    source looked at once more → last batch reported → asset id and SHA-256 in the catalog.
The last report is held back until everything else is proven, since it is what makes the file count as whole.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tlsync.api.types import PresignedUrlChunk
from tlsync.engine.chunk_sender import ChunkSender
from tlsync.engine.context import NOT_SENT_NOW, Context, shown
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.openings import Openings, wire_name
from tlsync.engine.progress import TransferBoard
from tlsync.engine.rivals import Rivals
from tlsync.engine.sameness import is_unchanged
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.engine.sending import Sending, check_chunk, check_source
from tlsync.engine.twins import Twins
from tlsync.engine.whole_hash import WholeHash
from tlsync.errors import BadAnswer, FileChanged, Interrupted, SessionExpired
from tlsync.media import identity
from tlsync.media.chunks import plan_chunks
from tlsync.models import ContentId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow, StaleMove
from tlsync.store.contents import Content
from tlsync.store.sessions import SentChunk, Session

_COMPLETION_LOOKS = 5
_TWIN_POLL_S = 2.0
_TURN_POLL_S = 60.0
"""Besides, whoever waits for its turn is woken when another upload is over."""


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

    def is_sending(self, content_id: ContentId) -> bool:
        """Whether an upload of a content is under way at this moment."""
        with self._guard:
            return content_id in self._under_way

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
            for waiting in self._context.prospects.call_in(but=file.id):
                self._context.wake(waiting)

    def _upload(self, file: FileRow, content: Content) -> Next:
        with identity.open_media(file.path, file.root) as fd:
            check_source(file, fd)
            session = self._sessions.active(content.id)
            if session is None and self._context.store.contents.asset(content.id) is not None:
                self._catalog.move(file, FileState.IDENTIFIED, "its content is on the platform by now: compared")
                return NOW
            sent: dict[int, SentChunk] = {} if session is None else self._sessions.chunks(session)
            there_bytes = sum(chunk.size_bytes for chunk in sent.values())
            self._context.caps.let_in(file, content, max(0, content.size_bytes - there_bytes))
            if file.error_code is not None:
                self._catalog.note(file, "to be sent", error_code=None, hint="")  # a cap had no room for it
            urls: Sequence[PresignedUrlChunk] = ()
            try:
                if session is None:
                    with self._context.prospects.beginning(file, content.id) as why_not:
                        if why_not:
                            self._catalog.note(file, why_not)
                            return Next(_TURN_POLL_S, is_patient=True)
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
                sending = Sending(self._context, self._sender, self._board, file, fd, session, sent=sent, urls=urls)
                return self._finish(file, fd, session, sending, sending.send_all())
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

    def _finish(self, file: FileRow, fd: int, session: Session, sending: Sending, sha256: str) -> Next:
        """All bytes are on storage. Prove the source once more, then make the upload count."""
        check_source(file, fd)
        self._check_path(file, fd)
        sending.report(keep_back=0)
        self._await_completion(session)
        return self._note_end(file, session, sha256)

    def _await_completion(self, session: Session) -> None:
        """The platform has every report; wait until it says that the file is whole (reference, step 7)."""
        for _ in range(_COMPLETION_LOOKS):
            if self._sender.check_session(session.upload_id) == "completed":
                return
            if self._context.clock.wait(self._context.stop, self._context.settings.sync.poll_s):
                raise Interrupted("stopped while the platform put the chunks together")
        raise BadAnswer("the platform has all chunks and does not call the upload complete", hint="it is asked again")

    def _finish_known(self, file: FileRow, fd: int, session: Session) -> Next:
        """The platform has the whole file; tlsync was stopped before it noted that."""
        sent = self._sessions.chunks(session)
        for chunk in plan_chunks(session.size_bytes, session.chunk_bytes):
            if chunk.number in sent:
                check_chunk(file, fd, chunk, sent[chunk.number], session)
        sha256 = identity.sha256_of(fd, session.size_bytes, stop=self._context.stop, on_bytes=None)
        check_source(file, fd)
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

    def _check_path(self, file: FileRow, fd: int) -> None:
        """The path must still lead to the file that was read."""
        try:
            found = file.path.lstat()
        except FileNotFoundError:
            return  # renamed or removed: the bytes are what they were, and the next scan says more
        if not is_unchanged(fd, file.signature, identity.signature(found)):
            raise FileChanged(str(file.path), "another file took its place while it was sent")
