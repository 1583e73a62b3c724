"""The storage host behind presigned URLs: it takes one PUT per URL and knows nothing of keys.

As strict as the contract allows: a URL serves once and for an hour, the announced length must be that of the chunk,
`upload_headers` must be sent unchanged. A request with an API key is refused, so that a leak shows. Errors are XML,
as those of object storage are.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core
from tlsync.sandbox.wire import Response

STORAGE = "/storage"
COPY_BLOCK_BYTES = 1024 * 1024


class StorageRefusal(Exception):
    """A PUT that is not taken."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> Response:
        text = f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message></Error>"
        return Response(self.status, {"content-type": "application/xml"}, text.encode())


class Storage:
    def __init__(self, core: Core) -> None:
        self._core = core

    def make_urls(self, origin: str, upload_id: str, chunks: Iterable[int]) -> list[tuple[int, str, int]]:
        """Fresh URLs: chunk, URL, when it expires (milliseconds). Older ones stay good."""
        life_s = self._core.timings.url_life_s
        expires_ms = self._core.now_ms() + round(life_s * 1000)
        made = []
        with self._core.db.transaction() as db:
            for chunk in chunks:
                signature = self._core.new_signature()
                db.execute("INSERT INTO urls VALUES (?, ?, ?, ?, NULL)", (signature, upload_id, chunk, expires_ms))
                query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires={life_s:.0f}&X-Amz-Signature={signature}"
                made.append((chunk, f"{origin}{STORAGE}/{upload_id}/{chunk}?{query}", expires_ms))
        return made

    def put(self, call: Call) -> Response:
        """Take the bytes of one chunk; the answer carries their MD5 as a quoted ETag."""
        try:
            etag = self._put(call)
        except StorageRefusal as refusal:
            return refusal.response()
        return Response(200, {"etag": f'"{etag}"'})

    def join(self, files: Sequence[str]) -> Path:
        """Copy chunks, in order, into one new file."""
        whole = self._core.scratch_file()
        with whole.open("wb") as target:
            for name in files:
                with (self._core.chunks_folder / name).open("rb") as chunk:
                    shutil.copyfileobj(chunk, target, COPY_BLOCK_BYTES)
        return whole

    def discard(self, files: Iterable[str]) -> None:
        for name in files:
            (self._core.chunks_folder / name).unlink(missing_ok=True)

    def expire_urls(self) -> None:
        """All URLs that were handed out are over now."""
        self._core.db.execute("UPDATE urls SET expires_ms = min(expires_ms, ?)", (self._core.now_ms(),))

    def _put(self, call: Call) -> str:
        signature = dict(call.request.query).get("X-Amz-Signature", "")
        upload_id, chunk = call.path["upload_id"], call.path["chunk"]
        url = self._core.db.row("SELECT * FROM urls WHERE signature = ?", (signature,))
        if url is None or (url["upload_id"], str(url["chunk"])) != (upload_id, chunk):
            raise StorageRefusal(403, "SignatureDoesNotMatch", "The signature does not belong to this URL.")
        call.upload_id, call.chunk = url["upload_id"], url["chunk"]
        headers = call.request.headers
        if "x-api-key" in headers:
            raise StorageRefusal(
                400, "InvalidRequest", "An API key was sent to the storage host, where it must not go."
            )
        self._check_open(url["upload_id"], url["expires_ms"], url["used_ms"])
        if headers.get("content-type") != "application/octet-stream":
            raise StorageRefusal(403, "SignatureDoesNotMatch", "The headers are not those that were signed.")
        expected_bytes = self._expected_bytes(call.upload_id, call.chunk)
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise StorageRefusal(411, "MissingContentLength", "A Content-Length header is needed.")
        if int(length) != expected_bytes:
            raise StorageRefusal(400, "IncompleteBody", f"This chunk has {expected_bytes} bytes, not {length}.")
        return self._receive(call, signature, expected_bytes)

    def _check_open(self, upload_id: str, expires_ms: int, used_ms: int | None) -> None:
        now_ms = self._core.now_ms()
        if now_ms >= expires_ms:
            raise StorageRefusal(403, "AccessDenied", "Request has expired.")
        if used_ms is not None:
            raise StorageRefusal(403, "AccessDenied", "This URL was used.")
        session = self._core.db.row("SELECT expires_ms, completed_ms FROM sessions WHERE id = ?", (upload_id,))
        if session is None or session["completed_ms"] is not None or now_ms >= session["expires_ms"]:
            raise StorageRefusal(403, "AccessDenied", "The upload is closed.")

    def _expected_bytes(self, upload_id: str, chunk: int) -> int:
        session = self._core.db.row("SELECT size_bytes, chunk_size_bytes FROM sessions WHERE id = ?", (upload_id,))
        assert session is not None
        begin = (chunk - 1) * int(session["chunk_size_bytes"])
        return min(int(session["chunk_size_bytes"]), int(session["size_bytes"]) - begin)

    def _receive(self, call: Call, signature: str, expected_bytes: int) -> str:
        md5 = hashlib.md5(usedforsecurity=False)
        arriving = self._core.scratch_file()
        try:
            with arriving.open("wb") as file:
                for block in call.request.body:
                    file.write(block)
                    md5.update(block)
            if call.request.body.received_bytes != expected_bytes:
                raise StorageRefusal(400, "IncompleteBody", "The body is shorter than its Content-Length.")
            self._keep(call, signature, arriving, md5.hexdigest(), expected_bytes)
        finally:
            arriving.unlink(missing_ok=True)
        return md5.hexdigest()

    def _keep(self, call: Call, signature: str, arriving: Path, etag: str, size_bytes: int) -> None:
        """Spend the URL and put the bytes in place, in one step that a crash cannot halve.

        A later PUT replaces an earlier one until the chunk is reported; what was reported stays.
        """
        name = f"{call.upload_id}-{call.chunk}-{signature[:16]}"
        replaced: str | None = None
        with self._core.db.transaction() as db:
            spent = db.execute(
                "UPDATE urls SET used_ms = ? WHERE signature = ? AND used_ms IS NULL", (self._core.now_ms(), signature)
            ).rowcount
            if not spent:
                raise StorageRefusal(403, "AccessDenied", "This URL was used.")
            old = db.execute(
                "SELECT file, reported_ms FROM parts WHERE upload_id = ? AND chunk = ?", (call.upload_id, call.chunk)
            ).fetchone()
            if old is None or old["reported_ms"] is None:
                arriving.replace(self._core.chunks_folder / name)
                db.execute(
                    "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, NULL)",
                    (call.upload_id, call.chunk, etag, size_bytes, name),
                )
                replaced = old["file"] if old is not None else None
        if replaced is not None:
            self.discard([replaced])
