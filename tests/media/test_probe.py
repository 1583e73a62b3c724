"""What files say of themselves, and what happens with those that are no media or harm the child."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from tests.conftest import MakeClip
from tlsync.errors import FileUnreadable, FileVanished, Interrupted, NotEligible, TlsyncError
from tlsync.media.probe import Prober
from tlsync.models import Cue, MediaInfo

CUES = (Cue(0.5, 2.0, "A red car\nat night"), Cue(3.0, 4.25, "Grüße, 東京"))


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    with Prober() as shared:
        yield shared


# What it tells


def test_a_clip_is_described(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", cues=CUES, start_timecode="10:00:00:00")
    assert prober.probe(path) == MediaInfo(
        kind="video",
        duration_s=5.0,
        container="mp4",
        width=640,
        height=360,
        fps="25/1",
        video_codec="h264",
        audio_codec="aac",
        start_timecode="10:00:00:00",
    )


def test_frame_rates_are_exact_fractions(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", fps=Fraction(24000, 1001), start_timecode=None)
    info = prober.probe(path)
    assert (info.fps, info.start_timecode) == ("24000/1001", None)


def video(
    path: Path, *, size: tuple[int, int], aspect: Fraction | None = None, rotation: int = 0, style: str = "mp4"
) -> Path:
    with av.open(str(path), "w", format=style) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(10):
            frame = VideoFrame(*size, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_pixels_that_are_not_square_count_as_displayed(prober: Prober, tmp_path: Path) -> None:
    """Anamorphic footage is judged by what people see."""
    info = prober.probe(video(tmp_path / "a.mov", size=(720, 576), aspect=Fraction(64, 45), style="mov"))
    assert (info.width, info.height, info.container) == (1024, 576, "mov")


@pytest.mark.parametrize(("rotation", "shown"), [(90, (480, 640)), (-90, (480, 640)), (180, (640, 480))])
def test_footage_of_a_turned_phone_counts_as_displayed(
    prober: Prober, tmp_path: Path, rotation: int, shown: tuple[int, int]
) -> None:
    path = video(tmp_path / "a.mp4", size=(640, 480), rotation=rotation)
    info = prober.probe(path)
    assert (info.width, info.height) == shown
    picture = tmp_path / "a.jpg"
    picture.write_bytes(prober.read_frame_jpeg(path, 0.0))
    assert prober.probe_image(picture)[:2] == shown


def sound(path: Path, style: str, codec: str) -> Path:
    with av.open(str(path), "w", format=style) as container:
        stream = container.add_stream(codec, rate=8000, layout="mono")
        for number in range(20):
            frame = AudioFrame(format="s16", layout="mono", samples=800)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.sample_rate, frame.pts, frame.time_base = 8000, number * 800, Fraction(1, 8000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("style", "codec"), [("wav", "pcm_s16le"), ("flac", "flac")])
def test_sound_has_no_picture(prober: Prober, tmp_path: Path, style: str, codec: str) -> None:
    info = prober.probe(sound(tmp_path / f"a.{style}", style, codec))
    assert info == MediaInfo("audio", duration_s=2.0, container=style, audio_codec=codec)


def test_subtitles_come_back_as_they_were(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    assert prober.read_subtitles(make_clip(tmp_path / "a.mp4", cues=CUES)) == CUES


def test_a_clip_without_subtitles_has_none(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    assert prober.read_subtitles(make_clip(tmp_path / "a.mp4")) == ()


def test_subtitles_of_other_kinds_are_read(prober: Prober, tmp_path: Path) -> None:
    """SubRip in Matroska: packets are plain text, and styling is taken away."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_mux_stream("subrip")
        stream.time_base = Fraction(1, 1000)
        packet = av.Packet(b"<i>one</i> line")
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = 1500
        packet.duration = 500
        container.mux(packet)
    assert prober.read_subtitles(path) == (Cue(1.5, 2.0, "one line"),)


def test_a_frame_is_a_jpeg_no_larger_than_asked(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    picture = prober.read_frame_jpeg(make_clip(tmp_path / "a.mp4"), 3.0, max_side_px=320)
    (tmp_path / "a.jpg").write_bytes(picture)
    assert prober.probe_image(tmp_path / "a.jpg") == (320, 180, "image/jpeg")


def test_a_png_is_known(prober: Prober, tmp_path: Path) -> None:
    frame = VideoFrame(200, 130, "rgb24")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.save(tmp_path / "a.png")
    assert prober.probe_image(tmp_path / "a.png") == (200, 130, "image/png")


def test_a_clip_is_no_image(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    with pytest.raises(NotEligible):
        prober.probe_image(make_clip(tmp_path / "a.mp4"))


@pytest.mark.parametrize(
    "name", [b"-i.mp4", b"new\nline.mp4", b"bytes-\xff\xfe.mp4", b"a:b?c=%41 #.mp4", b"concat:x|y.mp4"]
)
def test_odd_names_are_only_names(prober: Prober, make_clip: MakeClip, tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    make_clip(path)
    assert prober.probe(path).duration_s == 5.0


def test_a_relative_path_with_a_dash_is_no_option(
    prober: Prober, make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(Path("-i.mp4"))
    assert prober.probe(Path("-i.mp4")).duration_s == 5.0


# What it refuses


def refusal(prober: Prober, path: Path, data: bytes) -> NotEligible:
    path.write_bytes(data)
    with pytest.raises(NotEligible) as caught:
        prober.probe(path)
    assert caught.value.path == str(path)
    return caught.value


def test_a_text_with_a_media_name_is_not_eligible(prober: Prober, tmp_path: Path) -> None:
    assert "no media" in refusal(prober, tmp_path / "clip.mp4", b"just some notes\n" * 100).message


def test_an_empty_file_is_not_eligible(prober: Prober, tmp_path: Path) -> None:
    assert "empty" in refusal(prober, tmp_path / "clip.mp4", b"").message


def test_a_picture_with_a_media_name_is_not_eligible(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    picture = prober.read_frame_jpeg(make_clip(tmp_path / "a.mp4"), 0.0)
    assert "JPEG picture" in refusal(prober, tmp_path / "clip.mp4", picture).message


def test_a_container_of_subtitles_alone_is_not_eligible(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_mux_stream("subrip")
        packet = av.Packet(b"words")
        packet.stream, packet.time_base, packet.pts, packet.dts, packet.duration = stream, Fraction(1, 1000), 0, 0, 500
        container.mux(packet)
    assert "neither picture nor sound" in refusal(prober, path, path.read_bytes()).message


def test_a_clip_without_index_is_not_eligible(prober: Prober, tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", size=(64, 64))
    data = path.read_bytes()
    refusal(prober, path, data[: data.index(b"moov") - 4])


def test_scripts_that_name_other_files_are_refused(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    """A playlist in a watched folder must not make tlsync read, or upload the look of, anything else."""
    clip = make_clip(tmp_path / "a.mp4")
    scripts = [
        f"ffconcat version 1.0\nfile {clip}\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{clip}\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{clip.name}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    ]
    for script in scripts:
        refusal(prober, tmp_path / "list.mp4", script.encode())


def test_links_pipes_and_folders_are_refused_at_once(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    for name in ("link.mp4", "pipe.mp4", "folder.mp4"):
        with pytest.raises(NotEligible):
            prober.probe(tmp_path / name)


def test_a_file_that_is_gone_has_vanished(prober: Prober, tmp_path: Path) -> None:
    with pytest.raises(FileVanished) as caught:
        prober.probe(tmp_path / "gone.mp4")
    assert caught.value.path == str(tmp_path / "gone.mp4")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_unreadable(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4").chmod(0)
    with pytest.raises(FileUnreadable):
        prober.probe(tmp_path / "a.mp4")


def test_damaged_clips_are_described_or_refused(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    """Nothing but a description or an error of this file comes out, whatever the bytes."""
    data = make_clip(tmp_path / "a.mp4", cues=CUES).read_bytes()
    path = tmp_path / "damaged.mp4"
    for place in range(0, 8000, 97):
        path.write_bytes(data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :])
        try:
            assert prober.probe(path).duration_s > 0
        except NotEligible:
            pass


# The child

# Speaks as the real one does, but obeys file names.
OBEDIENT = """
import base64, json, os, signal, sys
print('{"ok": "ready"}', flush=True)
info = dict(kind="audio", container="x", duration_s=os.getpid())
for line in sys.stdin:
    name = os.path.basename(base64.b64decode(json.loads(line)["path"])).decode()
    if name == "hang":
        sys.stdin.read()
    if name == "crash" or (name.startswith("once") and not os.path.exists(sys.argv[1])):
        open(sys.argv[1], "w").close()
        os.abort()
    if name == "spin":
        os.kill(os.getpid(), signal.SIGXCPU)
    print(json.dumps({"ok": info}), flush=True)
"""


def obedient(tmp_path: Path, **arguments: float) -> Prober:
    return Prober(command=[sys.executable, "-c", OBEDIENT, str(tmp_path / "crashed")], **arguments)  # type: ignore[arg-type]


def pid_of_child(prober: Prober) -> float:
    return prober.probe(Path("/x/fine")).duration_s


def test_a_file_that_crashes_the_child_twice_is_not_eligible(tmp_path: Path) -> None:
    """And the next file finds a new child."""
    with obedient(tmp_path) as prober:
        first = pid_of_child(prober)
        with pytest.raises(NotEligible, match="can't be read safely"):
            prober.probe(Path("/x/crash"))
        assert pid_of_child(prober) != first


def test_a_child_that_died_of_something_else_is_replaced(tmp_path: Path) -> None:
    """A crash may be no doing of the file: the second try decides."""
    with obedient(tmp_path) as prober:
        assert prober.probe(Path("/x/once")).kind == "audio"


def test_a_child_that_was_killed_between_files_is_replaced(tmp_path: Path) -> None:
    with obedient(tmp_path) as prober:
        first = int(pid_of_child(prober))
        os.kill(first, 9)
        assert pid_of_child(prober) != first


def test_a_file_that_keeps_the_processor_busy_is_not_eligible(tmp_path: Path) -> None:
    with obedient(tmp_path) as prober, pytest.raises(NotEligible, match="busy for 20 s"):
        prober.probe(Path("/x/spin"))


def test_a_drive_that_does_not_answer_makes_the_file_unreadable_for_now(tmp_path: Path) -> None:
    """Waiting is not the file's fault: it is tried again later, by a new child."""
    with obedient(tmp_path, time_limit_s=1.0) as prober:
        first = pid_of_child(prober)
        with pytest.raises(FileUnreadable, match="within 1 s") as caught:
            prober.probe(Path("/x/hang"))
        assert caught.value.is_temporary
        assert pid_of_child(prober) != first


def test_a_child_is_replaced_after_some_files(tmp_path: Path) -> None:
    with obedient(tmp_path, files_per_child=2) as prober:
        pids = [pid_of_child(prober) for _ in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_a_child_that_does_not_start_is_no_fault_of_the_file(tmp_path: Path) -> None:
    with Prober(command=[sys.executable, "-c", "raise SystemExit(3)"]) as prober:
        with pytest.raises(TlsyncError, match="does not start") as caught:
            prober.probe(tmp_path / "a.mp4")
        assert caught.value.concerns == "everything"
    with Prober(command=[str(tmp_path / "nothing")]) as prober, pytest.raises(FileUnreadable):
        prober.probe(tmp_path / "a.mp4")


def test_closing_ends_the_child_and_the_question_under_way(tmp_path: Path) -> None:
    prober = obedient(tmp_path)
    pid = int(pid_of_child(prober))
    caught: list[BaseException] = []
    asked = threading.Event()

    def ask() -> None:
        asked.set()
        try:
            prober.probe(Path("/x/hang"))
        except Interrupted as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    asked.wait(10)
    prober.close()
    thread.join(20)
    assert len(caught) == 1
    with pytest.raises(OSError) as gone:
        os.kill(pid, 0)
    assert gone.value.errno == errno.ESRCH


def test_a_closed_prober_says_that_tlsync_stops(tmp_path: Path) -> None:
    prober = obedient(tmp_path)
    prober.close()
    prober.close()
    with pytest.raises(Interrupted):
        prober.probe(Path("/x/fine"))


def test_many_threads_may_ask(prober: Prober, make_clip: MakeClip, tmp_path: Path) -> None:
    clips = {make_clip(tmp_path / f"{number}.mp4", duration_s=1.0 + number): 1.0 + number for number in range(3)}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda path: (path, prober.probe(path).duration_s), list(clips) * 8))
    assert all(clips[path] == duration_s for path, duration_s in answers)


def test_the_childs_environment_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key reaches a process that decodes strangers' files."""
    monkeypatch.setenv("TWELVE_LABS_API_KEY", "tlk_secret")
    monkeypatch.setenv("LD_PRELOAD_X", "x")
    out = tmp_path / "environment"
    code = "import os, sys; open(sys.argv[1], 'w').write(repr(dict(os.environ))); print('{}', flush=True); input()"
    prober = Prober(command=[sys.executable, "-c", code, str(out)], time_limit_s=10.0)
    with prober, pytest.raises(TlsyncError):
        prober.probe(tmp_path / "a.mp4")
    written = out.read_text()
    assert "tlk_secret" not in written
    assert "LD_PRELOAD_X" not in written


def test_asking_does_not_import_the_media_library() -> None:
    """Start-up of every command stays cheap."""
    code = "import sys, tlsync.media.probe, tlsync.media.container, tlsync.media.limits; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_childs_limits_hold(make_clip: MakeClip, tmp_path: Path) -> None:
    """The real child: no core files, no written files, a bound on memory and processor time."""
    code = """
import json, resource
from tlsync.media import probe_child
probe_child._limit_for_good()
probe_child._limit_processor_time(20)
print(json.dumps([resource.getrlimit(getattr(resource, "RLIMIT_" + n))[0] for n in ("CORE", "FSIZE", "AS", "CPU")]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    core, written, memory, processor = json.loads(done.stdout)
    assert (core, written) == (0, 0)
    assert 20 <= processor <= 40
    if sys.platform == "linux":
        assert memory == 4 * 2**30
