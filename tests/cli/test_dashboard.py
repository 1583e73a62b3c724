"""The view of `status --watch`: what it shows at which size, that it always fits, and how it ends."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.cli.conftest import Tlsync
from tests.cli.reports import NOW, busy, failure, report, root, transfer
from tests.cli.terminal import Terminal
from tests.desk import CANARY_KEY
from tests.hostile_names import PIECES, hostile_name
from tests.workshop import Workshop
from tlsync.cli import dashboard
from tlsync.cli.cells import cells, fit, fit_middle, padded
from tlsync.cli.change_lines import changes, facts_of
from tlsync.cli.dashboard_layout import layout
from tlsync.clock import SystemClock
from tlsync.errors import CatalogError
from tlsync.store.process_lock import RUN, only_one
from tlsync.store.store import Store


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def drawn(what: dict[str, Any], width: int, height: int, **more: Any) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in layout(what, width, height, NOW, **more)]


def test_a_terminal_of_80_by_24() -> None:
    assert drawn(busy(), 80, 24) == [
        "tlsync is running (process 4711)                                        14:02:11",
        "14 clips to send, 3.1 GB, 2 at the platform; 3 problems",
        "",
        "Held back paused until 16:00, for 1 h 58 min (on a call); tlsync resume lets it…",
        "",
        "Begun     A001_C003.mov        ██░░░░░░░░ 25 %    1.0 GB  10.0 MB/s   1 min left",
        "          A001_C004.mov        ░░░░░░░░░░  0 %    2.0 GB",
        "          日本語の長…イク3.mov ███░░░░░░░ 31 %  800.0 MB   2.9 MB/s   3 min left",
        "          odd\\x1b[2J.mov       ░░░░░░░░░░  0 %  300.0 MB",
        "",
        "Clips     3 still being written, or looked at  ·  7 to be sent",
        "          4 sent in part  ·  2 being indexed  ·  84 all done  ·  1 failed",
        "",
        "Folders   /footage: online, watched by events, scanned 3 min ago",
        "          /Volumes/Archive: OFFLINE: the folder does not exist; scanned 3 min a…",
        "",
        "Problems  folder /Volumes/Archive: the folder does not exist",
        "          no network",
        "            → check the connection",
        "          failed: /footage/B003.mov: the platform could not use it",
        "            → tlsync retry",
        "",
        "Today     12 clips sent (8.1 GB), 11 all done, 1 failure",
        "Ctrl-C ends this view; tlsync itself goes on",
    ]


def test_a_large_terminal_shows_whole_paths() -> None:
    lines = drawn(busy(), 200, 50)
    assert len(lines) == 50
    assert any("/footage/A001_C003.mov " in line and "25 %" in line for line in lines)
    assert any("/footage/day/日本語の長い名前のクリップ_テイク3.mov" in line for line in lines)
    assert lines[-1].startswith("Ctrl-C")


def test_a_small_terminal_keeps_what_matters_most() -> None:
    assert drawn(busy(), 40, 6) == [
        "tlsync is running (process 4711)",
        "14 clips to send, 3.1 GB, 2…; 3 problems",
        "paused until 16:00, for 1 h 58 min (on …",
        "A001_C003.mov          25 %   1 mi… (+3)",
        "3 still being written, or looked at (+3)",
        "folder /Volumes/Archive: the folde… (+2)",
    ]


def test_many_entries_give_way_to_each_other() -> None:
    what = report(
        counts={"uploading": 40, "failed": 30},
        transfers=[transfer(f"/footage/{number}.mov", 1, 10) for number in range(40)],
        errors=[failure(f"/footage/f{number}.mov", "broken", "retry it") for number in range(30)],
    )
    lines = drawn(what, 80, 24)
    assert len(lines) == 24
    more = [line.strip() for line in lines if "more" in line]
    assert len(more) == 2, lines
    assert sum(".mov" in line and "%" in line for line in lines) + int(more[0].split()[1]) == 40


def test_without_a_daemon_nothing_is_being_sent() -> None:
    what = report(running=False, counts={"uploading": 1}, left={"files": 1, "bytes": 10})
    lines = drawn(what | {"transfers": [transfer("/footage/a.mov", 3, 10)]}, 80, 24)
    assert lines[0].startswith("tlsync is not running")
    assert any(line.startswith("Begun     /footage/a.mov") for line in lines)
    assert "Clips     1 sent in part" in lines


def test_an_old_report_says_so() -> None:
    assert "the catalog can't be read" in drawn(report(), 80, 24, trouble="the catalog can't be read")[2]


TEXTS = st.one_of(
    st.sampled_from(PIECES),
    st.text(max_size=60),
    st.integers(0, 2**32).map(lambda seed: hostile_name(random.Random(seed))),
)


@given(name=TEXTS, text=TEXTS, width=st.integers(0, 210), height=st.integers(0, 60), rate=st.integers(0, 10**15))
def test_no_line_is_wider_and_no_view_higher_than_the_terminal(
    name: str, text: str, width: int, height: int, rate: int
) -> None:
    what = report(
        running=bool(rate % 2),
        counts={"uploading": rate, "failed": 3, "settling": 10**6},
        pause={"until": None, "reason": text},
        held=[{"by": "hours", "message": text}, {"by": "pause", "message": name}],
        caps=[{"text": text, "holds": True}, {"text": name, "holds": False}],
        left={"files": 3, "bytes": rate},
        roots=[root(name, note=text), root(f"/{name}", online=False, condition="hung", trouble=text)],
        transfers=[transfer(f"/footage/{name}", 10, 100 + rate, rate), transfer(name, 0, 0)],
        bytes_per_s=rate,
        errors=[failure(name, text, text), failure(None, name, text)],
    )
    lines = ["".join(piece for piece, _ in line) for line in layout(what, width, height, NOW, trouble=text)]
    assert len(lines) <= height
    for line in lines:
        assert max(cells(line), cell_len(line)) <= width, line
        assert "\x1b" not in line and "\n" not in line


@given(text=st.text(max_size=40), width=st.integers(0, 50))
def test_what_is_cut_fits(text: str, width: int) -> None:
    assert cells(fit(text, width)) <= width
    assert cells(fit_middle(text, width)) <= width
    assert cells(padded(text, width)) == width


def test_the_end_of_a_long_name_stays() -> None:
    assert fit_middle("A001_C003_and_so_on_0042.mov", 15) == "A001_C0…042.mov"
    assert fit_middle("日本語日本語.mov", 10) == "日本….mov"


# Where no terminal is


def test_lines_tell_what_changed_and_what_is_over() -> None:
    before = report(transfers=[transfer("/footage/a.mov", 10, 100)], counts={"uploading": 1})
    after = report(
        transfers=[transfer("/footage/a.mov", 55, 100)],
        counts={"uploading": 1},
        roots=[root("/footage", online=False, condition="offline")],
        errors=[failure("/footage/b.mov", "broken")],
    )
    one, two = facts_of(before, NOW), facts_of(after, NOW)
    assert changes({}, one) == [
        "running (process 4711)",
        "folder /footage: online",
        "sending /footage/a.mov: 100 B",
        "clips: 1 being sent",
    ]
    assert changes(one, one) == []
    assert changes(one, two) == [
        "folder /footage: OFFLINE: the folder is not there",
        "sending /footage/a.mov: over 50 % of 100 B",
        "failed: /footage/b.mov: broken",
    ]
    assert "over: failed: /footage/b.mov: broken" in changes(two, one)
    paused = facts_of(before | {"pause": {"until": "2026-11-23T16:00:00.000Z", "reason": ""}}, NOW)
    assert changes(one, paused) == ["paused until 16:00", "clips: 1 sent in part"]
    assert "no longer held back" in changes(paused, one)


def test_a_watch_without_a_terminal_prints_lines_and_ends_well(
    tlsync: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees the daemon start and stop, lives through a catalog that can't be read, and Ctrl-C is no failure."""
    real = dashboard._Watched.look_again
    rounds: list[int] = []

    def sleep(seconds: float) -> None:
        assert seconds >= 0.5

    def look_again(watched: Any) -> None:
        rounds.append(1)
        if len(rounds) == 1:
            with only_one(workshop.state_dir, RUN), Store(workshop.state_dir, SystemClock()) as store:
                store.heartbeat.beat(os.getpid(), {})
                real(watched)
        elif len(rounds) == 2:
            (workshop.state_dir / "catalog.db").write_bytes(b"no catalog" * 200)
            real(watched)
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr("tlsync.cli.dashboard.time.sleep", sleep)
    monkeypatch.setattr(dashboard._Watched, "look_again", look_again)
    outcome = tlsync("status", "--watch", "--interval", "500ms")
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split(" ", 1)[1] for line in outcome.out.splitlines()]
    assert lines[0] == "not running"
    assert f"running (process {os.getpid()})" in lines
    assert any("can't be read" in line for line in lines)
    assert "\x1b" not in outcome.out


def test_a_watch_in_json_is_a_document_per_line(
    tlsync: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_again(watched: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dashboard._Watched, "look_again", look_again)
    monkeypatch.setattr("tlsync.cli.dashboard.time.sleep", lambda seconds: None)
    outcome = tlsync("status", "--watch", "--json")
    assert len(outcome.out.splitlines()) == 1
    assert outcome.json["v"] == 1


def test_what_can_not_be_read_at_the_start_is_an_error(tlsync: Tlsync, workshop: Workshop) -> None:
    workshop.state_dir.mkdir()
    (workshop.state_dir / "catalog.db").write_bytes(b"no catalog" * 200)
    with pytest.raises(CatalogError):
        dashboard.watch(lambda: (_ for _ in ()).throw(CatalogError("no")), 1.0, is_json=False, has_color=True)
    assert tlsync("status", "--watch").code == 1


# At a terminal


@pytest.fixture
def watching(tlsync: Tlsync, workshop: Workshop) -> Iterator[Terminal]:
    env = dict(os.environ) | {"TERM": "xterm-256color", "TWELVE_LABS_API_KEY": CANARY_KEY, "PYTHONIOENCODING": "utf-8"}
    env.pop("NO_COLOR", None)
    terminal = Terminal("status", "--watch", "--interval", "100ms", env=env)
    yield terminal
    terminal.close()


def test_the_terminal_is_given_back_as_it_was(watching: Terminal) -> None:
    watching.wait_for("\x1b[?1049h")
    watching.wait_for("\x1b[?25l")
    watching.wait_for("Ctrl-C ends this view")
    assert watching.interrupt() == 0
    watching.end()
    ending = watching.seen[watching.seen.rindex("Ctrl-C ends this view") :]
    assert "\x1b[?1049l" in ending
    assert "\x1b[?25h" in ending
    assert ending.rstrip().endswith("no clip was seen yet")
    assert "Traceback" not in watching.seen


def test_a_signal_that_ends_it_leaves_no_screen_behind(watching: Terminal) -> None:
    watching.wait_for("Ctrl-C ends this view")
    watching.process.send_signal(signal.SIGTERM)
    assert watching.end() == 128 + signal.SIGTERM
    assert "\x1b[?1049l" in watching.seen
    assert "\x1b[?25h" in watching.seen[watching.seen.index("\x1b[?1049l") - 20 :]
