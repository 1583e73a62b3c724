"""The tree in the file system of this machine, read by ordinary programs."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.desk import CANARY_KEY, CHUNK_BYTES, Desk, wait_until
from tests.mirror.shelves import Entry, fill
from tlsync.mirror import mount
from tlsync.models import Cue
from tlsync.sandbox.server import SandboxServer

MakeClip = Callable[..., Path]


def _what_is_missing() -> str:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse is not there or not open to this user"
    if shutil.which("fusermount3") is None:
        return "fusermount3 is not installed"
    try:
        mount.check_fuse()
    except Exception as error:
        return str(error)
    return ""


_MISSING = _what_is_missing()
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"nothing can be mounted: {_MISSING}")


class Stand:
    """A person's machine with a mounted tree."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.folder = desk.folder / "tree"
        self.folder.mkdir()
        self.servers: list[subprocess.Popen[str]] = []

    def fill(self, *entries: Entry) -> None:
        fill(self.desk.state_dir, self.desk.footage, entries)

    def mount(self) -> subprocess.Popen[str]:
        server = self.desk.start("mount", str(self.folder))
        self.servers.append(server)
        wait_until(lambda: self.is_mounted() or server.poll() is not None, "the mount")
        assert self.is_mounted(), self.said()
        return server

    def is_mounted(self) -> bool:
        return mount.is_alive(self.folder)

    def said(self) -> str:
        """All that was written to stderr."""
        return "".join(path.read_text() for path in self.desk.output.glob("*.err"))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=self.folder)

    def clean_up(self) -> None:
        for found in mount._ours():
            if found.is_relative_to(self.desk.folder):
                subprocess.run(["fusermount3", "-u", "-z", "--", str(found)], check=False, timeout=20)
        for server in self.servers:
            if server.poll() is None:
                server.kill()
            server.wait(10)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with SandboxServer(api_key=CANARY_KEY, chunk_size_bytes=CHUNK_BYTES, first_urls=4) as server:
        stand = Stand(Desk(tmp_path.resolve(), server))
        try:
            yield stand
        finally:
            stand.clean_up()


def test_ordinary_programs_read_the_tree(stand: Stand, tmp_path: Path) -> None:
    stand.fill(*(Entry(f"day {n % 3}/clip {n:02d}.mp4") for n in range(12)))
    stand.mount()
    by_folder = stand.folder / "clips" / "by-folder" / "footage"
    found = stand.run("find", "clips/by-folder", "-name", "summary.txt")
    assert (found.returncode, len(found.stdout.splitlines())) == (0, 12)
    assert stand.run("cat", "clips/by-topic/boats/clip 03.mp4/summary.txt").stdout == "A boat crosses a lake.\n"
    assert len(stand.run("grep", "-rl", "What a boat", "clips/by-folder").stdout.splitlines()) == 12 * 3
    copied = tmp_path / "copied"
    assert stand.run("cp", "-r", str(by_folder), str(copied)).returncode == 0
    files = [path for path in copied.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) == 12 * 8
    for path in files:
        assert path.read_bytes() == (by_folder / path.relative_to(copied)).read_bytes()
    apparent = stand.run("du", "-sb", "--apparent-size", "clips/by-folder")
    assert int(apparent.stdout.split()[0]) >= sum(path.stat().st_size for path in files)
    assert "max threads" not in stand.said()


def test_a_file_dialog_walks_through_everything(stand: Stand) -> None:
    """Names, attributes, and the beginning of each file: sizes are true, nothing waits, and links lead somewhere."""
    stand.fill(*(Entry(f"clip {n}.mp4") for n in range(5)))
    stand.mount()
    seen = 0
    for folder, folders, files in os.walk(stand.folder):
        for name in folders + files:
            path = Path(folder, name)
            found = path.lstat()
            if path.is_symlink():
                assert found.st_size == len(os.fsencode(path.readlink()))
                assert path.name == "media" or path.resolve().is_relative_to(stand.folder)
            elif path.is_file():
                with path.open("rb") as stream:
                    beginning = stream.read(4096)
                assert len(beginning) == min(found.st_size, 4096)
                assert os.access(path, os.R_OK)
            seen += 1
    assert seen > 5 * 9


def test_sixty_four_readers_at_once(stand: Stand) -> None:
    stand.fill(*(Entry(f"clip {n}.mp4") for n in range(8)))
    stand.mount()
    here = stand.folder / "clips" / "by-folder" / "footage"

    def read(number: int) -> int:
        clip = here / f"clip {number % 8}.mp4"
        return sum(len(path.read_bytes()) for path in clip.iterdir() if not path.is_symlink())

    with ThreadPoolExecutor(64) as readers:
        sizes = list(readers.map(read, range(256)))
    assert len(set(sizes)) == 1
    assert sizes[0] > 1000


def test_nothing_can_be_written(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    stand.mount()
    clip = stand.folder / "clips" / "by-folder" / "footage" / "lake.mp4"
    attempts: list[Callable[[], object]] = [
        lambda: (clip / "summary.txt").write_text("mine"),
        lambda: (clip / "new.txt").touch(),
        lambda: (clip / "summary.txt").unlink(),
        lambda: (clip / "summary.txt").rename(clip / "other.txt"),
        lambda: (clip / "summary.txt").chmod(0o600),
        lambda: (stand.folder / "clips" / "new").mkdir(),
        lambda: clip.rmdir(),
        lambda: (clip / "link").symlink_to("x"),
        lambda: os.truncate(clip / "summary.txt", 0),
    ]
    for attempt in attempts:
        with pytest.raises(OSError) as refused:
            attempt()
        assert refused.value.errno == errno.EROFS
    assert (clip / "summary.txt").read_text() == "A boat crosses a lake.\n"


def test_the_mount_is_tame(stand: Stand) -> None:
    """No devices, no programs, nobody's rights, for this user alone."""
    stand.mount()
    rows = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    row = next(row for row in rows if row[4] == str(stand.folder))
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(row[5].split(","))
    assert f"user_id={os.getuid()}" in row[-1]
    assert "allow_other" not in row[-1]


def test_a_mount_whose_process_was_killed_is_mended(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    server = stand.mount()
    server.kill()
    server.wait(10)
    with pytest.raises(OSError) as dead:
        os.listdir(stand.folder)
    assert dead.value.errno == errno.ENOTCONN
    listed = stand.desk.json("unmount")["mounts"]
    assert {"folder": str(stand.folder), "alive": False, "state": "dead"} in listed
    stand.mount()
    assert os.listdir(stand.folder) == ["clips"]


def test_a_dead_mount_can_be_taken_away(stand: Stand) -> None:
    server = stand.mount()
    server.kill()
    server.wait(10)
    code, _, said = stand.desk.run("unmount", str(stand.folder))
    assert (code, os.listdir(stand.folder)) == (0, []), said


def test_a_mount_that_does_not_answer_can_be_taken_away(stand: Stand) -> None:
    """Its process was stopped: nothing of ours may hang with it."""
    server = stand.mount()
    server.send_signal(signal.SIGSTOP)
    try:
        code, _, said = stand.desk.run("unmount", str(stand.folder))
        assert (code, stand.folder in mount._ours()) == (0, False), said
    finally:
        server.send_signal(signal.SIGCONT)


def test_in_the_background_and_through_a_link(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    link = stand.desk.folder / "link"
    link.symlink_to(stand.desk.folder)
    code, out, said = stand.desk.run("mount", "--background", str(link / "tree"))
    assert (code, out) == (0, ""), said
    assert "max threads" not in said
    assert os.listdir(stand.folder) == ["clips"]
    code, _, said = stand.desk.run("mount", "--background", str(stand.folder))
    assert code == 2
    assert "mounted there already" in said
    code, _, said = stand.desk.run("unmount", str(link / "tree"))
    assert code == 0, said
    assert not stand.is_mounted()
    assert os.listdir(stand.folder) == []
    assert (stand.desk.state_dir / "mount.log").read_text().count("\n") <= 1


def test_a_mount_that_is_in_use_says_so(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    stand.mount()
    with (stand.folder / "clips" / "by-folder" / "footage" / "lake.mp4" / "info.json").open():
        code, _, said = stand.desk.run("unmount", str(stand.folder))
    assert code == 2
    assert "close what is open in it" in said
    assert stand.is_mounted()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(stand: Stand, number: signal.Signals) -> None:
    server = stand.mount()
    server.send_signal(number)
    assert server.wait(20) == 0
    assert not stand.is_mounted()
    assert "Traceback" not in stand.said()
    assert "refuses" not in stand.said()


def test_the_catalog_comes_later_changes_and_is_replaced(stand: Stand) -> None:
    stand.mount()
    assert os.listdir(stand.folder) == []
    footage = stand.folder / "clips" / "by-folder" / "footage"
    stand.fill(Entry("lake.mp4"))
    wait_until(lambda: footage.exists() and os.listdir(footage) == ["lake.mp4"], "the first clip")
    stand.fill(Entry("sea.mp4"))
    wait_until(lambda: sorted(os.listdir(footage)) == ["lake.mp4", "sea.mp4"], "the second clip")
    connection = sqlite3.connect(stand.desk.state_dir / "catalog.db")
    with connection:
        connection.execute("UPDATE enrichments SET value = '\"Now much longer than before.\"' WHERE kind = 'summary'")
    connection.close()
    summary = footage / "sea.mp4" / "summary.txt"
    wait_until(lambda: summary.read_text() == "Now much longer than before.\n", "the new text")
    aside = stand.desk.state_dir / "aside"
    aside.mkdir()
    for path in stand.desk.state_dir.glob("catalog.db*"):
        path.rename(aside / path.name)
    stand.fill(Entry("rebuilt.mp4"))
    wait_until(lambda: os.listdir(footage) == ["rebuilt.mp4"], "the rebuilt catalog")


def test_a_search_is_entered_and_stays_when_the_network_is_away(stand: Stand, make_clip: MakeClip) -> None:
    """One story, since it needs a real sync: entering a query searches; away is said and the answer kept."""
    make_clip(stand.desk.footage / "lake.mp4", cues=(Cue(0.5, 2.25, "Boats on the lake."),))
    stand.desk.json("sync")
    stand.mount()
    search = stand.folder / "clips" / "search"
    assert os.listdir(search) == []
    stand.desk.server.faults.delay("search.create", 2)
    first = os.listdir(search / "boats")
    assert first == ["…loading"]
    assert "being asked" in (search / "boats" / "…loading").read_text()
    wait_until(lambda: "…loading" not in os.listdir(search / "boats"), "the hits")
    hits = sorted(os.listdir(search / "boats"))
    assert "001 00-00-00.500–00-00-02.250 lake.mp4" in hits
    assert json.loads((search / "boats" / hits[0] / "info.json").read_text())["rank"] == 1
    assert (search / "boats" / hits[0] / "clip" / "info.json").exists()
    assert "Boats on the lake." in (search / "boats" / hits[0] / "transcript.txt").read_text()
    thumbnail = stand.folder / "clips" / "by-folder" / "footage" / "lake.mp4" / "thumbnail.jpg"
    wait_until(thumbnail.exists, "the thumbnail")
    assert thumbnail.read_bytes()[:3] == b"\xff\xd8\xff"
    assert os.listdir(search) == ["boats"]
    assert stand.desk.server.ledger.counts()["search.create"] == 1

    stand.desk.server.faults.answer("*", 503, times=None)
    assert sorted(os.listdir(search / "boats")) == hits
    assert os.listdir(search / "lake") == ["…loading"]
    stand.desk.server.faults.clear()
    wait_until(lambda: not {"…loading", "…offline"} & set(os.listdir(search / "lake")), "the network again", 90)
    assert CANARY_KEY not in stand.said()
