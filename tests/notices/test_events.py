"""Moves become events, and events JSON."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.notices.conftest import Catalog
from tlsync.notices.events import Event, as_json, of_daemon, sample, to_bytes
from tlsync.states import FileState as S

AT = datetime(2026, 1, 2, tzinfo=UTC)


def test_an_event_says_what_is_known_of_the_file(catalog: Catalog) -> None:
    catalog.take("a.mp4", (S.SETTLING, S.FAILED))
    *_, event = catalog.events()
    told = as_json(event)
    assert told.pop("id").startswith("evt_")
    assert told == {
        "v": 1,
        "event": "failed",
        "at": "2026-01-02T03:04:05.000Z",
        "path": "/footage/a.mp4",
        "path_bytes": None,
        "root": "/footage",
        "from_state": "settling",
        "state": "failed",
        "code": None,
        "reason": "",
        "hint": "",
        "size_bytes": 10,
        "asset_id": None,
        "index_id": None,
        "indexed_asset_id": None,
        "sidecar": None,
        "counts": None,
        "is_test": False,
    }


def test_each_event_has_a_number_of_its_own_that_stays(catalog: Catalog) -> None:
    catalog.take("a.mp4")
    first, again = catalog.events(), catalog.events()
    assert len({event.id for event in first}) == len(first) == 9
    assert [event.id for event in first] == [event.id for event in again]


def test_all_events_have_the_same_keys() -> None:
    keys = as_json(sample(AT, Path("/footage"))).keys()
    assert as_json(of_daemon("idle", AT, counts={"enriched": 1})).keys() == keys


@pytest.mark.parametrize("name", ['a"b\n.mp4', "\u2028\u202e\x1b[31m.mp4", "$(touch x) `y`", "clip ä.mov"])
def test_hostile_names_are_one_line_of_ascii_and_come_back(name: str) -> None:
    event = Event("evt_1", "enriched", AT, path=Path("/footage") / name)
    line = to_bytes(as_json(event))
    assert line.isascii()
    assert b"\n" not in line
    assert json.loads(line)["path"] == f"/footage/{name}"


def test_a_name_that_is_no_text_can_still_be_found() -> None:
    raw = b"/footage/caf\xe9.mp4"
    told = json.loads(to_bytes(as_json(Event("evt_1", "enriched", AT, path=Path(os.fsdecode(raw))))))
    assert told["path"] == "/footage/caf\ufffd.mp4"
    assert bytes.fromhex(told["path_bytes"]) == raw


@pytest.mark.parametrize(
    ("event", "is_below"),
    [
        (Event("1", "enriched", AT, path=Path("/footage/day/a.mp4"), root=Path("/footage")), True),
        (Event("1", "enriched", AT, path=Path("/footage/days.mp4"), root=Path("/footage")), False),
        (Event("1", "root_offline", AT, root=Path("/footage")), True),
        (Event("1", "root_offline", AT, root=Path("/other")), False),
        (Event("1", "idle", AT), True),
    ],
)
def test_a_folder_limits_events_to_what_concerns_it(event: Event, is_below: bool) -> None:
    assert event.is_below(Path("/footage/day")) is is_below
    assert event.is_below(None)
