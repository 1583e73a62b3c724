"""What the documents promise is what the program has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tlsync.cli.commands import COMMANDS
from tlsync.cli.main import cli, exit_code
from tlsync.errors import TlsyncError
from tlsync.states import FileState

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_a_place_in_the_readme(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    parameters = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert all(option.help for option in parameters), f"{name}: an option without help"
    assert f"tlsync {name}" in README
    assert "Example:" in command.get_help(click.Context(command, info_name=name))


def test_the_list_of_commands_names_each_in_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = cli.get_help(cli.make_context("tlsync", ["status"]))
    modules = (ROOT / "tlsync" / "cli").glob("*.py")
    assert set(COMMANDS) == {module.stem for module in modules if "\ndef command(" in module.read_text("utf-8")}
    for name, text in COMMANDS.items():
        assert f"\n  {name:<10}  {text}\n" in f"{listed}\n"
        assert len(text) <= 60
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.get_short_help_str(60) == text


def test_the_readme_explains_every_state() -> None:
    for state in FileState:
        assert f"| `{state}` |" in README


def _all_errors(kind: type[TlsyncError] = TlsyncError) -> list[type[TlsyncError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all_errors(child))]


def test_the_readme_explains_every_exit_code() -> None:
    explained = set(map(int, re.findall(r"(?m)^\| (\d+) \|", README)))
    for kind in _all_errors():
        error = kind.__new__(kind)
        assert exit_code(error) in explained | {11}


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in _all_errors() if kind.__module__ == "tlsync.errors" and kind.__name__ not in _GROUPS]
    assert len(codes) == len(set(codes)), sorted(codes)


_GROUPS = {"TlsyncError", "RemoteFailed"}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], {"httpx", "sqlite_utils", "watchdog", "rich", "av", "starlette", "msgspec"}),
        (["--help"], {"httpx", "sqlite_utils", "av", "starlette", "uvicorn"}),
        (["status"], {"httpx", "sqlite_utils", "av", "watchdog", "starlette", "rich", "keyring"}),
        (["ls"], {"httpx", "sqlite_utils", "av", "watchdog", "starlette", "rich", "keyring"}),
        (["usage"], {"httpx", "sqlite_utils", "av", "watchdog", "starlette", "rich", "keyring", "msgspec"}),
        (["show", "/nowhere.mp4"], {"httpx", "sqlite_utils", "av", "watchdog", "starlette", "rich"}),
        (["why", "/nowhere.mp4"], {"httpx", "sqlite_utils", "av", "watchdog", "starlette", "rich"}),
        (["history"], {"httpx", "sqlite_utils", "av", "watchdog", "starlette", "rich"}),
    ],
)
def test_quick_commands_import_little(arguments: list[str], unwanted: set[str], tmp_path: Path) -> None:
    """Start-up time is what these libraries cost."""
    config = tmp_path / "config.toml"
    config.write_text(f'state_dir = "{tmp_path}/state"\n')
    code = (
        "import sys\nfrom tlsync.cli.main import main\n"
        f"try: main(['--config', {str(config)!r}, *{arguments!r}])\n"
        "except SystemExit as end: assert end.code in (None, 0, 4), end.code\n"
        f"found = sorted({unwanted!r} & set(sys.modules))\nassert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
