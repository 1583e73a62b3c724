"""Files that others can change are not obeyed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tlsync.notices.trust import lent_to_others

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes are those of POSIX")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir(mode=0o700)
    (folder / "config.toml").touch(mode=0o600)
    return folder / "config.toml"


def test_a_file_of_ones_own_is_trusted(file: Path) -> None:
    assert lent_to_others(file) == ""


def test_a_file_that_others_can_write_is_not(file: Path) -> None:
    file.chmod(0o666)
    assert lent_to_others(file) == f"others can write {file} (chmod go-w {file})"


def test_a_folder_that_others_can_write_is_not_unless_it_is_sticky(file: Path) -> None:
    file.parent.chmod(0o777)
    assert "others can write" in lent_to_others(file)
    file.parent.chmod(0o1777)
    assert lent_to_others(file) == ""


def test_what_a_link_leads_to_counts(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    file.chmod(0o602)
    assert str(file) in lent_to_others(link)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_the_file_of_another_user_is_not_trusted(file: Path) -> None:
    os.chown(file, 12345, 12345)
    assert lent_to_others(file) == f"{file} belongs to another user"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_group_of_others_is_not_trusted(file: Path) -> None:
    os.chown(file, -1, 12345)
    file.chmod(0o660)
    assert "others can write" in lent_to_others(file)
