"""Multipart upload sessions (reference, "Multipart upload: the whole procedure").

Decisions where the contract is open: a report is taken whole or not at all; ranges of URLs beyond the last chunk
are refused; the status lists pending chunks too; a repeated last report has no `url`, since it completed nothing.
"""

from __future__ import annotations

import threading
from typing import Any

from tlsync.sandbox import timeline
from tlsync.sandbox.assets import Assets
from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.later import read_asset_options
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.refusals import Refusal, invalid
from tlsync.sandbox.sessions import Session, read_incomplete, read_parts, read_session
from tlsync.sandbox.storage import Storage
from tlsync.sandbox.wire import Response, json_response

MOST_PER_CALL = 50
TYPES = ("video",)
LATER_TYPES = ("video", "audio", "image")
UPLOAD_HEADERS = {"Content-Type": "application/octet-stream"}


class Uploads:
    def __init__(self, core: Core, assets: Assets, storage: Storage) -> None:
        self._core = core
        self._assets = assets
        self._storage = storage
        self._joining = threading.Lock()

    # -- methods of the reference -----------------------------------------------------------------

    def list_incomplete(self, call: Call) -> Response:
        query = call.query()
        page = read_page(query)
        query.done()
        found = read_incomplete(self._core.db)
        return json_response(200, page_answer(found, page, self._summary))

    def create(self, call: Call) -> Response:
        settings = self._core.settings
        fields = call.json()
        filename = fields.text("filename", longest=255)
        kind = fields.text("type", choices=LATER_TYPES if settings.is_later else TYPES)
        limit_bytes = settings.image_limit_bytes if kind == "image" else settings.upload_limit_bytes
        size_bytes = fields.integer("total_size", low=1, high=limit_bytes)
        metadata = read_asset_options(fields, settings)
        fields.done()
        upload_id, now_ms = self._core.new_id(), self._core.now_ms()
        life_s = self._core.timings.session_life_s
        with self._core.db.transaction() as db:
            asset_id = self._assets.reserve("multipart", filename, metadata, lives_s=life_s)
            total_chunks = -(-size_bytes // settings.chunk_size_bytes)
            expires_ms = now_ms + round(life_s * 1000)
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    upload_id,
                    asset_id,
                    filename,
                    size_bytes,
                    settings.chunk_size_bytes,
                    total_chunks,
                    now_ms,
                    now_ms,
                    expires_ms,
                ),
            )
            urls = self._urls(call, upload_id, 1, min(settings.first_urls, total_chunks))
        call.upload_id = upload_id
        return json_response(
            201,
            {
                "upload_id": upload_id,
                "asset_id": asset_id,
                "upload_urls": urls,
                "upload_headers": UPLOAD_HEADERS,
                "chunk_size": settings.chunk_size_bytes,
                "total_chunks": total_chunks,
                "expires_at": instant(expires_ms),
            },
        )

    def get_status(self, call: Call) -> Response:
        query = call.query()
        page = read_page(query)
        query.done()
        session = self._join_if_whole(self._get(call))
        parts = read_parts(self._core.db, session.id)
        reported = {chunk: part["reported_ms"] for chunk, part in parts.items() if part["reported_ms"] is not None}

        def chunk_view(chunk: int) -> dict[str, Any]:
            return {
                "index": chunk,
                "status": "completed" if chunk in reported else "pending",
                "uploaded_at": instant(reported.get(chunk)),
                "updated_at": instant(reported.get(chunk, session.created_ms)),
            }

        listed = page_answer(range(1, session.total_chunks + 1), page, chunk_view)
        return json_response(
            200,
            {
                "upload_id": session.id,
                "status": session.status(self._core.now_ms()),
                "uploaded_chunks": listed["data"],
                "chunks_completed": len(reported),
                "chunks_failed": 0,
                "chunks_pending": session.total_chunks - len(reported),
                "page_info": listed["page_info"],
                "total_size": session.size_bytes,
                "uploaded_size": sum(session.chunk_bytes(chunk) for chunk in reported),
                "created_at": instant(session.created_ms),
                "updated_at": instant(session.updated_ms),
            },
        )

    def report(self, call: Call) -> Response:
        session = self._get(call)
        fields = call.json()
        items = fields.items("completed_chunks", most=MOST_PER_CALL)
        fields.done()
        if items is None:
            raise invalid("The completed_chunks parameter is required.")
        chunks = [self._check_report(session, item) for item in items]
        self._refuse_expired(session)
        with self._core.db.transaction() as db:
            parts = read_parts(self._core.db, session.id)
            done = {chunk for chunk, part in parts.items() if part["reported_ms"] is not None}
            fresh: set[int] = set()
            for chunk, proof in chunks:
                if chunk not in parts or parts[chunk]["etag"] != proof:
                    raise invalid(f"The proof of chunk {chunk} is not the ETag of what was uploaded.")
                if chunk not in done:
                    fresh.add(chunk)
            now_ms = self._core.now_ms()
            for chunk in fresh:
                db.execute(
                    "UPDATE parts SET reported_ms = ? WHERE upload_id = ? AND chunk = ?", (now_ms, session.id, chunk)
                )
            if fresh:
                db.execute("UPDATE sessions SET updated_ms = ? WHERE id = ?", (now_ms, session.id))
        was_completed = session.completed_ms is not None
        session = self._join_if_whole(session)
        answer = {
            "asset_id": session.asset_id,
            "processed_chunks": len(fresh),
            "duplicate_chunks": len(chunks) - len(fresh),
            "total_completed": len(done | fresh),
        }
        if fresh and session.completed_ms is not None and not was_completed:
            answer["url"] = self._assets.link_to(self._assets.get(session.asset_id), call.request.origin)[0]
        return json_response(200, answer)

    def more_urls(self, call: Call) -> Response:
        session = self._get(call)
        fields = call.json()
        start = fields.integer("start", low=1)
        count = fields.integer("count", low=1, high=MOST_PER_CALL)
        fields.done()
        self._refuse_expired(session)
        if session.completed_ms is not None:
            raise invalid("The upload session is completed.")
        if start + count - 1 > session.total_chunks:
            raise invalid(
                f"The upload has {session.total_chunks} chunks; {start} to {start + count - 1} were asked for."
            )
        now_ms = self._core.now_ms()
        return json_response(
            200,
            {
                "upload_id": session.id,
                "start_index": start,
                "count": count,
                "upload_urls": self._urls(call, session.id, start, count),
                "generated_at": instant(now_ms),
                "expires_at": instant(now_ms + round(self._core.timings.url_life_s * 1000)),
            },
        )

    # -- faults ---------------------------------------------------------------------------------------

    def expire_sessions(self) -> None:
        """All unfinished sessions are over now, and the assets that they reserved with them."""
        now_ms = self._core.now_ms()
        over = timeline.at_once(now_ms, "failed").to_json()
        with self._core.db.transaction() as db:
            db.execute(
                "UPDATE assets SET timeline = ? WHERE id IN (SELECT asset_id FROM sessions WHERE completed_ms IS NULL)",
                (over,),
            )
            db.execute("UPDATE sessions SET expires_ms = min(expires_ms, ?) WHERE completed_ms IS NULL", (now_ms,))

    def discard_expired(self) -> None:
        """Remove the chunks of sessions that are over; nobody can ask for them."""
        rows = self._core.db.rows(
            "SELECT file FROM parts WHERE upload_id IN"
            " (SELECT id FROM sessions WHERE completed_ms IS NULL AND expires_ms <= ?)",
            (self._core.now_ms(),),
        )
        self._storage.discard(row["file"] for row in rows)

    # -- inside -----------------------------------------------------------------------------------------

    def _get(self, call: Call) -> Session:
        call.upload_id = call.id("upload_id")
        return read_session(self._core.db, call.upload_id)

    def _refuse_expired(self, session: Session) -> None:
        if session.status(self._core.now_ms()) == "expired":
            raise Refusal(400, "parameter_invalid", f"The upload session {session.id} is expired.")

    def _check_report(self, session: Session, item: Any) -> tuple[int, str]:
        """One entry of a report: chunk and bare proof."""
        if not isinstance(item, dict):
            raise invalid("Each of completed_chunks must be an object.")
        fields = Fields(item)
        chunk = fields.integer("chunk_index", low=1, high=session.total_chunks)
        proof = fields.text("proof")
        fields.text("proof_type", choices=("etag",))
        size_bytes = fields.integer("chunk_size")
        fields.done()
        if size_bytes != session.chunk_bytes(chunk):
            raise invalid(f"Chunk {chunk} has {session.chunk_bytes(chunk)} bytes, not {size_bytes}.")
        return chunk, proof.strip('"')

    def _join_if_whole(self, session: Session) -> Session:
        """Make the asset once all chunks are reported. A crash in the middle is made good at the next look."""
        if session.completed_ms is not None or not self._is_whole(session):
            return session
        with self._joining:  # two reports at once must not both make the asset
            session = read_session(self._core.db, session.id)
            if session.completed_ms is not None:
                return session
            parts = read_parts(self._core.db, session.id)
            files = [parts[chunk]["file"] for chunk in sorted(parts)]
            examined = self._assets.examine(self._storage.join(files))
            with self._core.db.transaction() as db:
                self._assets.keep(session.asset_id, examined)
                now_ms = self._core.now_ms()
                db.execute(
                    "UPDATE sessions SET completed_ms = ?, updated_ms = ? WHERE id = ?", (now_ms, now_ms, session.id)
                )
            self._storage.discard(files)
            return read_session(self._core.db, session.id)

    def _is_whole(self, session: Session) -> bool:
        row = self._core.db.row(
            "SELECT count(*) AS n FROM parts WHERE upload_id = ? AND reported_ms IS NOT NULL", (session.id,)
        )
        return row is not None and int(row["n"]) == session.total_chunks

    def _urls(self, call: Call, upload_id: str, start: int, count: int) -> list[dict[str, Any]]:
        urls = self._storage.make_urls(call.request.origin, upload_id, range(start, start + count))
        return [
            {"chunk_index": chunk, "url": url, "expires_at": instant(expires_ms)} for chunk, url, expires_ms in urls
        ]

    def _summary(self, session: Session) -> dict[str, Any]:
        return {
            "upload_id": session.id,
            "status": session.status(self._core.now_ms()),
            "total_size": session.size_bytes,
            "chunk_size": session.chunk_size_bytes,
            "total_chunks": session.total_chunks,
            "created_at": instant(session.created_ms),
            "expires_at": instant(session.expires_ms),
        }
