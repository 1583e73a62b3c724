"""Texts of others as names of files: always one component, harmless on every system, and never two the same.

A name that the platform gives is a label, never a path. Pure; the same texts and ids give the same names, in any order.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

LEAST_LIMIT_BYTES = 64

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REPLACED = re.compile(r'[/\\:*?"<>|]')
_JOINERS = frozenset("\u200c\u200d")
"""Marks without width that scripts and emoji need. All others, those that turn the reading direction among them, go."""
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of Unicode. Letters that are unknown today stay, so that names don't change with the next Unicode."""
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
"""Devices on Windows, with any extension. Source: Microsoft, "Naming Files, Paths, and Namespaces"."""
_PLAIN = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_ .()+=,@#&'\[\]{}!~$%^;-]{0,198}[A-Za-z0-9_-])?")
"""Names as cameras give them, which stay as they are; most names are such."""
_LONGEST_ENDING_BYTES = 16
_LONGEST_TEXT = 4096
"""Characters that are looked at; a name is cut far earlier."""


def safe_name(text: str, fallback_id: str, *, limit_bytes: int = 200) -> str:
    """One file name that looks like `text`.

    Args:
        fallback_id: Used where nothing of the text is left. Not trusted either.
        limit_bytes: Most bytes of the name in UTF-8; the extension is kept.

    Raises:
        ValueError: The limit is below `LEAST_LIMIT_BYTES`.
    """
    return _joined(*_parts(text, fallback_id), "", limit_bytes)


def unique_names(items: Sequence[tuple[str, str]], *, limit_bytes: int = 200) -> list[str]:
    """A name for each (text, id), in order: no two are the same, also where case or accents don't count.

    A name that nobody else wants stays as it is. All that want the same one get their id added, or a hash where that
    is not enough.
    """
    parts = [_parts(text, id) for text, id in items]
    levels = [0] * len(items)
    names = [_joined(*part, "", limit_bytes) for part in parts]
    keys = [collation_key(name) for name in names]
    marks: list[tuple[str, str, str]] = []
    while True:
        wanted = Counter(keys)
        if len(wanted) == len(keys):
            return names
        again = [n for n, key in enumerate(keys) if levels[n] < 2 and wanted[key] > 1]
        if not again:
            return names
        marks = marks or _marks(items)
        for n in again:
            levels[n] += 1
            names[n] = _joined(*parts[n], marks[n][levels[n]], limit_bytes)
            keys[n] = collation_key(names[n])


def _marks(items: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """What is added to names that two want: nothing, then the id, then a hash."""
    seen: Counter[str] = Counter()
    marks: list[tuple[str, str, str]] = []
    for text, id in items:
        seen[id] += 1
        secret = f"{id}\0{text}\0{seen[id]}".encode("utf-8", "surrogatepass")
        marks.append(("", f"-{_id_or_hash(id)}", f"~{hashlib.sha256(secret).hexdigest()[:32]}"))
    return marks


def collation_key(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    if name.isascii():
        return name.lower()
    seen = "".join(letter for letter in name if unicodedata.category(letter) != "Cf")  # some don't see these
    folded = unicodedata.normalize("NFKD", seen).upper().casefold()
    return unicodedata.normalize("NFKC", folded).casefold()


def _parts(text: str, fallback_id: str) -> tuple[str, str]:
    """Stem and extension, freed of all that is not for names."""
    if _PLAIN.fullmatch(text) and text.strip("_-"):
        return _split(text)
    if len(text) > _LONGEST_TEXT:
        text = text[: _LONGEST_TEXT // 2] + text[-_LONGEST_TEXT // 2 :]
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(letter for letter in composed if letter in _JOINERS or unicodedata.category(letter) not in _DROPPED)
    name = unicodedata.normalize("NFC", _REPLACED.sub("_", kept)).strip(" \u3000\u00a0").rstrip(". ")
    bare = name.lstrip(".")
    if not bare.strip(" ._"):
        return _id_or_hash(fallback_id), ""
    return _split("_" * (len(name) - len(bare)) + bare)  # a hidden name could be a setting of some program


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    if not stem or not ending.isalnum() or len(ending.encode()) >= _LONGEST_ENDING_BYTES:
        return name, ""
    return stem, dot + ending


def _joined(stem: str, ending: str, mark: str, limit_bytes: int) -> str:
    if limit_bytes < LEAST_LIMIT_BYTES:
        raise ValueError(f"a limit of {limit_bytes} bytes leaves no room for names")
    if len(mark) > limit_bytes // 2:
        mark = f"~{hashlib.sha256(mark.encode()).hexdigest()[:24]}"
    room_bytes = limit_bytes - len(ending.encode()) - len(mark) - 1  # one for the underscore below
    stem = stem.encode()[:room_bytes].decode("utf-8", "ignore").rstrip(". ") or "_"
    if _RESERVED.fullmatch(stem.split(".")[0].rstrip(" ")):
        first, dot, rest = stem.partition(".")
        stem = f"{first.rstrip(' ')}_{dot}{rest}"
    return f"{stem}{mark}{ending}"


def _id_or_hash(id: str) -> str:
    if _ID.fullmatch(id):
        return id
    return "id" + hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
