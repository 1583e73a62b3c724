"""Tries the media library: a tiny clip is made, and read the way footage is read, in the child process."""

from __future__ import annotations

import tempfile
from pathlib import Path

import av

from tlsync.errors import NotEligible
from tlsync.media.probe import Prober
from tlsync.media.samples import make_clip

_JPEG = b"\xff\xd8"


def library_versions() -> str:
    """The bindings and the libraries below them."""
    parts = [f"{name} {'.'.join(map(str, version))}" for name, version in sorted(av.library_versions.items())]
    return ", ".join([f"PyAV {av.__version__}", *(part for part in parts if part.startswith(("libavc", "libavf")))])


def read_tiny_clip() -> None:
    """
    Raises:
        OSError, ValueError: The clip can't be made; the library's own errors are of these.
        FileError: It can't be read.
        TlsyncError: The child does not start.
    """
    with tempfile.TemporaryDirectory(prefix="tlsync-test-") as folder, Prober() as prober:
        clip = make_clip(Path(folder) / "clip.mp4", duration_s=0.4, width=64, height=64)
        media = prober.probe(clip)
        if (media.video_codec, media.audio_codec) != ("h264", "aac"):
            raise NotEligible(str(clip), f"taken for {media.video_codec} and {media.audio_codec}")
        if not prober.read_frame_jpeg(clip, 0.0).startswith(_JPEG):
            raise NotEligible(str(clip), "no picture comes out of it")
