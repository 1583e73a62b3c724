"""The power goes: what was acknowledged is there afterwards, and nothing is torn."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults import mounts, oracle
from tests.faults.conftest import Row
from tests.faults.lab import Lab, MakeClip, Mischief, Patience
from tlsync.sandbox.server import SandboxServer


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("may_rename", [False, True], ids=["clips that stay", "clips that move"])
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_f03_power_cut(row: Row, tmp_path: Path, make_clip: MakeClip, kind: str, may_rename: bool) -> None:
    """Media and state on a disk that loses all that was not flushed, at random instants of a sync.

    Where clips stay, no fact may go at all; where they are renamed, only what a later commit took back.
    """
    wanted = row.times(merge=4, long=100)
    sample = make_clip(tmp_path / "sample.mp4")
    with (
        mounts.disk(row, tmp_path / "disk", kind) as disk,
        SandboxServer(chunk_size_bytes=64 * 1024, first_urls=2) as server,
    ):
        lab = Lab(tmp_path, server, sample, footage=disk.folder / "footage", state_dir=disk.folder / "state")
        mischief = Mischief(lab, row.random, may_rename=may_rename)
        cuts = ends = facts = sidecars = 0
        patience = Patience()
        try:
            while cuts < wanted:
                mischief.go_on()
                disk.flush()
                run = lab.start("sync")
                if run.wait(row.random.uniform(0.05, patience.longest_s)) is not None:
                    ends += 1
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
                if not may_rename:
                    assert before.files.keys() <= after.files.keys(), f"cut {cuts}"
                assert _without_sidecar(before, lab.footage) == [], f"cut {cuts}"
                assert lab.faults_after_a_strike() == [], f"cut {cuts}"
                lab.acknowledge(after)
                facts += before.count
                sidecars += len(before.sidecars)
            lab.sync()
            lab.sync()
            lab.assert_all_arrived()
            row.say(
                f"{kind}, {'with' if may_rename else 'without'} renames: {cuts} cuts ({ends} passes ended between), "
                f"0 of {facts} committed facts lost, 0 of {sidecars} sidecars empty or gone, "
                f"0 of {len(lab.acknowledged)} recorded chunks sent again, {lab.sent_again()} unrecorded ones"
            )
        finally:
            lab.close()


def _without_sidecar(facts: oracle.Facts, footage: Path) -> list[bytes]:
    """Enriched files whose sidecar is neither where it was noted nor beside the media.

    A renamed clip's sidecar moves along, just before that is noted; whoever renames a clip leaves none behind.
    """
    gone = [
        file
        for file in facts.files.values()
        if file.state == "enriched" and file.sidecar and not Path(os.fsdecode(file.sidecar)).exists()
    ]
    return [file.path for file in gone if (footage / os.fsdecode(file.path)).exists()]
