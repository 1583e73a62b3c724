"""Where `tlsync run` logs to."""

from __future__ import annotations

import logging
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import CANARY_KEY, Desk, wait_until
from tlsync.cli.main import GlobalOptions
from tlsync.cli.run_log import run_log
from tlsync.config import LogSettings, Settings
from tlsync.errors import CatalogError, ConfigError

log = logging.getLogger("tlsync.test")


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state")


def test_without_a_file_all_goes_to_stderr(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with run_log(GlobalOptions(), settings, is_file_only=False):
        log.info("one")
    assert capsys.readouterr().err.endswith(" INFO    one\n")
    assert not (settings.state_dir / "tlsync.log").exists()


@pytest.mark.parametrize("is_file_only", [False, True])
def test_with_a_file_it_is_there_and_on_stderr_unless_nobody_reads_that(
    settings: Settings, capsys: pytest.CaptureFixture[str], *, is_file_only: bool
) -> None:
    if not is_file_only:
        settings = settings._replace(log=LogSettings(file="auto"))
    with run_log(GlobalOptions(), settings, is_file_only=is_file_only):
        log.info("one")
        log.debug("two")
    text = (settings.state_dir / "tlsync.log").read_text()
    assert [line.split("INFO    ")[1].split(" ")[0] for line in text.splitlines()] == ["tlsync", "one", "tlsync"]
    assert ("one" in capsys.readouterr().err) is not is_file_only
    assert stat.S_IMODE(settings.state_dir.stat().st_mode) == 0o700


def test_the_command_line_wins_over_the_settings(settings: Settings, tmp_path: Path) -> None:
    settings = settings._replace(log=LogSettings(file=tmp_path / "my.log", level="error", format="json"))
    with run_log(GlobalOptions(), settings, is_file_only=True):
        log.warning("one")
        log.error("two")
    with run_log(GlobalOptions(verbosity=2, log_format="text"), settings, is_file_only=True):
        log.debug("three")
    lines = (tmp_path / "my.log").read_text().splitlines()
    assert '"message": "two"' in lines[0]
    assert lines[2].endswith("DEBUG   three")


def test_what_ended_it_is_in_the_file(settings: Settings) -> None:
    """Of a service that can't start, nothing else tells why."""
    with (
        pytest.raises(CatalogError),
        run_log(GlobalOptions(), settings, is_file_only=True),
    ):
        raise CatalogError("100 % full %s", hint="free some space")
    text = (settings.state_dir / "tlsync.log").read_text()
    assert text.splitlines()[-1].endswith("ERROR   tlsync ends: 100 % full %s (free some space)")


def test_a_file_that_cannot_be_used_is_told_at_the_start(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    settings = settings._replace(log=LogSettings(file=tmp_path / "link"))
    with (
        pytest.raises(ConfigError, match="can't be used as a log"),
        run_log(GlobalOptions(), settings, is_file_only=False),
    ):
        pass
    settings.state_dir.mkdir()
    (settings.state_dir / "tlsync.log").symlink_to(tmp_path / "elsewhere")
    settings = settings._replace(log=LogSettings(file="auto"))
    with pytest.raises(CatalogError, match="is a link"), run_log(GlobalOptions(), settings, is_file_only=False):
        pass


def test_a_real_run_logs_there_and_no_secret(desk: Desk, processes: list[subprocess.Popen[str]]) -> None:
    desk.configure('[log]\nlevel = "debug"\n')
    file = desk.state_dir / "tlsync.log"
    processes.append(desk.start("run", "--log-to-file"))
    wait_until(lambda: file.exists() and "starts" in file.read_text() and desk.server.ledger.counts(), "the log")
    processes[0].send_signal(signal.SIGTERM)
    assert processes[0].wait(30) == 0
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert text.splitlines()[-1].split("tlsync ends process=")[1] == str(processes[0].pid)
    assert CANARY_KEY not in text
    assert desk.run("run", "--log-to-file", key="")[0] == 6
    assert "ERROR   tlsync ends: " in file.read_text().splitlines()[-1]
