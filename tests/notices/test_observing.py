"""What happened between two looks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tlsync.models import RootId
from tlsync.notices.events import Event
from tlsync.notices.observing import Look, Observer, Trouble
from tlsync.store.pause import Pause
from tlsync.store.roots import RootRow

AT = datetime(2026, 1, 2, tzinfo=UTC)
ROOT = RootRow(
    id=RootId(1),
    path=Path("/footage"),
    index_name="clips",
    index_id=None,
    index_models=(),
    volume=None,
    inode=None,
    condition="online",
    trouble="",
    held="",
    watching="events",
    note="",
    last_scan_at=None,
)
AWAY = replace(ROOT, condition="offline", trouble="the folder does not exist")
NEVER_SEEN = replace(ROOT, condition="offline")
KEY = Trouble("unauthorized", "the key is refused; asked again in 15 min", "a new key")
FULL = Trouble("catalog_busy", "the disk is full", "free some")


def at_rest(roots: object) -> bool:
    return False


def names(events: list[Event]) -> list[str]:
    return [event.event for event in events]


def look(*roots: RootRow, pause: Pause | None = None, troubles: tuple[Trouble, ...] = (), newest: int = 0) -> Look:
    return Look(roots, pause, troubles, newest, {"enriched": newest} if newest else {})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (ROOT, AWAY, ["root_offline"]),
        (AWAY, ROOT, ["root_online"]),
        (AWAY, AWAY, []),
        (NEVER_SEEN, ROOT, []),
        (NEVER_SEEN, AWAY, ["root_offline"]),
    ],
)
def test_folders_that_go_and_come_back_are_told(before: RootRow, after: RootRow, told: list[str]) -> None:
    observer = Observer(look(before), at_rest)
    events = observer.look(look(after), AT, 1.0)
    assert names(events) == told
    assert names(observer.look(look(after), AT, 2.0)) == []


def test_a_folder_that_is_away_says_why() -> None:
    (event,) = Observer(look(ROOT), at_rest).look(look(AWAY), AT, 1.0)
    assert (event.root, event.code, event.reason) == (Path("/footage"), "offline", "the folder does not exist")


def test_pauses_are_told_one_by_one() -> None:
    observer = Observer(look(), at_rest)
    first, second = Pause("1", AT, None, "on a call"), Pause("2", AT, AT, "")
    (event,) = observer.look(look(pause=first), AT, 1.0)
    assert (event.event, event.reason) == ("paused", "until tlsync resume: on a call")
    assert names(observer.look(look(pause=first), AT, 2.0)) == []
    (event,) = observer.look(look(pause=second), AT, 3.0)
    assert event.reason == "until 2026-01-02T00:00:00.000Z"
    assert names(observer.look(look(), AT, 4.0)) == ["resumed"]


def test_trouble_is_told_once_until_it_was_gone_for_a_while() -> None:
    observer = Observer(look(), at_rest)
    (event,) = observer.look(look(troubles=(KEY,)), AT, 0.0)
    assert (event.event, event.code, event.reason) == ("trouble", "unauthorized", "the key is refused")
    assert names(observer.look(look(troubles=(KEY, FULL)), AT, 1.0)) == ["trouble"]
    assert names(observer.look(look(), AT, 2.0)) == []
    assert names(observer.look(look(troubles=(KEY,)), AT, 500.0)) == []
    assert names(observer.look(look(), AT, 1200.0)) == []
    assert names(observer.look(look(troubles=(KEY,)), AT, 1201.0)) == ["trouble"]


def test_trouble_that_passes_by_itself_is_not_told() -> None:
    troubles = (Trouble("unreachable", "no network", ""), Trouble("rate_limited", "too fast", ""))
    assert Observer(look(), at_rest).look(look(troubles=troubles), AT, 1.0) == []


def test_a_cap_has_an_event_of_its_own() -> None:
    cap = Trouble("cap_reached", "60 minutes a day", "raise it")
    assert names(Observer(look(), at_rest).look(look(troubles=(cap,)), AT, 1.0)) == ["cap_reached"]


def test_all_done_is_told_once_after_quiet() -> None:
    observer = Observer(look(ROOT), at_rest)
    assert names(observer.look(look(ROOT), AT, 100.0)) == []
    assert names(observer.look(look(ROOT, newest=4), AT, 101.0)) == []
    assert names(observer.look(look(ROOT, newest=4), AT, 104.0)) == []
    (event,) = observer.look(replace(look(ROOT, newest=4), moved={}), AT, 107.0)
    assert (event.event, event.reason, event.counts) == ("idle", "4 enriched", {"enriched": 4})
    assert names(observer.look(look(ROOT, newest=4), AT, 200.0)) == []


def test_work_under_way_is_not_all_done_but_a_folder_that_is_away_is_not_waited_for() -> None:
    asked: list[list[Path]] = []

    def is_busy(rows: Collection[RootRow]) -> bool:
        asked.append([row.path for row in rows])
        return True

    other = replace(AWAY, path=Path("/drive"))
    observer = Observer(look(ROOT, other), is_busy)
    observer.look(look(ROOT, other, newest=1), AT, 0.0)
    assert names(observer.look(look(ROOT, other, newest=1), AT, 10.0)) == []
    assert asked == [[ROOT.path]]


def test_the_end_of_a_pass_needs_no_quiet() -> None:
    observer = Observer(look(ROOT), at_rest)
    assert names(observer.look(look(ROOT, newest=4), AT, 1.0, is_end=True)) == ["idle"]
