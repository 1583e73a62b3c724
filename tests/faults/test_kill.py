"""Killed at any instant, at any call to the system, or asked to go: the next start goes on."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.faults import oracle, strace
from tests.faults.conftest import Row
from tests.faults.lab import Lab, MakeClip, Mischief, Patience, wait_until
from tlsync.sandbox.server import SandboxServer

WORKERS = 4
"""Chunks in flight, as the settings have it."""


@pytest.fixture
def lab(tmp_path: Path, make_clip: MakeClip) -> Iterator[Lab]:
    sample = make_clip(tmp_path / "sample.mp4")
    with SandboxServer(chunk_size_bytes=64 * 1024, first_urls=2) as server:
        lab = Lab(tmp_path, server, sample)
        yield lab
        lab.close()


def test_f01_a_few_kills(row: Row, lab: Lab) -> None:
    """kill -9 in the middle of a sync; nothing recorded is repeated."""
    _kill_again_and_again(row, lab, 3)


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_f01_kill_anywhere(row: Row, lab: Lab) -> None:
    """kill -9 at random instants while clips arrive, are copied and renamed: nothing recorded is repeated."""
    _kill_again_and_again(row, lab, row.times(merge=50, long=500))


def _kill_again_and_again(row: Row, lab: Lab, wanted: int) -> None:
    mischief = Mischief(lab, row.random)
    kills = ends = 0
    patience = Patience()
    while kills < wanted:
        mischief.go_on()
        run = lab.start("sync")
        if run.wait(row.random.uniform(0.005, patience.longest_s)) is None:
            run.kill()
            kills += 1
            patience.struck()
        else:
            ends += 1
            patience.ended()
            assert run.wait() in (0, 3), run.err
        assert lab.faults_after_a_strike() == []
        lab.acknowledge(oracle.read_facts(lab.state_dir))
    lab.sync()
    lab.sync()
    lab.assert_all_arrived()
    assert row.tier == "every" or lab.acknowledged, "no kill hit an upload: nothing was shown"
    again = lab.sent_again()
    assert again <= WORKERS * kills
    row.say(
        f"{kills} kills ({ends} passes ended between, {len(lab.clips())} clips): 0 of {len(lab.acknowledged)} chunks "
        f"that were recorded at a kill sent again, {again} unrecorded ones (of {len(lab.server.ledger.puts())}), "
        f"0 duplicate assets, 0 torn sidecars, catalog sound {kills + ends} times"
    )


def _sweep(row: Row, lab: Lab, call: str, numbers: Iterable[int]) -> tuple[int, int]:
    """Kill an upload at each of these calls; says at how many, and after how many chunks were sent again."""
    points = again = 0
    for number in numbers:
        clip = lab.clip(f"clip {call} {number}.mp4", 110_000)
        before = lab.sent_again()
        with strace.tampered(row, lab, call, f"signal=KILL:when={number}", "sync") as run:
            code = run.end(120)
        assert lab.faults_after_a_strike() == [], f"killed at {call} number {number}"
        lab.acknowledge(oracle.read_facts(lab.state_dir))
        if code == 0:
            if row.tier == "long":
                break  # no thread makes so many
            continue
        assert code == -signal.SIGKILL, run.err
        points += 1
        lab.sync()
        assert Path(f"{clip}.tlsync.json").exists()
        assert lab.faults_at_rest(wanted={"enriched"}) == [], f"killed at {call} number {number}"
        again += lab.sent_again() - before
    return points, again


CALLS = ["fsync", "fdatasync", "pwrite64", "renameat", "unlink", "ftruncate", "write", "sendto", "openat"]
"""Whatever makes a fact last, or tells the platform one."""
FEW = {"fsync", "renameat", "unlink", "ftruncate"}
"""Made once or a few times in an upload."""


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("call", CALLS)
def test_f02_kill_at_every_call(row: Row, lab: Lab, call: str) -> None:
    """kill -9 at the Nth call to the system of one upload of several chunks, for every N."""
    lab.sync()
    if row.tier == "long":
        numbers: Iterable[int] = itertools.count(1)
    else:
        numbers = [1, row.random.randrange(2, 7)] if call in FEW else row.random.sample(range(1, 9), 3)
    points, again = _sweep(row, lab, call, numbers)
    assert points > 0
    row.say(f"{call}: {points} points, 0 not clean, {again} unrecorded chunks sent again")


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_f04_asked_to_stop_in_the_middle(row: Row, lab: Lab, number: signal.Signals) -> None:
    """A logout or Ctrl-C while chunks are on their way: it ends within seconds, and the next start goes on."""
    took_s = []
    for attempt in range(row.times(merge=2, long=40)):
        lab.configure('[upload]\nbandwidth = "400 kB/s"\n')
        clip = lab.clip(f"clip {attempt}.mp4", 1_000_000)
        before = len(lab.server.ledger.puts())
        run = lab.start("run")
        wait_until(lambda before=before: len(lab.server.ledger.puts()) > before + 1, "two chunks")
        threading.Event().wait(row.random.uniform(0, 0.5))
        start_s = time.monotonic()
        run.send(number)
        assert run.end(30) == (130 if number == signal.SIGINT else 0), run.err
        took_s.append(time.monotonic() - start_s)
        assert lab.faults_after_a_strike() == []
        lab.acknowledge(oracle.read_facts(lab.state_dir))
        lab.configure()
        lab.sync()
        assert Path(f"{clip}.tlsync.json").exists()
    lab.assert_all_arrived()
    took_s.sort()
    p99_s = took_s[min(len(took_s) - 1, int(len(took_s) * 0.99))]
    row.say(f"{number.name}: {len(took_s)} stops, p99 {p99_s:.2f} s; 0 recorded chunks sent again")
