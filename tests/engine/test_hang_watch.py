"""A single pass over several folders, one of which is on a disk that does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeClip
from tests.workshop import Workshop
from tlsync.config import RootSettings, SidecarSettings
from tlsync.engine import hang_watch, scanner, volumes
from tlsync.media import identity


class Disk:
    """Where a path hangs: calls about it wait until the test is over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.has_stopped = False
        self.goes_on = threading.Event()

    def hanging(self, real: Callable[..., Any], *, stops: bool = False) -> Callable[..., Any]:
        """A call that hangs; with `stops` it is the one at which the disk stops answering."""

        def call(path: Path, *arguments: Any, **named: Any) -> Any:
            if Path(path) == self.path or self.path in Path(path).parents:
                self.has_stopped |= stops
                if self.has_stopped:
                    self.goes_on.wait(30)
            return real(path, *arguments, **named)

        return call


@pytest.fixture
def disk(workshop: Workshop, make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    other = tmp_path / "hung"
    other.mkdir()
    make_clip(workshop.footage / "a.mp4")
    make_clip(other / "b.mp4", duration_s=6.0)
    roots = tuple(RootSettings(path=path, index="clips") for path in (other, workshop.footage))
    workshop.changes = {"roots": roots, "sidecar": SidecarSettings(location="central")}
    monkeypatch.setattr(hang_watch, "_ANSWER_S", 0.3)
    monkeypatch.setattr(hang_watch, "_PAUSE_S", 0.1)
    made = Disk(other)
    monkeypatch.setattr(volumes, "look", made.hanging(volumes.look))
    yield made
    made.goes_on.set()


@pytest.mark.parametrize("when", ["before", "scan", "step"])
def test_the_others_are_synced_and_the_hung_one_is_told(
    workshop: Workshop, disk: Disk, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Whether it hung from the start, while it was looked through, or while a file was read."""
    if when == "before":
        disk.has_stopped = True
    elif when == "scan":
        monkeypatch.setattr(scanner, "walk_root", disk.hanging(scanner.walk_root, stops=True))
    else:
        monkeypatch.setattr(identity, "open_media", disk.hanging(identity.open_media, stops=True))
    summary = workshop.sync()
    assert (summary.enriched, summary.failed) == (1, 0)
    (problem,) = summary.errors
    assert (problem.path, problem.code) == (str(disk.path), "root_offline")
    assert "does not answer" in problem.message


def test_paths_of_a_hung_root_are_not_waited_for(workshop: Workshop, disk: Disk) -> None:
    disk.has_stopped = True
    assert workshop.sync([disk.path / "b.mp4", workshop.footage / "a.mp4"]).enriched == 1


def test_an_error_of_a_look_ends_the_pass(workshop: Workshop, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(scanner, "walk_root", broken)
    with pytest.raises(ZeroDivisionError):
        workshop.sync()
