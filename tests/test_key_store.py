"""What `tlsync auth login` keeps: in the keyring, or in a file of the owner alone."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests import keyrings
from tests.keyrings import FakeKeyring
from tlsync import key_store
from tlsync.errors import ConfigError, NotYet
from tlsync.key_store import KeyStore
from tlsync.secret import Secret

URL = "https://api.example.com/v1.3"
KEY = Secret("tlk_canary_0123456789")


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "settings" / "config.keys.json", URL)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    return keyrings.install(monkeypatch)


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyrings.uninstall(monkeypatch)


def test_the_keyring_is_preferred_and_the_file_says_only_that(store: KeyStore, keyring: FakeKeyring) -> None:
    kept, why = store.keep(KEY)
    assert kept.is_keyring
    assert not why
    assert keyring.kept == {("tlsync", URL): KEY.reveal()}
    assert KEY.reveal() not in store.file.read_text()
    found = store.read()
    assert found is not None
    assert (found.text, found.is_keyring, found.where) == (KEY.reveal(), True, "the keyring (Fake Keyring)")
    assert KEY.reveal() not in repr(found)


@pytest.mark.usefixtures("no_keyring")
def test_without_the_library_it_is_a_file_of_the_owner_alone(store: KeyStore) -> None:
    kept, why = store.keep(KEY)
    assert kept.where == str(store.file)
    assert "tlsync[keyring]" in why
    assert store.file.stat().st_mode & 0o777 == 0o600
    assert store.file.parent.stat().st_mode & 0o777 == 0o700
    assert store.read() == kept


def test_a_backend_that_writes_plain_files_is_not_used(store: KeyStore, keyring: FakeKeyring) -> None:
    keyring.priority = 0.5
    kept, why = store.keep(KEY)
    assert not kept.is_keyring
    assert "none that is usable" in why
    assert keyring.kept == {}


def test_a_keyring_that_can_not_keep_is_passed_over(
    store: KeyStore, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "set_password", lambda *_: None)
    kept, why = store.keep(KEY)
    assert not kept.is_keyring
    assert "does not give back" in why


def test_a_locked_keyring_that_holds_the_key_is_waited_for(store: KeyStore, keyring: FakeKeyring) -> None:
    store.keep(KEY)
    keyring.trouble = RuntimeError("Failed to unlock the collection!")
    with pytest.raises(NotYet, match="Failed to unlock") as caught:
        store.read()
    assert "unlock" in caught.value.hint
    with pytest.raises(NotYet):
        store.remove()
    keyring.trouble = None
    assert store.read() is not None


def test_a_locked_keyring_that_was_never_used_holds_nothing(store: KeyStore, keyring: FakeKeyring) -> None:
    keyring.trouble = RuntimeError("locked")
    assert store.read() is None
    assert store.remove() == []


def test_a_keyring_that_hangs_is_like_a_locked_one(
    store: KeyStore, keyring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dialog may wait for somebody who is not there."""
    store.keep(KEY)
    monkeypatch.setattr(key_store, "_KEYRING_S", 0.01)
    keyring.hangs_until = threading.Event()
    with pytest.raises(NotYet, match="does not answer"):
        store.read()
    keyring.hangs_until.set()


def test_a_key_that_a_person_put_into_the_keyring_is_found(store: KeyStore, keyring: FakeKeyring) -> None:
    keyring.kept["tlsync", URL] = "tlk_by_hand"
    found = store.read()
    assert found is not None
    assert found.text == "tlk_by_hand"
    assert not store.file.exists()


def test_a_key_that_vanished_from_the_keyring_is_told(store: KeyStore, keyring: FakeKeyring) -> None:
    store.keep(KEY)
    keyring.kept.clear()
    with pytest.raises(ConfigError, match="no longer in the keyring") as caught:
        store.read()
    assert caught.value.hint == "tlsync auth login"


@pytest.mark.usefixtures("no_keyring")
def test_the_key_of_one_platform_is_not_given_to_another(store: KeyStore) -> None:
    store.keep(KEY)
    assert KeyStore(store.file, "https://other.example.com/v1.3").read() is None
    assert KeyStore(store.file, URL, "second").read() is None
    KeyStore(store.file, URL, "second").keep(Secret("tlk_second"))
    found = store.read()
    assert found is not None
    assert found.text == KEY.reveal()


def test_profiles_have_keys_of_their_own_in_the_keyring(store: KeyStore, keyring: FakeKeyring) -> None:
    store.keep(KEY)
    KeyStore(store.file, URL, "second").keep(Secret("tlk_second"))
    assert sorted(keyring.kept.values()) == ["tlk_canary_0123456789", "tlk_second"]


def test_removing_takes_the_key_out_of_both_places(store: KeyStore, keyring: FakeKeyring) -> None:
    keyring.priority = 0
    store.keep(KEY)
    keyring.priority = 5
    keyring.kept["tlsync", URL] = "tlk_older"
    assert store.remove() == ["the keyring (Fake Keyring)", str(store.file)]
    assert store.read() is None
    assert keyring.kept == {}
    assert not store.file.exists()
    assert store.remove() == []


@pytest.mark.usefixtures("no_keyring")
def test_removing_leaves_the_keys_of_others(store: KeyStore) -> None:
    other = KeyStore(store.file, "https://other.example.com/v1.3")
    other.keep(Secret("tlk_other"))
    store.keep(KEY)
    store.remove()
    assert other.read() is not None
    assert KEY.reveal() not in store.file.read_text()


def test_a_new_login_in_the_keyring_clears_the_file(store: KeyStore, keyring: FakeKeyring) -> None:
    keyring.priority = 0
    store.keep(KEY)
    keyring.priority = 5
    store.keep(KEY)
    assert json.loads(store.file.read_text()) == {"v": 1, "keys": {URL: {"keyring": "Fake Keyring"}}}


@pytest.mark.usefixtures("no_keyring")
def test_a_file_that_others_can_read_is_refused(store: KeyStore) -> None:
    store.keep(KEY)
    store.file.chmod(0o640)
    with pytest.raises(ConfigError, match="others can read") as caught:
        store.read()
    assert caught.value.hint == f"chmod 600 {store.file}"


@pytest.mark.usefixtures("no_keyring")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"keys": 1}', "tlk_secret"])
def test_a_damaged_file_is_told_and_not_shown(store: KeyStore, text: str) -> None:
    store.keep(KEY)
    store.file.write_text(text)
    with pytest.raises(ConfigError, match="damaged") as caught:
        store.read()
    assert "tlk_secret" not in str(caught.value)


@pytest.mark.usefixtures("no_keyring")
def test_a_link_in_the_place_of_the_file_is_not_followed(store: KeyStore, tmp_path: Path) -> None:
    store.keep(KEY)
    store.file.rename(tmp_path / "elsewhere")
    store.file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="can't be read"):
        store.read()
