"""Makes small real clips: H.264, AAC and a subtitle track in one MP4, for the demo and for tests."""

from __future__ import annotations

import array
import hashlib
import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet
from av.video.frame import VideoFrame

from tlsync.models import Cue

_SAMPLE_RATE_HZ = 48_000
_SAMPLES_PER_FRAME = 1024
_BAR_PX = 32
_MICROSECONDS = Fraction(1, 1_000_000)

# mov_text is encoded from ASS dialogue lines, and its encoder does not open without this header.
_ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def make_clip(
    path: Path,
    *,
    duration_s: float,
    cues: Sequence[Cue] = (),
    width: int = 640,
    height: int = 360,
    fps: int | Fraction = 25,
    title: str = "Sample clip",
    tone_hz: int = 440,
    pattern: int | str = 0,
    start_timecode: str | None = None,
) -> Path:
    """Write a playable MP4 of moving bars and a tone, and return its path.

    Equal arguments give equal bytes; another `pattern` gives another picture and so another content.

    Args:
        path: Replaced if it exists; its folder must exist.
        duration_s: Rounded to whole frames, at least one.
        cues: Become a mov_text track; without any there is no such track.
        width: Even number of pixels, at least 16, as `height`.
        tone_hz: Pitch of the sound; 0 leaves the sound track out.
        start_timecode: `HH:MM:SS:FF`, or `HH:MM:SS;FF` for drop frame; becomes a tmcd track.

    Raises:
        ValueError: A size or the duration cannot be made.
    """
    if width % 2 or height % 2 or min(width, height) < 16 or duration_s <= 0:
        raise ValueError(f"cannot make a clip of {width}x{height} and {duration_s} s")
    rate = Fraction(fps)
    frame_count = max(1, round(duration_s * rate))
    # faststart puts the index in front, as cameras' proxies and web exports have it.
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.metadata["title"] = title
        if start_timecode is not None:
            container.metadata["timecode"] = start_timecode
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "30"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.gop_size = max(1, round(2 * rate))
        audio = container.add_stream("aac", rate=_SAMPLE_RATE_HZ, layout="mono") if tone_hz else None
        subtitles = container.add_stream("mov_text") if cues else None
        if subtitles is not None:
            subtitles.codec_context.subtitle_header = _ASS_HEADER
        container.start_encoding()

        if subtitles is not None:
            for cue in cues:
                container.mux(_subtitle_packet(subtitles, cue))
        sample_count = round(frame_count / rate * _SAMPLE_RATE_HZ) if audio is not None else 0
        frames: Iterable[VideoFrame | AudioFrame] = heapq.merge(
            _picture(frame_count, rate, width, height, str(pattern)),
            _sound(sample_count, tone_hz),
            key=lambda frame: frame.time or 0.0,
        )
        for frame in frames:
            if isinstance(frame, VideoFrame):
                container.mux(video.encode(frame))
            elif audio is not None:
                container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))
    return path


def _picture(frame_count: int, rate: Fraction, width: int, height: int, pattern: str) -> Iterator[VideoFrame]:
    """Upright bars that wander to the left; shades, tint and speed follow from `pattern`."""
    seed = hashlib.sha256(pattern.encode("utf-8", "surrogateescape")).digest()
    shades = [16 + shade % 220 for shade in seed[:16]]
    speed_px = 1 + seed[16] % 5
    period_px = _BAR_PX * len(shades)
    bars = b"".join(bytes([shade]) * _BAR_PX for shade in shades) * (width // period_px + 2)
    tints = [64 + seed[17] % 128, 64 + seed[18] % 128]
    for number in range(frame_count):
        frame = VideoFrame(width, height, "yuv420p")
        luma, *chroma = frame.planes
        offset = number * speed_px % period_px
        row = bars[offset : offset + width]
        luma.update(row.ljust(luma.line_size, b"\0") * height)
        for plane, tint in zip(chroma, tints, strict=True):
            plane.update(bytes([tint]) * plane.buffer_size)
        frame.pts, frame.time_base = number, 1 / rate
        yield frame


def _sound(sample_count: int, tone_hz: int) -> Iterator[AudioFrame]:
    """A steady tone. One second of it repeats without a seam, since the pitch is a whole number."""
    step = 2 * math.pi * tone_hz / _SAMPLE_RATE_HZ
    second = array.array("f", (0.25 * math.sin(step * n) for n in range(_SAMPLE_RATE_HZ)))
    second.extend(second[:_SAMPLES_PER_FRAME])
    for start in range(0, sample_count, _SAMPLES_PER_FRAME):
        length = min(_SAMPLES_PER_FRAME, sample_count - start)
        frame = AudioFrame(format="fltp", layout="mono", samples=length)
        first = start % _SAMPLE_RATE_HZ
        samples = second[first : first + length].tobytes()
        frame.planes[0].update(samples.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate = _SAMPLE_RATE_HZ
        frame.pts, frame.time_base = start, Fraction(1, _SAMPLE_RATE_HZ)
        yield frame


def _subtitle_packet(stream: SubtitleStream, cue: Cue) -> Packet[SubtitleStream]:
    start, length = (round(s / _MICROSECONDS) for s in (cue.start_s, cue.end_s - cue.start_s))
    # Braces enclose styling in an ASS line and would hide the words between them.
    text = cue.text.replace("{", "(").replace("}", ")").replace("\n", "\\N")
    line = f"0,0,Default,,0,0,0,,{text}".encode()
    packet = stream.codec_context.encode_subtitle(SubtitleSet.create(line, start=0, end=length, pts=start))
    packet.stream = stream
    packet.time_base = _MICROSECONDS
    packet.pts = packet.dts = start
    packet.duration = length
    return packet
