"""The folder of everything tlsync keeps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tlsync.errors import CatalogError
from tlsync.store.state_folder import make_private, prepare_state_folder


@pytest.fixture(autouse=True)
def open_umask() -> object:
    """The most careless setting there is."""
    old = os.umask(0)
    yield
    os.umask(old)


def modes(*paths: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in paths}


def test_new_folders_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    prepare_state_folder(folder)
    assert modes(folder, folder.parent, folder.parent.parent) == {0o700}


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    prepare_state_folder(tmp_path)
    make_private(tmp_path)
    assert modes(tmp_path) == {0o755}


def test_a_folder_may_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    prepare_state_folder(tmp_path / "link")
    prepare_state_folder(tmp_path / "link" / "below")


def test_a_folder_that_all_may_write_into_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o777)
    with pytest.raises(CatalogError, match="everybody") as caught:
        prepare_state_folder(folder)
    assert "chmod 700" in caught.value.hint


@pytest.mark.parametrize("name", ["catalog.db", "catalog.db-shm", "lock", "sidecars"])
@pytest.mark.parametrize("leads_to", ["file", "nothing"])
def test_links_in_it_are_refused(tmp_path: Path, name: str, leads_to: str) -> None:
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    (folder / name).symlink_to(tmp_path / leads_to)
    with pytest.raises(CatalogError, match="is a link"):
        prepare_state_folder(folder)
    assert not (tmp_path / "nothing").exists()


def test_what_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CatalogError, match="can't be used"):
            prepare_state_folder(path)


def test_files_put_back_with_other_rights_are_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "catalog.db").write_bytes(b"")
    (tmp_path / "other").write_bytes(b"")
    prepare_state_folder(tmp_path)
    assert modes(tmp_path / "catalog.db") == {0o600}
    assert modes(tmp_path / "other") == {0o666}
