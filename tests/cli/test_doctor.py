"""`tlsync doctor`: one line per check, from nothing at all to everything in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import keyrings
from tests.cli.conftest import Outcome, Tlsync
from tests.workshop import Workshop
from tlsync.cli import doctor
from tlsync.cli.main import GlobalOptions
from tlsync.engine import volumes

MakeClip = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyrings.uninstall(monkeypatch)


def wrong(done: Outcome) -> dict[str, str]:
    return {found["check"]: found["message"] for found in done.json["checks"] if found["state"] == "failure"}


def test_all_is_well_after_a_sync(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "a.mp4")
    assert tlsync("sync").code == 0
    done = tlsync("doctor", "--json")
    assert done.code == 0, done.out
    assert done.json["is_fine"]
    checks = {found["check"] for found in done.json["checks"]}
    assert {"settings", "key", "platform", "clock", "index", "watches", "SQLite", "media library", "mount"} <= checks
    assert {"catalog", "daemon", f"folder {workshop.footage}", f"state folder {workshop.state_dir}"} <= checks
    assert workshop.server.api_key not in done.out + done.err


def test_text_has_a_line_for_each_check_and_one_for_its_mend(tlsync: Tlsync, workshop: Workshop) -> None:
    workshop.footage.rmdir()
    done = tlsync("doctor")
    assert done.code == 1
    assert f"FAILURE  folder {workshop.footage}: is not there\n         → connect its drive" in done.out
    assert "ok       SQLite" in done.out
    assert "1 failures" in done.out


def test_without_any_settings_it_says_what_is_missing(
    tlsync: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TLSYNC_CONFIG", "TWELVE_LABS_API_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    done = tlsync("doctor", "--json")
    assert done.code == 1
    assert wrong(done).keys() == {"settings", "key"}
    mends = {found["check"]: found["mend"] for found in done.json["checks"]}
    assert mends["settings"].startswith("tlsync init")
    assert mends["key"].startswith("tlsync auth login")
    assert not (tmp_path / "settings").exists()


def test_every_mistake_of_the_settings_is_told_and_the_key_goes_nowhere(
    tlsync: Tlsync, workshop: Workshop, tmp_path: Path
) -> None:
    """Which platform it is for is not known then."""
    (tmp_path / "config.toml").write_text('statedir = "/x"\n[upload]\nworkers = "many"\n')
    before = sum(workshop.counts().values())
    done = tlsync("doctor", "--json")
    lines = [found["message"] for found in done.json["checks"] if found["check"] == "settings"]
    assert len(lines) == 2
    assert "statedir" in lines[0]
    assert "config.toml:3" in lines[1]
    assert sum(workshop.counts().values()) == before


def test_a_refused_key_is_a_failure_with_a_mend(tlsync: Tlsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWELVE_LABS_API_KEY", "tlk_wrong_0123456789")
    done = tlsync("doctor", "--json")
    assert wrong(done).keys() == {"key"}
    assert "tlk_wrong" not in done.out


def test_a_key_file_that_others_can_read_is_a_failure(
    tlsync: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TWELVE_LABS_API_KEY")
    (tmp_path / "key").write_text("tlk_file")
    (tmp_path / "key").chmod(0o644)
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + f'[platform]\napi_key_file = "{tmp_path}/key"\n')
    done = tlsync("doctor", "--json")
    assert "others can read" in wrong(done)["key"]


def test_a_volume_that_hangs_holds_up_no_other_check(
    tlsync: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    forever, look = threading.Event(), volumes.look

    def hang(path: Path) -> volumes.Place:
        if path == workshop.footage:
            forever.wait(60)
        return look(path)

    monkeypatch.setattr(volumes, "look", hang)
    found = {one.check: one for one in doctor.examine(GlobalOptions(), deadline_s=2.0)}
    forever.set()
    folder = found[f"folder {workshop.footage}"]
    assert folder.state == "failure"
    assert "does not answer" in folder.message
    assert found["SQLite"].state == found["settings"].state == "ok"
