"""Where the key comes from, and who may read it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests import keyrings
from tlsync.api_key import find_api_key, load_api_key
from tlsync.errors import ConfigError, Unauthorized
from tlsync.key_store import KeyStore
from tlsync.secret import Secret


def key_file(tmp_path: Path, data: bytes = b"tlk_file\n", *, mode: int = 0o600) -> Path:
    path = tmp_path / "key"
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("variable", ["TWELVE_LABS_API_KEY", "TWELVELABS_API_KEY"])
def test_the_environment_has_it_under_either_name(variable: str) -> None:
    assert load_api_key(None, {variable: " tlk_1 "}) == Secret("tlk_1")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    assert load_api_key(key_file(tmp_path), {"TWELVELABS_API_KEY": "tlk_env"}) == Secret("tlk_env")


def test_the_file_counts_where_the_environment_is_silent(tmp_path: Path) -> None:
    assert load_api_key(key_file(tmp_path), {"TWELVE_LABS_API_KEY": " "}) == Secret("tlk_file")


def test_no_key_anywhere_says_what_to_do() -> None:
    with pytest.raises(Unauthorized) as caught:
        load_api_key(None, {})
    assert "TWELVE_LABS_API_KEY" in caught.value.hint
    assert "0600" in caught.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o644])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, mode=mode)
    with pytest.raises(ConfigError, match="others can read") as caught:
        load_api_key(path, {})
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_file_that_only_its_owner_can_read_is_fine(tmp_path: Path) -> None:
    assert load_api_key(key_file(tmp_path, mode=0o400), {}) == Secret("tlk_file")


def test_a_link_to_a_key_is_not_followed(tmp_path: Path) -> None:
    """The mode of what a link leads to can be changed behind the link's back."""
    (tmp_path / "link").symlink_to(key_file(tmp_path))
    with pytest.raises(ConfigError, match="can't be read"):
        load_api_key(tmp_path / "link", {})


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="not a regular file"):
        load_api_key(tmp_path / "pipe", {})
    with pytest.raises(ConfigError):
        load_api_key(tmp_path, {})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket"))
        with pytest.raises(ConfigError):
            load_api_key(tmp_path / "socket", {})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_api_key(tmp_path / "nothing", {})


@pytest.mark.parametrize("data", [b"", b" \n", b"two words", b"one\ntwo", b"k\xff\xfe", b"k\x00y"])
def test_what_cannot_be_a_key_is_refused_and_not_shown(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        load_api_key(key_file(tmp_path, data), {})
    assert "words" not in str(caught.value) + caught.value.hint


def test_a_wrong_key_of_the_environment_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="TWELVELABS_API_KEY") as caught:
        load_api_key(None, {"TWELVELABS_API_KEY": "se cret"})
    assert "cret" not in str(caught.value)


def test_what_login_kept_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyrings.uninstall(monkeypatch)
    store = KeyStore(tmp_path / "config.keys.json", "https://api.example.com/v1.3")
    store.keep(Secret("tlk_kept"))
    found = find_api_key(None, {}, store)
    assert (found.secret, found.source, found.where) == (Secret("tlk_kept"), "login_file", str(store.file))
    assert find_api_key(key_file(tmp_path), {}, store).source == "file"
    assert find_api_key(key_file(tmp_path), {"TWELVELABS_API_KEY": "tlk_env"}, store).where == "TWELVELABS_API_KEY"
    assert "tlk" not in repr(found)


def test_the_keyring_is_named_as_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyrings.install(monkeypatch)
    store = KeyStore(tmp_path / "config.keys.json", "https://api.example.com/v1.3")
    store.keep(Secret("tlk_kept"))
    assert find_api_key(None, {}, store).source == "keyring"
