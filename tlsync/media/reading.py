"""What FFmpeg says about a file. Imported by the probe's child process only; see `probe_child`.

FFmpeg reads through a descriptor that was opened here, and is allowed no other way to data: a
playlist or a script of paths and URLs finds no protocol to open them with.
"""

from __future__ import annotations

import base64
import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container.input import InputContainer
from av.filter import Graph
from av.stream import Discard, Disposition, Stream
from av.subtitles.subtitle import AssSubtitle
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tlsync.errors import FileError, NotEligible
from tlsync.media.identity import DRIVE_TROUBLE, file_error, open_media
from tlsync.models import Cue, MediaInfo

# Containers of moving pictures or sound. Left out on purpose: lists and scripts that name other
# files (hls, dash, concat, sdp, …), pictures, and bare streams, which know no duration.
_MEDIA_FORMATS = (
    "mov,mp4,matroska,webm,avi,mxf,mpegts,mpeg,asf,flv,wav,w64,mp3,flac,aac,ogg,aiff,caf,dv,gxf,lxf,wtv,nut,rm,amr,au"
)
_IMAGE_FORMATS = {"jpeg_pipe": "image/jpeg", "png_pipe": "image/png"}
_IMAGE_STARTS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF"}
_TEXT_SUBTITLES = frozenset({"mov_text", "subrip", "srt", "webvtt", "ass", "ssa", "text"})
_TIMECODE = re.compile(r"\d{2}:\d{2}:\d{2}[:;.]\d{2,3}")

_PACKETS_TO_FIRST_FRAME = 300
_MAX_CUES = 100_000
_TOO_GREEDY = "can't be read safely: it asks for more memory than media needs"


def probe(path: Path) -> dict[str, Any]:
    """The fields of a `MediaInfo`."""
    with _opened(path, _MEDIA_FORMATS) as container:
        video = _first_video(container)
        audio = next(iter(container.streams.audio), None)
        if video is None and audio is None:
            raise NotEligible(str(path), "has neither picture nor sound")
        duration_s = _duration_s(container)
        if duration_s is None:
            raise NotEligible(str(path), "has no duration")
        width, height = _displayed_size(container, video) if video else (None, None)
        rate = (video.average_rate or video.guessed_rate) if video else None
        info = MediaInfo(
            kind="video" if video else "audio",
            duration_s=duration_s,
            container=_container_name(container),
            width=width,
            height=height,
            fps=f"{rate.numerator}/{rate.denominator}" if rate else None,
            video_codec=_codec_name(video),
            audio_codec=_codec_name(audio),
            start_timecode=_start_timecode(container),
        )
    return asdict(info)


def read_subtitles(path: Path) -> list[dict[str, Any]]:
    """The fields of each `Cue` of the first text subtitle track; none when there is no such track."""
    with _opened(path, _MEDIA_FORMATS) as container:
        track = next((s for s in container.streams.subtitles if _codec_name(s) in _TEXT_SUBTITLES), None)
        if track is None:
            return []
        _ignore_all_but(container, track)
        offset_s = max(0, container.start_time or 0) / av.time_base
        cues: list[Cue] = []
        for packet in container.demux(track):
            if packet.pts is None or not packet.size:
                continue
            text = _plain_text(packet.decode())
            if not text:
                continue
            start_s = max(0.0, float(packet.pts * packet.time_base) - offset_s)
            # Some writers leave the length out; two seconds is a guess that can be read.
            length_s = float(packet.duration * packet.time_base) if packet.duration else 2.0
            cues.append(Cue(round(start_s, 3), round(start_s + length_s, 3), text))
            if len(cues) > _MAX_CUES:
                raise NotEligible(str(path), f"has more than {_MAX_CUES} subtitles")
    return [asdict(cue) for cue in sorted(cues, key=lambda cue: cue.start_s)]


def read_frame_jpeg(path: Path, at_s: float, max_side_px: int) -> str:
    """A JPEG in base64: the last key frame at or before `at_s`, as it is displayed."""
    with _opened(path, _MEDIA_FORMATS) as container:
        video = _first_video(container)
        if video is None or video.codec_context is None:
            raise NotEligible(str(path), "has no picture")
        video.codec_context.skip_frame = "NONKEY"
        if at_s > 0:
            container.seek(int(at_s * av.time_base))
        frame = _first_frame(container, video)
        if frame is None:
            raise NotEligible(str(path), "no picture of it can be decoded")
        rotation = frame.rotation  # the scaled frame does not know it any more
        width, height = _square_pixels(video, frame.width, frame.height)
        scale = min(1.0, max_side_px / max(width, height))
        frame = frame.reformat(
            max(2, round(width * scale) // 2 * 2),
            max(2, round(height * scale) // 2 * 2),
            "yuvj420p",
            dst_color_range="JPEG",
        )
        return base64.b64encode(_as_jpeg(_turned(frame, rotation))).decode()


def probe_image(path: Path) -> dict[str, Any]:
    """Width, height and type of a JPEG or PNG."""
    with _opened(path, ",".join(_IMAGE_FORMATS)) as container:
        picture = next(iter(container.streams.video), None)
        if picture is None or not picture.codec_context or not picture.codec_context.width:
            raise NotEligible(str(path), "no picture in it can be read")
        context = picture.codec_context
        return {"width": context.width, "height": context.height, "type": _IMAGE_FORMATS[container.format.name]}


@contextmanager
def _opened(path: Path, formats: str) -> Iterator[InputContainer]:
    """The file as FFmpeg sees it, its errors sorted into ours."""
    with open_media(path) as fd:
        options = {"fd": str(fd), "protocol_whitelist": "fd", "format_whitelist": formats}
        try:
            with av.open("fd:", "r", options=options, metadata_errors="replace") as container:
                yield container
        except MemoryError as error:
            raise NotEligible(str(path), _TOO_GREEDY) from error
        except av.FFmpegError as error:
            raise _sorted_error(path, error, fd) from error


def _sorted_error(path: Path, error: av.FFmpegError, fd: int) -> FileError:
    if error.errno in DRIVE_TROUBLE:
        return file_error(path, OSError(error.errno, error.strerror))
    if error.errno == errno.ENOMEM:
        return NotEligible(str(path), _TOO_GREEDY)
    head = os.pread(fd, 16, 0)
    for start, name in _IMAGE_STARTS.items():
        if head.startswith(start):
            return NotEligible(str(path), f"is a {name} picture, neither video nor sound")
    return NotEligible(str(path), "holds no media that can be read" if head else "is empty")


def _first_video(container: InputContainer) -> VideoStream | None:
    """The first moving picture; a cover picture is none."""
    return next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)


def _duration_s(container: InputContainer) -> float | None:
    """What the container says; tracks only speak where it is silent."""
    if container.duration and container.duration > 0:
        return float(container.duration / av.time_base)
    tracks = [float(s.duration * s.time_base) for s in container.streams if s.duration and s.time_base]
    return max(tracks, default=0.0) or None


def _container_name(container: InputContainer) -> str:
    names = container.format.name.split(",")
    if "mp4" in names:
        return "mov" if container.metadata.get("major_brand", "qt").strip() == "qt" else "mp4"
    return names[0]


def _codec_name(stream: Stream | None) -> str | None:
    if stream is None or stream.codec_context is None:
        return None
    return stream.codec_context.codec.canonical_name


def _start_timecode(container: InputContainer) -> str | None:
    for metadata in (container.metadata, *(stream.metadata for stream in container.streams)):
        timecode = metadata.get("timecode", "")
        if _TIMECODE.fullmatch(timecode):
            return timecode
    return None


def _displayed_size(container: InputContainer, video: VideoStream) -> tuple[int | None, int | None]:
    """Width and height after sample aspect and rotation. The rotation is known to frames only."""
    if video.codec_context is None or not video.codec_context.width:
        return None, None
    width, height = _square_pixels(video, video.codec_context.width, video.codec_context.height)
    try:
        frame = _first_frame(container, video)
    except av.FFmpegError:
        frame = None  # not ours to judge: the platform may decode what this machine can't
    if frame is not None and frame.rotation % 180:
        return height, width
    return width, height


def _square_pixels(video: VideoStream, width: int, height: int) -> tuple[int, int]:
    aspect = video.sample_aspect_ratio or Fraction(1)
    return max(1, round(width * aspect)), height


def _first_frame(container: InputContainer, video: VideoStream) -> VideoFrame | None:
    video.codec_context.thread_count = 1  # frame threads cost memory and gain nothing for one frame
    _ignore_all_but(container, video)
    for number, packet in enumerate(container.demux(video)):
        for frame in packet.decode():
            return frame
        if number >= _PACKETS_TO_FIRST_FRAME:
            break
    return None


def _ignore_all_but(container: InputContainer, wanted: Stream) -> None:
    for stream in container.streams:
        if stream is not wanted:
            stream.discard = Discard.all


def _turned(frame: VideoFrame, rotation: int) -> VideoFrame:
    """Upright; `rotation` is counter-clockwise, in degrees."""
    turns = {90: ["cclock"], 180: ["clock", "clock"], 270: ["clock"]}.get(rotation % 360)
    if not turns:
        return frame
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000))
    steps = [graph.add("transpose", turn) for turn in turns]
    graph.link_nodes(source, *steps, graph.add("buffersink")).configure()
    graph.push(frame)
    turned = graph.pull()
    assert isinstance(turned, VideoFrame)
    return turned


def _as_jpeg(frame: VideoFrame) -> bytes:
    context = VideoCodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuvj420p"
    context.time_base = Fraction(1, 25)
    frame.pts, frame.time_base = 0, context.time_base
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))


def _plain_text(subtitles: list[Any]) -> str:
    """The words of one subtitle: ASS fields, styling and line marks taken away."""
    lines = []
    for subtitle in subtitles:
        if isinstance(subtitle, AssSubtitle):
            words = subtitle.ass.decode("utf-8", "replace").split(",", 8)[-1]
            words = re.sub(r"\{[^}]*\}", "", words)
            lines.append(words.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ").strip())
    return "\n".join(line for line in lines if line)
