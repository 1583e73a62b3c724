"""The power goes: what was acknowledged is there afterwards, and nothing is torn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import mounts, oracle
from tests.faults.conftest import Row
from tests.faults.lab import Lab, MakeClip, Mischief, Patience
from tlsync.sandbox.server import SandboxServer


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_f03_power_cut(row: Row, tmp_path: Path, make_clip: MakeClip, kind: str) -> None:
    """Media and state on a disk that loses all that was not flushed, at random instants of a sync."""
    wanted = row.times(merge=5, long=100)
    sample = make_clip(tmp_path / "sample.mp4")
    with (
        mounts.disk(row, tmp_path / "disk", kind) as disk,
        SandboxServer(chunk_size_bytes=64 * 1024, first_urls=2) as server,
    ):
        lab = Lab(tmp_path, server, sample, footage=disk.folder / "footage", state_dir=disk.folder / "state")
        mischief = Mischief(lab, row.random)
        cuts = facts_kept = 0
        patience = Patience()
        try:
            while cuts < wanted:
                mischief.go_on()
                disk.flush()
                run = lab.start("sync")
                if run.wait(row.random.uniform(0.05, patience.longest_s)) is not None:
                    patience.ended()
                    continue
                patience.struck()
                before = oracle.read_facts(lab.state_dir, is_live=True)  # committed: a reader sees nothing else
                disk.cut_power()
                run.kill()
                disk.pull_out()
                disk.plug_in()
                cuts += 1
                after = oracle.read_facts(lab.state_dir)
                assert before.lost_in(after, lab.footage) == [], f"cut {cuts}"
                lost = [path for path in before.sidecars if not Path(_text(path)).exists()]
                assert not lost, f"cut {cuts}: sidecars that were noted are gone"
                assert lab.faults_after_a_strike() == [], f"cut {cuts}"
                lab.acknowledge(after)
                facts_kept += len(before.history) + len(before.chunks)
            lab.sync()
            lab.sync()
            lab.assert_all_arrived()
            row.say(
                f"{kind}: {cuts} cuts, 0 of {facts_kept} committed facts lost, 0 empty or torn sidecars, "
                f"0 recorded chunks sent again, {lab.sent_again()} unrecorded ones"
            )
        finally:
            lab.close()


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
