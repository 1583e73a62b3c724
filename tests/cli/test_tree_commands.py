"""`ls`, `cat`, `mirror`, `mount` and `unmount`, in this process and on the sandbox."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.mirror import mount
from tlsync.models import Cue

MakeClip = Callable[..., Path]
HERE = "clips/by-folder/footage/harbour.mp4"


@pytest.fixture
def synced(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> Tlsync:
    make_clip(workshop.footage / "harbour.mp4", cues=(Cue(0.5, 2.25, "The boats leave the harbour."),))
    assert tlsync("sync").code == 0
    return tlsync


def test_ls_lists_the_tree(synced: Tlsync) -> None:
    assert synced("ls", "/").out == "clips/\n"
    assert synced("ls", "clips").out.split() == [
        *("by-date/", "by-folder/", "by-person/", "by-topic/", "remote-only/", "search/")
    ]
    assert "info.json" in synced("ls", HERE).out.split()
    entries = synced("ls", HERE, "--json").json["entries"]
    media = next(entry for entry in entries if entry["name"] == "media")
    assert media["kind"] == "link"
    assert media["target"].endswith("/footage/harbour.mp4")
    assert next(entry for entry in entries if entry["name"] == "info.json")["size_bytes"] > 100
    assert " media -> " in synced("ls", "-l", HERE).out
    assert "\n    info.json\n" in synced("ls", "--tree", "clips/by-folder").out


def test_ls_waits_for_the_hits_of_a_search(synced: Tlsync) -> None:
    out = synced("ls", "clips/search/boats").out
    assert "00-00-00.500–00-00-02.250 harbour.mp4/" in out
    assert "…loading" not in out


def test_cat_prints_files_and_follows_links_of_the_tree(synced: Tlsync) -> None:
    assert json.loads(synced("cat", f"{HERE}/info.json").out)["filename"] == "harbour.mp4"
    topic = synced("ls", "clips/by-topic").out.splitlines()[0]
    assert synced("cat", f"clips/by-topic/{topic}harbour.mp4/transcript.txt").out == (
        "[00:00:00.500] The boats leave the harbour.\n"
    )
    hit = next(line for line in synced("ls", "clips/search/boats").out.splitlines() if "02.250" in line)
    assert synced("cat", f"clips/search/boats/{hit}clip/transcript.txt").code == 0


def test_cat_says_what_it_can_not_print(synced: Tlsync) -> None:
    for path, said in (("clips", "a folder"), (f"{HERE}/media", "a link to"), ("clips/nothing", "not in the tree")):
        outcome = synced("cat", path)
        assert (outcome.code, said in outcome.err) == (4, True)


def test_cat_gives_pictures_to_programs(synced: Tlsync) -> None:
    found = synced("cat", "--json", f"{HERE}/thumbnail.jpg", f"{HERE}/summary.txt").json["files"]
    assert found[0]["base64"].startswith("/9j/")
    assert (found[1]["path"], bool(found[1]["text"])) == (f"/{HERE}/summary.txt", True)


def test_cat_shows_a_terminal_nothing_that_it_would_obey(
    synced: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(workshop.state_dir / "catalog.db") as connection:
        evil = json.dumps("\x1b[2Jgone\nnext")
        connection.execute("UPDATE enrichments SET value = ? WHERE kind = 'summary'", (evil,))
    connection.close()
    assert synced("cat", f"{HERE}/summary.txt").out == "\x1b[2Jgone\nnext\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert synced("cat", f"{HERE}/summary.txt").out == "\\x1b[2Jgone\nnext\n"
    outcome = synced("cat", f"{HERE}/thumbnail.jpg")
    assert (outcome.code, outcome.out, "no text" in outcome.err) == (4, "", True)


def test_without_a_key_what_is_known_is_shown(synced: Tlsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWELVE_LABS_API_KEY")
    assert "info.json" in synced("ls", HERE).out
    assert "…offline" in synced("ls", "clips/by-person").out
    assert "key" in synced("cat", "clips/by-person/…offline").out


def test_mirror_writes_once(synced: Tlsync, tmp_path: Path) -> None:
    target = tmp_path / "out"
    first = synced("mirror", str(target), "--json").json
    assert (first["changed"], first["removed"], first["left"]) == (0, 0, [])
    assert (target / HERE / "media").is_symlink()
    assert (target / HERE / "thumbnail.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert synced("mirror", str(target)).out == f"0 made, 0 changed, 0 removed, {first['made']} as they were\n"


def test_mirror_refuses_a_folder_of_somebody_else(synced: Tlsync, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    outcome = synced("mirror", str(tmp_path / "mine"))
    assert (outcome.code, "not empty" in outcome.err) == (2, True)


def test_unmount_without_mounts_says_so(tlsync: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mount, "_ours", lambda table=None: [])
    outcome = tlsync("unmount")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "nothing of tlsync is mounted\n")
    assert tlsync("unmount", "--json").json == {"v": 1, "unmounted": [], "mounts": []}
    outcome = tlsync("unmount", str(tmp_path))
    assert (outcome.code, "nothing of tlsync is mounted there" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("system", "wanted"), [("linux", "apt install fuse3"), ("darwin", "macFUSE"), ("win32", "tlsync mirror DIR")]
)
def test_without_fuse_it_is_told_what_to_install(
    tlsync: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, wanted: str
) -> None:
    class NoLibrary:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "mfusepy":
                raise OSError("Unable to find libfuse")

    monkeypatch.delitem(sys.modules, "mfusepy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoLibrary(), *sys.meta_path])
    monkeypatch.setattr(mount.sys, "platform", system)
    outcome = tlsync("mount", str(tmp_path))
    assert outcome.code == 2
    assert wanted in outcome.err
    assert "tlsync mirror DIR" in outcome.err


def test_without_the_package_it_is_told_how_to_get_it(
    tlsync: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "mfusepy", None)
    outcome = tlsync("mount", str(tmp_path))
    assert (outcome.code, "tlsync[fuse]" in outcome.err, "tlsync mirror DIR" in outcome.err) == (2, True, True)


@pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="there is no /dev/fuse")
def test_a_folder_that_can_not_be_used_is_told(tlsync: Tlsync, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for folder, said in (("full", "not empty"), ("nowhere", "mkdir")):
        outcome = tlsync("mount", str(tmp_path / folder))
        assert (outcome.code, said in outcome.err) == (2, True)
