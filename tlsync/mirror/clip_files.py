"""The files in a clip's folder: what the platform understood, in the forms that people and programs open."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import msgspec

from tlsync.mirror.library import Hit, RemoteClip
from tlsync.mirror.nodes import File, Link, Node, Picture
from tlsync.models import Cue
from tlsync.store.captions import to_srt, to_vtt
from tlsync.store.clips import Clip, ClipFacts, Shelf


def files_of_clip(clip: Clip, facts: ClipFacts | None, shelf: Shelf, picture: Picture | None) -> dict[str, Node]:
    """Everything in CLIP/, by name. A text that there is none of has no file."""
    modified_ns = clip.modified_ns
    nodes: dict[str, Node] = {
        "media": _media(clip, shelf),
        "info.json": File(_json(_info(clip, facts, shelf)), modified_ns),
    }
    texts = facts.texts if facts else {}
    if texts.get("summary"):
        nodes["summary.txt"] = File(_text(texts["summary"]), modified_ns)
    for kind in ("gist", "chapters", "highlights"):
        if texts.get(kind):
            nodes[f"{kind}.json"] = File(_json(texts[kind]), modified_ns)
    if texts.get("transcription"):
        nodes |= _transcripts(texts["transcription"], modified_ns)
    if picture is not None:
        nodes[picture.name] = picture
    return nodes


def _transcripts(spoken: list[Any], modified_ns: int) -> dict[str, Node]:
    cues = cues_of(spoken)
    room_bytes = sum(len(cue.text) + 64 for cue in cues)
    forms: dict[str, Callable[[], bytes]] = {
        "transcript.srt": lambda: to_srt(cues).encode("utf-8", "replace"),
        "transcript.vtt": lambda: to_vtt(cues).encode("utf-8", "replace"),
        "transcript.txt": lambda: transcript_text(cues),
    }
    return {name: File(write, modified_ns, room_bytes=2 * room_bytes) for name, write in forms.items()}


def files_of_hit(hit: Hit, link: str | None, filename: str, cues: tuple[Cue, ...], modified_ns: int) -> dict[str, Node]:
    """Everything in the folder of a hit.

    Args:
        link: From here to the clip's folder, where there is one.
        cues: The clip's transcription, as far as it is known.
    """
    info = {
        "v": 1,
        "rank": hit.rank,
        "filename": filename,
        "indexed_asset_id": hit.indexed_asset_id,
        "start_s": hit.start_s,
        "end_s": hit.end_s,
        "confidence": hit.confidence,
    }
    nodes: dict[str, Node] = {"info.json": File(_json(info), modified_ns)}
    if link is not None:
        nodes["clip"] = Link(link, modified_ns)
    spoken = tuple(cue for cue in cues if cue.end_s > hit.start_s and cue.start_s < hit.end_s)
    if spoken:
        nodes["transcript.txt"] = File(transcript_text(spoken), modified_ns)
    elif hit.transcription:
        nodes["transcript.txt"] = File(_text(hit.transcription), modified_ns)
    return nodes


def files_of_remote_clip(clip: RemoteClip, picture: Picture | None) -> dict[str, Node]:
    """Everything in the folder of a clip that is in the index alone."""
    note = "This clip is in the index, and no file known on this machine has its content.\n"
    nodes: dict[str, Node] = {
        "media": File(note.encode(), clip.modified_ns),
        "info.json": File(_json({"v": 1, **clip.facts}), clip.modified_ns),
    }
    if picture is not None:
        nodes[picture.name] = picture
    return nodes


def cues_of(spoken: Any) -> tuple[Cue, ...]:
    """A transcription as the catalog has it; none where it has another shape."""
    try:
        return msgspec.convert(spoken or [], tuple[Cue, ...])
    except msgspec.ValidationError:
        return ()


def transcript_text(cues: tuple[Cue, ...]) -> bytes:
    """One line per cue, with the time at which it is said."""
    lines = (f"[{stamp(cue.start_s)}] {' '.join(cue.text.split())}\n" for cue in cues if cue.text.strip())
    return "".join(lines).encode("utf-8", "replace")


def stamp(seconds: float, *, colon: str = ":") -> str:
    """HH:MM:SS.mmm; names of files take `-` for the colon."""
    total_ms = max(0, round(seconds * 1000))
    minutes, rest_ms = divmod(total_ms, 60_000)
    return f"{minutes // 60:02d}{colon}{minutes % 60:02d}{colon}{rest_ms // 1000:02d}.{rest_ms % 1000:03d}"


def _media(clip: Clip, shelf: Shelf) -> Node:
    """A link to the file, or a note where to look for it."""
    path = os.fsdecode(os.path.join(os.fsencode(shelf.path), clip.relative))  # noqa: PTH118 (bytes)
    if not shelf.is_online:
        why = shelf.trouble or "the folder is not there"
        return File(_text(f"Offline. This clip is on the drive of {shelf.path}: {why}.\nIts file there: {path}"), 0)
    if clip.state == "missing":
        return File(_text(f"The file is no longer where it was: {path}"), clip.modified_ns)
    return Link(path, clip.modified_ns)


def _info(clip: Clip, facts: ClipFacts | None, shelf: Shelf) -> dict[str, Any]:
    gist = (facts.texts.get("gist") or {}) if facts else {}
    info: dict[str, Any] = {
        "v": 1,
        "filename": clip.name,
        "path": os.fsdecode(os.path.join(os.fsencode(shelf.path), clip.relative)),  # noqa: PTH118 (bytes)
        "online": shelf.is_online and clip.state != "missing",
        "state": clip.state,
        "title": gist.get("title"),
        "size_bytes": clip.size_bytes,
        "sha256": clip.sha256,
    }
    if facts is not None:
        info |= {
            "kind": facts.kind,
            "container": facts.container,
            "duration_s": facts.duration_s,
            "width": facts.width,
            "height": facts.height,
            "fps": facts.fps,
            "video_codec": facts.video_codec,
            "audio_codec": facts.audio_codec,
            "start_timecode": facts.start_timecode,
        }
    return info | {
        "index": shelf.index_name,
        "index_id": clip.index_id,
        "asset_id": facts.asset_id if facts else None,
        "indexed_asset_id": clip.indexed_asset_id,
        "indexed_at": facts.indexed_at if facts else None,
    }


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
    except UnicodeEncodeError:
        # What is no text in a name becomes a replacement character: readers of JSON take nothing else.
        return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _text(text: str) -> bytes:
    return (text.rstrip("\n") + "\n").encode("utf-8", "replace")
