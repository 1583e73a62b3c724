"""What the tree asks, on the sandbox: the view as a program opens it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.errors import ConfigError
from tlsync.mirror.nodes import File, Folder, Link, Picture
from tlsync.mirror.tree import LOADING, OFFLINE
from tlsync.mirror.view import View
from tlsync.models import Cue

MakeClip = Callable[..., Path]
PATIENCE_S = 20.0


class Stand:
    """A synced clip, and the tree over it."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.views: list[View] = []
        self.view = self.open()

    def connect(self) -> TwelveLabs:
        server = self.workshop.server
        return TwelveLabs(server.api_key, server.base_url, retries=QUICK_RETRIES)

    def open(self, connect: Callable[[], TwelveLabs] | None = None) -> View:
        self.views.append(View(self.workshop.state_dir, connect or self.connect))
        return self.views[-1]

    def names(self, path: str, view: View | None = None) -> list[str]:
        node = (view or self.view).tree.at(path)
        assert isinstance(node, Folder)
        return sorted(node.list())

    def answered(self, path: str, view: View | None = None) -> list[str]:
        self.names(path, view)
        (view or self.view).settle(PATIENCE_S)
        return self.names(path, view)


@pytest.fixture
def stand(workshop: Workshop, make_clip: MakeClip) -> Iterator[Stand]:
    make_clip(workshop.footage / "lake.mp4", cues=(Cue(0.5, 2.25, "Boats on the lake."),))
    workshop.sync()
    stand = Stand(workshop)
    yield stand
    for view in stand.views:
        view.close()


def test_a_search_is_made_once_and_kept(stand: Stand) -> None:
    assert stand.names("clips/search/boats") == [LOADING]
    stand.view.settle(PATIENCE_S)
    (hit,) = [name for name in stand.names("clips/search/boats") if name.endswith("00-00-02.250 lake.mp4")]
    assert isinstance(stand.view.tree.at(f"clips/search/boats/{hit}/clip"), Link)
    again = stand.open()
    assert hit in stand.names("clips/search/boats", again)
    assert stand.names("clips/search", again) == ["boats"]
    assert stand.workshop.counts()["search.create"] == 1
    assert stand.workshop.counts().get("indexed_assets.list", 0) <= 1  # hits in known clips need no listing of all


def test_remote_only_is_what_no_file_here_has(stand: Stand, make_clip: MakeClip, tmp_path: Path) -> None:
    with stand.connect() as client:
        (index,) = client.indexes.list()
        far = client.assets.create(method="direct", file=make_clip(tmp_path / "far.mp4", pattern=3), filename="far.mp4")
        while client.assets.retrieve(far.id).status != "ready":
            threading.Event().wait(0.01)  # the sandbox looks at it
        made = client.indexes.indexed_assets.create(index.id, asset_id=far.id, enable_video_stream=True)
    here = "clips/remote-only"
    assert stand.answered(here) == ["far.mp4"]
    info = stand.view.tree.at(f"{here}/far.mp4/info.json")
    assert isinstance(info, File)
    assert json.loads(info.data)["indexed_asset_id"] == made.id
    assert "thumbnail.jpg" in stand.answered(f"{here}/far.mp4")
    picture = stand.view.tree.at(f"{here}/far.mp4/thumbnail.jpg")
    assert isinstance(picture, Picture)
    assert picture.read().startswith(b"\xff\xd8\xff")
    assert len(picture.read()) == picture.size_bytes


def test_quiet_looks_cause_no_call(stand: Stand) -> None:
    before = stand.workshop.counts()
    with stand.view.quiet():
        for folder in ("clips/remote-only", "clips/by-person", "clips/search/boats"):
            assert stand.answered(folder) == [LOADING]
        assert "media" in stand.answered("clips/by-folder/footage/lake.mp4")
    assert stand.workshop.counts() == before


def test_entities_are_folders_of_hits(stand: Stand, make_clip: MakeClip) -> None:
    assert stand.answered("clips/by-person") == []


def test_without_a_key_the_tree_says_so(stand: Stand) -> None:
    def connect() -> TwelveLabs:
        raise ConfigError("there is no API key")

    view = stand.open(connect)
    assert stand.answered("clips/by-person", view) == [OFFLINE]
    note = view.tree.at(f"clips/by-person/{OFFLINE}")
    assert isinstance(note, File)
    assert b"there is no API key" in note.data
    assert "summary.txt" in stand.names("clips/by-folder/footage/lake.mp4", view)


def test_answers_of_another_version_are_asked_for_anew(stand: Stand) -> None:
    stand.answered("clips/search/boats")
    folder = stand.workshop.state_dir / "mirror" / "answers"
    for path in folder.glob("*.json"):
        kept = json.loads(path.read_text())
        path.write_text(json.dumps({**kept, "items": [{"other": 1}]}))
    assert stand.names("clips/search/boats", stand.open()) == [LOADING]
    assert len(stand.answered("clips/search/boats", stand.open())) >= 1


def test_a_closed_view_asks_nothing(stand: Stand) -> None:
    stand.view.close()
    stand.view.answers.settle(0)
    assert stand.view.catalog.shelves() == []
