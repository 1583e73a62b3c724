"""The disk fails while media are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults import oracle, strace
from tests.faults.conftest import Row
from tests.faults.lab import Lab, MakeClip, wait_until
from tlsync.sandbox.server import SandboxServer


@pytest.fixture
def lab(tmp_path: Path, make_clip: MakeClip) -> Iterator[Lab]:
    with SandboxServer(chunk_size_bytes=64 * 1024, first_urls=2) as server:
        lab = Lab(tmp_path, server, make_clip(tmp_path / "sample.mp4"))
        yield lab
        lab.close()


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_f09_disk_errors(row: Row, lab: Lab) -> None:
    """EIO from the first or a later read of one clip: it waits with a reason, others go on, nothing is deleted."""
    lab.sync()
    times = row.times(merge=2, long=30)
    for attempt in range(times):
        is_early = attempt % 2 == 0
        lab.configure("" if is_early else '[upload]\nbandwidth = "800 kB/s"\n')
        bad = lab.clip(f"bad {attempt}.mp4", 1_000_000)
        good = [lab.clip(f"good {attempt} {number}.mp4", 100_000) for number in range(2)]
        with ExitStack() as stack:
            if is_early:
                first = row.random.randrange(1, 20)
                how = f"error=EIO:when={first}+"
                run = stack.enter_context(strace.tampered(row, lab, "pread64,read", how, "run", paths=(bad,)))
            else:
                run = lab.start("run")
                wait_until(lambda bad=bad: _state(lab, bad, is_live=True)[0] == "uploading", "the upload")
                stack.enter_context(strace.attached(row, run, "pread64", "error=EIO", paths=(bad,)))
            wait_until(lambda good=good: all(Path(f"{clip}.tlsync.json").exists() for clip in good), "the good clips")
            wait_until(lambda bad=bad: _state(lab, bad, is_live=True)[0] in oracle.AT_REST, "the bad one to be parked")
        state, reason = _state(lab, bad)
        assert (state, bool(reason)) == ("failed", True), f"{attempt}: {state} {reason}"
        assert strace.hits(run) > 0
        assert oracle.sha256_of(bad) not in lab.server.ledger.assets_by_sha256()
        facts = oracle.read_facts(lab.state_dir)
        assert "missing" not in {state for file in facts.files.values() for _, state, _ in file.history}
        lab.acknowledge(facts)
        assert "Traceback" not in run.err
        assert lab.run("retry").end() == 0
        lab.configure()
        lab.sync()
    lab.assert_all_arrived()
    row.say(
        f"{times} clips with EIO: all parked with a reason, {2 * times} others arrived, 0 deletions, 0 partial assets"
    )


def _state(lab: Lab, clip: Path, *, is_live: bool = False) -> tuple[str, str]:
    states = oracle.read_facts(lab.state_dir, is_live=is_live).states
    return states.get(str(clip.relative_to(lab.footage)).encode(), ("", ""))
