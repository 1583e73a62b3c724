"""The parts together, with real threads and real programs."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.workshop import HastyClock
from tlsync.clock import SystemClock
from tlsync.config import HookSettings, RootSettings, Settings
from tlsync.models import StatSignature
from tlsync.notices.following import following
from tlsync.states import FileState as S
from tlsync.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


class Desk:
    """A catalog, a settings file, and a hook that notes what it was given."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "state", SystemClock())
        self.footage = folder / "footage"
        self.root_id = self.store.roots.ensure(self.footage, "clips").id
        self.store.roots.set_health(self.root_id, "online", "", ends_hang=False)
        self.file = folder / "config.toml"
        self.file.touch(mode=0o600)
        self.given = folder / "given"
        program = folder / "hook"
        program.write_text(f"#!/bin/sh\ncat >> {self.given}\n")
        program.chmod(0o755)
        hook = HookSettings((str(program),), on=("enriched", "idle"))
        self.settings = Settings(state_dir=folder / "state", roots=(RootSettings(self.footage),), hooks=(hook,))
        self.stop = threading.Event()

    def following(self) -> AbstractContextManager[None]:
        return following(self.settings, self.file, self.store, HastyClock(5), self.stop, drain_s=150.0)

    def enrich(self, name: str) -> None:
        file = self.store.catalog.add(self.root_id, name.encode(), StatSignature(1, 1, 1, 1))
        for state in (S.SETTLING, S.IDENTIFIED, S.READY, S.ENRICHED):
            file = self.store.catalog.move(file, state)

    def told(self) -> list[str]:
        lines = self.given.read_text().splitlines() if self.given.exists() else []
        return [Path(told["path"]).name if told["path"] else told["event"] for told in map(json.loads, lines)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir(mode=0o700)
    made = Desk(folder)
    yield made
    made.store.close()


def test_a_pass_ends_when_all_is_told_and_nothing_comes_twice(desk: Desk) -> None:
    desk.enrich("before.mp4")
    with desk.following():
        desk.enrich("a.mp4")
        desk.enrich("b.mp4")
    assert desk.told() == ["a.mp4", "b.mp4", "idle"]
    with desk.following():
        pass
    assert desk.told() == ["a.mp4", "b.mp4", "idle"]


def test_what_was_not_told_when_tlsync_had_to_stop_is_told_by_the_next_run(desk: Desk) -> None:
    with desk.following():
        desk.stop.set()
    desk.enrich("a.mp4")
    desk.stop.clear()
    with desk.following():
        pass
    assert desk.told() == ["a.mp4"]


def test_a_hook_of_settings_that_others_can_write_is_not_run(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.file.chmod(0o666)
    with desk.following():
        desk.enrich("a.mp4")
    assert desk.told() == []
    assert f"no hook is run reason=others can write {desk.file}" in caplog.text


def test_what_is_linked_while_a_catalog_is_made_anew_is_not_told(desk: Desk) -> None:
    desk.store.begin_rebuilding()
    with desk.following():
        desk.enrich("a.mp4")
    assert "a.mp4" not in desk.told()


def test_without_hooks_nothing_is_kept_and_nothing_runs(desk: Desk) -> None:
    with desk.following():
        pass
    desk.settings = desk.settings._replace(hooks=())
    before = threading.active_count()
    with desk.following():
        assert threading.active_count() == before
    assert desk.store.cursors._db.rows("SELECT * FROM cursors") == []
