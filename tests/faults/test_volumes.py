"""F15–F21: drives that go, come back, are pulled out, are others, or hang. Absence is not deletion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Row
from tests.faults.disks import Disk, folders, root_of, running, wait_until, watches
from tests.faults.passthrough import Passthrough
from tests.workshop import Workshop
from tlsync.config import RootSettings, SidecarSettings, SyncSettings, UploadSettings
from tlsync.store.reader import CatalogReader
from tlsync.timetable import constant

MakeClip = Callable[..., Path]
MakeDisk = Callable[..., Disk]


@pytest.fixture
def make_disk(row: Row, tmp_path: Path) -> Iterator[MakeDisk]:
    """Disks that are gone after the test, however it ends."""
    with ExitStack() as stack:
        made: list[Disk] = []

        def make(kind: str = "ext4") -> Disk:
            disk = Disk(row, tmp_path / f"disk{len(made)}.img", kind)
            made.append(disk)
            stack.callback(disk.close)
            return disk

        yield make


def fill(folder: Path, make_clip: MakeClip, clips: int = 3) -> None:
    """A few clips in folders of a few levels."""
    for number in range(clips):
        below = folder / f"day{number}" / "card"
        below.mkdir(parents=True)
        # A little `free` box at the end makes each a content of its own.
        clip = make_clip(below / "clip.mp4")
        with clip.open("ab") as stream:
            stream.write(b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
    os.sync()


def states(workshop: Workshop) -> set[str]:
    return set(workshop.states().values())


def enriched(workshop: Workshop, clips: int) -> bool:
    return list(workshop.states().values()).count("enriched") == clips


@pytest.mark.merge
@pytest.mark.long
def test_f15_unplugged_and_plugged_in_again(
    row: Row, workshop: Workshop, make_clip: MakeClip, make_disk: MakeDisk
) -> None:
    """An unplugged drive is said to be offline within 5 s; nothing is deleted or sent again; all is watched anew."""
    disk = make_disk()
    disk.plug(workshop.footage)
    fill(workshop.footage, make_clip)
    cycles = row.times(every=1, merge=6, long=100)
    slowest_s = 0.0
    with running(workshop):
        wait_until(lambda: enriched(workshop, 3), "the first round")
        moves = {name: workshop.history(name) for name in workshop.files()}
        counts = workshop.counts()
        for _ in range(cycles):
            scanned_at = root_of(workshop)["last_scan_at"]
            disk.unplug()
            slowest_s = max(slowest_s, wait_until(lambda: not root_of(workshop)["online"], "offline"))
            disk.plug(workshop.footage)
            wait_until(lambda: root_of(workshop)["online"], "online")
            wait_until(lambda scanned_at=scanned_at: root_of(workshop)["last_scan_at"] != scanned_at, "a scan")
            wait_until(lambda: watches() == folders(workshop.footage), "the watches")
        assert {name: workshop.history(name) for name in workshop.files()} == moves
        after = workshop.counts()
        for call in ("multipart_upload.create", "storage.put", "indexes.indexed_assets.create"):
            assert after.get(call) == counts.get(call), call
        # And events work: a new clip is seen.
        fill(workshop.footage / "new", make_clip, 1)
        wait_until(lambda: "new/day0/card/clip.mp4" in workshop.states(), "an event after all that", 20)
    row.say(
        f"{cycles} cycles: 0 deletions, 0 re-uploads, watches = directories each time,"
        f" offline after {slowest_s:.1f} s at most"
    )


@pytest.mark.merge
@pytest.mark.long
def test_f16_unplugged_in_the_middle_of_an_upload(
    row: Row, workshop: Workshop, make_clip: MakeClip, make_disk: MakeDisk
) -> None:
    """The volume is taken away while a clip is sent; back again, the same session goes on."""
    disk = make_disk()
    times = row.times(every=1, merge=2, long=20)
    workshop.changes["upload"] = UploadSettings(bandwidth=constant(400_000))
    recorded = 0
    for number in range(times):
        disk.plug(workshop.footage)
        name = f"clip{number}.mp4"
        clip = make_clip(workshop.footage / name)
        with clip.open("ab") as stream:
            stream.write((1_200_000).to_bytes(4, "big") + b"free" + row.random.randbytes(1_200_000 - 8))
        os.sync()
        with running(workshop):
            before = {(put.upload_id, put.chunk) for put in workshop.server.ledger.puts()}
            wait_until(lambda b=before: len(puts(workshop)) >= len(b) + 6, "a few chunks")
            disk.unplug(is_lazy=True)
            wait_until(lambda: not root_of(workshop)["online"], "offline")
            assert workshop.states()[name] in ("uploading", "failed")
            disk.plug(workshop.footage)
            wait_until(lambda n=name: workshop.states()[n] == "enriched", "the rest", 90)
        disk.unplug()
        recorded += len(puts(workshop))
    sessions = workshop.server.ledger.count("multipart_upload.create")
    twice = {chunk: sent for chunk, sent in puts(workshop).items() if sent > 1}
    assert sessions == times
    assert len(twice) <= times * workshop.settings.upload.workers, "only chunks that were on their way"
    row.say(f"{times} unplugs during an upload: {sessions} sessions, {len(twice)} chunks on their way sent again")


def puts(workshop: Workshop) -> dict[tuple[str, int], int]:
    return {(put.upload_id, put.chunk): put.puts for put in workshop.server.ledger.puts()}


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_f17_a_device_that_was_yanked(
    row: Row,
    workshop: Workshop,
    make_clip: MakeClip,
    make_disk: MakeDisk,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No event, and listings from memory: the first look at a file tells, and nothing is deleted."""
    disk = make_disk(kind)
    disk.plug(workshop.footage)
    fill(workshop.footage, make_clip)
    workshop.changes["sync"] = SyncSettings(settle_s=0.05, poll_s=0.05, rescan_s=1.0)
    with running(workshop):
        wait_until(lambda: enriched(workshop, 3), "the first round")
        caplog.clear()
        disk.yank()
        took_s = wait_until(lambda: not root_of(workshop)["online"], "offline")
        wait_until(lambda: any("offline" in record.getMessage() for record in caplog.records), "the notice")
        assert states(workshop) == {"enriched"}
    notices = [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    disk.unplug(is_lazy=True)
    disk.plug(workshop.footage)
    counts = workshop.counts()
    summary = workshop.sync()
    assert (summary.enriched, summary.uploaded) == (3, 0)
    assert workshop.counts().get("storage.put") == counts.get("storage.put")
    said = [record for record in notices if "offline" in record.getMessage()]
    assert len(said) == 1
    row.say(f"{kind} yanked: offline after {took_s:.1f} s, 0 deletions, {len(said)} notice")


@pytest.mark.merge
@pytest.mark.long
def test_f18_another_volume_or_an_empty_folder_at_the_path(
    row: Row, workshop: Workshop, make_clip: MakeClip, make_disk: MakeDisk
) -> None:
    """What is at the path of a root that is another one is not touched, and nothing is taken for deleted."""
    ours, theirs = make_disk(), make_disk()
    ours.plug(workshop.footage)
    fill(workshop.footage, make_clip)
    assert workshop.sync().enriched == 3
    ours.unplug()
    theirs.plug(workshop.footage)
    # Even with a file of the same name it stays another volume.
    fill(workshop.footage, make_clip, 1)
    with (workshop.footage / "day0/card/clip.mp4").open("ab") as stream:
        stream.write(b"\0\0\0\x08free")
    moves = {name: workshop.history(name) for name in workshop.files()}
    counts = workshop.counts()
    workshop.sync()
    assert (root_of(workshop)["condition"], root_of(workshop)["online"]) == ("foreign", False)
    assert "another volume is at this path" in root_of(workshop)["trouble"]
    theirs.unplug()
    workshop.sync()
    assert root_of(workshop)["condition"] == "foreign"
    assert "empty" in root_of(workshop)["trouble"]
    assert {name: workshop.history(name) for name in workshop.files()} == moves
    assert not list(workshop.footage.iterdir())
    ours.plug(workshop.footage)
    assert workshop.sync().enriched == 3
    assert workshop.counts().get("storage.put") == counts.get("storage.put")
    row.say("another volume and an empty folder at the path: 0 actions; told apart by the volume's UUID")


@pytest.mark.merge
@pytest.mark.long
def test_f19_root_renamed_deleted_or_covered(
    row: Row, workshop: Workshop, make_clip: MakeClip, make_disk: MakeDisk
) -> None:
    """Noticed without any event: by the mount table at once, by a look at the path within seconds."""
    fill(workshop.footage, make_clip)
    aside = workshop.footage.with_name("aside")
    with running(workshop):
        wait_until(lambda: enriched(workshop, 3), "the first round")
        workshop.footage.rename(aside)
        renamed_s = wait_until(lambda: not root_of(workshop)["online"], "the rename")
        workshop.footage.mkdir()
        wait_until(lambda: root_of(workshop)["condition"] == "foreign", "an empty folder")
        workshop.footage.rmdir()
        aside.rename(workshop.footage)
        wait_until(lambda: root_of(workshop)["online"], "the way back")
        wait_until(lambda: watches() == folders(workshop.footage), "the watches")
        disk = make_disk()
        disk.plug(workshop.footage)
        covered_s = wait_until(lambda: root_of(workshop)["condition"] == "foreign", "a volume over it")
        disk.unplug()
        wait_until(lambda: root_of(workshop)["online"], "the way back")
        assert states(workshop) == {"enriched"}
    assert workshop.server.ledger.count("multipart_upload.create") == 3
    row.say(f"renamed: noticed after {renamed_s:.1f} s; a volume mounted over it: after {covered_s:.1f} s; 0 deletions")


def two_roots(workshop: Workshop, other: Path) -> None:
    workshop.changes["roots"] = (
        RootSettings(path=workshop.footage, index="clips"),
        RootSettings(path=other, index="clips"),
    )
    workshop.changes["sync"] = workshop.settings.sync._replace(rescan_s=1.0)


@pytest.fixture
def share(row: Row, tmp_path: Path) -> Iterator[tuple[Path, Passthrough]]:
    """A share that another process serves: the folder behind it, and its server."""
    behind, point = tmp_path / "behind", tmp_path / "share"
    behind.mkdir()
    point.mkdir()
    server = Passthrough(row, behind, point)
    yield behind, server
    server.close()


@pytest.mark.merge
@pytest.mark.long
def test_f20_the_server_of_a_share_dies(
    row: Row, workshop: Workshop, make_clip: MakeClip, share: tuple[Path, Passthrough]
) -> None:
    """A share without a server is offline, not empty."""
    behind, server = share
    fill(behind, make_clip)
    workshop.footage = behind.with_name("share")
    workshop.changes["sidecar"] = SidecarSettings(location="central")
    with running(workshop):
        wait_until(lambda: enriched(workshop, 3), "the first round")
        assert root_of(workshop)["watching"] == "polling"
        assert "fuse" in root_of(workshop)["note"]
        server.kill()
        took_s = wait_until(lambda: not root_of(workshop)["online"], "offline")
        assert "gone" in root_of(workshop)["trouble"]
        assert states(workshop) == {"enriched"}
    row.say(f"server killed: offline after {took_s:.1f} s, 0 deletions")


@pytest.mark.merge
@pytest.mark.long
def test_f21_a_share_that_hangs_stops_nothing_else(
    row: Row, workshop: Workshop, make_clip: MakeClip, share: tuple[Path, Passthrough], tmp_path: Path
) -> None:
    """Another root goes on, `status` answers within a second, and stopping waits for nobody who hangs."""
    behind, server = share
    hung = behind.with_name("share")
    fill(behind, make_clip, 2)
    two_roots(workshop, hung)
    workshop.changes["sidecar"] = SidecarSettings(location="central")
    config = tmp_path / "config.toml"
    config.write_text(
        f'state_dir = "{workshop.state_dir}"\n'
        + "".join(f'[[root]]\npath = "{path}"\nindex = "clips"\n' for path in (workshop.footage, hung))
    )

    def of_hung() -> dict[str, Any]:
        return next(root for root in roots_of(workshop) if root["path"] == str(hung))

    def status() -> float:
        started_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "tlsync", "--config", str(config), "status", "--json"],
            capture_output=True,
            timeout=30,
            check=True,
        )
        assert len(json.loads(done.stdout)["roots"]) == 2
        return time.monotonic() - started_s

    with running(workshop):
        wait_until(lambda: enriched_below(workshop, hung) == 2, "the first round")
        server.hang()
        took_s = wait_until(lambda: of_hung()["condition"] == "hung", "hung", 40)
        fill(workshop.footage, make_clip, 1)
        other_s = wait_until(lambda: enriched_below(workshop, workshop.footage) == 1, "the other root")
        # Each beside a bare start-up: an interpreter that starts on a machine under load takes its own time.
        pairs_s = [(status(), startup_s()) for _ in range(row.times(every=3, merge=10, long=200))]
        stopping_s = time.monotonic()
    stopped_s = time.monotonic() - stopping_s
    # Without a daemon the folder is asked, and not waited for.
    alone_s = min(status() for _ in range(3))
    server.go_on()
    worst_s, worst_idle_s = (sorted(spans_s)[int(len(pairs_s) * 0.99) - 1] for spans_s in zip(*pairs_s, strict=True))
    row.say(
        f"hung noticed after {took_s:.0f} s; another root's clip done after {other_s:.1f} s; status p99"
        f" {worst_s:.2f} s, a bare start-up {worst_idle_s:.2f} s ({alone_s:.2f} s without the daemon);"
        f" stopped after {stopped_s:.1f} s"
    )
    with running(workshop):
        wait_until(lambda: of_hung()["online"], "the way back", 20)
    assert workshop.server.ledger.count("multipart_upload.create") <= 3


def startup_s() -> float:
    """How long the command takes to say its version."""
    started_s = time.monotonic()
    subprocess.run([sys.executable, "-m", "tlsync", "--version"], capture_output=True, check=True)
    return time.monotonic() - started_s


def enriched_below(workshop: Workshop, root: Path) -> int:
    with CatalogReader(workshop.state_dir) as reader:
        return sum(view.state == "enriched" for view in reader.files(root))


def roots_of(workshop: Workshop) -> list[dict[str, Any]]:
    with CatalogReader(workshop.state_dir) as reader:
        return reader.roots()


@pytest.mark.long
def test_f21_a_volume_that_freezes_its_writers(
    row: Row, workshop: Workshop, make_clip: MakeClip, make_disk: MakeDisk
) -> None:
    """A frozen volume is read as ever: nothing of the daemon writes to it but sidecars."""
    row.needs("fsfreeze")
    disk = make_disk()
    disk.plug(workshop.footage)
    workshop.changes["sidecar"] = SidecarSettings(location="central")
    fill(workshop.footage, make_clip)
    subprocess.run(["fsfreeze", "-f", str(workshop.footage)], check=True)
    try:
        with running(workshop):
            wait_until(lambda: enriched(workshop, 3), "all of it")
            stopping_s = time.monotonic()
        stopped_s = time.monotonic() - stopping_s
    finally:
        subprocess.run(["fsfreeze", "-u", str(workshop.footage)], check=True)
    row.say(f"frozen volume: 3 of 3 clips sent, stopped after {stopped_s:.1f} s")
