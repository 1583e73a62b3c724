"""Names and ids as an attacker would choose them, and what must hold for a name on disk."""

from __future__ import annotations

import os
import random
import re
import unicodedata
from pathlib import Path

PIECES = (
    *("..", ".", "/", "\\", "../", "..\\", "//", "~", ":", "*", "?", '"', "<", ">", "|", "\0", "\n", "\r", "\x1b[2J"),
    *("\x7f", "\x9b31m", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\ud800", "\udcff", "%2e%2e%2f", "%00"),
    *("CON", "nul", "com1", "LPT9", "aux.", "desktop.ini", ".git", ".tlsyncignore", "clip.mp4.tlsync.json"),
    *("a", "A", "ä", "a\u0308", "ﬁ", "ß", "SS", "ı", "I", "K", "\u212a", "／", "․․", "。", "🎬", "👩\u200d🚀"),
    *(" ", "\u3000"),
    *(
        "x" * 300,
        "ä" * 200,
        ".mp4",
        ".MP4",
        ".tar.gz",
        "-",
        "--help",
        "$(id)",
        "`id`",
        ";",
        "&",
        "'",
        "file:///etc/passwd",
    ),
)
HOSTILE_IDS = (
    *("", ".", "..", "../x", "a/b", "a\\b", "a?b=c", "a#b", "a%2fb", "a\0b", "a b", "a\nb", "ä", "x" * 5000, "\u202e"),
    *("../../indexes", "a/../../b", "//evil.example/x", "http://evil.example", "a;b", "a@b", "a:b", "\x1b[31m"),
)
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?")


def hostile_name(source: random.Random) -> str:
    return "".join(source.choice(PIECES) for _ in range(source.randrange(6)))


def assert_harmless(name: str, limit_bytes: int = 200) -> None:
    """One component that every system takes as it is, and no program obeys."""
    raw = name.encode("utf-8")
    assert name not in ("", ".", "..")
    assert 0 < len(raw) <= limit_bytes
    assert Path(os.path.normpath(f"/root/{name}")) == Path("/root") / name
    assert (Path("/root") / name).parent == Path("/root")
    assert not set(name) & set('/\\:*?"<>|')
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)
    assert not any(unicodedata.category(letter) == "Cf" and letter not in "\u200c\u200d" for letter in name)
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert not _RESERVED.fullmatch(name)
