"""Upload sessions: opened, and found again after a stop.

Kept here: the intent is noted before the platform is asked for a session. An answer that never came leaves a session
without a byte behind, which expires by itself; the note keeps it from being taken for another machine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlsync.api.types import MultipartUploadSession, PresignedUrlChunk
from tlsync.engine.context import Context, shown
from tlsync.engine.stamps import STAMP_FINGERPRINT, STAMP_SIZE, instant_of
from tlsync.engine.video_parameter import REMEMBERED_FOR
from tlsync.errors import ApiError, BadAnswer, NotFound, Rejected, SessionExpired
from tlsync.models import AssetId, UploadId
from tlsync.store.catalog import FileRow
from tlsync.store.contents import Content
from tlsync.store.sessions import SentChunk, Session

METADATA_ON_CREATE = "create_user_metadata"
"""What was learned: `taken` by platforms after the reference, `refused` by one that should and does not."""


class Openings:
    """Gives an upload the session it goes on with."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sessions = context.store.sessions
        self._uploads = context.client.multipart_upload

    def open(self, file: FileRow, content: Content) -> tuple[Session, Sequence[PresignedUrlChunk]]:
        """A new session for a content, and the first URLs that came with it.

        Raises:
            BadAnswer: What the platform says of it can't be right.
            ApiError: It gives none; the next attempt opens another.
        """
        self._sessions.intend(content.id, self._context.client.server_time.now())
        try:
            answer = self._ask(file, content)
        except ApiError as error:
            if not error.maybe_applied:
                self._sessions.answered(content.id)
            raise
        size_bytes = content.size_bytes
        if answer.total_chunks != -(-size_bytes // answer.chunk_size):
            raise BadAnswer(
                f"the platform wants {answer.total_chunks} chunks of {answer.chunk_size} bytes for {size_bytes} bytes",
                hint="it is tried again later",
            )
        if self._sessions.is_known(UploadId(answer.upload_id)):
            raise BadAnswer("the platform gave the id of an earlier session again", hint="it is tried again later")
        session = self._sessions.open(
            content.id,
            UploadId(answer.upload_id),
            AssetId(answer.asset_id),
            size_bytes=size_bytes,
            chunk_bytes=answer.chunk_size,
            headers=answer.upload_headers,
            expires_at=instant_of(answer.expires_at),
            source=file.signature,
        )
        return session, answer.upload_urls

    def resume(self, file: FileRow, session: Session) -> dict[int, SentChunk] | None:
        """Ask the platform what it has: the chunks that need not be sent again. None: it has the whole file.

        Raises:
            SessionExpired: A new session is needed.
        """
        if session.size_bytes != file.signature.size_bytes:
            raise SessionExpired("the session belongs to another version of the file")
        try:
            status = self._uploads.get_status(session.upload_id, page_limit=50)
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
        if session.lacks_headers and len(sent) * session.chunk_bytes < session.size_bytes:
            raise SessionExpired("the session's chunks need credentials that are not kept")
        return sent

    def _ask(self, file: FileRow, content: Content) -> MultipartUploadSession:
        """Later platforms keep the fingerprint with the asset from the start."""
        name, contents = wire_name(file.path), self._context.store.contents
        if contents.learned(METADATA_ON_CREATE, valid_for=REMEMBERED_FOR) == "taken":
            metadata = {STAMP_FINGERPRINT: content.fingerprint, STAMP_SIZE: content.size_bytes}
            try:
                return self._uploads.create(filename=name, total_size=content.size_bytes, user_metadata=metadata)
            except Rejected as refusal:
                if "user_metadata" not in refusal.message:
                    raise
                contents.learn(METADATA_ON_CREATE, "refused")
        return self._uploads.create(filename=name, total_size=content.size_bytes)


def wire_name(path: Path) -> str:
    """The file name as the platform takes it: UTF-8, 1 to 255 characters."""
    name = shown(Path(path.name))
    return name if len(name) <= 255 else name[: 255 - len(path.suffix)] + path.suffix
