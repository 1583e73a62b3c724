"""Folders, and what they are on."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tlsync.checkup import folders
from tlsync.checkup.findings import Finding
from tlsync.config import RootSettings, Settings, SidecarSettings
from tlsync.engine import volumes
from tlsync.engine.mounts import Mount

NFS = Mount(1, "0:44", "/", "nfs4", "nas:/footage", False)


def check(path: Path, known: dict[str, Any] | None = None, **changes: Any) -> list[Finding]:
    return list(
        folders.check_root(
            RootSettings(path, watch=changes.pop("watch", "auto")), Settings(Path("state"), **changes), known
        )
    )


def on(monkeypatch: pytest.MonkeyPatch, mount: Mount | None) -> None:
    monkeypatch.setattr(volumes, "look", lambda path: volumes.Place(1, None, mount, (), False))


def test_a_folder_that_is_there_is_fine(tmp_path: Path) -> None:
    (found,) = check(tmp_path)
    assert found.state == "ok"
    assert "empty" in found.message


def test_what_is_not_there_or_no_folder_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("nothing", "file"):
        (found,) = check(tmp_path / name)
        assert found.state == "failure"
        assert "[[root]] path" in found.mend


def test_a_refusal_is_told_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(volumes, "look", refuse)
    (found,) = check(tmp_path)
    assert (found.state, found.message) == ("failure", "can't be read: Permission denied")


def test_another_volume_at_its_path_is_told_from_the_catalog(tmp_path: Path) -> None:
    known = {"condition": "foreign", "trouble": "another volume is at this path", "note": ""}
    (found,) = check(tmp_path, known)
    assert (found.state, found.message) == ("failure", "another volume is at this path")


def test_what_the_catalog_notes_is_passed_on(tmp_path: Path) -> None:
    known = {"condition": "online", "trouble": "", "note": "half of the files are gone"}
    assert [one.state for one in check(tmp_path, known)] == ["ok", "warning"]


def test_a_network_volume_is_named_and_wanted_events_are_doubted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, NFS)
    (found,) = check(tmp_path)
    assert "network volume (nfs4)" in found.message
    assert [one.state for one in check(tmp_path, watch="events")] == ["ok", "warning"]


def test_a_folder_that_can_not_be_written_is_told_unless_sidecars_are_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert [one.state for one in check(tmp_path)] == ["ok", "warning"]
    assert [one.state for one in check(tmp_path, sidecar=SidecarSettings(location="central"))] == ["ok"]


@pytest.mark.parametrize(("free", "state"), [(0, "failure"), (100_000_000, "warning")])
def test_a_disk_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    assert check(tmp_path)[-1].state == state


def test_folders_are_counted_no_further_than_need_be(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number) / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path)
    assert folders.count_folders(tmp_path, 1000) == 21
    assert 5 < folders.count_folders(tmp_path, 5) <= 21
