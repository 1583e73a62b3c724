"""Words of texts and file names, and how many of a query's words something has; pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

WORD = re.compile(r"[^\W_]+")
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
COMMON_TEXT = """a an and are as at be but by for from has have he her his i in is it its me my no not of on or our
    she so that the their them then there they this to us was we were will with you your"""
COMMON = frozenset(COMMON_TEXT.split())


def words_of(text: str) -> list[str]:
    """The words of a text or a file name, folded to lower case without accents."""
    plain = unicodedata.normalize("NFKD", CAMEL.sub(" ", text))
    folded = "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
    return WORD.findall(folded)


def telling_words(text: str) -> list[str]:
    """The words of a query without the small ones, unless it has no others."""
    words = words_of(text)
    return [word for word in words if word not in COMMON] or words


def share(wanted: Iterable[str], offered: Iterable[str]) -> float:
    """Which part of the wanted words is offered; plural and singular are the same."""
    stems = {_stem(word) for word in offered}
    asked = {_stem(word) for word in wanted}
    return len(asked & stems) / len(asked) if asked else 0.0


def frequent(texts: Iterable[str], most: int) -> list[str]:
    """The words that are said most, without the small ones; equal counts in alphabetical order."""
    counted = Counter(word for text in texts for word in words_of(text) if len(word) > 2 and word not in COMMON)
    return [word for word, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most]]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
