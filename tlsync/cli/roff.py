"""Text as roff, the language of man pages, so that every character comes out as it is. Pure.

Source: groff_man(7), groff_char(7), man(7) of mandoc 1.14.
"""

from __future__ import annotations

from collections.abc import Sequence

_ESCAPES = {
    "\\": "\\e",
    "-": "\\-",  # else a hyphen that can't be copied into a shell
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
    '"': "\\(dq",
}


def escaped(text: str) -> str:
    """A line of text: nothing in it is a command, wherever it stands."""
    line = "".join(_ESCAPES.get(character) or _plain(character) for character in text)
    return "\\&" + line if line.startswith(".") else line


def macro(name: str, *words: str) -> str:
    """A line with a command and its arguments."""
    return " ".join([f".{name}", *(f'"{escaped(word)}"' for word in words)])


def bold(text: str) -> str:
    return f"\\fB{escaped(text)}\\fR"


def paragraphs(text: str) -> list[str]:
    """Paragraphs as help texts have them: separated by empty lines, kept as they are after a line with `\\b`."""
    lines: list[str] = []
    for block in text.replace("\r", "").split("\n\n"):
        rows = block.strip("\n").split("\n")
        if rows == [""]:
            continue
        if lines:
            lines.append(".PP")
        if rows[0].strip() == "\b":
            lines += example(rows[1:])
        else:
            lines.append(escaped(" ".join(row.strip() for row in rows)))
    return lines


def example(rows: Sequence[str]) -> list[str]:
    """Lines that stay as they are."""
    return [".nf", ".RS 4", *(escaped(row.strip()) or "\\&" for row in rows), ".RE", ".fi"]


def entry(head: str, text: str) -> list[str]:
    """A term, with what it means below it, indented."""
    return [".TP", bold(head), escaped(" ".join(text.split())) or "\\&"]


def _plain(character: str) -> str:
    code = ord(character)
    if 0x20 <= code < 0x7F:
        return character
    return " " if code < 0xA0 or 0xD800 <= code < 0xE000 else f"\\[u{code:04X}]"
