"""What others put into the folders that tlsync reads and writes: rows S10 to S13."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import CANARY_KEY, Desk, make_large, wait_until
from tests.faults.conftest import Row
from tests.workshop import Workshop, sha256_of
from tlsync.api_key import load_api_key
from tlsync.config import SidecarSettings
from tlsync.errors import CatalogError, ConfigError, FileError
from tlsync.media import identity
from tlsync.store.process_lock import only_one
from tlsync.store.requests import Request, post

MakeClip = Callable[..., Path]


@pytest.fixture
def private(tmp_path: Path, make_clip: MakeClip) -> Path:
    """A folder outside the watched one, with a film that nobody may see."""
    folder = tmp_path / "private"
    folder.mkdir()
    make_clip(folder / "clip.mp4", duration_s=6)
    return folder


def sync_to_the_end(workshop: Workshop) -> None:
    """On a busy machine a pass may leave files for later, since they seem to be written to."""
    for _ in range(5):
        workshop.sync()
        if not {"discovered", "settling"} & set(workshop.states().values()):
            return


def snapshot(folder: Path) -> dict[Path, tuple[str, int]]:
    return {p: (sha256_of(p), p.stat().st_mode) for p in folder.rglob("*") if p.is_file()}


def test_s10_links_in_the_watched_folder(row: Row, workshop: Workshop, make_clip: MakeClip, private: Path) -> None:
    """Links to a file, to a folder, to the folder above and to themselves: nothing behind them is sent."""
    make_clip(workshop.footage / "mine.mp4")
    (workshop.footage / "file.mp4").symlink_to(private / "clip.mp4")
    (workshop.footage / "folder").symlink_to(private)
    (workshop.footage / "up").symlink_to(workshop.footage.parent)
    (workshop.footage / "self.mp4").symlink_to("self.mp4")
    (workshop.footage / "chain.mp4").symlink_to("file.mp4")
    sync_to_the_end(workshop)
    assert workshop.states() == {"mine.mp4": "enriched"}
    assert list(workshop.remote_contents()) == [sha256_of(workshop.footage / "mine.mp4")]
    row.say("5 links: 0 foreign bytes sent")


def test_s10_a_root_may_be_a_link(row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    """The person who configured it meant what it leads to; only below it links are not followed."""
    real = tmp_path / "disk" / "footage"
    real.mkdir(parents=True)
    (real / "day").mkdir()
    make_clip(real / "day" / "clip.mp4")
    workshop.footage.rmdir()
    workshop.footage.symlink_to(real)
    sync_to_the_end(workshop)
    assert list(workshop.states().values()) == ["enriched"]
    row.say("a linked root works")


@pytest.mark.parametrize("what", ["file", "folder"])
@pytest.mark.merge
@pytest.mark.long
def test_s10_exchanged_while_it_is_opened(row: Row, tmp_path: Path, what: str) -> None:
    """A file, or the folder above it, is exchanged for a link and back, as fast as can be: no foreign byte is read."""
    _race(row, tmp_path, what, row.times(every=300, merge=10_000, long=100_000))


@pytest.mark.parametrize("what", ["file", "folder"])
def test_s10_exchanged_a_few_times(row: Row, tmp_path: Path, what: str) -> None:
    """As above, shorter."""
    _race(row, tmp_path, what, 300)


_EXCHANGER = """
import os, sys
place, behind, aside, link = sys.argv[1:]
print("ready", flush=True)
while True:
    os.symlink(behind, link)
    os.rename(place, aside)
    os.rename(link, place)
    os.unlink(place)
    os.rename(aside, place)
"""


def _race(row: Row, tmp_path: Path, what: str, rounds: int) -> None:
    root, foreign = tmp_path / "root", tmp_path / "foreign"
    for folder, content in ((root / "day", b"mine"), (foreign, b"PRIVATE")):
        folder.mkdir(parents=True)
        (folder / "clip.mp4").write_bytes(content)
    path = root / "day" / "clip.mp4"
    place, behind = (path, foreign / "clip.mp4") if what == "file" else (root / "day", foreign)
    command = [sys.executable, "-c", _EXCHANGER, place, behind, tmp_path / "aside", tmp_path / "link"]
    read = {b"mine": 0, b"PRIVATE": 0}
    refused = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as exchanger:  # a thread would take turns with this one
        try:
            assert exchanger.stdout is not None
            exchanger.stdout.readline()
            deadline_s = time.monotonic() + 30
            opens = turns = 0
            was_read = False
            # On a busy machine the other process may stand still for a while: go on until it was met in all its states.
            while (opens < rounds or turns < 20) and time.monotonic() < deadline_s:
                opens += 1
                before, was_read = was_read, False
                try:
                    with identity.open_media(path, root) as fd:
                        read[os.read(fd, 100)] += 1
                        was_read = True
                except FileError:
                    refused += 1
                turns += was_read != before
        finally:
            exchanger.kill()
    row.say(f"{what}: {opens} opens in a race, {refused} refused, {read[b'PRIVATE']} foreign")
    assert read[b"PRIVATE"] == 0


def test_s11_links_where_tlsync_writes_beside_media(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """A link, dangling link, hard link or folder with a sidecar's name: what it leads to is as it was."""
    target = workshop.footage.parent / "precious.txt"
    target.write_text("precious")
    places = {}
    for number, kind in enumerate(("link", "dangling", "hard", "folder")):
        media = make_large(make_clip(workshop.footage / f"{kind}.mp4"), 100 + number)
        places[kind] = Path(f"{media}.tlsync.json")
    places["link"].symlink_to(target)
    places["dangling"].symlink_to(workshop.footage.parent / "new.txt")
    places["hard"].hardlink_to(target)
    places["folder"].mkdir()
    sync_to_the_end(workshop)
    assert target.read_text() == "precious"
    assert not (workshop.footage.parent / "new.txt").exists()
    codes = {kind: workshop.files()[f"{kind}.mp4"].error_code for kind in places}
    assert set(codes.values()) == {"sidecar_blocked"}, codes
    row.say("4 planted sidecars: 0 foreign writes")


def test_s11_a_link_as_the_hidden_folder(row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    """`.tlsync` is made by tlsync: a link in its place is not written through."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    make_clip(workshop.footage / "clip.mp4")
    (workshop.footage / ".tlsync").symlink_to(foreign)
    workshop.changes["sidecar"] = SidecarSettings(location="hidden")
    sync_to_the_end(workshop)
    assert not list(foreign.iterdir())
    assert workshop.files()["clip.mp4"].error_code == "sidecar_blocked"
    row.say("0 files in the foreign folder")


@pytest.mark.parametrize("name", ["catalog.db", "catalog.db-wal", "lock", "pause.json", "requests", "sidecars"])
def test_s11_links_in_the_state_folder(row: Row, tmp_path: Path, name: str) -> None:
    """A link where the catalog or the lock belongs is refused before anything is opened."""
    state_dir, foreign = tmp_path / "state", tmp_path / "foreign"
    state_dir.mkdir(mode=0o700)
    foreign.write_text("precious")
    (state_dir / name).symlink_to(foreign)
    with pytest.raises(CatalogError, match="is a link"), only_one(state_dir):
        pass
    assert foreign.read_text() == "precious"
    row.say(f"{name}: refused, 0 foreign writes")


def test_s11_hard_links_and_open_state_folders(row: Row, tmp_path: Path) -> None:
    """A lock that is also somebody's file keeps its text; a folder that all may write into is refused."""
    state_dir, foreign = tmp_path / "state", tmp_path / "foreign"
    state_dir.mkdir(mode=0o700)
    foreign.write_text("precious")
    (state_dir / "lock").hardlink_to(foreign)
    with only_one(state_dir):
        pass
    assert foreign.read_text() == "precious"
    for mode in (0o777, 0o1777, 0o703):
        state_dir.chmod(mode)
        with pytest.raises(CatalogError, match="everybody"), only_one(state_dir):
            pass
    row.say("0 foreign writes")


def test_s11_a_link_as_the_folder_of_requests(row: Row, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "requests").symlink_to(foreign)
    with pytest.raises(CatalogError):
        post(tmp_path / "state", Request("retry"))
    assert not list(foreign.iterdir())
    row.say("0 foreign writes")


FOREIGN_TEXTS = (
    b"",
    b"{}",
    b"not json",
    b'{"v": 1}',
    b'{"v": 1, "generator": "other 1.0"}',
    b'{"generator": 5}',
    b"[]",
    b"\xff\xfe",
    b'{"v": 1, "generator": "tlsyncish"}',
    b'{"generator": "tlsync 0.1.0"',
)


def test_s12_files_of_other_programs_are_not_overwritten(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """Neither `clip.json` nor a `clip.mp4.tlsync.json` that does not bear our mark."""
    for number, content in enumerate(FOREIGN_TEXTS):
        media = make_large(make_clip(workshop.footage / f"{number}.mp4"), 100 + number)
        media.with_suffix(".json").write_bytes(b"mine")
        Path(f"{media}.json").write_bytes(b"mine")
        Path(f"{media}.tlsync.json").write_bytes(content)
    before = snapshot(workshop.footage)
    sync_to_the_end(workshop)
    assert snapshot(workshop.footage) == before
    assert {file.error_code for file in workshop.files().values()} == {"sidecar_blocked"}
    row.say(f"{len(FOREIGN_TEXTS)} files with the name of a sidecar, 0 overwritten")


@pytest.mark.merge
@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_s13_rights_of_what_tlsync_keeps(row: Row, desk: Desk, make_clip: MakeClip, mask: int) -> None:
    """Whatever the umask: folders 0700, files 0600, while it runs and afterwards. Sidecars beside media follow it."""
    make_clip(desk.footage / "clip.mp4")
    desk.state_dir = desk.folder / "deep" / "er" / "state"
    desk.configure('[sidecar]\nlocation = "central"\n')
    wrong: list[str] = []
    seen: set[str] = set()

    def look() -> None:
        for path in (desk.folder / "deep").rglob("*"):
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                continue
            seen.add(path.name)
            if mode & 0o077:
                wrong.append(f"{path.name} {mode & 0o777:o}")

    old = os.umask(mask)
    try:
        process = desk.start("run")
        try:
            central = desk.state_dir / "sidecars"
            wait_until(lambda: look() or list(central.rglob("*.tlsync.json")), "the sidecar")
            look()
        finally:
            process.terminate()
            process.wait(10)
        look()
        desk.configure()
        assert desk.run("sync")[0] == 0
    finally:
        os.umask(old)
    look()
    beside = desk.footage / "clip.mp4.tlsync.json"
    row.say(f"umask {mask:03o}: {len(wrong)} of {len(seen)} looser than 0600/0700")
    assert not wrong
    assert {"catalog.db", "catalog.db-wal", "catalog.db-shm", "lock"} <= seen
    assert not beside.exists() or beside.stat().st_mode & 0o777 == 0o644 & ~mask


def test_s13_an_older_copy_of_the_catalog_is_closed_again(row: Row, tmp_path: Path) -> None:
    """A catalog that was put back with other rights gets its own again."""
    state_dir = tmp_path / "state"
    with only_one(state_dir):
        pass
    (state_dir / "lock").chmod(0o644)
    with only_one(state_dir):
        assert (state_dir / "lock").stat().st_mode & 0o777 == 0o600
    row.say("0600 again")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_s13_a_key_file_that_others_can_read_is_refused(row: Row, tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(CANARY_KEY)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="others can read") as caught:
        load_api_key(path, {})
    assert CANARY_KEY not in str(caught.value)
    path.chmod(0o600)
    assert load_api_key(path, {}).reveal() == CANARY_KEY
    row.say("looser key files refused")


def test_s13_writing_at_the_same_time_leaves_the_umask(row: Row, tmp_path: Path) -> None:
    """Many threads write files: the process's umask is what it was, and so are the rights of the files."""
    from tlsync.store.atomic import write_whole

    old = os.umask(0o027)
    try:
        threads = [
            threading.Thread(target=lambda n=n: [write_whole(tmp_path / f"{n}-{i}", b"x") for i in range(40)])  # type: ignore[misc]
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = os.umask(0o027)
    finally:
        os.umask(old)
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert (left, modes) == (0o027, {0o640})
    row.say("160 files at once: umask and modes as they should be")
