"""Many at once, and a kill in the middle: what was answered stays true."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tlsync.sandbox.server import SandboxServer

from .helpers import KEY, FakeMedia, clip, report_of

CHUNK_BYTES = 5000
CONTENT = clip(pad_bytes=19 * CHUNK_BYTES)
SESSIONS = "/assets/multipart-uploads"
HEADERS = {"content-type": "application/octet-stream"}
PROGRAM = """
import sys
from pathlib import Path
from tests.sandbox.helpers import FakeMedia
from tlsync.sandbox.server import SandboxServer
server = SandboxServer(Path(sys.argv[1]), int(sys.argv[2]), media=FakeMedia(), chunk_size_bytes=int(sys.argv[3]))
server.start()
server.wait()
"""


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(media=FakeMedia(), chunk_size_bytes=CHUNK_BYTES) as running:
        yield running


def part(chunk: int) -> bytes:
    return CONTENT[(chunk - 1) * CHUNK_BYTES : chunk * CHUNK_BYTES]


def open_session(client: httpx.Client) -> dict[str, Any]:
    body = {"filename": "lake.mp4", "type": "video", "total_size": len(CONTENT)}
    session: dict[str, Any] = client.post(SESSIONS, json=body).json()
    return session


def url_of(client: httpx.Client, session: dict[str, Any], chunk: int) -> str:
    path = f"{SESSIONS}/{session['upload_id']}/presigned-urls"
    url: str = client.post(path, json={"start": chunk, "count": 1}).json()["upload_urls"][0]["url"]
    return url


def test_many_chunks_and_reports_at_once_make_one_asset(server: SandboxServer) -> None:
    """All chunks in parallel, each reported at once, the last ones racing: the asset is made once and whole."""
    with (
        httpx.Client(base_url=server.base_url, headers={"x-api-key": KEY}, trust_env=False) as client,
        httpx.Client(trust_env=False) as storage,
        ThreadPoolExecutor(10) as pool,
    ):
        session = open_session(client)

        def send(chunk: int) -> dict[str, Any]:
            url = url_of(client, session, chunk)
            etag = storage.put(url, content=part(chunk), headers=HEADERS).headers["etag"]
            report = {"completed_chunks": [report_of(chunk, part(chunk), etag)]}
            answer: dict[str, Any] = client.post(f"{SESSIONS}/{session['upload_id']}", json=report).json()
            return answer

        answers = list(pool.map(send, range(1, session["total_chunks"] + 1)))
        (url,) = {answer["url"] for answer in answers if "url" in answer}
        assert storage.get(url).content == CONTENT
    assert sum(answer["processed_chunks"] for answer in answers) == session["total_chunks"]
    assert list(server.ledger.assets_by_sha256().values()) == [[session["asset_id"]]]
    assert all((chunk.puts, chunk.repeated) == (1, 0) for chunk in server.ledger.puts())


def test_one_url_used_by_many_at_once_serves_one(server: SandboxServer) -> None:
    with (
        httpx.Client(base_url=server.base_url, headers={"x-api-key": KEY}, trust_env=False) as client,
        httpx.Client(trust_env=False) as storage,
        ThreadPoolExecutor(8) as pool,
    ):
        url = url_of(client, open_session(client), 1)
        answers = pool.map(lambda _: storage.put(url, content=part(1), headers=HEADERS).status_code, range(8))
        assert sorted(answers) == [200] + [403] * 7


def test_one_name_wanted_by_many_at_once_is_given_once(server: SandboxServer) -> None:
    body = {"index_name": "a", "models": [{"model_name": "marengo3.0", "model_options": ["visual"]}]}
    with (
        httpx.Client(base_url=server.base_url, headers={"x-api-key": KEY}, trust_env=False) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = pool.map(lambda _: client.post("/indexes", json=body).status_code, range(8))
        assert sorted(answers) == [201] + [400] * 7


def test_kill_in_the_middle_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Chunks that were acknowledged before `kill -9` complete the upload after the restart, on the same URLs."""
    port = _free_port()
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{port}/v1.3", headers={"x-api-key": KEY}, trust_env=False) as client,
        httpx.Client(trust_env=False) as storage,
    ):
        first = _start(tmp_path, port, client)
        try:
            session = open_session(client)
            count = session["total_chunks"]
            spare = url_of(client, session, count)
            entries = []
            for chunk in range(1, count):
                url = url_of(client, session, chunk)
                etag = storage.put(url, content=part(chunk), headers=HEADERS).headers["etag"]
                entries.append(report_of(chunk, part(chunk), etag))
            path = f"{SESSIONS}/{session['upload_id']}"
            assert client.post(path, json={"completed_chunks": entries[:5]}).json()["total_completed"] == 5
        finally:
            first.send_signal(signal.SIGKILL)
            first.wait()
        second = _start(tmp_path, port, client)
        try:
            assert client.get(path).json()["chunks_completed"] == 5
            etag = storage.put(spare, content=part(count), headers=HEADERS).headers["etag"]
            entries.append(report_of(count, part(count), etag))
            done = client.post(path, json={"completed_chunks": entries}).json()
            assert (done["duplicate_chunks"], done["total_completed"]) == (5, count)
            assert storage.get(done["url"]).content == CONTENT
        finally:
            second.terminate()
            second.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _start(folder: Path, port: int, client: httpx.Client) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    arguments = [sys.executable, "-c", PROGRAM, str(folder), str(port), str(CHUNK_BYTES)]
    process = subprocess.Popen(arguments, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        try:
            client.get("/indexes")
        except httpx.TransportError:
            assert process.poll() is None, "it ended by itself"
            time.sleep(0.02)
        else:
            return process
    raise AssertionError("it did not start")
