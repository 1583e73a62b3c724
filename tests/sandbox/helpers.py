"""A world in process with time and media under control, and a small client for it."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from tlsync.errors import FileVanished, NotEligible
from tlsync.models import Cue, MediaInfo
from tlsync.sandbox.routes import Router
from tlsync.sandbox.wire import Body, ClientGone, ConnectionCut, Request, parse_query
from tlsync.sandbox.world import BASE_PATH, World

ORIGIN = "http://127.0.0.1:1"
KEY = "tlsync-sandbox-key"
CLIP_MARK = b"CLIP"


class FakeClock:
    """Stands still until somebody advances it; waiting advances it."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
        self.monotonic = 1000.0

    def now(self) -> datetime:
        return self.instant

    def monotonic_s(self) -> float:
        return self.monotonic

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.advance(seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)
        self.monotonic += seconds


class FakeMedia:
    """Reads the clips that `clip` makes; everything else is broken."""

    def probe(self, path: Path) -> MediaInfo:
        facts = self._facts(path)
        return MediaInfo(
            facts.get("kind", "video"),
            facts["duration_s"],
            "mp4",
            facts.get("width", 640),
            facts.get("height", 360),
            "25/1",
        )

    def read_subtitles(self, path: Path) -> tuple[Cue, ...]:
        return tuple(Cue(*line) for line in self._facts(path).get("lines", []))

    def probe_image(self, path: Path) -> tuple[int, int, str]:
        content = path.read_bytes()
        if len(content) < 33:
            raise NotEligible(str(path), "cut short")
        width, height = struct.unpack(">II", content[16:24])
        return width, height, "image/png"

    def read_frame_jpeg(self, path: Path, at_s: float) -> bytes:
        if not path.exists():
            raise FileVanished(str(path), "it is gone")
        return b"\xff\xd8\xff frame at %d ms" % round(at_s * 1000)

    def _facts(self, path: Path) -> dict[str, Any]:
        content = path.read_bytes()
        if not content.startswith(CLIP_MARK):
            raise NotEligible(str(path), "not a media file")
        facts: dict[str, Any] = json.loads(content[len(CLIP_MARK) :].split(b"\n", 1)[0])
        return facts


def clip(
    duration_s: float = 12.0, *, lines: Iterable[tuple[float, float, str]] = (), pad_bytes: int = 0, **facts: Any
) -> bytes:
    """A file that `FakeMedia` can read."""
    head = json.dumps({"duration_s": duration_s, "lines": list(lines), **facts}).encode()
    return CLIP_MARK + head + b"\n" + bytes(index % 251 for index in range(pad_bytes))


def png(width: int = 200, height: int = 150) -> bytes:
    """A real, grey PNG."""

    def part(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        return str(self.json["code"])


class Caller:
    """Speaks to a world without a socket."""

    def __init__(self, world: World, clock: FakeClock) -> None:
        self.world = world
        self.clock = clock
        self.router = Router(world)

    def __call__(
        self,
        verb: str,
        path: str,
        *,
        json_body: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        query: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        key: str | None = KEY,
    ) -> Answer:
        request = httpx.Request(
            verb,
            f"{ORIGIN}{BASE_PATH}{path}",
            json=json_body,
            data=form,
            files=dict(files) if files else (_NO_FILES if form is not None else None),
            headers={**({"x-api-key": key} if key else {}), **(headers or {})},
        )
        if query:
            request.url = httpx.URL(f"{request.url}?{urlencode(list(query))}")
        return self.send(request)

    def put(self, url: str, content: bytes, headers: Mapping[str, str | None] | None = None) -> Answer:
        """A PUT to storage, without the key; a header that is None is left out."""
        sent = {"content-type": "application/octet-stream", "content-length": str(len(content)), **(headers or {})}
        parts = urlsplit(url)
        response = self.router.handle(
            Request(
                "PUT",
                parts.path,
                parse_query(parts.query),
                {name: value for name, value in sent.items() if value is not None},
                Body([content[:1000], content[1000:]]),
                ORIGIN,
            )
        )
        return Answer(response.status, response.headers, _whole(response.body))

    def get(self, url: str) -> Answer:
        """Follow a link, without the key."""
        return self.send(httpx.Request("GET", url))

    def send(self, request: httpx.Request) -> Answer:
        response = in_process(self.router)(request)
        return Answer(response.status_code, response.headers, response.read())

    # -- stories ------------------------------------------------------------------------------------------

    def upload(self, content: bytes, filename: str = "lake.mp4") -> str:
        """A whole multipart upload; the id of the asset, which is ready."""
        session = self(
            "POST",
            "/assets/multipart-uploads",
            json_body={"filename": filename, "type": "video", "total_size": len(content)},
        ).json
        size = session["chunk_size"]
        urls = {entry["chunk_index"]: entry["url"] for entry in session["upload_urls"]}
        for chunk in range(1, session["total_chunks"] + 1):
            if chunk not in urls:
                more = {"start": chunk, "count": 1}
                path = f"/assets/multipart-uploads/{session['upload_id']}/presigned-urls"
                urls[chunk] = self("POST", path, json_body=more).json["upload_urls"][0]["url"]
            part = content[(chunk - 1) * size : chunk * size]
            etag = self.put(urls[chunk], part).headers["etag"]
            report = {"completed_chunks": [report_of(chunk, part, etag)]}
            answer = self("POST", f"/assets/multipart-uploads/{session['upload_id']}", json_body=report)
        assert "url" in answer.json
        self.clock.advance(1)
        return str(session["asset_id"])

    def index(self, models: Iterable[str] = ("marengo3.0", "pegasus1.2"), name: str = "footage") -> str:
        """A new index with everything."""
        chosen = [{"model_name": model, "model_options": ["visual", "audio"]} for model in models]
        addons = ["thumbnail"] if any(model.startswith("marengo") for model in models) else []
        body = {"index_name": name, "models": chosen, "addons": addons}
        return str(self("POST", "/indexes", json_body=body).json["_id"])

    def indexed(self, index_id: str, content: bytes, filename: str = "lake.mp4") -> str:
        """Upload and index; the id of the indexed asset, which is ready."""
        asset_id = self.upload(content, filename)
        path = f"/indexes/{index_id}/indexed-assets"
        indexed_id = self("POST", path, json_body={"asset_id": asset_id}).json["_id"]
        self.clock.advance(5)
        return str(indexed_id)


def report_of(chunk: int, part: bytes, etag: str | None = None) -> dict[str, Any]:
    """One entry of a report."""
    proof = etag or hashlib.md5(part).hexdigest()
    return {"chunk_index": chunk, "proof": proof.strip('"'), "proof_type": "etag", "chunk_size": len(part)}


def in_process(router: Router) -> httpx.MockTransport:
    """A transport over a router: what goes wrong on a wire becomes the errors that httpx raises for it."""

    def answer(request: httpx.Request) -> httpx.Response:
        target = urlsplit(str(request.url))
        try:
            response = router.handle(
                Request(
                    request.method,
                    request.url.path,
                    parse_query(target.query),
                    {name.lower(): value for name, value in request.headers.items()},
                    Body(iter(request.stream)),  # type: ignore[call-overload]
                    f"{target.scheme}://{target.netloc}",
                )
            )
            content = _whole(response.body)
        except ConnectionCut as cut:
            kind = httpx.ReadError if cut.is_reset else httpx.RemoteProtocolError
            raise kind("connection cut", request=request) from cut
        except ClientGone as gone:
            raise httpx.WriteError("client gone", request=request) from gone
        return httpx.Response(response.status, headers=response.headers, content=content)

    return _Transport(answer)


class _Transport(httpx.MockTransport):
    """A MockTransport that does not read the body first, and can be called like its handler."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self(request)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = self.handler(request)
        assert isinstance(response, httpx.Response)
        return response


class _NoFiles(dict[str, Any]):
    """True, although empty: httpx then encodes as multipart."""

    def __bool__(self) -> bool:
        return True


_NO_FILES = _NoFiles()


def _whole(body: Any) -> bytes:
    return body if isinstance(body, bytes) else b"".join(body)
