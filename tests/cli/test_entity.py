"""`tlsync entity` and `tlsync search --entity`, as people and scripts use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.models import Cue
from tlsync.sandbox.pictures import bars_png

MakeClip = Callable[..., Path]
CUES = (Cue(0.5, 2.25, "Kim is walking to the harbour."), Cue(2.5, 4.0, "A gull lands."))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "kim.png"
    path.write_bytes(bars_png(b"\x01\xc8\x5a", 200, 150))
    return path


def test_an_entity_is_added_listed_and_removed(tlsync: Tlsync, picture: Path) -> None:
    assert tlsync("entity", "list", "--json").json == {"v": 1, "collection": "tlsync", "entities": []}
    assert "no entities yet" in tlsync("entity", "list").err
    added = tlsync("entity", "add", "Kim", str(picture), "--json")
    assert added.code == 0
    assert (added.json["v"], added.json["created"], added.json["added_images"]) == (1, True, 1)
    entity = added.json["entity"]
    assert (entity["name"], entity["status"], entity["images"]) == ("Kim", "ready", 1)
    assert tlsync("entity", "list", "--json").json["entities"] == [entity]
    listed = tlsync("entity", "list").out
    assert "Kim" in listed
    assert "ready" in listed
    again = tlsync("entity", "add", "Kim", str(picture))
    assert (again.code, again.out) == (0, "Kim is known better now, by 2 image(s).\n")
    removed = tlsync("entity", "remove", "Kim", "--yes", "--json")
    assert [item["id"] for item in removed.json["removed"]] == [entity["id"]]
    assert tlsync("entity", "list", "--json").json["entities"] == []
    assert picture.exists()


def test_removing_without_a_terminal_needs_a_yes(
    tlsync: Tlsync, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tlsync("entity", "add", "Kim", str(picture))
    outcome = tlsync("entity", "remove", "Kim")
    assert outcome.code == 2
    assert "1 images" in outcome.err
    assert "--yes" in outcome.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *arguments, **options: False)
    assert tlsync("entity", "remove", "Kim").code == 1
    assert len(tlsync("entity", "list", "--json").json["entities"]) == 1
    monkeypatch.setattr("click.confirm", lambda *arguments, **options: True)
    assert tlsync("entity", "remove", "Kim").code == 0
    assert tlsync("entity", "list", "--json").json["entities"] == []


def test_an_unknown_name_is_not_found_and_the_nearest_is_told(
    tlsync: Tlsync, workshop: Workshop, picture: Path, make_clip: MakeClip
) -> None:
    make_clip(workshop.footage / "harbour.mp4")
    workshop.sync()
    tlsync("entity", "add", "Kimberly", str(picture))
    for command in (["entity", "remove", "Kimberley", "--yes"], ["search", "--entity", "Kimberley", "is walking"]):
        outcome = tlsync(*command, "--json")
        assert outcome.code == 4
        assert json.loads(outcome.err)["error"]["hint"] == "did you mean 'Kimberly'?"
    assert "search.create" not in workshop.counts()


def test_pictures_are_checked_before_anything_is_sent(tlsync: Tlsync, workshop: Workshop, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    small.write_bytes(bars_png(b"\x01", 100, 100))
    for path, code, words in (
        (small, 1, "small.png: too small: 100×100"),
        (tmp_path / "nowhere.jpg", 4, "nowhere.jpg: no such file"),
        (tmp_path, 1, "not a file"),
    ):
        outcome = tlsync("entity", "add", "Kim", str(path))
        assert outcome.code == code
        assert words in outcome.err
    assert tlsync("entity", "add", " ", str(small)).code == 2
    assert workshop.counts() == {}


def test_a_search_by_name_asks_for_the_entity_first(
    tlsync: Tlsync, workshop: Workshop, picture: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(workshop.footage / "harbour.mp4", cues=CUES)
    workshop.sync()
    ids = {}
    for name in ("Kim", "Lee"):
        ids[name] = tlsync("entity", "add", name, str(picture), "--json").json["entity"]["id"]
    asked: list[str] = []
    from tlsync.api.search import Search

    real = Search.create

    def noted(self: Search, **wanted: object) -> object:
        asked.append(str(wanted["query_text"]))
        return real(self, **wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(Search, "create", noted)
    outcome = tlsync("search", "--entity", "Kim", "is walking", "--json")
    assert outcome.json["query"] == "is walking"
    assert [hit["path"] for hit in outcome.json["hits"]] == [str(clip)]
    assert tlsync("search", "--entity", "Kim", "--entity", "Lee", "are walking").code == 0
    assert tlsync("search", "--entity", "Lee").code == 0
    assert asked == [f"<@{ids['Kim']}> is walking", f"<@{ids['Kim']}> <@{ids['Lee']}> are walking", f"<@{ids['Lee']}>"]


def test_an_entity_that_is_still_processed_is_a_matter_of_time(
    tlsync: Tlsync, workshop: Workshop, picture: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(workshop.footage / "harbour.mp4")
    workshop.sync()
    monkeypatch.setattr("tlsync.engine.entities._PATIENCE_S", 0.6)
    workshop.server.faults.stall("entity")
    outcome = tlsync("entity", "add", "Kim", str(picture))
    assert outcome.code == 0
    assert "still processes it" in outcome.err
    outcome = tlsync("search", "--entity", "Kim", "is walking")
    assert outcome.code == 5
    assert "still processes the entity 'Kim'" in outcome.err
