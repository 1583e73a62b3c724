"""Rows about the way to the platform: refused, reset, cut off, swallowed, slow; and what goes on afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeClip
from tests.faults.conftest import Row
from tests.faults.fast_daemon import FastDaemon
from tests.workshop import sha256_of

_AFTER_BYTES = 20_000
"""In the middle of a chunk."""


def _refuse(daemon: FastDaemon) -> None:
    assert daemon.proxy is not None
    daemon.proxy.cut()


def _befall(fault: str, share: float = 0.5) -> Callable[[FastDaemon], None]:
    def break_it(daemon: FastDaemon) -> None:
        assert daemon.proxy is not None
        line = daemon.proxy.line
        line.fault, line.after_bytes, line.share = fault, _AFTER_BYTES, share  # type: ignore[assignment]

    return break_it


def _slow(daemon: FastDaemon) -> None:
    assert daemon.proxy is not None
    daemon.proxy.line.bytes_per_s, daemon.proxy.line.delay_s = 100_000, 0.05


_FAULTS = {
    "refused": (_refuse, False),
    "rst": (_befall("rst"), True),
    "fin": (_befall("fin"), True),
    "blackhole": (_befall("blackhole", share=1.0), False),
    "slow": (_slow, True),
}
"""What breaks, and whether work gets done nevertheless."""


@pytest.mark.parametrize(
    "fault", ["rst", *(pytest.param(one, marks=pytest.mark.merge) for one in ("refused", "fin", "blackhole", "slow"))]
)
def test_f34_a_line_that_breaks(row: Row, tmp_path: Path, make_clip: MakeClip, fault: str) -> None:
    """Progress where there can be some, no thread that stays stuck, and all clean when the line is good again."""
    break_it, gets_done = _FAULTS[fault]
    before = threading.active_count()
    with FastDaemon(tmp_path, factor=20, proxied="all", source=row.random, timeout_s=1.0) as daemon:
        assert daemon.proxy is not None
        clips = [make_clip(daemon.footage / f"{n}.mp4", pattern=n) for n in range(2)]
        break_it(daemon)
        daemon.start()
        if gets_done:
            daemon.wait_for(daemon.all_done, "the clips over a bad line", at_most_s=60)
        else:
            # Long enough for breakers to open and for several rounds of waiting.
            daemon.wait_s(60)
            assert not daemon.all_done()
        ended = daemon.clock.now()
        daemon.proxy.mend()
        daemon.wait_for(daemon.all_done, "the clips", at_most_s=60)
        took_s = (daemon.clock.now() - ended).total_seconds()
        assert set(daemon.workshop.remote_contents()) == {sha256_of(clip) for clip in clips}
        assert not any("failed" in daemon.workshop.history(clip.name) for clip in clips), "charged to the file"
        assert all(chunk.repeated == 0 for chunk in daemon.server.ledger.puts())
        daemon.workshop.assert_clean()
        struck = daemon.proxy.struck
    stuck = [one.name for one in threading.enumerate() if one.name.startswith("tlsync")]
    assert stuck == [] and threading.active_count() <= before + 1
    done = "went on meanwhile" if gets_done else f"done {took_s:.0f} s after the line was good again"
    row.say(f"{fault}: {struck} connections struck, {done}; 0 stuck threads, 0 acknowledged chunks sent again, clean")
