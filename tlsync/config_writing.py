"""A new settings file: the text of config.example.toml with a few answers filled in. Existing files are never touched.

The example comes with the package, so its comments and defaults are always those of the code.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tlsync.config.toml_lines import Place, find_lines
from tlsync.errors import ConfigError
from tlsync.store.state_folder import make_private

_PLACES = (Path(__file__).parent / "config.example.toml", Path(__file__).parent.parent / "config.example.toml")
"""In an installed package, and in a checkout."""
_TITLE = (
    "# Settings of tlsync, written by tlsync init, which filled in the answers. The rest is what holds without a file.",
    "# tlsync reads this file and never writes it again: change it as you like.",
)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person decides at the start. `models` None: those of the defaults; `base_url` likewise."""

    folders: tuple[Path, ...]
    index: str
    kinds: tuple[str, ...]
    models: tuple[str, ...] | None = None
    base_url: str | None = None


def example_text() -> str:
    """
    Raises:
        ConfigError: The package is not whole.
    """
    for path in _PLACES:
        with suppress(FileNotFoundError):
            return path.read_text("utf-8")
    raise ConfigError("config.example.toml is missing from the package", hint="install tlsync anew")


def settings_text(answers: Answers) -> str:
    """The text of a settings file with these answers; at least one folder.

    Raises:
        ConfigError: A folder has a name that TOML can't hold.
    """
    text = example_text()
    lines, places = text.splitlines(), find_lines(text)
    first, *others = answers.folders
    index = toml_text(answers.index)
    values: dict[Place, str] = {
        ("root", 0, "path"): toml_text(str(first)),
        ("root", 0, "index"): index,
        ("analysis", None, "kinds"): toml_texts(answers.kinds),
    }
    if answers.models is not None:
        values["index", None, "models"] = toml_texts(answers.models)
    if answers.base_url is not None:
        values["platform", None, "base_url"] = toml_text(answers.base_url)
    for place, value in values.items():
        lines[places[place] - 1] = _filled(lines[places[place] - 1], value)
    after_root = lines.index("", places["root", 0, None])
    lines[after_root:after_root] = [
        line for folder in others for line in ("", "[[root]]", f"path = {toml_text(str(folder))}", f"index = {index}")
    ]
    end_of_title = lines.index("")
    units = lines[end_of_title - 1]
    return "\n".join([*_TITLE, units, *lines[end_of_title:]]) + "\n"


def _filled(line: str, value: str) -> str:
    """A line with another value; its comment stays, and stays where it was if there is room."""
    key, _, _ = line.partition(" = ")
    setting, column = f"{key} = {value}", line.find("  #")
    if column < 0:
        return setting
    comment = line[column:].lstrip()
    return f"{setting.ljust(len(line) - len(comment) - 2)}  {comment}"


def write_new(file: Path, text: str) -> None:
    """Write a file that is not there yet: whole or not at all.

    Raises:
        ConfigError: There is one, or it can't be written.
    """
    temp = file.with_name(f".{secrets.token_hex(8)}.tlsync-tmp")
    try:
        make_private(file.parent)
        try:
            handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(temp, file)  # fails where a file is, unlike a rename
            except OSError as error:
                if isinstance(error, FileExistsError) or file.exists():
                    raise FileExistsError(error.errno, "File exists") from None
                temp.rename(file)  # a disk without links
        finally:
            temp.unlink(missing_ok=True)
    except FileExistsError:
        raise exists_already(file) from None
    except OSError as error:
        raise ConfigError(
            f"{file}: the settings can't be written: {error.strerror}", hint="name another place with --config"
        ) from error


def exists_already(file: Path) -> ConfigError:
    return ConfigError(
        f"{file}: there is a settings file already, and it is never overwritten",
        hint=f"edit it, or move it away first: mv {file} {file}.old",
    )


def toml_text(text: str) -> str:
    """A text in quotes.

    Raises:
        ConfigError: It is not UTF-8.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(
            f"{text!r}: a name that is not UTF-8 can't be written in the settings", hint="rename the folder"
        ) from None
    escaped = "".join(
        {"\\": "\\\\", '"': '\\"'}.get(letter, letter if letter.isprintable() else _escape(letter)) for letter in text
    )
    return f'"{escaped}"'


def toml_texts(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(toml_text, texts))}]"


def _escape(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
