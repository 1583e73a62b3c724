"""How wide text is on a terminal, and how it is cut to fit."""

from __future__ import annotations

ELLIPSIS = "…"


def cells(text: str) -> int:
    """Columns of a terminal that a text takes, at the most.

    Terminals differ where characters are joined (flags, families, variation selectors): each one is counted, so a line
    may look shorter than it was taken for, and is never longer.
    """
    return len(text) if text.isascii() else sum(map(_width, text))


def fit(text: str, width: int) -> str:
    """A text in at most `width` columns, its end replaced by an ellipsis where need be."""
    if cells(text) <= width:
        return text
    return "" if width < 1 else _head(text, width - 1) + ELLIPSIS


def fit_middle(text: str, width: int) -> str:
    """As `fit`, but the end stays too: names of a camera differ there."""
    if cells(text) <= width:
        return text
    if width < 6:
        return fit(text, width)
    tail = _head(text[::-1], (width - 1) // 2)[::-1]
    return _head(text, width - 1 - cells(tail)) + ELLIPSIS + tail


def padded(text: str, width: int) -> str:
    """A text in exactly `width` columns, cut or filled up."""
    fitting = fit(text, width)
    return fitting + " " * (width - cells(fitting))


def _head(text: str, width: int) -> str:
    taken = 0
    for position, character in enumerate(text):
        taken += _width(character)
        if taken > width:
            return text[:position]
    return text


def _width(character: str) -> int:
    import unicodedata  # most names are plain

    category = unicodedata.category(character)
    if character == "\ufe0f" or category == "Cf":  # makes its neighbour wide, or is shown by some terminals
        return 1
    if category in ("Mn", "Me"):
        return 0
    # What this Python does not know yet is most likely a new picture, and wide.
    return 2 if category == "Cn" or unicodedata.east_asian_width(character) in ("W", "F") else 1
