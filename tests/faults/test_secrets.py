"""Secrets stay secret: rows S1 to S6."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from tests.api.helpers import ID, QuietHandler, real_server
from tests.desk import CANARY_KEY, Desk, make_large, wait_until
from tests.faults.conftest import Row
from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.errors import BadAnswer, ConfigError, InsecureUrl, TlsyncError, Unreachable
from tlsync.sandbox.server import SandboxServer

MakeClip = Callable[..., Path]
SIGNED_ERROR = f"see https://storage.example/x?X-Amz-Signature=c4n4ry5ign&key={CANARY_KEY} or x-api-key: {CANARY_KEY}"
_SIGNATURE = re.compile(rb"(?i)signature=(?!\*\*\*)[0-9a-z]|c4n4ry5ign")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with SandboxServer(api_key=CANARY_KEY, chunk_size_bytes=64 * 1024, first_urls=2) as server:
        yield Desk(tmp_path, server)


@contextmanager
def running(desk: Desk, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive its test."""
    process = desk.start(*arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def artefacts(desk: Desk) -> list[Path]:
    return [path for path in desk.folder.rglob("*") if path.is_file() and path.suffix != ".mp4"]


def troubled_story(desk: Desk, make_clip: MakeClip) -> None:
    """A pass with the most talkative logs, in which much goes wrong and the platform quotes what it was sent."""
    make_large(make_clip(desk.footage / "clip.mp4"), 500_000)
    make_clip(desk.footage / "other.mp4", duration_s=6)
    (desk.footage / "broken.mp4").write_bytes(b"no media")
    quoting = {"code": "trouble", "message": SIGNED_ERROR}
    desk.server.faults.answer("storage.put", 403, body=f"<Error><Message>{SIGNED_ERROR}</Message></Error>", times=2)
    desk.server.faults.lose_answer("storage.put", nth=4)
    desk.server.faults.answer("indexes.indexed_assets.create", 500, body=quoting)
    desk.server.faults.answer("assets.retrieve", 400, body=quoting, nth=2)
    desk.run("-vv", "--log-format", "json", "sync")


@pytest.mark.merge
def test_s24_running_as_root_is_warned_of(row: Row, desk: Desk) -> None:
    """Not refused: in a container there is nobody else."""
    row.needs("root")
    with running(desk, "run"):
        wait_until(lambda: any("runs as root" in path.read_text() for path in desk.output.iterdir()), "the warning")
    row.say("warned of once, not refused")


@pytest.mark.merge
def test_s01_the_key_is_nowhere(row: Row, desk: Desk, make_clip: MakeClip) -> None:
    """Not in output, logs, catalog, journal or sidecars; not in argv, nor in the environment of a child; no core."""
    troubled_story(desk, make_clip)
    make_clip(desk.footage / "new.mp4", duration_s=7)
    with running(desk, "-vv", "run") as process:
        wait_until(lambda: (desk.footage / "new.mp4.tlsync.json").exists(), "the sidecar")
        seen = [path for path in artefacts(desk) if CANARY_KEY.encode() in path.read_bytes()]  # -wal and -shm, too
        assert any(path.name.endswith("-wal") for path in artefacts(desk))
        if sys.platform == "linux":
            proc = Path("/proc") / str(process.pid)
            assert CANARY_KEY.encode() not in (proc / "cmdline").read_bytes()
            children = (proc / "task" / str(process.pid) / "children").read_text().split()
            children += [pid for task in (proc / "task").iterdir() for pid in (task / "children").read_text().split()]
            assert children, "the media reader runs"
            for pid in children:
                assert CANARY_KEY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
                assert CANARY_KEY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
            assert re.search(r"Max core file size +0 +0 ", (proc / "limits").read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    desk.run("show", str(desk.footage / "clip.mp4"), "--json")
    desk.run("status", "--json")
    files = artefacts(desk)
    seen += [path for path in files if CANARY_KEY.encode() in path.read_bytes()]
    row.say(f"{len(seen)} hits in {len(files)} artefacts")
    assert not seen


def test_s01_no_memory_is_readable(row: Row, tmp_path: Path) -> None:
    """The process that holds the key writes no core and can't be looked into by others of the same user."""
    if sys.platform != "linux":
        row.gap("only Linux can be asked")
    script = (
        "import ctypes, resource, threading; from tlsync.cli.wiring import platform_client\n"
        "from tlsync.config import parse_settings\n"
        "with platform_client(parse_settings('', '')):\n"
        "    print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    environment = {**os.environ, "TWELVE_LABS_API_KEY": CANARY_KEY}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "0 (0, 0)", done.stderr
    row.say("not dumpable, core limit 0")


@pytest.mark.parametrize("where", ["main", "thread"])
def test_s01_tracebacks_of_unexpected_errors(row: Row, where: str) -> None:
    """What nobody caught goes through the log and its redaction; Python's own way would print it bare."""
    script = (
        "import logging, sys, threading; from tlsync import logs; from tlsync.secret import Secret\n"
        "logs.set_up(logging.WARNING); logs.register_secret(Secret(sys.argv[1]))\n"
        "def fail(): raise RuntimeError(f'key {sys.argv[1]} at https://s.example/?X-Amz-Signature=c4n4ry5ign')\n"
        "threading.Thread(target=fail).start() if sys.argv[2] == 'thread' else fail()"
    )
    command = [sys.executable, "-c", script, CANARY_KEY, where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "RuntimeError" in done.stderr
    assert CANARY_KEY not in done.stderr and "c4n4ry5ign" not in done.stderr
    row.say("0 hits in uncaught tracebacks")


@pytest.mark.merge
def test_s02_signatures_are_nowhere(row: Row, desk: Desk, make_clip: MakeClip) -> None:
    """No presigned URL and no signed link, wherever the platform puts them."""
    troubled_story(desk, make_clip)
    desk.run("-vv", "search", "clip")
    desk.run("-vv", "show", str(desk.footage / "clip.mp4"), "--json")
    files = artefacts(desk)
    seen = [path for path in files if _SIGNATURE.search(path.read_bytes())]
    row.say(f"{len(seen)} hits in {len(files)} artefacts")
    assert not seen


@pytest.mark.parametrize(
    "arguments",
    [
        ("--api-key", CANARY_KEY, "sync"),
        (f"--api-key={CANARY_KEY}", "sync"),
        ("sync", "--api-key", CANARY_KEY),
        ("sync", f"--api_key={CANARY_KEY}"),
        (f"-k{CANARY_KEY}", "status"),
        ("api", "indexes.list", f"--api-key={CANARY_KEY}"),
    ],
)
def test_s03_no_key_on_the_command_line(
    row: Row, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no such option: exit code 2, and what was typed is not repeated."""
    from tlsync.cli.main import main

    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert CANARY_KEY not in said.out + said.err
    row.say("exit code 2, key not repeated")


class _Recorder:
    """An origin that notes every request that reaches it."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []

        outer = self

        class Handler(QuietHandler):
            def _note(self) -> None:
                outer.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.reply(200, b'{"data": []}', ETag='"0cc175b9c0f1b6a831c399e269772661"')

            do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_CONNECT = _note

        self.handler: type[BaseHTTPRequestHandler] = Handler

    def with_key(self) -> int:
        return sum(CANARY_KEY in str(request) for request in self.requests)


@pytest.mark.parametrize("status", [307, *(pytest.param(one, marks=pytest.mark.merge) for one in (301, 302, 303, 308))])
def test_s04_redirects_are_not_followed(row: Row, workshop: Workshop, make_clip: MakeClip, status: int) -> None:
    """Neither by the API nor by storage: nothing at all arrives at the other origin."""
    make_clip(workshop.footage / "clip.mp4")
    other = _Recorder()
    with real_server(other.handler) as origin:
        for call in ("storage.put", "indexes.list", "multipart_upload.create"):
            workshop.server.faults.answer(call, status, headers={"location": f"{origin}/v1.3/{call}"})
            try:
                workshop.sync()
            except TlsyncError:
                pass  # the point is where it does not go
        client = TwelveLabs(CANARY_KEY, workshop.server.base_url, retries=QUICK_RETRIES)
        workshop.server.faults.answer("*", status, headers={"location": f"{origin}/v1.3/x"}, times=None)
        with client, pytest.raises(BadAnswer):
            client.indexes.list().page(1)
    assert not other.requests
    row.say("0 requests at the other origin")


def test_s05_each_host_gets_only_its_own(row: Row) -> None:
    """Storage never sees the key; the API never sees a signature."""
    api, storage = _Recorder(), _Recorder()
    with (
        real_server(api.handler) as api_origin,
        real_server(storage.handler) as storage_origin,
        TwelveLabs(CANARY_KEY, f"{api_origin}/v1.3", retries=QUICK_RETRIES) as client,
    ):
        for number in range(20):
            client.indexes.list().page(1)
            url = f"{storage_origin}/part?partNumber={number}&X-Amz-Signature=c4n4ry5ign"
            headers = {"x-api-key": CANARY_KEY, "X-Api-Key": CANARY_KEY} if number % 2 else {}
            client.storage.put_chunk(url, lambda: iter([b"a"]), 1, headers)
    assert (len(api.requests), len(storage.requests)) == (20, 20)
    assert api.with_key() == 20
    assert storage.with_key() == 0
    assert "c4n4ry5ign" not in str(api.requests)
    row.say("0 keys at storage, 0 signatures at the API, 40 requests")


@contextmanager
def tls_server(certificate: trustme.LeafCert, recorder: _Recorder) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), recorder.handler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]  # refused handshakes
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("case", ["good", "wrong name", "unknown authority", "expired"])
def test_s06_only_a_good_certificate_is_trusted(row: Row, case: str) -> None:
    """By the API and by storage; the message says why, and not a byte of a request goes out."""
    known, stranger = trustme.CA(), trustme.CA()
    past = datetime.now(UTC) - timedelta(days=2)
    certificate = {
        "good": lambda: known.issue_cert("localhost"),
        "wrong name": lambda: known.issue_cert("other.example"),
        "unknown authority": lambda: stranger.issue_cert("localhost"),
        "expired": lambda: known.issue_cert("localhost", not_before=past - timedelta(days=1), not_after=past),
    }[case]()
    trusting = ssl.create_default_context()
    known.configure_trust(trusting)
    server = _Recorder()
    with tls_server(certificate, server) as port:
        base_url = f"https://localhost:{port}/v1.3"
        with TwelveLabs(CANARY_KEY, base_url, ssl_context=trusting, retries=QUICK_RETRIES) as client:
            if case == "good":
                client.indexes.list().page(1)
                assert server.with_key() == 1
                return
            reason = {"wrong name": "another name", "unknown authority": "nobody known", "expired": "has expired"}[case]
            with pytest.raises(Unreachable, match=reason):
                client.assets.retrieve(ID)
            with pytest.raises(Unreachable, match=reason):
                client.storage.put_chunk(f"https://localhost:{port}/part", lambda: iter([b"a"]), 1, {})
    assert not server.requests
    row.say(f"{case}: refused, 0 requests")


def test_s06_plain_http_only_to_this_machine(row: Row) -> None:
    for url in ("http://api.example.com/v1.3", "http://192.168.1.5/v1.3", "http://localhost.example.com/v1.3"):
        with pytest.raises(ConfigError, match="clear"):
            TwelveLabs(CANARY_KEY, url)
    with TwelveLabs(CANARY_KEY, "https://api.example.com/v1.3") as client, pytest.raises(InsecureUrl):
        client.storage.put_chunk("http://storage.example.com/x", lambda: iter([b"a"]), 1, {})
    row.say("plain http: 4/4 refused")


def test_s06_proxies_of_the_environment_are_not_used(row: Row, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets a variable must not see the key: the real command goes straight to the platform."""
    proxy = _Recorder()
    with real_server(proxy.handler) as origin:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, origin)
        code, _, err = desk.run("api", "indexes.list")
    assert code == 0, err
    assert not proxy.requests
    row.say("0 requests at the proxy")
