"""How every command behaves at a terminal, in a pipe, in a poor locale, and when somebody mistypes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.cli.commands import COMMANDS
from tlsync.cli.main import cli
from tlsync.clock import SystemClock
from tlsync.models import StatSignature
from tlsync.store.store import Store

ROOT = Path(__file__).parent.parent.parent
ODD = b"\xe6\x97\xa5\xe6\x9c\xac \xff\x1b[2J.mp4"


def commands() -> Iterator[tuple[str, click.Command]]:
    """All commands, those below others too; the methods of the platform have a test of their own."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group) and name != "api":
            below = click.Context(command, info_name=name)
            for sub in command.list_commands(below):
                found = command.get_command(below, sub)
                assert found is not None
                yield f"{name} {sub}", found


ALL = dict(commands())
SILENT = {"init", "completion", "man", "mount", "cat", "api", "run"}
"""Commands whose output is something else than a report: a dialogue, a script, a page, a file, an answer, a log."""
ACTIONS = {"auth login", "auth logout", "service uninstall", "service start", "service stop", "service restart"}
ACTIONS |= {"service logs", "notify test"}


@pytest.mark.parametrize("name", ALL)
def test_every_command_explains_itself(name: str) -> None:
    command = ALL[name]
    assert command.help and command.help.strip()[0].isupper()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.name}"


@pytest.mark.parametrize("name", [name for name, command in ALL.items() if not isinstance(command, click.Group)])
def test_every_command_that_reports_can_do_so_in_json(name: str) -> None:
    if name in SILENT | ACTIONS:
        return
    options = {option for parameter in ALL[name].params for option in parameter.opts}
    assert "--json" in options


@pytest.fixture
def odd_catalog(tlsync: Tlsync, workshop: Workshop) -> Path:
    """One file, whose name is neither ASCII nor UTF-8 and speaks to the terminal."""
    with Store(workshop.state_dir, SystemClock()) as store:
        root = store.roots.ensure(workshop.footage, "clips")
        store.catalog.add(root.id, ODD, StatSignature(10, 1, 2, 3))
    return workshop.footage / os.fsdecode(ODD)


LOOKS = (["status"], ["ls"], ["history"], ["show", "ODD"], ["why", "ODD"], ["ls", "--json"], ["history", "--json"])


@pytest.mark.parametrize(
    "locale",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}],
    ids=["ascii", "latin-1", "C"],
)
def test_odd_names_can_be_told_in_any_locale(odd_catalog: Path, locale: dict[str, str]) -> None:
    """In one process, since starting seven takes a while. What the locale can't say is said in escapes or in UTF-8."""
    code = (
        "import os, sys\nfrom tlsync.cli.main import main\n"
        f"for arguments in {LOOKS!r}:\n"
        "    print('==', flush=True)\n"
        "    try: main([os.environ['ODD'] if word == 'ODD' else word for word in arguments])\n"
        "    except SystemExit as end: assert end.code == 0, (arguments, end.code)\n"
    )
    env = dict(os.environ) | {"PYTHONCOERCECLOCALE": "0", "ODD": str(odd_catalog)} | locale
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout and b"\xff" not in done.stdout
    outputs = done.stdout.decode("utf-8").split("==\n")[1:]
    for arguments, output in zip(LOOKS, outputs, strict=True):
        if "--json" in arguments:
            assert "LC_ALL" in locale or "日本" in json.dumps(json.loads(output), ensure_ascii=False)
        elif arguments != ["status"]:
            assert "日本" in output or "\\u65e5" in output or "\\xe6\\x97\\xa5" in output


@pytest.mark.parametrize("arguments", [["ls"], ["history", "--json"]])
def test_a_reader_that_goes_away_is_no_failure(tlsync: Tlsync, workshop: Workshop, arguments: list[str]) -> None:
    """More is printed than a pipe holds, and nobody reads it."""
    with Store(workshop.state_dir, SystemClock()) as store, store.catalog.transaction():
        root = store.roots.ensure(workshop.footage, "clips")
        for number in range(1500):
            store.catalog.add(root.id, f"{'x' * 100}{number}.mp4".encode(), StatSignature(10, 1, 2, 3))
    process = subprocess.Popen(
        [sys.executable, "-m", "tlsync", *arguments, *(["-n", "1500"] if arguments[0] == "history" else [])],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), complaint) == (0, b"")


def test_a_reader_that_was_never_there_is_no_failure(odd_catalog: Path) -> None:
    """The little that is printed is still in Python's buffer when it ends."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tlsync", "ls"], stdout=writing, stderr=subprocess.PIPE, cwd=ROOT, timeout=60
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_in_a_long_answer_is_told_in_one_word(
    tlsync: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tlsync.store.reader.CatalogReader.files", files)
    monkeypatch.setattr("tlsync.store.reader.CatalogReader.lines", files)
    for command in ("status", "ls"):
        outcome = tlsync(command)
        assert (outcome.code, outcome.out) == (130, "")
        assert outcome.err.strip() == "interrupted"


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_ctrl_c_stops_a_process_that_prints_without_a_traceback(tlsync: Tlsync, workshop: Workshop) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tlsync", "history", "--follow"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True,
    )  # fmt: skip
    try:
        with Store(workshop.state_dir, SystemClock()) as store:
            root = store.roots.ensure(workshop.footage, "clips")
            store.catalog.add(root.id, b"a.mp4", StatSignature(10, 1, 2, 3))
        deadline_s = time.monotonic() + 60
        while _sleeps_not(process.pid) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait(10)
    assert "Traceback" not in out + err
    assert process.returncode in (0, 130)


def _sleeps_not(pid: int) -> bool:
    """Whether a process still starts, as far as its modules tell (Linux)."""
    try:
        return "_sqlite3" not in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["statsu"], "status"),
        (["service", "instal"], "install"),
        (["status", "--wach"], "--watch"),
        (["ls", "--state", "enrichd"], "enriched"),
        (["--log-format", "jsno", "status"], "json"),
        (["completion", "bahs"], "bash"),
        (["man", "histroy"], "history"),
        (["api", "indexs.list"], "indexes.list"),
    ],
)
def test_what_was_mistyped_is_answered_with_what_was_meant(tlsync: Tlsync, arguments: list[str], meant: str) -> None:
    outcome = tlsync(*arguments)
    assert outcome.code in (2, 4)
    assert re.search(rf"[Dd]id you mean.*{re.escape(meant)}", outcome.err)


def test_a_mistyped_value_of_the_settings_too(tlsync: Tlsync) -> None:
    config = Path(os.environ["TLSYNC_CONFIG"])
    config.write_text(config.read_text() + '[log]\nlevel = "warn"\nformat = "josn"\n')
    outcome = tlsync("status")
    assert outcome.code == 2
    assert "did you mean 'json'?" in outcome.err
    assert "→" in outcome.err


@pytest.mark.parametrize("how", ["option", "before", "variable"])
def test_colours_can_be_switched_off(tlsync: Tlsync, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """All who print in colour ask the same library, which asks the environment."""
    from rich.console import Console

    monkeypatch.setenv("NO_COLOR", "" if how != "variable" else "1")
    asked: list[bool] = []

    def watch(look: object, every_s: float, *, is_json: bool, has_color: bool) -> int:
        console = Console(no_color=None if has_color else True, force_terminal=True)
        asked.append(console.no_color)
        return 0

    monkeypatch.setattr("tlsync.cli.dashboard.watch", watch)
    arguments = ["--no-color"] if how == "before" else []
    assert tlsync(*arguments, "status", "--watch", *(["--no-color"] if how == "option" else [])).code == 0
    assert asked == [True]
    monkeypatch.delenv("NO_COLOR")
    assert tlsync("status", "--watch").code == 0
    assert asked == [True, False]
