"""The state folder and the catalog in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workshop import Workshop
from tlsync.checkup.findings import Finding
from tlsync.checkup.state import CatalogView, check_catalog, check_state_folder
from tlsync.clock import SystemClock
from tlsync.engine import volumes
from tlsync.engine.mounts import Mount
from tlsync.store.store import Store


def by_check(found: list[Finding]) -> dict[str, Finding]:
    return {one.check: one for one in found}


def test_a_folder_that_is_not_there_yet_is_judged_by_its_place(tmp_path: Path) -> None:
    (found,) = check_state_folder(tmp_path / "a" / "b")
    assert found.state == "ok"
    assert "first use" in found.message
    assert not (tmp_path / "a").exists()


def test_a_network_volume_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = Mount(1, "0:44", "/", "cifs", "//nas/home", False)
    monkeypatch.setattr(volumes, "look", lambda path: volumes.Place(1, None, mount, (), False))
    found = next(iter(check_state_folder(tmp_path)))
    assert found.state == "failure"
    assert "cifs" in found.message
    assert "local disk" in found.mend


def test_a_folder_that_everybody_can_write_is_a_failure(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    found = next(iter(check_state_folder(tmp_path)))
    assert found.mend == f"chmod 700 {tmp_path}"


def test_catalogs_that_were_set_aside_are_mentioned(tmp_path: Path) -> None:
    (tmp_path / "catalog.damaged-20260101T000000Z").mkdir()
    assert "1 old catalogs" in list(check_state_folder(tmp_path))[-1].message


def test_no_catalog_is_fine(tmp_path: Path) -> None:
    assert {one.state for one in check_catalog(tmp_path, CatalogView())} == {"ok"}


def test_a_sealed_catalog_is_sound(workshop: Workshop) -> None:
    (workshop.footage / "broken.mp4").write_bytes(b"no media")
    workshop.sync()
    before = {path: path.read_bytes() for path in workshop.state_dir.iterdir() if path.is_file()}
    view = CatalogView()
    found = by_check(list(check_catalog(workshop.state_dir, view)))
    assert found["catalog"].message == "1 files; sealed by a clean stop, and unchanged since"
    assert view.roots[str(workshop.footage)]["condition"] == "online"
    assert {path: path.read_bytes() for path in before} == before, "looking changes nothing"


def test_a_catalog_that_rotted_is_a_failure(tmp_path: Path) -> None:
    Store(tmp_path, SystemClock()).close()
    catalog = tmp_path / "catalog.db"
    found = catalog.stat()
    data = bytearray(catalog.read_bytes())
    data[5000] ^= 1
    catalog.write_bytes(data)
    os.utime(catalog, ns=(found.st_atime_ns, found.st_mtime_ns))
    (rotten,) = check_catalog(tmp_path, CatalogView())
    assert rotten.state == "failure"
    assert "tlsync sync" in rotten.mend


def test_what_is_no_catalog_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"no database" * 1000)
    (found,) = check_catalog(tmp_path, CatalogView())
    assert found.state == "failure"


def test_a_daemon_at_work_is_named(tmp_path: Path) -> None:
    with Store(tmp_path, SystemClock()) as store:
        store.heartbeat.beat(4242, {"troubles": [{"code": "unreachable", "message": "no network", "hint": ""}]})
        view = CatalogView()
        catalog, daemon, trouble = check_catalog(tmp_path, view)
    assert view.is_daemon_running
    assert "4242" in daemon.message
    assert "in use" in catalog.message
    assert (trouble.state, trouble.message) == ("warning", "no network")
