"""Text of others made safe to print: control and bidi characters are shown, not obeyed."""

from __future__ import annotations

import re

_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_OBEYED = "[\x7f-\x9f\u2028\u2029" + "".join(sorted(_BIDI)) + "]"


def printable(text: str) -> str:
    """Escape what would move the cursor, forge a line or turn the reading direction; broken bytes too."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(_safe(character) for character in text)


def _safe(character: str) -> str:
    import unicodedata  # most names are plain

    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    if character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def printable_json(document: str) -> str:
    """A JSON document that says the same, with escapes for what JSON allows and terminals obey."""
    return re.sub(_OBEYED, lambda found: f"\\u{ord(found[0]):04x}", document)
