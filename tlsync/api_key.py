"""Where the API key comes from: the environment, a file that only its owner can read, what `tlsync auth login` kept.

Never an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlsync.errors import ConfigError, Unauthorized
from tlsync.key_store import KeyStore
from tlsync.private_file import read_private_file
from tlsync.secret import Secret

VARIABLES = ("TWELVE_LABS_API_KEY", "TWELVELABS_API_KEY")
"""The platform's own documents use both spellings."""

_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key and its source. `where` names the variable, the file or the keyring, for people."""

    secret: Secret
    source: Literal["environment", "file", "login_file", "keyring"]
    where: str


def load_api_key(key_file: Path | None, env: Mapping[str, str], store: KeyStore | None = None) -> Secret:
    """The key, from the first place that has one. Raises as `find_api_key`."""
    return find_api_key(key_file, env, store).secret


def find_api_key(key_file: Path | None, env: Mapping[str, str], store: KeyStore | None = None) -> FoundKey:
    """The key, from the first place that has one.

    Args:
        key_file: `[platform] api_key_file`.
        store: What `tlsync auth login` keeps; asked last.

    Raises:
        Unauthorized: There is none anywhere.
        ConfigError: A key file can't be read, is empty, or others can read it.
        NotYet: It is in the keyring, which is locked or does not answer.
    """
    for variable in VARIABLES:
        if text := env.get(variable, "").strip():
            return FoundKey(cleaned(text, variable), "environment", variable)
    if key_file is not None:
        text = read_private_file(key_file, hint="check [platform] api_key_file", longest=_LONGEST)
        return FoundKey(cleaned(text, str(key_file)), "file", str(key_file))
    stored = store.read() if store is not None else None
    if stored is not None:
        source: Literal["login_file", "keyring"] = "keyring" if stored.is_keyring else "login_file"
        return FoundKey(cleaned(stored.text, stored.where), source, stored.where)
    raise Unauthorized(
        "there is no API key",
        hint=f"tlsync auth login, or set {VARIABLES[0]}, or [platform] api_key_file to a file with mode 0600",
    )


def cleaned(text: str, where: str) -> Secret:
    """A key without the blanks around it.

    Raises:
        ConfigError: It can't be one; it is not shown.
    """
    key = text.strip()
    if not key:
        raise ConfigError(f"{where}: holds no key")
    if not key.isascii() or not key.isprintable() or " " in key or len(key) > _LONGEST:
        raise ConfigError(f"{where}: holds something that can't be a key (spaces, line breaks or odd characters)")
    return Secret(key)
