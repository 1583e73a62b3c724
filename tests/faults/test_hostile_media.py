"""Media files that attack their reader: row S22."""

from __future__ import annotations

import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.desk import CANARY_KEY
from tests.faults.conftest import Row
from tlsync.errors import FileError, NotEligible
from tlsync.media.probe import Prober


@contextmanager
def listening() -> Iterator[tuple[int, list[object]]]:
    """A port, and who connected to it."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, address = listener.accept()
                except OSError:
                    return
                came.append(address)
                connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def hostile_files(port: int, secret: Path) -> dict[str, bytes]:
    """Lists, scripts and boxes that name other files and URLs, or ask for all memory and time."""
    url = f"http://127.0.0.1:{port}/x.ts"
    names = {"url": url, "file": f"file://{secret}", "path": str(secret), "tcp": f"tcp://127.0.0.1:{port}"}
    files: dict[str, bytes] = {}
    for how, target in names.items():
        text = target.encode()
        files[f"hls-{how}.mp4"] = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n" + text + b"\n#EXT-X-ENDLIST\n"
        files[f"hls-key-{how}.ts"] = (
            b'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="' + text + b'"\n#EXTINF:5,\n' + text + b"\n#EXT-X-ENDLIST\n"
        )
        files[f"concat-{how}.mov"] = b"ffconcat version 1.0\nfile '" + text + b"'\n"
        files[f"sdp-{how}.mp4"] = (
            b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video %d RTP/AVP 96\n" % port
        )
        files[f"dash-{how}.mp4"] = (
            b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation>'
            b"<BaseURL>" + text + b"</BaseURL></Representation></AdaptationSet></Period></MPD>"
        )
        reference = _box(b"url ", b"\0\0\0\0" + text + b"\0")
        dref = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1) + reference))
        moov = _box(b"moov", _box(b"trak", _box(b"mdia", _box(b"minf", dref))))
        files[f"dref-{how}.mp4"] = _box(b"ftyp", b"isom\0\0\0\0isom") + moov
        files[f"rmra-{how}.mov"] = _box(
            b"moov", _box(b"rmra", _box(b"rmda", _box(b"rdrf", b"\0\0\0\0url " + struct.pack(">I", len(text)) + text)))
        )
    deep = b""
    for _ in range(20_000):
        deep = struct.pack(">I4s", 8 + len(deep), b"moov") + deep if len(deep) < 160_000 else deep
    files["deep.mp4"] = deep
    huge = struct.pack(">II", 0, 2**31 - 1)
    for table in (b"stts", b"stsc", b"stsz", b"stco", b"ctts", b"elst"):
        stbl = _box(b"moov", _box(b"trak", _box(b"mdia", _box(b"minf", _box(b"stbl", _box(table, huge * 2))))))
        files[f"huge-{table.decode()}.mp4"] = _box(b"ftyp", b"isom\0\0\0\0isom") + stbl
    files["zeros.mkv"] = bytes(2**20)
    files["ebml.mkv"] = b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff" * 50_000
    files["riff.avi"] = b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrl" * 10_000
    files["-i.mp4"] = b"x"
    files["--version.mp4"] = b"x"
    files["|id.mp4"] = b"x"
    files["pipe:0.mp4"] = b"x"
    files["concat:a|b.mp4"] = b"x"
    return files


def test_s22_nothing_is_fetched_and_nothing_hangs(row: Row, tmp_path: Path) -> None:
    """Every file is refused in time, no connection is made, and no other file is read."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = tmp_path / "media"
    folder.mkdir()
    slowest_s = 0.0
    with listening() as (port, came), Prober(cpu_limit_s=10, time_limit_s=30) as prober:
        files = hostile_files(port, secret)
        for name, content in files.items():
            path = folder / name
            path.write_bytes(content)
            began_s = time.monotonic()
            with pytest.raises(NotEligible) as caught:
                prober.probe(path)
            assert "secret" not in caught.value.message
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        assert not came
    row.say(f"{len(files)} hostile files: 0 connections, slowest answer {slowest_s:.1f} s")


@pytest.mark.merge
def test_s22_damaged_media(row: Row, tmp_path: Path, make_clip: object) -> None:
    """A real clip with bytes of its headers turned: an answer or a refusal, and the next file is read."""
    assert callable(make_clip)
    good = make_clip(tmp_path / "good.mp4").read_bytes()
    amount = row.times(merge=200, long=5_000)
    refused = 0
    with Prober(cpu_limit_s=5, time_limit_s=20) as prober:
        for _ in range(amount):
            body = bytearray(good)
            for _ in range(row.random.randint(1, 8)):
                body[row.random.randrange(min(len(body), 6_000))] = row.random.randrange(256)
            (tmp_path / "bad.mp4").write_bytes(body)
            try:
                prober.probe(tmp_path / "bad.mp4")
            except FileError:
                refused += 1
        assert prober.probe(tmp_path / "good.mp4").kind == "video"
    row.say(f"{amount} damaged clips, {refused} refused, 0 crashes of tlsync")


def test_s22_the_reader_has_nothing_to_give_away(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key in its environment, no open file of tlsync, limits on memory, time and output."""
    if sys.platform != "linux":
        row.gap("only Linux can be asked")
    monkeypatch.setenv("TWELVE_LABS_API_KEY", CANARY_KEY)
    monkeypatch.setenv("SOME_TOKEN", CANARY_KEY)
    precious = tmp_path / "precious.db"
    precious.write_bytes(b"x")
    (tmp_path / "x.mp4").write_bytes(b"x")
    with precious.open("rb"), socket.create_server(("127.0.0.1", 0)), Prober(cpu_limit_s=7) as prober:
        before = _children()
        with pytest.raises(NotEligible):
            prober.probe(tmp_path / "x.mp4")
        (pid,) = _children() - before
        proc = Path("/proc") / pid
        environment = (proc / "environ").read_bytes()
        names = {entry.split(b"=")[0].decode() for entry in environment.split(b"\0") if entry}
        assert CANARY_KEY.encode() not in environment
        assert names <= {"PATH", "TMPDIR", "TEMP", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONPATH", "SYSTEMROOT"}
        opened = {str(entry.readlink()) for entry in (proc / "fd").iterdir()}
        assert not any("precious" in target or "socket" in target for target in opened), opened
        limits = (proc / "limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
        assert re.search(r"Max file size +0 +0 ", limits)
        assert re.search(r"Max address space +\d+ +\d+ ", limits)
        assert re.search(r"Max cpu time +\d+ ", limits)
    row.say("0 secrets, 0 foreign descriptors, limits on core, output, memory and time")


def _children() -> set[str]:
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}
