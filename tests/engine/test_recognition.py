"""Races between twins: files with one content that are recognised at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop import Workshop
from tlsync.config import RootSettings
from tlsync.engine.twins import Twins
from tlsync.media import identity

MakeClip = Callable[..., Path]


def test_a_twin_that_arrives_while_the_platform_is_asked_is_not_sent_too(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both have asked the platform before either goes on."""
    other = tmp_path / "other"
    other.mkdir()
    make_clip(workshop.footage / "clip.mp4")
    make_clip(other / "clip.mp4")
    workshop.changes = {"roots": tuple(RootSettings(path=path, index="clips") for path in (workshop.footage, other))}
    both_asked = threading.Barrier(2, timeout=2)
    real = Twins.find

    def look(self: Twins, *arguments: object, **named: object) -> object:
        found = real(self, *arguments, **named)  # type: ignore[arg-type]
        try:
            both_asked.wait()
        except threading.BrokenBarrierError:
            pass  # the other one waited for us instead of asking: as good
        return found

    monkeypatch.setattr(Twins, "find", look)
    summary = workshop.sync()
    assert (summary.uploaded, summary.enriched, summary.failed) == (1, 2, 0)
    assert workshop.counts()["multipart_upload.create"] == 1


def test_a_lookalike_that_another_machine_sent_is_linked(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has the samples of a content that is known here, and other bytes: the platform is asked all the same."""
    for name, number in {"_EDGE_BYTES": 4096, "_SAMPLE_BYTES": 16, "_SAMPLES": 4, "_WHOLE_UP_TO_BYTES": 8256}.items():
        monkeypatch.setattr(identity, name, number)
    clip = make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    data = bytearray(clip.read_bytes())
    data[5000] ^= 1
    other = Workshop(workshop.server, tmp_path / "other", tmp_path / "other state", workshop.prober)
    other.footage.mkdir()
    for desk in (other, workshop):
        (desk.footage / "lookalike.mp4").write_bytes(data)
        assert desk.sync().failed == 0
        assert desk.states()["lookalike.mp4"] == "enriched"
    assert workshop.counts()["multipart_upload.create"] == 2
    workshop.assert_clean()
