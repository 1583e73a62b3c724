"""`tlsync history`: what happened, condensed, newest last."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tlsync
from tests.conftest import FakeClock, MakeClip
from tests.workshop import Workshop
from tlsync.cli import history
from tlsync.cli.passages import passages
from tlsync.clock import SystemClock
from tlsync.models import StatSignature
from tlsync.states import FileState
from tlsync.store.past import Move
from tlsync.store.store import Store

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def moves(file_id: int, *steps: tuple[int, str | None, str, str], first_id: int = 1) -> list[Move]:
    """Moves of one file, oldest first: seconds after the start, from, to, reason."""
    return [
        Move(
            first_id + number, file_id, Path(f"/footage/{file_id}.mov"),
            (START + timedelta(seconds=at)).isoformat().replace("+00:00", "Z"), old, new, reason, 1_200_000_000, 5,
        )
        for number, (at, old, new, reason) in enumerate(steps)
    ]  # fmt: skip


WHOLE_WAY = (
    (0, None, "discovered", "seen"),
    (0, "discovered", "settling", "may still be written"),
    (10, "settling", "identified", "video, 6.0 s"),
    (10, "identified", "uploading", "to be sent"),
    (51, "uploading", "uploaded", "all bytes received"),
    (52, "uploaded", "asset_ready", "usable on the platform"),
    (52, "asset_ready", "indexing", "the platform indexes it"),
    (112, "indexing", "ready", "searchable"),
    (113, "ready", "enriched", ""),
)


def texts(*rows: list[Move], **options: Any) -> list[str]:
    backwards = sorted((move for one in rows for move in one), key=lambda move: move.id, reverse=True)
    return [passage.text() for passage in passages(backwards, **{"limit": 50} | options)]


def test_a_whole_way_is_one_line() -> None:
    assert texts(moves(1, *WHOLE_WAY)) == ["uploaded 1.2 GB in 41 s; indexed in 1 min; 5 texts"]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (WHOLE_WAY[:1], "seen"),
        (WHOLE_WAY[:4], "being sent"),
        (WHOLE_WAY[:7], "uploaded 1.2 GB in 41 s; being indexed"),
        ((*WHOLE_WAY[:2], (3, "settling", "ineligible", "too short")), "not taken: too short"),
        ((*WHOLE_WAY[:4], (20, "uploading", "failed", "refused")), "failed: refused"),
        (
            (*WHOLE_WAY[:4], (20, "uploading", "settling", "changed"), (30, "settling", "identified", "video")),
            "changed; to be sent",
        ),
        (
            (*WHOLE_WAY[:3], (11, "identified", "ready", "content known: nothing is sent"), WHOLE_WAY[-1]),
            "content known: nothing is sent; 5 texts",
        ),
        (((0, "enriched", "missing", "no longer there"),), "gone from its folder"),
        (((0, "missing", "enriched", "renamed; it was /footage/a.mov"),), "5 texts"),
        (((0, "failed", "uploading", "retried by hand"), *WHOLE_WAY[4:5]), "retried by hand; being checked by"),
    ],
)
def test_every_way_is_told(steps: tuple[Any, ...], said: str) -> None:
    (text,) = texts(moves(1, *steps))
    assert text.startswith(said) or said.split(";")[0] in text


def test_files_are_told_apart_and_come_in_the_order_of_their_ends() -> None:
    rows = [*moves(1, *WHOLE_WAY[:4]), *moves(2, *WHOLE_WAY, first_id=10), *moves(1, *WHOLE_WAY[4:], first_id=30)]
    found = passages(reversed(rows), limit=50)
    assert [(passage.moves[0].file_id, len(passage.moves)) for passage in found] == [(2, 9), (1, 9)]


def test_a_second_way_is_a_line_of_its_own() -> None:
    again = moves(1, (500, "enriched", "settling", "changed"), (510, "settling", "failed", "broken"), first_id=20)
    assert texts(moves(1, *WHOLE_WAY), again)[1] == "changed; failed: broken"
    assert texts(moves(1, *WHOLE_WAY), again, limit=1) == ["changed; failed: broken"]
    assert texts(moves(1, *WHOLE_WAY), again, since="2026-11-23T14:05") == ["changed; failed: broken"]


def test_no_more_is_read_than_needed() -> None:
    taken: list[int] = []

    def many() -> Any:
        for number in range(1000, 0, -1):
            taken.append(number)
            yield from moves(number, (number, "enriched", "ready", "more"), (number, "ready", "enriched", ""))[::-1]

    assert len(passages(many(), limit=3)) == 3
    assert len(taken) < 10


def test_what_happened_is_told(tlsync: Tlsync, workshop: Workshop, clip: Path, make_clip: MakeClip) -> None:
    (workshop.footage / "bad\x1b[2J.mp4").write_bytes(b"no video")
    make_clip(workshop.footage / "two.mp4", pattern=2)
    tlsync("sync")
    lines = tlsync("history").out.splitlines()
    assert len(lines) == 3
    assert "harbour.mp4 uploaded" in lines[0] and lines[0].endswith("5 texts")
    assert any("bad\\x1b[2J.mp4 not taken" in line for line in lines)
    assert tlsync("history", str(clip)).out.splitlines() == lines[:1]
    assert len(tlsync("history", "-n", "1").out.splitlines()) == 1
    assert len(tlsync("history", "--since", "1h").out.splitlines()) == 3
    nothing = tlsync("history", "--since", "2100-01-01")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "nothing happened in that time\n")


def test_the_document(tlsync: Tlsync, clip: Path) -> None:
    document = tlsync("history", "--json").json
    (entry,) = document["entries"]
    assert (document["v"], entry["path"], entry["state"]) == (1, str(clip), "enriched")
    assert [move["to"] for move in entry["moves"]] == [
        step["to"] for step in tlsync("show", str(clip), "--json").json["history"]
    ]


@pytest.mark.parametrize("since", ["soon", "", "2026-13-01", "99999999999 d"])
def test_a_time_that_is_none_is_refused(tlsync: Tlsync, since: str) -> None:
    outcome = tlsync("history", "--since", since)
    assert outcome.code == 2
    assert "2026-11-20" in outcome.err


def test_before_anything_happened(tlsync: Tlsync) -> None:
    assert tlsync("history").err == "nothing happened yet\n"
    assert tlsync("history", "--json").json["entries"] == []


def test_following_tells_each_step_and_ends_well(
    tlsync: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(workshop.state_dir, SystemClock()) as store:
        root = store.roots.ensure(workshop.footage, "clips")
        file = store.catalog.add(root.id, b"a.mp4", StatSignature(10, 1, 2, 3))
        steps = iter([FileState.SETTLING, FileState.IDENTIFIED, FileState.UPLOADING, FileState.UPLOADED, None])

        def sleep(seconds: float) -> None:
            nonlocal file
            step = next(steps)
            if step is None:
                raise KeyboardInterrupt
            file = store.catalog.move(file, step)

        monkeypatch.setattr(history.time, "sleep", sleep)
        outcome = tlsync("history", "--follow")
    assert outcome.code == 0
    first, then = outcome.out.splitlines()
    assert first.endswith("a.mp4 seen")
    assert " a.mp4 uploaded 10 B in " in then


# How long it is kept


def test_old_moves_go_and_the_last_of_each_file_stays(state_of_two_files: Store, fake_clock: FakeClock) -> None:
    store = state_of_two_files
    store.history.kept_s = 86_400.0
    assert store.history.prune_if_due() == 0
    fake_clock.advance(3 * 86_400)
    assert store.history.prune_if_due() == 2
    assert store.history.prune_if_due() == 0, "not due again today"
    rows = store.catalog._db.rows("SELECT file_id, to_state FROM history ORDER BY id")
    assert [tuple(row) for row in rows] == [(2, "discovered"), (1, "identified")]


def test_a_batch_at_a_time_until_it_is_done(
    state_of_two_files: Store, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = state_of_two_files
    monkeypatch.setattr("tlsync.store.history._BATCH", 1)
    store.history.kept_s = 86_400.0
    fake_clock.advance(3 * 86_400)
    assert [store.history.prune_if_due() for _ in range(4)] == [1, 1, 0, 0]


def test_for_ever_is_for_ever(state_of_two_files: Store, fake_clock: FakeClock) -> None:
    fake_clock.advance(3 * 86_400)
    assert state_of_two_files.history.prune_if_due() == 0
    state_of_two_files.history.kept_s = 10.0**12
    assert state_of_two_files.history.prune_if_due() == 0


@pytest.fixture
def state_of_two_files(tmp_path: Path, fake_clock: FakeClock) -> Any:
    with Store(tmp_path / "kept", fake_clock) as store:
        root = store.roots.ensure(Path(os.sep, "footage"), "clips")
        file = store.catalog.add(root.id, b"a.mp4", StatSignature(10, 1, 2, 3))
        store.catalog.add(root.id, b"b.mp4", StatSignature(10, 1, 2, 3))
        file = store.catalog.move(file, FileState.SETTLING)
        store.catalog.move(file, FileState.IDENTIFIED)
        yield store
