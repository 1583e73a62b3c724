"""A platform that lies: rows S7 to S9 and S20."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.helpers import BASE_URL, ID, KEY, Wire, json_reply
from tests.desk import make_large
from tests.faults.conftest import Row
from tests.faults.test_planted_files import sync_to_the_end
from tests.hostile_names import HOSTILE_IDS, assert_harmless, hostile_name
from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.errors import BadAnswer, InsecureUrl, Rejected, TlsyncError, Transient, Unreachable
from tlsync.names_on_disk import collation_key, unique_names

MakeClip = Callable[..., Path]

HOSTILE_URLS = (
    *("file:///etc/passwd", "ftp://storage.example.com/x", "gopher://storage.example.com/x", "data:,x", "javascript:1"),
    *("http://storage.example.com/x", "//storage.example.com/x", "https://user:pw@storage.example.com/x", "", "x"),
    *("https://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/x", "https://metadata.google.internal/x"),
    *(
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.0.0.1/x",
        "https://192.168.1.1/x",
        "https://172.16.0.1/x",
    ),
    *(
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://[64:ff9b::a00:1]/x",
        "https://0/x",
    ),
    *("https://100.64.0.1/x", "https://[fe80::1]/x", "https://printer.local/x", "https://nas/x", "https://a\nb/x"),
)


def test_s07_no_bytes_go_to_hostile_upload_urls(row: Row) -> None:
    """https to public places only: the file is not even opened for anything else."""
    read: list[str] = []
    storage = Wire(httpx.Response(200, headers={"etag": '"a"'}))
    client = TwelveLabs(KEY, BASE_URL, transport=Wire(), storage_transport=storage, retries=QUICK_RETRIES)
    with client:
        for url in HOSTILE_URLS:

            def body(url: str = url) -> Iterator[bytes]:
                read.append(url)
                yield b"x"

            with pytest.raises(InsecureUrl) as caught:
                client.storage.put_chunk(url, body, 1, {})
            assert not url or len(url) < 5 or url not in str(caught.value)
    assert not read and not storage.requests
    row.say(f"{len(HOSTILE_URLS)} URLs: 0 bytes")


@pytest.mark.merge
def test_s07_the_engine_parks_the_file_and_goes_on(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """A session with a hostile URL: nothing is sent, the next file is not held up."""
    make_clip(workshop.footage / "one.mp4")
    make_large(make_clip(workshop.footage / "other.mp4"), 1000)
    session = {
        "upload_id": ID,
        "asset_id": ID,
        "chunk_size": 10**8,
        "total_chunks": 1,
        "upload_urls": [{"chunk_index": 1, "url": "http://169.254.169.254/latest/meta-data"}],
    }
    workshop.server.faults.answer("multipart_upload.create", 201, body=session)
    sync_to_the_end(workshop)
    assert sorted(workshop.states().values()) == ["enriched", "failed"]  # whichever asked first got it
    assert workshop.server.ledger.count("unknown") == 0
    row.say("hostile upload URL: 0 bytes, the file that got it is set aside, the other one is through")


def test_s07_names_that_lead_into_the_own_network(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public name with a private address: whoever listens there has no certificate for the name, and gets nothing."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        port = listener.getsockname()[1]

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                received.append(connection.recv(65536))
                connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 0\r\n\r\n')

        thread = threading.Thread(target=serve)
        thread.start()
        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **how: real("127.0.0.1", *more, **how))
        with TwelveLabs(KEY, BASE_URL, retries=QUICK_RETRIES) as client, pytest.raises(Unreachable):
            client.storage.put_chunk(f"https://storage.example.com:{port}/x", lambda: iter([b"FILEBYTES"]), 9, {})
        thread.join()
    assert received and not any(b"FILEBYTES" in block or b"PUT" in block for block in received)
    row.say("0 file bytes at a private address behind a public name")


@pytest.mark.merge
@pytest.mark.long
def test_s08_names_from_the_platform(row: Row) -> None:
    """Whatever the platform calls its assets: each name is one component inside the folder, and no two are the same."""
    _names(row, row.times(merge=50_000, long=1_000_000))


def test_s08_some_names_from_the_platform(row: Row) -> None:
    """As above, shorter."""
    _names(row, 2_000)


def _names(row: Row, amount: int) -> None:
    def id_of(number: int) -> str:
        return row.random.choice(HOSTILE_IDS) if row.random.random() < 0.1 else f"{number:024x}"

    items = [(hostile_name(row.random), id_of(number)) for number in range(amount)]
    names = unique_names(items)
    for name in names:
        assert_harmless(name)
    collisions = amount - len({collation_key(name) for name in names})
    row.say(f"{amount} names: 0 escapes, {collisions} collisions")
    assert collisions == 0


def test_s09_ids_never_name_another_endpoint(row: Row) -> None:
    """An id that is none is refused before anything is sent; a token that may hold anything is percent-encoded."""
    wire = Wire(json_reply({"data": [], "page_info": {}}))
    refused = 0
    with TwelveLabs(KEY, BASE_URL, transport=wire, storage_transport=wire, retries=QUICK_RETRIES) as client:
        calls: list[Callable[[str], object]] = [
            client.assets.retrieve,
            client.assets.delete,
            client.indexes.retrieve,
            client.indexes.delete,
            lambda id: client.multipart_upload.get_status(id).first,  # type: ignore[arg-type]
            lambda id: client.multipart_upload.get_additional_presigned_urls(id, start=1, count=1),  # type: ignore[arg-type]
        ]
        for call in calls:
            for id in HOSTILE_IDS:
                with pytest.raises(Rejected, match="is not a possible"):
                    call(id)
                refused += 1
        assert not wire.requests
        for token in ("a/../../indexes", "a?b=c", "a#b", "%2e%2e", "a//b"):
            client.search.retrieve(token)
            path = wire.last.url.raw_path.decode()
            assert path.startswith("/v1.3/search/") and path.count("/") == 3 and "?" not in path
    row.say(f"{refused} hostile ids: 0 sent")


@pytest.mark.merge
def test_s09_hostile_ids_in_answers_concern_one_file(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """They end as a typed error, like an id that was given before; no call goes elsewhere, and later all is well."""
    for number in range(4):
        make_large(make_clip(workshop.footage / f"{number}.mp4"), 100 + number)
    session = {"upload_id": ID, "asset_id": ID, "chunk_size": 10**8, "total_chunks": 1, "upload_urls": []}
    lies = ({"upload_id": "../../indexes?x=\0"}, {"asset_id": "a/../b"}, {}, {})
    for lie in lies:
        workshop.server.faults.answer("multipart_upload.create", 201, body={**session, **lie})
    sync_to_the_end(workshop)
    assert workshop.server.ledger.count("unknown") == 0
    states = list(workshop.states().values())
    row.say(f"{len(lies)} hostile answers: 0 calls elsewhere, {states.count('enriched')} of 4 files through")
    assert states.count("enriched") >= 2


# --- S20


@contextmanager
def scripted(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request and then does as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    answer(connection)
                except OSError:
                    pass  # the client has seen enough

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1.3"
    finally:
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


_GREEDY = """
import gzip, io, resource, socket, sys, threading, zlib
sys.path.insert(0, {folder!r})
from tests.faults.test_hostile_platform import scripted
from tests.workshop import QUICK_RETRIES
from tlsync.api import TwelveLabs
from tlsync.errors import TlsyncError

def squeezed(times):
    packer, out = zlib.compressobj(9, zlib.DEFLATED, 31), io.BytesIO()
    out.write(packer.compress(b'["')); zeros = bytes(2**20)
    for _ in range(times): out.write(packer.compress(zeros))
    return out.getvalue() + packer.flush()
bomb = squeezed(1024)
HEAD = b"HTTP/1.1 200 OK\\r\\n"
def endless(c):
    c.sendall(HEAD + b"\\r\\n[")
    while True: c.sendall(b'"' + b"x" * 2**20 + b'",')
def gzip_bomb(c): c.sendall(HEAD + b"content-encoding: gzip\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(bomb) + bomb)
def twice(c):
    twofold = gzip.compress(bomb)
    c.sendall(HEAD + b"content-encoding: gzip, gzip\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(twofold) + twofold)
def refusal(c): c.sendall(b"HTTP/1.1 400 Bad\\r\\ncontent-encoding: gzip\\r\\n\\r\\n" + bomb)
def headers(c):
    c.sendall(HEAD)
    while True: c.sendall(b"".join(b"x-%d: " % n + b"y" * 1000 + b"\\r\\n" for n in range(100)))
def long_header(c):
    c.sendall(HEAD + b"x: ")
    while True: c.sendall(b"y" * 2**16)
def nested(c): c.sendall(HEAD + b"\\r\\n" + b"[" * 5_000_000)
def lines(c):
    c.sendall(HEAD + b"\\r\\n")
    while True: c.sendall(b"x" * 2**20)
base_kib = 0
for attack in (endless, gzip_bomb, twice, refusal, headers, long_header, nested):
    with scripted(attack) as url, TwelveLabs("k" * 20, url, retries=QUICK_RETRIES, timeout_s=20) as client:
        for call in (lambda: client.indexes.list().page(1),
                     lambda: client.storage.put_chunk(url + "/x?s=1", lambda: iter([b"a"]), 1, {{}})):
            try: call()
            except TlsyncError as error: print(attack.__name__, type(error).__name__, flush=True)
            else: print(attack.__name__, "answered", flush=True)
print("MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.merge
def test_s20_greedy_answers_are_cut_off(row: Row) -> None:
    """Endless JSON, 1 GiB in a megabyte of gzip (once and twice packed), floods of headers, five million brackets:
    typed errors, and memory stays bounded."""
    folder = str(Path(__file__).parent.parent.parent)
    command = [sys.executable, "-c", _GREEDY.format(folder=folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd=folder)
    assert done.returncode == 0, done.stderr
    *attacks, memory = done.stdout.splitlines()
    assert len(attacks) == 14
    assert not [line for line in attacks if line.endswith("answered") and line.split()[0] in ("endless", "twice")]
    used_mib = int(memory.split()[1])
    row.say(f"7 attacks on API and storage: typed errors, at most {used_mib} MiB")
    assert used_mib < 400


def test_s20_a_gzip_bomb_is_cut_off(row: Row) -> None:
    """Unpacked block by block: reading stops at the cap, however small the packed form is."""
    import gzip

    packed = gzip.compress(b'{"data": ["' + bytes(80 * 2**20) + b'"]}', 1)

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + packed)

    with (
        scripted(answer) as url,
        TwelveLabs(KEY, url, retries=QUICK_RETRIES) as client,
        pytest.raises(BadAnswer, match="longer than 64 MiB"),
    ):
        client.indexes.list().page(1)
    row.say(f"{len(packed)} bytes that stand for 80 MiB: cut off at 64 MiB")


NUMBERS: tuple[Any, ...] = (0, -1, 2**63, 2**64, 10**400, 1.5, True, "5", [], {}, float("nan"), float("inf"), 1e308)
SESSION = {"upload_id": ID, "asset_id": ID, "chunk_size": 10, "total_chunks": 2, "upload_urls": []}


def test_s20_sessions_that_make_no_sense(row: Row) -> None:
    """Sizes and counts that no file has: a typed error, whatever is done with them."""
    tried = 0
    for field in ("chunk_size", "total_chunks", "upload_urls", "upload_id", "upload_headers"):
        for value in NUMBERS:
            body = json.dumps({**SESSION, field: value}).encode()
            wire = Wire(httpx.Response(201, content=body))
            with TwelveLabs(KEY, BASE_URL, transport=wire, storage_transport=wire, retries=QUICK_RETRIES) as client:
                try:
                    answer = client.multipart_upload.create(filename="a", total_size=20)
                except TlsyncError as error:
                    assert isinstance(error, BadAnswer | Transient), error
                else:
                    assert 1 <= answer.chunk_size <= 2**44
                    assert 1 <= answer.total_chunks <= 10**6
            tried += 1
    row.say(f"{tried} senseless sessions: typed errors")


@pytest.mark.merge
def test_s20_the_engine_survives_senseless_sessions(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """Chunk numbers out of range, totals that do not fit, a file for each: parked, nothing sent, and the last one
    goes through."""
    lies: list[dict[str, Any]] = [
        {"chunk_size": 0},
        {"chunk_size": -5},
        {"chunk_size": 2**63},
        {"total_chunks": 10**6},
        {"chunk_size": 1, "total_chunks": 10**6},
        {"chunk_size": 10**8, "total_chunks": 1, "upload_urls": [{"chunk_index": 77, "url": "https://s.example/x"}]},
        {"chunk_size": 10**8, "total_chunks": 1, "upload_urls": [{"chunk_index": 0, "url": "https://s.example/x"}]},
        {"chunk_size": 10**8, "total_chunks": 1, "expires_at": "never"},
        {"chunk_size": 10**8, "total_chunks": 1, "upload_headers": {"a\r\nb": "c"}},
    ]
    for number in range(len(lies) + 1):
        make_large(make_clip(workshop.footage / f"{number}.mp4"), 100 + number)
    for lie in lies:
        workshop.server.faults.answer("multipart_upload.create", 201, body={**SESSION, **lie})
    sync_to_the_end(workshop)
    states = list(workshop.states().values())
    row.say(f"{len(lies)} lies: {states.count('enriched')} of {len(states)} files are through, {workshop.states()}")
    assert states.count("enriched") >= 1
    assert not any("Error" in view.reason and "unexpected" in view.reason for view in workshop.files().values())


def test_s20_pages_without_end(row: Row) -> None:
    """A list whose pages never end, or that says so of every page, comes to an end."""
    endless = Wire(lambda request: json_reply({"data": [{"_id": ID}], "page_info": {"total_page": 10**18}}))
    with TwelveLabs(KEY, BASE_URL, transport=endless, retries=QUICK_RETRIES) as client:
        taken = 0
        for taken, _ in enumerate(client.indexes.list(), 1):
            if taken >= 2_000:
                break
        assert taken == 2_000  # lazily: nothing is asked for ahead
    same = Wire(json_reply({"data": [{"_id": ID}], "page_info": {"page": 1, "total_page": 10**18}}))
    with TwelveLabs(KEY, BASE_URL, transport=same, retries=QUICK_RETRIES) as client:
        assert len(list(client.indexes.list())) == 1
    circle = Wire(json_reply({"data": [], "page_info": {"next_page_token": "t"}}))
    with TwelveLabs(KEY, BASE_URL, transport=circle, retries=QUICK_RETRIES) as client, pytest.raises(BadAnswer):
        list(client.search.create(index_id=ID, query_text="x", search_options=["visual"]))
    row.say("endless pages: lazy, or ended")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["_id", "data", "page_info", "status", "code", "message", "error", "url", "upload_urls", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
_BODIES = st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode())
_HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "date", "x-ratelimit-reset", "x-request-id", "content-encoding", "etag"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_BODIES, status=st.integers(100, 599).filter(lambda s: s >= 200), headers=_HEADERS)
def test_s20_any_answer_is_a_value_or_a_typed_error(
    row: Row, body: bytes, status: int, headers: dict[str, str]
) -> None:
    """Whatever the body, status and headers: nothing but the errors of tlsync comes out of a call."""
    packed = [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if name != "content-encoding"]

    class Once(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.read()
            return httpx.Response(status, headers=packed, stream=httpx.ByteStream(body))

    from tests.conftest import FakeClock

    client = TwelveLabs(
        KEY, BASE_URL, transport=Once(), storage_transport=Once(), retries=QUICK_RETRIES, clock=FakeClock()
    )
    calls: list[Callable[[], object]] = [
        lambda: client.indexes.list().page(1),
        lambda: client.multipart_upload.create(filename="a", total_size=20),
        lambda: client.assets.retrieve(ID),
        lambda: client.summarize(video_id=ID, type="chapter"),
        lambda: client.storage.put_chunk("https://storage.example.com/x", lambda: iter([b"a"]), 1, {}),
    ]
    with client:
        for call in calls:
            try:
                call()
            except TlsyncError as error:
                assert len(str(error)) < 2_000
                assert str(error).isprintable()


def test_s20_random_answers_from_the_seed(row: Row) -> None:
    """Damaged forms of a good answer: cut, flipped, repeated."""
    good = json.dumps({"data": [{"_id": ID, "index_name": "a", "models": []}], "page_info": {"page": 1}}).encode()
    amount = row.times(every=300, merge=5_000, long=100_000)
    errors = 0
    for _ in range(amount):
        body = _damaged(row.random, good)
        wire = Wire(httpx.Response(200, content=body))
        with TwelveLabs(KEY, BASE_URL, transport=wire, retries=QUICK_RETRIES.__class__(attempts=1)) as client:
            try:
                client.indexes.list().page(1)
            except BadAnswer:
                errors += 1
    row.say(f"{amount} damaged answers: {errors} typed errors, 0 others")


def _damaged(source: random.Random, good: bytes) -> bytes:
    body = bytearray(good)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(body)) if body else 0
        match source.randrange(4):
            case 0:
                body[at : at + 1] = os.urandom(0) + bytes([source.randrange(256)])
            case 1:
                del body[at : at + source.randrange(1, 10)]
            case 2:
                body[at:at] = source.choice([b"NaN", b"-Infinity", b"1e999", b"[[[[", b'"', b"null", b"\\ud800"])
            case _:
                body += body[at:]
    return bytes(body)
