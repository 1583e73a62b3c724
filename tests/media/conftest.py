"""What the tests of media share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.media.containers import Check
from tlsync.media.container import check_whole
from tlsync.media.container_reads import Reads
from tlsync.media.identity import open_media


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """The verdict on a file of these bytes."""

    def verdict(data: bytes) -> str | None:
        path = tmp_path / "checked"
        path.write_bytes(data)
        with open_media(path) as fd:
            return check_whole(fd, len(data), path)

    return verdict


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths in bytes of all that checks of a structure read, in order: what they cost, on any machine."""
    lengths: list[int] = []
    real = Reads.at

    def at(self: Reads, offset: int, length: int) -> bytes:
        found = real(self, offset, length)
        lengths.append(len(found))
        return found

    monkeypatch.setattr(Reads, "at", at)
    return lengths
