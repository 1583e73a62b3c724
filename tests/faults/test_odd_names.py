"""F44: names that are legal and that nobody expects."""

from __future__ import annotations

import os
import random
import unicodedata
from pathlib import Path

import pytest

from tests.conftest import MakeClip
from tests.faults.conftest import Row
from tests.workshop import HastyClock, Workshop
from tlsync.config import AnalysisSettings
from tlsync.engine import scheduler
from tlsync.store.reader import CatalogReader

NASTY = [
    b"\xff\xfe.mp4", b"latin\xe9.mp4", b"half\xc3.mp4", b"line\nbreak.mp4", b"tab\tand\rreturn.mp4",
    b"bell\x07\x1b[31m.mp4", b"-rf.mp4", b"--help.mp4", b" .mp4", b"  spaces  .mp4", b"dots....mp4",
    b"semi;colon&amp'\".mp4", b"%s%n%00.mp4",
    b"back\\slash.mp4", b"a:b*c?d<e>f|g.mp4", b"CON.mp4", b"nul.mp4", b"$(touch x).mp4", b"{braces}[brackets].mp4",
    "emoji 🎬👩‍🚀.mp4".encode(), "עברית.mp4".encode(), "\u202egpj.mp4".encode(), "zero\u200bwidth.mp4".encode(),
    "Ａ．ｍｐ４.mp4".encode(), "日本語.mp4".encode(), "\ufeffbom.mp4".encode(), b"clip.mp4.mp4", b"UPPER.MP4",
    b"x.mov.mp4", b"a" * 251 + b".mp4", ("é" * 125).encode() + b".mp4", b"\xfe" * 251 + b".mp4", b"b" * 237 + b".mp4",
    b"sql'; DROP.mp4", b"\x7f.mp4", b"new\xe2\x80\xa8line.mp4", b"#hash.mp4", b"!not.mp4", b"~tilde.mp4", b"a,b=c.mp4",
    b"100%.mp4", b"?.mp4",
]  # fmt: skip
"""As bytes, since a name need not be text."""
TWINS = [
    (unicodedata.normalize("NFC", "Zoë.mp4").encode(), unicodedata.normalize("NFD", "Zoë.mp4").encode()),
    (b"Case.mp4", b"cASE.mp4"),
    ("ſtraße.mp4".encode(), b"strasse.mp4"),
    (b"trailing.mp4", b"trailing .mp4"),
    (b"\xff.mp4", "\ufffd.mp4".encode()),
    (b"q\xff.mp4", b"q\xfe.mp4"),
]
"""Names that some systems take for one."""
NOT_FOOTAGE = [b"dot.mp4.", b"space.mp4 ", b".hidden.mp4", b"._double.mp4", b"noextension"]


def odd_name(luck: random.Random) -> bytes:
    """A random legal name of up to 255 bytes that ends in .mp4."""
    alphabets = [
        lambda: bytes([luck.choice([b for b in range(1, 256) if b not in b"/"])]),
        lambda: chr(luck.choice([*range(0x20, 0x7F), *range(0xA0, 0x250)])).replace("/", "_").encode(),
        lambda: chr(luck.choice([*range(0x300, 0x370), *range(0x1F300, 0x1F600), *range(0x2000, 0x2070)])).encode(),
    ]
    letter = luck.choice(alphabets)
    name = b""
    for _ in range(luck.choice([1, 3, 12, 60, 251])):
        more = letter()
        if len(name) + len(more) > 251:
            break
        name += more
    return name + b".mp4"


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_f44_many_odd_names(row: Row, workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the test below, with names at random."""
    odd_names(row, workshop, make_clip, monkeypatch, row.times(merge=200, long=950))


def test_f44_odd_names(row: Row, workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is handled, or reported with a reason; none of them breaks anything, and no two are taken for one."""
    odd_names(row, workshop, make_clip, monkeypatch, 5)


def odd_names(
    row: Row, workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, at_random: int
) -> None:
    workshop.clock = HastyClock(20)
    workshop.changes = {"analysis": AnalysisSettings(kinds=())}
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)
    source = make_clip(workshop.footage.with_name("source.mp4"), duration_s=4.0)
    names = {*NASTY, *(name for pair in TWINS for name in pair), *(odd_name(row.random) for _ in range(at_random))}
    folder = os.fsencode(workshop.footage)
    made: set[bytes] = set()
    for name in sorted(names | set(NOT_FOOTAGE)):
        try:
            os.link(source, folder + b"/" + name)
        except OSError:
            continue  # this file system does not take such a name
        if name not in NOT_FOOTAGE and not name.startswith((b".", b"~$")):
            made.add(name)
    is_sensitive = {b"Case.mp4", b"cASE.mp4"} <= set(os.listdir(folder))
    for _ in range(2):
        summary = workshop.sync()
    with CatalogReader(workshop.state_dir) as reader:
        files = {os.fsencode(view.path.name): view for view in reader.files()}
    assert set(files) == made if is_sensitive else len(files) <= len(made)
    assert summary.files == len(files)
    assert summary.pending == 0
    for name, view in files.items():
        assert view.state.value == "enriched" or view.reason, name
    done = [view for view in files.values() if view.state.value == "enriched"]
    sidecars = {view.sidecar for view in done}
    collisions = len(done) - len(sidecars)
    assert collisions == 0
    assert all(Path(sidecar).exists() for sidecar in sidecars if sidecar)
    assert len(workshop.remote_contents()) == 1
    row.say(
        f"{len(files)} names: 0 crashes, {collisions} collisions, {len(done)} enriched, "
        f"{len(files) - len(done)} reported"
    )
