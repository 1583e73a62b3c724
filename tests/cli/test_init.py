"""`tlsync init`: from nothing to a first sync, at a terminal and without one."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import keyrings
from tests.cli.conftest import Tlsync
from tests.cli.terminal import Terminal
from tests.workshop import Workshop
from tlsync.api import IndexModel, TwelveLabs
from tlsync.config import load_settings

MakeClip = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "tlsync" / "config.toml"


@pytest.fixture
def newcomer(
    tlsync: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_clip: MakeClip
) -> Tlsync:
    """Nothing is set but the place of the platform; the folder holds two clips and a file that is none."""
    keyrings.uninstall(monkeypatch)
    for name in ("TWELVE_LABS_API_KEY", "TLSYNC_CONFIG"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("TLSYNC_STATE_DIR", str(workshop.state_dir))
    make_clip(workshop.footage / "a.mp4")
    make_clip(workshop.footage / "b.mp4", pattern=1)
    (workshop.footage / "broken.mp4").write_bytes(b"no media")
    return tlsync


@pytest.fixture
def piped(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    def pipe(key: str | None = None) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(key or workshop.server.api_key))

    return pipe


def folder_option(workshop: Workshop) -> tuple[str, str]:
    return "--folder", str(workshop.footage)


def test_options_alone_lead_to_a_sync(
    newcomer: Tlsync, workshop: Workshop, piped: Callable[[], None], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped()
    done = newcomer(
        "init", *folder_option(workshop), "--index", "clips", "--kinds", "summary,gist", "--key-stdin", "--yes"
    )
    assert done.code == 0, done.err
    assert "3 media files" in done.err
    assert "sends 2 clips" in done.out
    assert "1 can't be taken" in done.out
    assert " USD (prices of 2" in done.out
    assert "Next:  tlsync sync" in done.out
    assert workshop.server.api_key not in done.out + done.err + file.read_text()
    settings = load_settings(file, profile=None, env={})
    assert settings.platform.base_url == workshop.server.base_url
    assert [root.path for root in settings.roots] == [workshop.footage]
    assert settings.analysis.kinds == ("summary", "gist")
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(file.read_text().replace('settle = "10 s"', 'settle = "0.05 s"').replace('"5 s"', '"0.05 s"'))
    monkeypatch.delenv("TWELVELABS_BASE_URL")
    assert newcomer("sync", "--json").json["enriched"] == 2


def test_a_second_run_changes_nothing_and_is_fine(
    newcomer: Tlsync, workshop: Workshop, piped: Callable[[], None], file: Path
) -> None:
    piped()
    newcomer("init", *folder_option(workshop), "--key-stdin", "--yes")
    before = file.read_bytes()
    done = newcomer("init", *folder_option(workshop), "--yes")
    assert done.code == 0
    assert "stays as it is" in done.out
    assert file.read_bytes() == before


def test_a_file_that_is_there_is_never_overwritten(
    newcomer: Tlsync, workshop: Workshop, file: Path, tmp_path: Path
) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(f'[[root]]\npath = "{tmp_path}/other"\n')
    done = newcomer("init", *folder_option(workshop), "--yes")
    assert done.code == 2
    assert "never overwritten" in done.err
    assert f'[[root]] path = "{workshop.footage}"' in done.err
    assert "other" in file.read_text()


def test_a_wrong_key_is_told_at_once_and_nothing_is_written(
    newcomer: Tlsync, workshop: Workshop, piped: Callable[[str], None], file: Path
) -> None:
    piped("tlk_wrong_0123456789")
    done = newcomer("init", *folder_option(workshop), "--key-stdin", "--yes")
    assert done.code == 6
    assert "media files" not in done.err, "told before anything else"
    assert not file.parent.exists()


def test_without_a_network_it_goes_on_and_says_so(
    newcomer: Tlsync, workshop: Workshop, piped: Callable[[], None], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWELVELABS_BASE_URL", "http://127.0.0.1:9/v1.3")
    piped()
    done = newcomer("init", *folder_option(workshop), "--key-stdin", "--yes")
    assert done.code == 0, done.err
    assert "could not be checked" in done.err
    assert file.exists()


def test_without_a_key_it_says_what_comes_next(newcomer: Tlsync, workshop: Workshop, file: Path) -> None:
    done = newcomer("init", *folder_option(workshop), "--yes")
    assert done.code == 0
    assert "tlsync auth login" in done.out
    assert file.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("init",), "no terminal"),
        (("init", "--yes"), "--folder"),
        (("init", "--yes", "--folder", "/nothing/here"), "no such folder"),
        (("init", "--yes", "--folder", __file__), "no folder"),
        (("init", "--yes", "--folder", ".", "--kinds", "sumary"), "sumary is not among"),
        (("init", "--yes", "--folder", ".", "--models", ","), "at least one model"),
    ],
)
def test_what_can_not_be_is_told_and_nothing_is_written(
    newcomer: Tlsync, piped: Callable[[], None], file: Path, arguments: tuple[str, ...], said: str
) -> None:
    piped()
    done = newcomer(*arguments)
    assert done.code == 2
    assert said in done.err
    assert not file.parent.exists()


def test_folders_in_one_another_are_refused(newcomer: Tlsync, workshop: Workshop, file: Path) -> None:
    (workshop.footage / "day1").mkdir()
    done = newcomer("init", *folder_option(workshop), "--folder", str(workshop.footage / "day1"), "--yes")
    assert done.code == 2
    assert "must not lie in another" in done.err
    assert not file.exists()


def test_another_file_can_be_named(newcomer: Tlsync, workshop: Workshop, tmp_path: Path) -> None:
    mine = tmp_path / "my settings.toml"
    done = newcomer("init", "--config", str(mine), *folder_option(workshop), "--yes", "--kinds", "none")
    assert done.code == 0, done.err
    assert f"tlsync --config '{mine}' sync" in done.out
    assert load_settings(mine, profile=None, env={}).analysis.kinds == ()


# At a terminal


@pytest.fixture
def environment(newcomer: Tlsync, workshop: Workshop, tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TWELVELABS_BASE_URL", "XDG_CONFIG_HOME")}
    return {
        **kept,
        "TLSYNC_STATE_DIR": str(workshop.state_dir),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


Open = Callable[..., Terminal]


@pytest.fixture
def opened(environment: dict[str, str]) -> Iterator[Open]:
    terminals: list[Terminal] = []

    def open_terminal(*arguments: str) -> Terminal:
        terminals.append(Terminal(*arguments, env=environment))
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.close()


def test_a_person_answers(opened: Open, workshop: Workshop, file: Path) -> None:
    with TwelveLabs(workshop.server.api_key, workshop.server.base_url) as client:
        models = [IndexModel(model_name="marengo3.0", model_options=("visual", "audio"))]
        client.indexes.create(index_name="rushes", models=models)
    terminal = opened("init")
    terminal.wait_for("for later.")
    terminal.answer("API key: ", "tlk_wrong_0123456789")
    terminal.answer("API key: ", workshop.server.api_key)
    terminal.answer("Folder with footage: ", "/nothing/here")
    terminal.answer("Folder with footage: ", str(workshop.footage))
    terminal.answer("Another folder", str(workshop.footage / "below"))
    terminal.answer("Another folder", "")
    terminal.answer("Index: a number", "1")
    terminal.answer("What to fetch", "sumary")
    terminal.answer("What to fetch", "summary gist")
    terminal.answer("[Y/n]: ", "")
    assert terminal.end() == 0, terminal.seen
    assert workshop.server.api_key not in terminal.seen
    settings = load_settings(file, profile=None, env={})
    assert [(root.path, root.index) for root in settings.roots] == [(workshop.footage, "rushes")]
    assert settings.analysis.kinds == ("summary", "gist")
    assert (file.parent / "config.keys.json").stat().st_mode & 0o777 == 0o600


def test_a_key_that_expired_is_asked_for_again(
    opened: Open, newcomer: Tlsync, workshop: Workshop, piped: Callable[[], None], file: Path
) -> None:
    """A second run is the way out, also with settings that are there."""
    piped()
    assert newcomer("init", *folder_option(workshop), "--key-stdin", "--yes").code == 0
    keys = file.parent / "config.keys.json"
    keys.write_text(keys.read_text().replace(workshop.server.api_key, "tlk_expired_0123456789"))
    terminal = opened("init")
    terminal.wait_for("may have expired")
    terminal.wait_for("for later.")
    terminal.answer("API key: ", workshop.server.api_key)
    assert terminal.end() == 0, terminal.seen
    assert workshop.server.api_key in keys.read_text()


def test_ctrl_c_leaves_nothing(opened: Open, workshop: Workshop, file: Path) -> None:
    """Also after the key was given: nothing is kept before the last question."""
    terminal = opened("init", "--folder", str(workshop.footage), "--index", "clips", "--kinds", "all")
    terminal.wait_for("for later.")
    terminal.answer("API key: ", workshop.server.api_key)
    terminal.wait_for("[Y/n]: ")
    assert terminal.interrupt() == 130, terminal.seen
    assert not file.parent.exists()
