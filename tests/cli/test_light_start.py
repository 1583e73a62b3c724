"""Commands that only look start quickly: what they do not need is not loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mirror.shelves import Entry, fill
from tlsync.cli.commands import COMMANDS
from tlsync.sandbox.server import SandboxServer

HEAVY = {
    *("httpx", "httpcore", "h11", "anyio", "certifi", "msgspec", "tenacity", "pydantic"),
    *("av", "pysubs2", "pathspec", "rich", "pygments", "sqlite_utils", "watchdog", "mfusepy", "keyring"),
    *("starlette", "uvicorn", "asyncio", "ssl", "http.client", "email", "concurrent.futures", "multiprocessing"),
    *("tlsync.api", "tlsync.media", "tlsync.mirror"),
}
NOT_TO_LOOK = HEAVY | {
    "dataclasses",
    "logging",
    "subprocess",
    "tempfile",
    "ctypes",
    "secrets",
    "platformdirs",
    "difflib",
}
"""What is loaded quickly, and yet is a tenth of the time of a command that answers from the catalog."""
TOLD = """
import sys
from tlsync.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as ending:
    print("", *sys.modules, sep="\\n", file=sys.stderr)
    raise
"""


@pytest.fixture
def footage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A watched folder with a clip in the catalog."""
    folder = tmp_path / "footage"
    folder.mkdir()
    fill(tmp_path / "state", folder, [Entry("day/boat.mp4"), Entry("day/lake.mp4", state="failed")])
    config = tmp_path / "config.toml"
    config.write_text(
        f'state_dir = "{tmp_path / "state"}"\n[[root]]\npath = "{folder}"\nindex = "clips"\n'
        '[sync]\nsettle = "1 s"\n[limits]\nmax_size = "2 GB"\n'
    )
    monkeypatch.setenv("TLSYNC_CONFIG", str(config))
    return folder


def loaded_by(*arguments: str, code: int = 0) -> set[str]:
    """The modules that a command has loaded at its end."""
    process = subprocess.run(
        [sys.executable, "-c", TOLD, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert process.returncode == code, process.stderr
    return set(process.stderr.splitlines())


@pytest.mark.parametrize("arguments", [("--version",), ("search", "--help"), ("completion", "bash")], ids=" ".join)
def test_what_needs_no_settings_reads_none(arguments: tuple[str, ...]) -> None:
    loaded = loaded_by(*arguments)
    assert "tlsync.cli.main" in loaded
    assert not loaded & (NOT_TO_LOOK | {"tomllib", "sqlite3"})


def test_the_list_of_commands_loads_none_of_them() -> None:
    loaded = loaded_by("--help")
    assert not loaded & NOT_TO_LOOK
    assert not loaded & {f"tlsync.cli.{name}" for name in COMMANDS}


def test_completing_a_command_loads_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TLSYNC_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "tlsync pa")
    monkeypatch.setenv("COMP_CWORD", "1")
    loaded = loaded_by()
    assert "click.shell_completion" in loaded
    assert not loaded & {f"tlsync.cli.{name}" for name in COMMANDS}


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("ls", "day"), ("show", "day/boat.mp4"), ("why", "day/boat.mp4"), ("pause",)],
    ids=lambda arguments: arguments[0],
)
def test_what_only_looks_loads_little(arguments: tuple[str, ...], footage: Path) -> None:
    paths = [str(footage / path) for path in arguments[1:]]
    loaded = loaded_by(arguments[0], *paths)
    assert "tlsync.config" in loaded
    assert not loaded & NOT_TO_LOOK


def test_a_search_loads_what_asks_the_platform_and_no_more(footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the catalog as plain SQL, and httpx comes without its command line, which would bring rich along."""
    with SandboxServer() as server:
        monkeypatch.setenv("TWELVE_LABS_API_KEY", server.api_key)
        monkeypatch.setenv("TWELVELABS_BASE_URL", server.base_url)
        loaded = loaded_by("search", "boat", code=4)  # the sandbox has no such index; by then all is loaded
    assert {"httpx", "tlsync.api.client", "tlsync.engine.local_moments"} <= loaded
    rest = {"av", "rich", "pygments", "sqlite_utils", "watchdog", "asyncio", "statistics", "pysubs2", "tlsync.media"}
    assert not loaded & rest


def test_an_unexpected_error_is_told_as_a_log_line_also_without_a_log(footage: Path) -> None:
    """A traceback that Python printed itself would show names that steer a terminal."""
    code = (
        "import tlsync.cli.show as show\n"
        "def broken(*_): raise ValueError('odd \\x1b[2J name')\n"
        "show.known_file = broken\n"
        "from tlsync.cli.main import main\n"
        f"main(['show', {str(footage / 'day/boat.mp4')!r}])\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert process.returncode == 1
    assert "CRITICAL unexpected error" in process.stderr
    assert "ValueError" in process.stderr
    assert "\x1b" not in process.stderr
