"""Keeps the API key that `tlsync auth login` was given: in the keyring of the system, or else in a file.

The file lies beside the settings, with mode 0600. It holds the keys by account (the base URL, and the profile if there
is one), so that the key of one platform is never sent to another; for a key that is in the keyring it holds that fact
alone. So a keyring that is locked is told from one that was never used.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tlsync.errors import ConfigError, NotYet
from tlsync.patience import answers_within
from tlsync.private_file import read_private_file
from tlsync.secret import Secret
from tlsync.store.atomic import write_whole
from tlsync.store.state_folder import make_private

SERVICE = "tlsync"
_LONGEST_FILE = 1 << 20
_KEYRING_S = 20.0
"""A keyring may show a dialog to be unlocked; nobody may be there to see it."""
_LEAST_PRIORITY = 1
"""Source: keyring, "recommended" backends; those below write plain files, or nothing."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it was kept, and its place for people. Its text is in no repr."""

    secret: Secret
    is_keyring: bool
    where: str

    @property
    def text(self) -> str:
        return self.secret.reveal()


class KeyringFailed(Exception):
    """The keyring is not there, is locked, or does not answer; the text says which."""


class KeyStore:
    """What was kept for one account."""

    def __init__(self, file: Path, base_url: str, profile: str | None = None) -> None:
        self.file = file
        self.account = base_url if profile is None else f"{base_url} ({profile})"

    def read(self) -> StoredKey | None:
        """The key; None if none was kept.

        Raises:
            ConfigError: The file is not usable.
            NotYet: The key is in a keyring that can't be read now.
        """
        entry = self._entries().get(self.account)
        if isinstance(entry, dict) and isinstance(entry.get("key"), str):
            return StoredKey(Secret(entry["key"]), False, str(self.file))
        is_expected = isinstance(entry, dict) and "keyring" in entry
        try:
            name, text = _ask(self._from_keyring)
        except KeyringFailed as failure:
            if not is_expected:
                return None
            raise NotYet(
                f"the key is in the keyring, which can't be read now: {failure}",
                hint="unlock the keyring (it opens when you log in to the desktop), or tlsync auth login again",
            ) from None
        if text:
            return StoredKey(Secret(text), True, f"the keyring ({name})")
        if is_expected:
            raise ConfigError(
                f"the key for {self.account} is no longer in the keyring ({name})", hint="tlsync auth login"
            )
        return None

    def keep(self, secret: Secret) -> tuple[StoredKey, str]:
        """Keep a key, in the keyring if there is a usable one.

        Returns:
            Where it is now, and why it is not in the keyring ("" if it is).

        Raises:
            ConfigError: The file can't be read or written.
        """
        entries = self._entries()
        try:
            name = _ask(lambda: self._to_keyring(secret))
        except KeyringFailed as failure:
            self._write({**entries, self.account: {"key": secret.reveal()}})
            return StoredKey(secret, False, str(self.file)), str(failure)
        self._write({**entries, self.account: {"keyring": name}})
        return StoredKey(secret, True, f"the keyring ({name})"), ""

    def remove(self) -> list[str]:
        """Remove the key from wherever it is; says from where.

        Raises:
            ConfigError: The file can't be read or written.
            NotYet: The key is in a keyring that can't be reached now.
        """
        removed = []
        entries = self._entries()
        entry = entries.pop(self.account, None)
        is_expected = isinstance(entry, dict) and "keyring" in entry
        try:
            name, was_there = _ask(self._out_of_keyring)
            if was_there:
                removed.append(f"the keyring ({name})")
        except KeyringFailed as failure:
            if is_expected:
                raise NotYet(
                    f"the key is in the keyring, which can't be reached now: {failure}", hint="unlock it, and try again"
                ) from None
        if entry is not None:
            if not is_expected:
                removed.append(str(self.file))
            self._write(entries)
        return removed

    def _entries(self) -> dict[str, Any]:
        if not self.file.is_symlink() and not self.file.exists():
            return {}
        text = read_private_file(self.file, hint=f"look at {self.file}, or remove it", longest=_LONGEST_FILE)
        try:
            entries = json.loads(text)["keys"]
        except (ValueError, KeyError, TypeError):
            entries = None
        if not isinstance(entries, dict):
            raise ConfigError(f"{self.file}: is damaged", hint="remove it, and tlsync auth login again")
        return entries

    def _write(self, entries: dict[str, Any]) -> None:
        try:
            if not entries:
                self.file.unlink(missing_ok=True)
                return
            make_private(self.file.parent)
            write_whole(self.file, json.dumps({"v": 1, "keys": entries}, indent=2).encode() + b"\n", mode=0o600)
        except OSError as error:
            raise ConfigError(
                f"{self.file}: the key can't be kept there: {error.strerror}", hint="name another place with --config"
            ) from error

    def _from_keyring(self) -> tuple[str, str | None]:
        keyring, name = _usable_keyring()
        return name, keyring.get_password(SERVICE, self.account)

    def _to_keyring(self, secret: Secret) -> str:
        keyring, name = _usable_keyring()
        keyring.set_password(SERVICE, self.account, secret.reveal())
        if keyring.get_password(SERVICE, self.account) != secret.reveal():
            raise KeyringFailed(f"the keyring ({name}) does not give back what it was given")
        return name

    def _out_of_keyring(self) -> tuple[str, bool]:
        keyring, name = _usable_keyring()
        if keyring.get_password(SERVICE, self.account) is None:
            return name, False
        keyring.delete_password(SERVICE, self.account)
        return name, True


def _usable_keyring() -> tuple[Any, str]:
    """The library and the name of its backend.

    Raises:
        KeyringFailed: One of the two is missing.
    """
    try:
        import keyring
    except ImportError:
        raise KeyringFailed("the library for it is not installed (pip install 'tlsync[keyring]')") from None
    backend = keyring.get_keyring()
    if getattr(backend, "priority", 0) < _LEAST_PRIORITY:
        raise KeyringFailed("this system has none that is usable")
    return keyring, str(getattr(backend, "name", type(backend).__name__))


def _ask(ask: Callable[[], T]) -> T:
    """Ask the keyring, for as long as that makes sense.

    Raises:
        KeyringFailed: It has no answer; whatever a backend raises.
    """

    def answer(_: int) -> T | KeyringFailed:
        try:
            return ask()
        except KeyringFailed as failure:
            return failure
        except Exception as error:  # each backend has errors of its own
            return KeyringFailed(f"it says {type(error).__name__}" + (f" ({error})" if str(error) else ""))

    answers = answers_within(_KEYRING_S, answer, [0])
    found = answers.get(0, KeyringFailed(f"it does not answer within {_KEYRING_S:.0f} s"))
    if isinstance(found, KeyringFailed):
        raise found
    return found
