"""A new settings file: the example with the answers, whole or not at all, and never over another one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync import config_writing
from tlsync.config import AnalysisSettings, IndexSettings, PlatformSettings, RootSettings, Settings, parse_settings
from tlsync.config.places import data_folder
from tlsync.config_writing import Answers, settings_text, toml_text, write_new
from tlsync.errors import ConfigError

ANSWERS = Answers((Path("/footage"),), "clips", ("summary", "gist"))


def test_the_answers_are_in_it_and_all_else_is_default() -> None:
    answers = replace(
        ANSWERS,
        folders=(Path("/a/day one"), Path('/b"c\\d')),
        models=("marengo3.0",),
        base_url="http://127.0.0.1:8765/v1.3",
    )
    assert parse_settings(settings_text(answers), "x") == Settings(
        data_folder(),
        platform=PlatformSettings(base_url="http://127.0.0.1:8765/v1.3"),
        index=IndexSettings(models=("marengo3.0",)),
        roots=tuple(RootSettings(path=path, index="clips") for path in answers.folders),
        analysis=AnalysisSettings(kinds=("summary", "gist")),
    )


def test_the_text_is_that_of_the_example_but_for_the_answers() -> None:
    """Comments and their columns too: what is explained there is explained here."""
    example = config_writing.example_text().splitlines()
    title = example.index("")
    written = settings_text(ANSWERS).splitlines()
    changed = set(written[written.index("") :]) - set(example[title:])
    assert changed == {
        'path = "/footage"',
        'index = "clips"                         # by name; created on first use',
        'kinds = ["summary", "gist"]',
    }
    assert len(written) - written.index("") == len(example) - title


def test_nothing_to_fetch_is_an_answer() -> None:
    assert parse_settings(settings_text(replace(ANSWERS, kinds=())), "x").analysis.kinds == ()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    folder = Path("/footage/" + text.replace("\0", "").replace("/", ""))
    settings = parse_settings(settings_text(replace(ANSWERS, folders=(folder,), index="x" + text)), "x")
    assert settings.roots[0].index == "x" + text
    assert settings.roots[0].path == Path(os.path.normpath(folder))


def test_a_name_that_toml_can_not_hold_is_told() -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        toml_text("/footage/\udcff")


def test_it_is_the_owners_and_its_folder_too(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    write_new(file, "a = 1\n")
    assert file.read_text() == "a = 1\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("mine")
    with pytest.raises(ConfigError, match="never overwritten") as caught:
        write_new(file, "theirs")
    assert "move it away" in caught.value.hint
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_that_leads_nowhere_counts_as_there(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="never overwritten"):
        write_new(file, "theirs")
    assert not (tmp_path / "elsewhere").exists()


def test_a_disk_without_links_gets_it_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_new(tmp_path / "config.toml", "a = 1\n")
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_end_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    def fail(fd: int) -> None:
        raise trouble

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((KeyboardInterrupt, ConfigError)):
        write_new(tmp_path / "config.toml", "a = 1\n")
    assert list(tmp_path.iterdir()) == []
