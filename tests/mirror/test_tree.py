from __future__ import annotations

import json
import os
import posixpath
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mirror.shelves import NOON_NS, Entry, NoPictures, Told, entry_id, fill, tree_of
from tlsync.clock import SystemClock
from tlsync.errors import UnknownPath
from tlsync.mirror import clip_files
from tlsync.mirror.library import Heard, Hit, Person, RemoteClip
from tlsync.mirror.memo import Memo
from tlsync.mirror.nodes import File, Folder, Link, Node
from tlsync.mirror.tree import Tree, is_query
from tlsync.store.clips import Clip, ClipReader, Shelf


def names(tree: Tree, path: str) -> list[str]:
    node = tree.at(path)
    assert isinstance(node, Folder)
    return sorted(node.list())


def text(tree: Tree, path: str) -> str:
    node = tree.at(path)
    assert isinstance(node, File)
    return node.data.decode()


def follow(tree: Tree, path: str) -> Node:
    """The node that a relative link of the tree leads to."""
    node = tree.at(path)
    assert isinstance(node, Link)
    return tree.at(posixpath.normpath(posixpath.join(posixpath.dirname(path), node.target)))


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return tmp_path / "Footage"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_folders_of_the_user_are_folders_of_the_tree(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("a.mp4"), Entry("day 1/cam A/b.mov"), Entry("day 1/c.mp4"), Entry("day 10/d.mp4")])
    tree = tree_of(state_dir)
    assert names(tree, "") == ["clips"]
    assert names(tree, "clips") == ["by-date", "by-folder", "by-person", "by-topic", "remote-only", "search"]
    assert names(tree, "clips/by-folder") == ["Footage"]
    assert names(tree, "clips/by-folder/Footage") == ["a.mp4", "day 1", "day 10"]
    assert names(tree, "clips/by-folder/Footage/day 1") == ["c.mp4", "cam A"]
    assert names(tree, "clips/by-folder/Footage/day 1/cam A") == ["b.mov"]


def test_a_folder_of_very_many_is_listed_whole(state_dir: Path, footage: Path) -> None:
    """More than one batch, with subfolders between the clips."""
    entries = [Entry(f"{n:04d}.mp4", {}) for n in range(1200)]
    entries += [Entry(f"{n:04d}/{m}.mp4", {}) for n in range(0, 1200, 100) for m in range(3)]
    fill(state_dir, footage, entries)
    assert len(names(tree_of(state_dir), "clips/by-folder/Footage")) == 1212


def test_a_clip_folder_holds_every_text(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("lake.mp4"), Entry("silent.mp4", {})])
    tree, here = tree_of(state_dir), "clips/by-folder/Footage/lake.mp4"
    assert names(tree, here) == [
        "chapters.json",
        "gist.json",
        "highlights.json",
        "info.json",
        "media",
        "summary.txt",
        "transcript.srt",
        "transcript.txt",
        "transcript.vtt",
    ]
    assert tree.at(f"{here}/media") == Link(str(footage / "lake.mp4"), NOON_NS)
    assert text(tree, f"{here}/summary.txt") == "A boat crosses a lake.\n"
    assert text(tree, f"{here}/transcript.txt") == "[00:00:00.000] Look at that.\n[00:01:02.250] What a boat!\n"
    assert "00:01:02,250 --> 00:01:04,000" in text(tree, f"{here}/transcript.srt")
    assert text(tree, f"{here}/transcript.vtt").startswith("WEBVTT")
    info = json.loads(text(tree, f"{here}/info.json"))
    assert (info["title"], info["path"], info["indexed_asset_id"]) == (
        "On the lake",
        str(footage / "lake.mp4"),
        entry_id(1),
    )
    assert names(tree, "clips/by-folder/Footage/silent.mp4") == ["info.json", "media"]


def test_media_of_a_drive_that_is_away_is_a_note(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("lake.mp4")])
    connection = sqlite3.connect(state_dir / "catalog.db")
    with connection:
        connection.execute("UPDATE roots SET is_online = 0, trouble = 'the drive is not connected'")
    connection.close()
    said = text(tree_of(state_dir), "clips/by-folder/Footage/lake.mp4/media")
    assert "the drive is not connected" in said
    assert str(footage / "lake.mp4") in said


def test_days_and_topics_link_to_the_clips(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("x/lake.mp4"), Entry("y/lake.mp4", {}, modified_ns=NOON_NS + 86400 * 10**9)])
    tree = tree_of(state_dir)
    day = datetime.fromtimestamp(NOON_NS / 1e9).strftime("%Y-%m-%d")
    assert len(names(tree, f"clips/by-date/{day[:4]}")) == 2
    assert follow(tree, f"clips/by-date/{day[:4]}/{day}/lake.mp4") == tree.at("clips/by-folder/Footage/x/lake.mp4")
    assert names(tree, "clips/by-topic") == ["boats", "water"]
    assert follow(tree, "clips/by-topic/boats/lake.mp4") == tree.at("clips/by-folder/Footage/x/lake.mp4")


def test_names_never_collide_and_are_the_same_each_time(state_dir: Path, footage: Path) -> None:
    odd: list[str | bytes] = ["a:b.mp4", "a_b.mp4", "A_B.mp4", b"\xff\xfe.mp4", "e\u0301.mp4", "\u00e9.mp4", "CON.mp4"]
    odd += ["line\nbreak.mp4", "..mp4", " .mp4", "-rf.mp4", "x" * 240 + ".mp4", "a_b.mp4/inner.mp4"]
    fill(state_dir, footage, [Entry(name, {}) for name in odd])
    first = names(tree_of(state_dir), "clips/by-folder/Footage")
    assert len({name.casefold() for name in first}) == len(odd)
    assert first == names(tree_of(state_dir), "clips/by-folder/Footage")
    assert all(name not in (".", "..") and "/" not in name and len(os.fsencode(name)) <= 255 for name in first)


def test_two_roots_of_one_name_and_two_indexes(state_dir: Path, tmp_path: Path) -> None:
    fill(state_dir, tmp_path / "one" / "Footage", [Entry("a.mp4")])
    fill(state_dir, tmp_path / "two" / "Footage", [Entry("b.mp4")])
    fill(state_dir, tmp_path / "three", [Entry("c.mp4")], index_name="other", index="65f0b0000000000000000a02")
    tree = tree_of(state_dir)
    assert names(tree, "") == ["clips", "other"]
    assert len(names(tree, "clips/by-folder")) == 2
    assert names(tree, "other/by-folder/three") == ["c.mp4"]


def test_a_search_is_a_folder_of_moments(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("lake.mp4")])
    hits = (
        Hit(1, entry_id(1), 62.0, 65.5, "high", None),
        Hit(2, "elsewhere", 3.0, 4.0, None, "said there"),
    )
    told = Told(
        hits={"red car": Heard(hits)}, remote=Heard((RemoteClip("elsewhere", "far.mp4", NOON_NS, {"duration": 9}),))
    )
    tree = tree_of(state_dir, told)
    assert names(tree, "clips/search") == ["red car"]
    assert told.asked == []
    first, second = names(tree, "clips/search/red car")
    assert first == "001 00-01-02.000–00-01-05.500 lake.mp4"
    assert text(tree, f"clips/search/red car/{first}/transcript.txt") == "[00:01:02.250] What a boat!\n"
    assert follow(tree, f"clips/search/red car/{first}/clip") == tree.at("clips/by-folder/Footage/lake.mp4")
    assert json.loads(text(tree, f"clips/search/red car/{second}/info.json"))["start_s"] == 3.0
    assert names(tree, "clips/remote-only") == ["far.mp4"]
    assert isinstance(follow(tree, f"clips/search/red car/{second}/clip"), Folder)


def test_looking_up_a_query_asks_nobody_until_it_is_opened(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("lake.mp4")])
    told = Told()
    tree = tree_of(state_dir, told)
    assert isinstance(tree.at("clips/search/a dog"), Folder)
    assert told.asked == []
    assert names(tree, "clips/search/a dog") == []
    assert told.asked == ["a dog"]


@pytest.mark.parametrize(
    "name", [".DS_Store", ".hidden", "desktop.ini", "Thumbs.db", "…loading", "?!", "a\nb", "x" * 300]
)
def test_what_programs_look_for_everywhere_is_no_query(name: str) -> None:
    assert not is_query(name)


def test_a_listing_that_is_on_its_way_says_so(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("lake.mp4")])
    told = Told(remote=Heard(status="loading"), persons=Heard((Person("e1", "Ada"),), "stale", "no network"))
    tree = tree_of(state_dir, told)
    assert names(tree, "clips/remote-only") == ["…loading"]
    assert names(tree, "clips/by-person") == ["Ada", "…offline"]
    assert "no network" in text(tree, "clips/by-person/…offline")


def test_what_is_not_there_is_told(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("lake.mp4")])
    tree = tree_of(state_dir)
    for path in ("nowhere", "clips/by-folder/Footage/other.mp4", "clips/by-folder/Footage/lake.mp4/info.json/more"):
        with pytest.raises(UnknownPath, match="not in the tree"):
            tree.at(path)


def test_a_catalog_that_does_not_exist_is_an_empty_tree(tmp_path: Path) -> None:
    assert names(tree_of(tmp_path), "") == []


# SQLite ends a text at NUL; half a surrogate pair is no text that the catalog can hold.
@given(
    topics=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300), min_size=1, max_size=8
    )
)
def test_any_topic_is_one_harmless_name(tmp_path_factory: pytest.TempPathFactory, topics: list[str]) -> None:
    folder = tmp_path_factory.mktemp("topics")
    fill(folder / "state", folder / "Footage", [Entry("a.mp4", {"gist": {"title": "", "topics": topics}})])
    tree = tree_of(folder / "state")
    found = names(tree, "clips/by-topic")
    assert len(found) == len(set(topics))
    for name in found:
        assert "/" not in name
        assert names(tree, f"clips/by-topic/{name}") == ["a.mp4"]


def test_only_a_video_without_a_picture_wants_one(state_dir: Path, footage: Path) -> None:
    fill(state_dir, footage, [Entry("lake.mp4"), Entry("sound.wav", kind="audio")])
    reader = ClipReader(state_dir)
    wanted: list[str] = []

    class Pictures(NoPictures):
        def want(self, clip: Clip, shelf: Shelf) -> None:
            wanted.append(clip.name)

    tree = Tree(reader, Told(), Pictures(), Memo(reader.version, SystemClock()), NOON_NS)
    names(tree, "clips/by-folder/Footage")
    assert wanted == []
    names(tree, "clips/by-folder/Footage/lake.mp4")
    names(tree, "clips/by-folder/Footage/sound.wav")
    assert wanted == ["lake.mp4"]


def test_odd_texts_in_the_catalog_spoil_nothing(state_dir: Path, footage: Path) -> None:
    texts = {"summary": "half \ud83d", "gist": {"title": "\udc00"}, "transcription": [{"from": 1}]}
    fill(state_dir, footage, [Entry("lake.mp4", texts)])
    tree, here = tree_of(state_dir), "clips/by-folder/Footage/lake.mp4"
    assert text(tree, f"{here}/summary.txt") == "half ?\n"
    assert json.loads(text(tree, f"{here}/info.json"))["title"] == "?"
    assert "transcript.srt" in names(tree, here)


def test_captions_are_not_written_for_who_only_reads_names(
    state_dir: Path, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(state_dir, footage, [Entry("lake.mp4")])
    monkeypatch.setattr(clip_files, "to_srt", None)
    tree, here = tree_of(state_dir), "clips/by-folder/Footage/lake.mp4"
    assert "transcript.srt" in names(tree, here)
    with pytest.raises(TypeError):
        text(tree, f"{here}/transcript.srt")
