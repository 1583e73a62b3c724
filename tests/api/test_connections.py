from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tlsync.api import TwelveLabs, connections
from tlsync.api.connections import HttpClient, shared_ssl_context, timeout
from tlsync.errors import Interrupted, TlsyncError, Unreachable

from .helpers import ID, KEY, FakeClock, QuietHandler, Wire, real_server


def test_all_clients_share_one_ssl_context_that_checks() -> None:
    context = shared_ssl_context()
    assert context is shared_ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname


def test_the_loggers_of_the_libraries_are_quiet() -> None:
    code = (
        "import logging; logging.basicConfig(level=logging.DEBUG); import tlsync.api;"
        "print([logging.getLogger(n).getEffectiveLevel() for n in ('httpx', 'httpcore', 'httpcore.http11')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str([logging.WARNING] * 3)


def test_a_client_follows_nothing_and_trusts_no_environment() -> None:
    with HttpClient(Wire(), None, 60.0) as client:
        assert not client.follow_redirects and not client.trust_env


@pytest.mark.parametrize(("read_s", "connect_s"), [(60.0, 10.0), (600.0, 10.0), (2.0, 2.0)])
def test_connecting_takes_ten_seconds_at_most(read_s: float, connect_s: float) -> None:
    assert timeout(read_s) == httpx.Timeout(read_s, connect=connect_s)


def test_a_server_that_does_not_speak_tls_gets_no_key(clock: FakeClock) -> None:
    """The handshake fails closed; nothing readable went out."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            for _ in range(3):
                connection, _ = listener.accept()
                with connection:
                    received.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        base_url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1.3"
        with TwelveLabs(KEY, base_url, clock=clock) as client, pytest.raises(Unreachable):
            client.assets.retrieve(ID)
        thread.join()
    assert received and not any(KEY.encode() in block for block in received)


@pytest.mark.parametrize("what", ["before the answer", "in the answer", "in a stream", "chunk"])
def test_closing_wakes_a_thread_that_waits_for_an_answer(what: str) -> None:
    arrived, release = threading.Event(), threading.Event()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            arrived.set()
            release.wait(10)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"event_type": "stream_start"}\n')
            self.do_GET()

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

    def work() -> None:
        try:
            if what == "before the answer":
                client.assets.retrieve(ID)
            elif what == "in the answer":
                client.analyze(video_id=ID, prompt="p")
            elif what == "in a stream":
                with client.analyze_stream(video_id=ID, prompt="p") as stream:
                    list(stream)
            else:
                client.storage.put_chunk(f"{origin}/c", lambda: iter([b"x"]), 1, {})
        except TlsyncError as error:
            caught.append(error)

    caught: list[TlsyncError] = []
    with real_server(Handler) as origin, TwelveLabs(KEY, f"{origin}/v1.3") as client:
        thread = threading.Thread(target=work)
        thread.start()
        assert arrived.wait(5)
        client.close()
        thread.join(5)
        is_stuck = thread.is_alive()
        release.set()
    assert not is_stuck and [type(error) for error in caught] == [Interrupted]


@pytest.mark.parametrize(
    ("names", "named_file", "is_looked_into"),
    [
        (["3513523f.0", "Root.pem"], "", True),
        (["ca-bundle.crt"], "", False),
        ([], "", False),
        (["3513523f.0"], "/etc/own.pem", False),
    ],
)
def test_a_folder_of_authorities_is_looked_into_where_names_are_hashes(
    names: list[str], named_file: str, is_looked_into: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise all of the system's authorities are read at once, with the file that the environment names."""
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", named_file)
    assert connections._folder_of_authorities() == (str(tmp_path) if is_looked_into else None)
