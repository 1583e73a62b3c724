"""F22–F25, F46: watching is a hint, scanning is the truth. Limits, storms, silence and races lose nothing."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.engine.test_scanner import Bench
from tests.faults.conftest import Row
from tests.faults.disks import folders, root_of, running, wait_until, watches
from tests.workshop import Workshop
from tlsync.config import SidecarSettings, SyncSettings
from tlsync.errors import CatalogError
from tlsync.models import FileId
from tlsync.states import FileState
from tlsync.store.reader import CatalogReader

MakeClip = Callable[..., Path]
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(workshop: Workshop, tmp_path: Path) -> Iterator[Start]:
    """`tlsync run` in a process of its own, perhaps inside another command."""
    started: list[subprocess.Popen[bytes]] = []
    config = tmp_path / "config.toml"
    config.write_text(
        f'state_dir = "{workshop.state_dir}"\n[[root]]\npath = "{workshop.footage}"\nindex = "clips"\n'
        '[sync]\nsettle = "0.2 s"\npoll = "0.1 s"\n'
    )

    def begin(*around: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "TWELVE_LABS_API_KEY": workshop.server.api_key,
            "TWELVELABS_BASE_URL": workshop.server.base_url,
        }
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                [*around, sys.executable, "-m", "tlsync", "--config", str(config), "run"], env=environment, stderr=log
            )
        started.append(process)
        wait_until(lambda: workshop.state_dir.joinpath("catalog.db").exists(), "the daemon")
        wait_until(lambda: is_scanned(workshop), "a scan")
        return process

    yield begin
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def is_scanned(workshop: Workshop) -> bool:
    try:
        with CatalogReader(workshop.state_dir) as reader:
            return any(root["last_scan_at"] for root in reader.roots())
    except CatalogError:
        return False  # it is being made


def found(workshop: Workshop) -> int:
    return len(workshop.files())


@pytest.mark.merge
@pytest.mark.long
def test_f22_fewer_watches_than_folders(row: Row, workshop: Workshop, start: Start) -> None:
    """Said with the setting that helps, and polled: everything is found within a poll interval."""
    row.needs("unshare")
    for number in range(50):
        (workshop.footage / f"day{number}").mkdir()
    limited = ("unshare", "-U", "-r", "sh", "-c", 'echo 20 > /proc/sys/user/max_inotify_watches && exec "$@"', "sh")
    if subprocess.run([*limited, "true"], capture_output=True).returncode:
        row.gap("needs user namespaces")
    start(*limited)
    wait_until(lambda: root_of(workshop)["watching"] == "polling", "polling")
    note = root_of(workshop)["note"]
    assert "of 51 folders: raise fs.inotify.max_user_watches" in note
    for number in range(50):
        (workshop.footage / f"day{number}" / "clip.mp4").write_bytes(b"not a clip")
    took_s = wait_until(lambda: found(workshop) == 50, "all files", 40)
    row.say(f"{note.split(':')[0]}; 50 of 50 files found within {took_s:.1f} s")


@pytest.mark.long
def test_f22_no_watcher_at_all(row: Row, workshop: Workshop, start: Start) -> None:
    """The limit of instances: the same, without any event."""
    row.needs("unshare")
    limited = ("unshare", "-U", "-r", "sh", "-c", 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', "sh")
    if subprocess.run([*limited, "true"], capture_output=True).returncode:
        row.gap("needs user namespaces")
    start(*limited)
    assert "raise fs.inotify.max_user_instances" in root_of(workshop)["note"]
    for number in range(20):
        (workshop.footage / f"clip{number}.mp4").write_bytes(b"not a clip")
    took_s = wait_until(lambda: found(workshop) == 20, "all files", 40)
    row.say(f"no watcher allowed: 20 of 20 files found within {took_s:.1f} s")


@pytest.mark.merge
@pytest.mark.long
def test_f23_more_events_than_the_system_keeps(row: Row, workshop: Workshop, start: Start) -> None:
    """While the daemon stands still the queue overflows; what it lost is found by a scan, and said."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    noise = row.times(every=1, merge=1, long=3) * limit
    if noise > 100_000:
        row.gap(f"the queue of this system holds {limit} events")
    clips = row.times(every=100, merge=100, long=5000)
    daemon = start()
    daemon.send_signal(signal.SIGSTOP)
    for number in range(noise):
        (workshop.footage / f"{number}.txt").touch()
    for number in range(clips):
        (workshop.footage / f"{number}.mp4").write_bytes(b"not a clip")
    daemon.send_signal(signal.SIGCONT)
    notes = set()

    def is_all_found() -> bool:
        notes.add(root_of(workshop)["note"])  # it goes once a later scan came to its end
        return found(workshop) == clips

    took_s = wait_until(is_all_found, "all files", 100)
    assert any("faster than the system could tell" in note for note in notes), notes
    row.say(f"{noise} creations before {clips} clips in one burst: {clips} of {clips} found within {took_s:.1f} s")


@pytest.mark.merge
@pytest.mark.long
def test_f24_changes_underneath_that_nothing_tells_of(
    row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path
) -> None:
    """An overlay gives no events for changes below it: `watch = "auto"` polls it."""
    row.needs("root", "mount")
    lower = tmp_path / "lower"
    lower.mkdir()
    options = f"lowerdir={lower}:{tmp_path / 'none'}"
    (tmp_path / "none").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", options, str(workshop.footage)], capture_output=True
    )
    if mounted.returncode:
        row.gap("can't mount an overlay here")
    workshop.changes["sidecar"] = SidecarSettings(location="central")
    try:
        with running(workshop):
            wait_until(lambda: root_of(workshop)["last_scan_at"], "a scan")
            assert root_of(workshop)["watching"] == "polling"
            make_clip(lower / "clip.mp4")
            took_s = wait_until(lambda: found(workshop) == 1, "the clip", 40)
            wait_until(lambda: set(workshop.states().values()) == {"enriched"}, "the rest")
    finally:
        subprocess.run(["umount", "-l", str(workshop.footage)], capture_output=True)
    row.say(f"overlay: polled; a clip that came underneath was found after {took_s:.1f} s (interval 10 s)")


def test_f25_folders_made_and_filled_at_once(row: Row, workshop: Workshop) -> None:
    """`mkdir -p` and a file in it, again and again: no file is missed, without any rescan."""
    races(row, workshop, row.times(every=40, merge=300, long=10_000))


@pytest.mark.long
def test_f25_folders_made_and_filled_at_once_at_length(row: Row, workshop: Workshop) -> None:
    """The same with more files."""
    races(row, workshop, row.times(every=300, long=10_000))


def races(row: Row, workshop: Workshop, files: int) -> None:
    workshop.changes["sync"] = SyncSettings(settle_s=0.05, poll_s=0.05, rescan_s=3600)
    with running(workshop):
        wait_until(lambda: root_of(workshop)["last_scan_at"], "a scan")
        for number in range(files):
            below = workshop.footage / f"{number % 97}" / f"{number}" / "deep"
            below.mkdir(parents=True)
            (below / "clip.mp4").write_bytes(b"not a clip")
        took_s = wait_until(lambda: found(workshop) == files, "all files", 20 + files / 20)
        wait_until(lambda: watches() == folders(workshop.footage), "the watches")
    row.say(f"{files} x mkdir -p and a file: 0 missed, {took_s:.1f} s after the last")


@pytest.mark.merge
@pytest.mark.long
def test_f25_trees_that_move(row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    """Renamed again and again, moved out and back in: nothing is missed, and nothing is sent again."""
    clips, storms = row.times(every=4, long=12), row.times(every=5, long=60)
    outside = tmp_path / "outside"
    here = day = workshop.footage / "day"
    day.mkdir()
    for number in range(clips):
        clip = make_clip(day / f"{number}.mp4")
        with clip.open("ab") as stream:
            stream.write(b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
    with running(workshop):

        def is_done(folder: str) -> bool:
            there = {name: state for name, state in workshop.states().items() if state != "missing"}
            return there == {f"{folder}/{number}.mp4": "enriched" for number in range(clips)}

        wait_until(lambda: is_done("day"), "the first round")
        sent = workshop.counts().get("storage.put")
        for number in range(storms):
            names = [f"day {number} {step}" for step in range(5)]
            for name in names:
                here = here.rename(workshop.footage / name)
            wait_until(lambda here=here: is_done(here.name), "the renamed folder")
            here.rename(outside)
            back = workshop.footage / f"back {number}"
            shutil.move(outside, back)
            wait_until(lambda back=back: is_done(back.name), "the folder that came back")
            here = back
        assert workshop.counts().get("storage.put") == sent
    assert workshop.server.ledger.count("multipart_upload.create") == clips
    row.say(f"{storms} storms of 5 renames, a move out and back, {clips} clips: 0 missed, 0 bytes sent again")


@pytest.mark.long
def test_f46_a_million_files(row: Row, tmp_path: Path, fake_clock: FakeClock) -> None:
    """Found, and found again, in a time and a memory that can be told."""
    row.needs("root", "mount")
    files, per_folder = row.times(long=1_000_000), 5
    volume = tmp_path / "volume"
    volume.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=0,size=2g", "tmpfs", str(volume)], check=True)
    try:
        bench = Bench(volume, fake_clock)
        for number in range(files // per_folder):
            folder = bench.footage / f"{number % 1000}" / f"{number}"
            folder.mkdir(parents=True)
            for clip in range(per_folder):
                os.mknod(folder / f"{clip}.mp4")
        told = 0

        def tell(ids: Sequence[FileId], state: FileState) -> None:
            nonlocal told
            told += len(ids)

        bench.scanner._on_work = tell  # the workbench would remember every name
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started_s = time.monotonic()
        assert bench.scan()
        first_s = time.monotonic() - started_s
        assert told == files
        started_s = time.monotonic()
        assert bench.scan()
        again_s = time.monotonic() - started_s
        assert told == 2 * files
        grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
        assert grown_mib < 256
        started_s = time.monotonic()
        with CatalogReader(volume / "state") as reader:
            assert sum(reader.counts().values()) == files
        status_s = time.monotonic() - started_s
        bench.store.close()
    finally:
        subprocess.run(["umount", "-l", str(volume)], check=True)
    row.say(
        f"{files} files: first scan {first_s:.0f} s, again {again_s:.0f} s, {grown_mib:.0f} MiB more memory,"
        f" counted in {status_s * 1000:.0f} ms"
    )
