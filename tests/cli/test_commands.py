"""What commands print and how they end, as scripts and people see it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop, sha256_of
from tlsync.models import Cue

MakeClip = Callable[..., Path]
CUES = (Cue(0.5, 2.25, "The boats leave the harbour."), Cue(2.5, 4.0, "A gull lands."))


@pytest.fixture
def clip(workshop: Workshop, make_clip: MakeClip) -> Path:
    return make_clip(workshop.footage / "harbour.mp4", cues=CUES)


def test_sync_reports_its_outcome(tlsync: Tlsync, clip: Path) -> None:
    outcome = tlsync("sync", "--json")
    assert outcome.code == 0
    assert outcome.json == {
        "v": 1, "files": 1, "uploaded": 1, "bytes_sent": clip.stat().st_size, "reused": 0, "enriched": 1,
        "ineligible": 0, "failed": 0, "pending": 0, "errors": [], "caps": [], "held": [],
    }  # fmt: skip
    again = tlsync("sync")
    assert again.out.startswith("1 files: 1 enriched")
    assert again.code == 0


def test_a_refused_file_is_told_and_fails_only_when_it_was_named(
    tlsync: Tlsync, workshop: Workshop, clip: Path
) -> None:
    bad = workshop.footage / "bad.mp4"
    bad.write_text("no video")
    outcome = tlsync("sync")
    assert (outcome.code, "bad.mp4" in outcome.err) == (0, True)
    assert tlsync("sync", str(bad)).code == 3


def test_failed_files_have_their_exit_code(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    workshop.server.faults.fail("asset", "video_file_broken")
    outcome = tlsync("sync", "--json")
    assert outcome.code == 3
    (error,) = outcome.json["errors"]
    assert error["path"] == str(clip)
    assert error["code"] == "remote_failed"
    assert "tlsync retry" in error["hint"]
    assert tlsync("retry", "--json").json == {"v": 1, "retried": 1, "asked_daemon": False}
    assert tlsync("sync").code == 0


def test_show_why_ls_and_status_agree(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    tlsync("sync")
    shown = tlsync("show", str(clip), "--json").json
    assert (shown["state"], shown["sha256"]) == ("enriched", sha256_of(clip))
    assert shown["sidecar"] == f"{clip}.tlsync.json"
    assert [step["to"] for step in shown["history"]][-1] == "enriched"
    assert all(shown[name] for name in ("asset_id", "index_id", "indexed_asset_id"))
    assert tlsync("why", str(clip), "--json").json["state"] == "enriched"
    assert [file["path"] for file in tlsync("ls", "--json").json["files"]] == [str(clip)]
    status = tlsync("status", "--json").json
    assert status["counts"]["enriched"] == sum(status["counts"].values()) == 1
    assert status["daemon"] == {"running": False, "pid": None, "paused_until": None}
    assert status["roots"][0]["online"] is True
    for command in (["show", str(clip)], ["why", str(clip)], ["ls"], ["status"]):
        assert "enriched" in tlsync(*command).out


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("notes.txt", "not among the include patterns"),
        (".hidden/clip.mp4", "hidden or excluded"),
        ("new.mp4", "not seen yet"),
        ("nothing.mp4", "no such file"),
    ],
)
def test_why_explains_also_what_is_not_known(
    tlsync: Tlsync, workshop: Workshop, clip: Path, name: str, expected: str
) -> None:
    tlsync("sync")
    path = workshop.footage / name
    if name != "nothing.mp4":
        path.parent.mkdir(exist_ok=True)
        shutil.copy(clip, path)
    outcome = tlsync("why", str(path))
    assert (outcome.code, expected in outcome.out) == (4, True)


def test_looking_before_anything_happened_is_no_error(tlsync: Tlsync, clip: Path) -> None:
    assert tlsync("status").code == 0
    assert tlsync("ls").out == ""
    assert tlsync("show", str(clip)).code == 4
    assert tlsync("search", "boats").code == 4


def test_plan_tells_everything_and_does_nothing(
    tlsync: Tlsync, workshop: Workshop, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TWELVE_LABS_API_KEY")
    shutil.copy(clip, workshop.footage / "twin.mp4")
    (workshop.footage / "bad.mp4").write_text("no video")
    plan = tlsync("plan", "--json").json
    assert plan["counts"] == {"upload": 1, "link": 1, "nothing": 0, "wait": 0, "reject": 1}
    assert plan["bytes_to_send"] == clip.stat().st_size
    assert workshop.counts() == {}
    assert not workshop.state_dir.exists()
    assert "1 file to send" in tlsync("plan").out


def test_plan_knows_what_is_done(tlsync: Tlsync, clip: Path) -> None:
    tlsync("sync")
    assert tlsync("plan", "--json").json["counts"] == {"upload": 0, "link": 0, "nothing": 1, "wait": 0, "reject": 0}


def test_search_answers_with_local_files_and_times(tlsync: Tlsync, clip: Path) -> None:
    tlsync("sync")
    found = tlsync("search", "boats", "--by", "transcription", "--json").json
    (hit,) = found["hits"]
    assert (hit["path"], hit["online"], hit["start_s"], hit["end_s"]) == (str(clip), True, 0.5, 2.25)
    assert hit["transcription"] == CUES[0].text
    text = tlsync("search", "boats", "--by", "transcription").out
    assert text.startswith(f"00:00:00.500 – 00:00:02.250  {clip}")


def test_search_keeps_to_a_folder_filters_and_limits(
    tlsync: Tlsync, workshop: Workshop, clip: Path, make_clip: MakeClip
) -> None:
    day = workshop.footage / "day"
    day.mkdir()
    for number in range(3):
        make_clip(day / f"{number}.mp4", cues=CUES, pattern=number + 1, duration_s=5 + number)
    tlsync("sync")

    def search(*options: str) -> list[str]:
        outcome = tlsync("search", "boats", "--by", "transcription", "--json", *options)
        assert outcome.code == 0, outcome.err
        return sorted(Path(hit["path"]).name for hit in outcome.json["hits"])

    assert search() == ["0.mp4", "1.mp4", "2.mp4", "harbour.mp4"]
    assert search("--in", str(day)) == ["0.mp4", "1.mp4", "2.mp4"]
    assert search("--in", str(clip)) == ["harbour.mp4"]
    assert search("--filter", "duration>=5.5") == ["1.mp4", "2.mp4"]
    assert search("--filter", "duration>=5.5", "--filter", "duration<=6.5") == ["1.mp4"]
    assert search("--filter", "filename=2.mp4") == ["2.mp4"]
    assert search("--group-by", "video", "--in", str(day)) == ["0.mp4", "1.mp4", "2.mp4"]
    assert len(search("--limit", "2")) == 2
    token = tlsync("search", "boats", "--by", "transcription", "--limit", "2", "--json").json["next_page_token"]
    rest = tlsync("search", "--page-token", token, "--limit", "2", "--json").json
    assert len(rest["hits"]) == 2


def test_search_names_files_that_are_away(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    tlsync("sync")
    clip.rename(workshop.footage.parent / "elsewhere.mp4")
    (hit,) = tlsync("search", "boats", "--by", "transcription", "--json").json["hits"]
    assert (hit["path"], hit["online"]) == (str(clip), False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["search"],
        ["search", "x", "--by", "smell"],
        ["search", "x", "--by", ""],
        ["search", "x", "--filter", "duration"],
        ["search", "x", "--filter", "name>=abc"],
        ["search", "x", "--limit", "0"],
        ["sync", "--nonsense"],
        ["nonsense"],
    ],
)
def test_wrong_usage(tlsync: Tlsync, arguments: list[str]) -> None:
    outcome = tlsync(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Error" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sync", "/no/such/file.mp4"], 4),
        (["plan", "/no/such/file.mp4"], 4),
        (["search", "x", "--image", "/no/such.jpg"], 4),
        (["--config", "/no/such/config.toml", "status"], 2),
    ],
)
def test_paths_that_lead_nowhere(tlsync: Tlsync, arguments: list[str], code: int) -> None:
    outcome = tlsync(*arguments)
    assert outcome.code == code
    assert "→" in outcome.err


def test_a_platform_out_of_reach_is_temporary(
    tlsync: Tlsync, clip: Path, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tlsync("sync")
    workshop.server.stop()
    outcome = tlsync("search", "boats", "--json")
    assert outcome.code == 5
    assert '"code": "unreachable"' in outcome.err


def test_demo_does_the_whole_job_and_leaves_nothing_running(tlsync: Tlsync, tmp_path: Path) -> None:
    outcome = tlsync("demo", "--dir", str(tmp_path / "demo"), "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.json["enriched"], len(outcome.json["sidecars"])) == (3, 3)
    assert outcome.json["hits"]
