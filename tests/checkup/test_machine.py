"""What the machine offers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tlsync.checkup import machine
from tlsync.config import PowerSettings, RootSettings, Settings
from tlsync.errors import ConfigError, NotEligible
from tlsync.media import self_test
from tlsync.mirror import mount
from tlsync.mirror.mount import Mounted
from tlsync.power import Power


def settings(*folders: Path) -> Settings:
    return Settings(Path("state"), roots=tuple(RootSettings(folder) for folder in folders))


def limits(tmp_path: Path, watches: str) -> Path:
    (tmp_path / "max_user_watches").write_text(watches)
    return tmp_path


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    for number in range(6):
        (tmp_path / "footage" / str(number)).mkdir(parents=True)
    return tmp_path / "footage"


def test_enough_watches_are_fine(tmp_path: Path, footage: Path) -> None:
    (found,) = machine.check_watches(settings(footage), is_daemon_running=False, limits=limits(tmp_path, "100\n"))
    assert (found.state, found.message) == ("ok", "7 folders to watch, 100 allowed")


def test_a_volume_that_hangs_is_left_out(tmp_path: Path, footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forever = threading.Event()
    (tmp_path / "hangs").mkdir()
    monkeypatch.setattr(machine, "_COUNTING_S", 1.0)
    monkeypatch.setattr(machine, "_sends_events", lambda path: path == footage or forever.wait(30))
    both = settings(footage, tmp_path / "hangs")
    (found,) = machine.check_watches(both, is_daemon_running=False, limits=limits(tmp_path, "100"))
    forever.set()
    assert (found.state, found.message) == ("ok", "7 folders to watch, 100 allowed")


def test_too_few_watches_come_with_the_command_that_mends_it(tmp_path: Path, footage: Path) -> None:
    (found,) = machine.check_watches(settings(footage), is_daemon_running=False, limits=limits(tmp_path, "3\n"))
    assert found.state == "warning"
    assert "max_user_watches=524288" in found.mend


def test_too_few_watchers_are_told_unless_the_daemon_has_them(
    tmp_path: Path, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_can_open_instances", lambda number: False)
    there = limits(tmp_path, "100")
    (found,) = machine.check_watches(settings(footage), is_daemon_running=False, limits=there)
    assert "max_user_instances" in found.mend
    (found,) = machine.check_watches(settings(footage), is_daemon_running=True, limits=there)
    assert found.state == "ok"


def test_a_system_without_such_limits_is_fine(tmp_path: Path, footage: Path) -> None:
    (found,) = machine.check_watches(settings(footage), is_daemon_running=False, limits=tmp_path / "nothing")
    assert found.state == "ok"


def test_watchers_are_tried_and_given_back() -> None:
    assert machine._can_open_instances(2)


def test_an_old_sqlite_is_a_failure() -> None:
    (old,), (new,) = machine.check_sqlite((3, 36, 0)), machine.check_sqlite()
    assert (old.state, new.state) == ("failure", "ok")
    assert "3.37" in old.mend


def test_the_media_library_reads_a_clip() -> None:
    (found,) = machine.check_media_library()
    assert found.state == "ok", found
    assert "PyAV" in found.message
    assert "libavcodec" in found.message


@pytest.mark.parametrize(
    ("error", "state"), [(NotEligible("clip.mp4", "no"), "failure"), (OSError(28, "No space left"), "warning")]
)
def test_a_media_library_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, error: Exception, state: str) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(self_test, "read_tiny_clip", fail)
    (found,) = machine.check_media_library()
    assert found.state == state
    assert found.mend


def test_a_mount_whose_process_died_is_a_failure_and_a_missing_extra_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def lack() -> None:
        raise ConfigError("no FUSE", hint="install it")

    monkeypatch.setattr(mount, "check_fuse", lack)
    monkeypatch.setattr(mount, "mounts", lambda: [Mounted(Path("/a"), "alive"), Mounted(Path("/b"), "dead")])
    extra, dead = machine.check_fuse()
    assert (extra.state, dead.state) == ("ok", "failure")
    assert dead.mend == "tlsync unmount /b"


def test_what_the_system_does_not_tell_holds_nothing_back_and_is_said() -> None:
    hold = Settings(Path("state"), power=PowerSettings("hold", "hold"))
    (found,) = machine.check_power(hold, lambda: Power(on_battery=False, is_metered=None))
    assert (found.state, found.message) == (
        "ok",
        "runs on mains, of the line the system does not tell, so power.on_metered holds nothing back",
    )
    (found,) = machine.check_power(hold, lambda: Power(on_battery=True, is_metered=True))
    assert found.message == "runs on its battery, the line is metered"
    (found,) = machine.check_power(Settings(Path("state"), power=PowerSettings("go on", "go on")), Power)
    assert "holds nothing back" not in found.message
