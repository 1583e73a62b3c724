"""The sandbox on a socket: what only a real connection can show."""

from __future__ import annotations

import hashlib
import http.client
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tlsync.errors import AlreadyRunning, ConfigError
from tlsync.sandbox.server import SandboxServer

from .helpers import KEY, FakeMedia, clip, report_of

MIB = 1024 * 1024


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(media=FakeMedia(), chunk_size_bytes=1000) as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxServer]:
    """For tests that leave no traces."""
    with SandboxServer(media=FakeMedia()) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, headers={"x-api-key": KEY}, trust_env=False) as made:
        yield made


def open_session(client: httpx.Client, size: int) -> dict[str, Any]:
    body = {"filename": "lake.mp4", "type": "video", "total_size": size}
    session: dict[str, Any] = client.post("/assets/multipart-uploads", json=body).json()
    return session


def put(url: str, content: Any, **headers: str) -> httpx.Response:
    return httpx.put(
        url, content=content, headers={"content-type": "application/octet-stream", **headers}, trust_env=False
    )


def test_whole_upload_over_the_wire(client: httpx.Client, server: SandboxServer) -> None:
    content = clip(pad_bytes=2500)
    session = open_session(client, len(content))
    entries = []
    for entry in session["upload_urls"]:
        part = content[(entry["chunk_index"] - 1) * 1000 :][:1000]
        answer = put(entry["url"], part)
        assert answer.headers["etag"] == f'"{hashlib.md5(part).hexdigest()}"'
        entries.append(report_of(entry["chunk_index"], part, answer.headers["etag"]))
    done = client.post(f"/assets/multipart-uploads/{session['upload_id']}", json={"completed_chunks": entries})
    assert httpx.get(done.json()["url"], trust_env=False).content == content
    assert done.headers["x-api-version"]


@pytest.mark.parametrize("name", ["a b?c#d%20é.mp4", "../../etc/passwd", "日本.mp4", 'a"b\n.mp4'])
def test_odd_file_names_come_back_and_can_be_fetched(client: httpx.Client, name: str) -> None:
    content = clip()
    body = {"filename": name, "type": "video", "total_size": len(content)}
    session = client.post("/assets/multipart-uploads", json=body).json()
    etag = put(session["upload_urls"][0]["url"], content).headers["etag"]
    report = {"completed_chunks": [report_of(1, content, etag)]}
    done = client.post(f"/assets/multipart-uploads/{session['upload_id']}", json=report).json()
    assert client.get(f"/assets/{session['asset_id']}").json()["filename"] == name
    assert httpx.get(done["url"], trust_env=False).content == content


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1"}, 421),
        ({"host": "sandbox.localhost"}, 421),
        ({"host": "0.0.0.0"}, 421),
        ({"host": "[::1]"}, 421),
        ({"host": "127.1"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/v1.3/indexes", "/sandbox/ledger", "/storage/x/1"])
def test_foreign_names_and_web_pages_are_refused(
    shared: SandboxServer, path: str, headers: dict[str, str], status: int
) -> None:
    url = f"http://127.0.0.1:{shared.port}{path}"
    answer = httpx.get(url, headers={"x-api-key": KEY, **headers}, trust_env=False)
    assert answer.status_code == status


def test_localhost_is_its_own_name(shared: SandboxServer) -> None:
    host = f"localhost:{shared.port}"
    answer = httpx.get(f"{shared.base_url}/indexes", headers={"x-api-key": KEY, "host": host}, trust_env=False)
    assert answer.status_code == 200


def test_listens_on_loopback_only(shared: SandboxServer) -> None:
    assert shared.base_url == f"http://127.0.0.1:{shared.port}/v1.3"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", shared.port), timeout=1).close()


def test_chunked_body_is_refused(client: httpx.Client) -> None:
    url = open_session(client, 1000)["upload_urls"][0]["url"]
    assert put(url, iter([bytes(1000)])).status_code == 411
    assert put(url, bytes(1000)).status_code == 200


def test_client_that_leaves_in_the_middle_leaves_nothing(client: httpx.Client, server: SandboxServer) -> None:
    """A PUT that breaks off stores nothing and does not spend its URL."""
    session = open_session(client, 1000)
    url = session["upload_urls"][0]["url"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("PUT", httpx.URL(url).raw_path.decode())
    connection.putheader("Content-Type", "application/octet-stream")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(bytes(400))
    connection.close()
    deadline_s = time.monotonic() + 10
    while not server.ledger.count("storage.put"):
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.01)
    (entry,) = server.ledger.calls("storage.put")
    assert (entry.status, entry.is_answered) == (0, False)
    assert put(url, bytes(1000)).status_code == 200


def test_lost_answer_takes_effect(client: httpx.Client, server: SandboxServer) -> None:
    server.faults.lose_answer("indexes.create")
    body = {"index_name": "a", "models": [{"model_name": "marengo3.0", "model_options": ["visual"]}]}
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected"):
        client.post("/indexes", json=body)
    assert [index["index_name"] for index in client.get("/indexes").json()["data"]] == ["a"]


def test_reset_comes_before_the_effect(client: httpx.Client, server: SandboxServer) -> None:
    server.faults.reset("storage.put")
    url = open_session(client, 1000)["upload_urls"][0]["url"]
    with pytest.raises(httpx.TransportError):
        put(url, bytes(1000))
    assert put(url, bytes(1000)).status_code == 200


def test_answer_cut_in_its_body(client: httpx.Client, server: SandboxServer) -> None:
    server.faults.cut_body("indexes.list", 5)
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        client.get("/indexes")
    assert client.get("/indexes").status_code == 200


def test_canned_answer_to_an_unread_body(client: httpx.Client, server: SandboxServer) -> None:
    server.faults.answer("storage.put", 503, body="<Error><Code>SlowDown</Code></Error>", headers={"retry-after": "1"})
    session = open_session(client, 1000)
    answer = put(session["upload_urls"][0]["url"], bytes(1000))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_delay_ends_when_the_server_stops() -> None:
    server = SandboxServer(media=FakeMedia()).start()
    server.faults.delay("indexes.list", 3600)
    failures: list[Exception] = []

    def ask() -> None:
        try:
            httpx.get(f"{server.base_url}/indexes", headers={"x-api-key": KEY}, trust_env=False, timeout=30)
        except httpx.TransportError as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    deadline_s = time.monotonic() + 10
    while not server.faults.to_json()[0]["hits"]:
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.01)
    server.stop()
    asking.join(10)
    assert not asking.is_alive()


def test_stop_does_not_wait_for_a_stuck_upload() -> None:
    server = SandboxServer(media=FakeMedia(), chunk_size_bytes=1000).start()
    with httpx.Client(base_url=server.base_url, headers={"x-api-key": KEY}, trust_env=False) as client:
        url = open_session(client, 1000)["upload_urls"][0]["url"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("PUT", httpx.URL(url).raw_path.decode())
    connection.putheader("Content-Type", "application/octet-stream")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(bytes(400))
    server.stop()
    connection.close()


def test_two_servers_in_one_process_do_not_mix(server: SandboxServer, client: httpx.Client) -> None:
    body = {"index_name": "a", "models": [{"model_name": "marengo3.0", "model_options": ["visual"]}]}
    client.post("/indexes", json=body)
    with SandboxServer(media=FakeMedia(), api_key="other") as second:
        answer = httpx.get(f"{second.base_url}/indexes", headers={"x-api-key": "other"}, trust_env=False)
        assert answer.json()["data"] == []
        assert httpx.get(f"{second.base_url}/indexes", headers={"x-api-key": KEY}, trust_env=False).status_code == 401


def test_temporary_folder_goes_and_a_given_one_stays(tmp_path: Path) -> None:
    with SandboxServer(media=FakeMedia()) as server:
        folder = server.world.core.folder
        assert folder.is_dir()
    assert not folder.exists()
    data = tmp_path / "data"
    body = {"index_name": "a", "models": [{"model_name": "marengo3.0", "model_options": ["visual"]}]}
    with SandboxServer(data, media=FakeMedia()) as server:
        httpx.post(f"{server.base_url}/indexes", json=body, headers={"x-api-key": KEY}, trust_env=False)
        port = server.port
    with SandboxServer(data, port, media=FakeMedia()) as server:
        answer = httpx.get(f"{server.base_url}/indexes", headers={"x-api-key": KEY}, trust_env=False)
        assert [index["index_name"] for index in answer.json()["data"]] == ["a"]
        assert server.ledger.count("indexes.create") == 1


def test_one_sandbox_per_folder(tmp_path: Path) -> None:
    with (
        SandboxServer(tmp_path, media=FakeMedia()),
        pytest.raises(AlreadyRunning),
        SandboxServer(tmp_path, media=FakeMedia()),
    ):
        pass


def test_taken_port_is_said(shared: SandboxServer) -> None:
    with pytest.raises(ConfigError, match=str(shared.port)), SandboxServer(port=shared.port, media=FakeMedia()):
        pass


def test_big_chunks_are_not_held_in_memory() -> None:
    """64 MiB through a PUT must not cost 64 MiB."""
    block = bytes(MIB)
    with SandboxServer(media=FakeMedia(), chunk_size_bytes=64 * MIB) as server:
        headers = {"x-api-key": KEY}
        with httpx.Client(base_url=server.base_url, headers=headers, trust_env=False) as client:
            url = open_session(client, 64 * MIB)["upload_urls"][0]["url"]
        put(url, b"", **{"content-length": "0"})  # warm: what the first call costs is not measured
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = put(url, (block for _ in range(64)), **{"content-length": str(64 * MIB)})
        assert answer.status_code == 200
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
        assert grown_kib < 32 * 1024


def test_control_over_http(server: SandboxServer, client: httpx.Client) -> None:
    root = f"http://127.0.0.1:{server.port}/sandbox"
    rule = {"on": "indexes.list", "action": "answer", "status": 500, "nth": 2, "times": None}
    assert httpx.post(f"{root}/faults", json=rule, trust_env=False).status_code == 201
    assert [client.get("/indexes").status_code for _ in range(3)] == [200, 500, 500]
    assert httpx.get(f"{root}/faults", trust_env=False).json()["faults"][0]["hits"] == 2
    assert httpx.delete(f"{root}/faults", trust_env=False).status_code == 204
    assert client.get("/indexes").status_code == 200
    ledger = httpx.get(f"{root}/ledger", trust_env=False).json()
    assert ledger["counts"] == {"indexes.list": 4}
    assert httpx.post(f"{root}/faults", json={"action": "explode"}, trust_env=False).status_code == 400
    assert httpx.post(f"{root}/faults", json={"action": "answer", "typo": 1}, trust_env=False).status_code == 400
    url = open_session(client, 1000)["upload_urls"][0]["url"]
    assert httpx.post(f"{root}/faults", json={"action": "expire_urls"}, trust_env=False).status_code == 204
    assert put(url, bytes(1000)).status_code == 403
