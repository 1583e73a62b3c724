"""A file that people may edit is never overwritten or removed once they did."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsync.errors import ServiceError
from tlsync.service.kept_file import PLACE, condition, put, remove

TEXT = f"# by tlsync ({PLACE})\nRestart=on-failure\n"
A, B = "a" * 12, "b" * 12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "tlsync.service"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_written_kept_updated_removed(path: Path, encoding: str) -> None:
    assert condition(path, A, encoding) == "absent"
    assert put(path, TEXT, A, encoding) == "written"
    before = path.stat()
    assert put(path, TEXT, A, encoding) == "unchanged"
    assert path.stat() == before
    assert put(path, TEXT + "Nice=10\n", A, encoding) == "updated"  # a later version writes more
    assert "Nice" in path.read_text(encoding)
    assert remove(path, A, encoding) is True
    assert remove(path, A, encoding) is False


@pytest.mark.parametrize("change", ["more", "less", "mark", "no mark", "other bytes", "link"])
def test_what_somebody_edited_stays(path: Path, change: str) -> None:
    put(path, TEXT, A)
    text = path.read_text()
    if change == "link":
        path.rename(path.parent / "dotfiles")
        path.symlink_to("dotfiles")
    else:
        edited = {
            "more": text + "Nice=19\n",
            "less": text.replace("Restart=on-failure\n", ""),
            "mark": text.replace("text ", "text 0", 1),
            "no mark": "Restart=on-failure\n",
            "other bytes": "",
        }[change]
        path.write_bytes(edited.encode() or b"\xff\xfe\x00")
    before = path.read_bytes()
    with pytest.raises(ServiceError, match="left alone"):
        put(path, TEXT + "new\n", A)
    with pytest.raises(ServiceError, match="edited"):
        remove(path, A)
    assert path.read_bytes() == before


def test_a_service_of_other_settings_is_not_taken_over(path: Path) -> None:
    put(path, TEXT, A)
    with pytest.raises(ServiceError, match="another settings file"):
        put(path, TEXT, B)
    with pytest.raises(ServiceError, match="another settings file"):
        remove(path, B)
    assert condition(path, A) == "ours"
