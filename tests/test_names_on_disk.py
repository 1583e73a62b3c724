"""Texts of others as names of files."""

from __future__ import annotations

import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile_names import assert_harmless, hostile_name
from tlsync import names_on_disk
from tlsync.names_on_disk import LEAST_LIMIT_BYTES, collation_key, safe_name, unique_names

ID = "65f0b0000000000000000a01"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A001_C003.mov", "A001_C003.mov"),
        ("Interview mit Jürgen (final).mp4", "Interview mit Jürgen (final).mp4"),
        ("Interview mit Ju\u0308rgen.mp4", "Interview mit Jürgen.mp4"),
        ("../../etc/passwd", "___.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\Windows\\x.mp4", "C__Windows_x.mp4"),
        ('a<b>c:d"e|f?g*.mp4', "a_b_c_d_e_f_g_.mp4"),
        ("a\0b\x1b[31m\nc.mp4", "ab[31mc.mp4"),
        ("gpj.\u202e4pm.exe", "gpj.4pm.exe"),
        ("trailing. . .", "trailing"),
        ("  spaces  .mp4", "spaces.mp4"),
        (".bashrc", "_bashrc"),
        ("-rf.mp4", "-rf.mp4"),
        ("CON", "CON_"),
        ("con.mp4", "con_.mp4"),
        ("Aux .tar.gz", "Aux_.tar.gz"),
        ("COM¹.mp4", "COM¹_.mp4"),
        ("console.mp4", "console.mp4"),
        ("👩\u200d🚀.mp4", "👩\u200d🚀.mp4"),
        ("", ID),
        (".", ID),
        ("..", ID),
        (" . . ", ID),
        ("\0\u202e", ID),
        ("///", ID),
    ],
)
def test_a_text_becomes_one_harmless_name(text: str, name: str) -> None:
    assert safe_name(text, ID) == name
    assert_harmless(name)


def test_long_names_keep_their_extension() -> None:
    name = safe_name("ä" * 5000 + ".mp4", ID)
    assert name.endswith("ä.mp4")
    assert 190 <= len(name.encode()) <= 200
    assert safe_name("x" * 5000 + ".mp4", ID).startswith("xxx")
    assert len(safe_name("a." + "b" * 5000, ID).encode()) <= 200


def test_an_id_is_not_trusted_either() -> None:
    for id in ("../x", "", "a" * 100, "a/b", "\0", "nul"):
        assert_harmless(safe_name("", id))


def test_too_low_a_limit_is_refused() -> None:
    with pytest.raises(ValueError):
        safe_name("a", "b", limit_bytes=LEAST_LIMIT_BYTES - 1)


def test_only_those_that_want_the_same_name_get_their_id() -> None:
    names = unique_names([("clip.mp4", "id1"), ("CLIP.mp4", "id2"), ("other.mp4", "id3")])
    assert names == ["clip-id1.mp4", "CLIP-id2.mp4", "other.mp4"]


def test_accents_written_in_two_ways_are_the_same() -> None:
    first, second = unique_names([("Jürgen.mp4", "a1"), ("Ju\u0308rgen.mp4", "b2")])
    assert collation_key(first) != collation_key(second)


def test_names_do_not_depend_on_the_order() -> None:
    items = [("a.mp4", "1"), ("A.mp4", "2"), ("a-1.mp4", "3"), ("a-1-3.mp4", "4"), ("a.mp4", "5"), ("", "6")]
    names = dict(zip(items, unique_names(items), strict=True))
    for seed in range(20):
        mixed = items[:]
        random.Random(seed).shuffle(mixed)
        assert dict(zip(mixed, unique_names(mixed), strict=True)) == names


def test_a_name_made_to_collide_with_an_id_does_not() -> None:
    items = [("a.mp4", "x"), ("a.mp4", "X"), ("a-x.mp4", "y"), ("a-X.mp4", "z"), ("a.mp4", "x"), ("a.mp4", "x")]
    names = unique_names(items)
    assert len({collation_key(name) for name in names}) == len(items)


@given(st.text(max_size=300), st.text(max_size=80), st.integers(LEAST_LIMIT_BYTES, 255))
def test_whatever_the_text(text: str, id: str, limit_bytes: int) -> None:
    """One component, harmless, within the limit; and what is safe already stays."""
    name = safe_name(text, id, limit_bytes=limit_bytes)
    assert_harmless(name, limit_bytes)
    assert safe_name(name, id, limit_bytes=limit_bytes) == name
    assert unicodedata.is_normalized("NFC", name)


_TWINS = st.sampled_from(["a", "A", "a.mp4", "a-1", "a-1.mp4", "", "ß", "SS", "."])


@given(st.lists(st.tuples(_TWINS, st.text(max_size=3))))
def test_whatever_the_list(items: list[tuple[str, str]]) -> None:
    names = unique_names(items)
    assert len({collation_key(name) for name in names}) == len(items)
    for name in names:
        assert_harmless(name)


def test_random_names_of_the_emulator_are_harmless() -> None:
    source = random.Random(1)
    for _ in range(500):
        assert_harmless(safe_name(hostile_name(source), ID))


_ORDINARY = st.text(st.sampled_from("aB09_-. ()+,~%$;'!&con"), max_size=30)


@given(st.lists(st.tuples(_ORDINARY, st.text("ab1", max_size=3)), max_size=8))
def test_the_short_way_of_ordinary_names_leads_to_the_same(items: list[tuple[str, str]]) -> None:
    quickly = unique_names(items)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names_on_disk, "_PLAIN", re.compile("(?!)"))
        assert unique_names(items) == quickly
