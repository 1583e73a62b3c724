"""Many events, one notice; and what can't wait."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tlsync.notices.digest import Digest, Timing, Urgent
from tlsync.notices.events import Event, of_daemon

AT = datetime(2026, 1, 2, tzinfo=UTC)
FOOTAGE = Path("/footage")


def of_file(kind: str, name: str, reason: str = "") -> Event:
    return Event(f"{kind} {name}", kind, AT, path=FOOTAGE / name, root=FOOTAGE, reason=reason)


def test_a_digest_counts_and_names_failures() -> None:
    digest = Digest()
    assert not digest
    digest.add([of_file("enriched", f"{number}.mov") for number in range(14)])
    digest.add([of_file("failed", "A001.mov", "no audio")])
    notice = digest.notice()
    assert (notice.title, notice.body) == ("tlsync: 14 clips ready, 1 failed", "A001.mov: no audio")


def test_a_file_that_was_done_in_the_end_did_not_fail() -> None:
    digest = Digest()
    digest.add([of_file("failed", "a.mov"), of_file("enriched", "a.mov")])
    assert digest.notice().title == "tlsync: 1 clip ready"


def test_many_failures_are_cut() -> None:
    digest = Digest()
    digest.add([of_file("failed", f"{number}.mov", "x" * 500) for number in range(1500)])
    notice = digest.notice()
    assert notice.title == "tlsync: 1500 failed"
    assert notice.body.endswith("and 1497 more: tlsync status")
    assert len(notice.body) < 500


def test_hostile_names_are_shown_and_not_obeyed() -> None:
    digest = Digest()
    digest.add([of_file("failed", "a\n\x1b[31m\u202eb.mov", "broken")])
    assert digest.notice().body == "a\\n\\x1b[31m\\u202eb.mov: broken"


def test_a_digest_waits_for_more_and_for_its_turn() -> None:
    timing = Timing(every_s=900.0)
    assert not timing.is_due(0.0)
    timing.note_event(0.0)
    timing.note_event(50.0)
    assert not timing.is_due(59.0)
    assert timing.is_due(60.0)
    timing.note_shown(60.0)
    timing.note_event(70.0)
    assert not timing.is_due(959.0)
    assert timing.is_due(960.0)


def test_trouble_is_shown_at_once() -> None:
    (notice,) = Urgent().notices([of_daemon("trouble", AT, reason="the key is refused", hint="a new one")], 0.0)
    assert notice.is_urgent
    assert (notice.title, notice.body) == ("tlsync needs you", "the key is refused\na new one")


def test_a_folder_is_shown_when_it_stays_away() -> None:
    urgent = Urgent(away_s=180.0)
    gone, back = (
        of_daemon("root_offline", AT, root=FOOTAGE, reason="unplugged"),
        of_daemon("root_online", AT, root=FOOTAGE),
    )
    assert urgent.notices([gone], 0.0) == []
    assert urgent.notices([], 179.0) == []
    (notice,) = urgent.notices([], 180.0)
    assert (notice.title, notice.body) == ("tlsync: /footage is away", "unplugged")
    assert urgent.notices([], 1000.0) == []
    urgent.notices([gone], 2000.0)
    urgent.notices([back], 2100.0)
    assert urgent.notices([], 3000.0) == []
