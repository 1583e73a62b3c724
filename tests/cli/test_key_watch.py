"""A new key in the key file is used without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsync.api_key import FoundKey, load_api_key
from tlsync.cli.key_watch import KeyWatch
from tlsync.secret import Secret


def put(file: Path, text: str, mode: int = 0o600) -> None:
    new = file.with_suffix(".new")
    new.write_text(text)
    new.chmod(mode)
    new.replace(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    put(path, "old")
    return path


def watch_of(file: Path, source: str = "file") -> KeyWatch:
    def find() -> FoundKey:
        return FoundKey(load_api_key(file, {}), source, str(file))  # type: ignore[arg-type]

    return KeyWatch(find(), find)


def test_a_new_key_is_news_once(file: Path) -> None:
    watch = watch_of(file)
    assert watch.news() is None
    put(file, "new")
    assert watch.news() == Secret("new")
    assert watch.news() is None


def test_the_same_key_again_is_no_news(file: Path) -> None:
    watch = watch_of(file)
    put(file, "old\n")
    assert watch.news() is None


@pytest.mark.parametrize(("text", "mode"), [("", 0o600), ("new", 0o644)])
def test_a_file_that_can_not_be_used_is_told_and_looked_at_again(
    file: Path, caplog: pytest.LogCaptureFixture, text: str, mode: int
) -> None:
    watch = watch_of(file)
    put(file, text, mode)
    assert watch.news() is None
    assert "can't be used" in caplog.text
    put(file, "new")
    assert watch.news() == Secret("new")


def test_a_file_that_goes_is_no_news(file: Path) -> None:
    watch = watch_of(file)
    file.unlink()
    assert watch.news() is None


def test_a_key_from_the_environment_has_no_file() -> None:
    key = FoundKey(Secret("k"), "environment", "TWELVE_LABS_API_KEY")
    assert not KeyWatch(key, lambda: key).has_file
