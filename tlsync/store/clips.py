"""The catalog seen as a library of clips: by folder, day and topic. Read-only, plain sqlite3, quick on large catalogs.

A clip is a file whose content has a place in an index. A listing of one folder reads that folder alone: it leaps over
what is below its subfolders, so a drive with a million files opens as fast as a small one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tlsync.errors import CatalogError

_FILE_NAME = "catalog.db"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Shelf:
    """A root, with the index that its clips are in."""

    root_id: int
    path: Path
    index_id: str
    index_name: str
    is_online: bool
    trouble: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip as listings need it. `relative` is the path below the root, in bytes; `modified_ns` the file's mtime."""

    file_id: int
    root_id: int
    relative: bytes
    state: str
    size_bytes: int
    modified_ns: int
    content_id: int
    index_id: str
    indexed_asset_id: str
    sha256: str | None
    texts_at: str | None
    """When the newest of its texts came."""

    @property
    def name(self) -> str:
        return os.fsdecode(self.relative.rpartition(b"/")[2])


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What the catalog knows of a clip beside that. `texts` are the enrichments by kind, as in the sidecar."""

    kind: str
    container: str
    duration_s: float
    width: int | None
    height: int | None
    fps: str | None
    video_codec: str | None
    audio_codec: str | None
    start_timecode: str | None
    asset_id: str | None
    indexed_at: str | None
    texts: dict[str, Any]


_COLUMNS = """
SELECT files.id, files.root_id, files.path, files.state, files.size_bytes, files.mtime_ns, files.content_id,
       placed.index_id, placed.indexed_asset_id, contents.sha256,
       (SELECT max(fetched_at) FROM enrichments AS texts
        WHERE texts.content_id = files.content_id AND texts.index_id = placed.index_id)
"""
_STATE, _INDEX_ID = 3, 7
_PLACED = """
FROM files JOIN roots ON roots.id = files.root_id
JOIN contents ON contents.id = files.content_id
JOIN indexed_assets AS placed ON placed.content_id = files.content_id AND placed.index_id = roots.index_id
WHERE placed.indexed_asset_id IS NOT NULL
"""
_CLIPS = _COLUMNS + _PLACED
# A listing goes along the files' own order of paths, whatever the planner thinks of it.
_CLIPS_BY_PATH = _CLIPS.replace(" JOIN ", " CROSS JOIN ").replace("\nJOIN ", "\nCROSS JOIN ")
_FACTS = (
    *("kind", "container", "duration_s", "width", "height", "fps", "video_codec", "audio_codec"),
    *("start_timecode", "asset_id", "indexed_at"),
)
_DAY = "date(files.mtime_ns / 1000000000, 'unixepoch', 'localtime')"
_OF_TOPICS = """
FROM enrichments AS gists CROSS JOIN json_each(gists.value, '$.topics') AS topic
WHERE gists.kind = 'gist' AND gists.index_id = ? AND topic.type = 'text'
AND EXISTS (SELECT 1 FROM files JOIN roots ON roots.id = files.root_id
            WHERE files.content_id = gists.content_id AND roots.index_id = gists.index_id)
"""


def _clip(row: tuple[Any, ...]) -> Clip:
    """What many clips share is kept once: a listing may hold a hundred thousand of them."""
    values = list(row)
    for number in (_STATE, _INDEX_ID):
        values[number] = sys.intern(values[number])
    return Clip(*values)


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)  # slower; it takes half a surrogate pair, too


class ClipReader:
    """Questions to the catalog. May be used from many threads.

    A catalog that does not exist yet is empty. Each question looks whether it is still the same file: a mount may be
    older than its catalog, and sees the new one after a rebuild.
    """

    def __init__(self, state_dir: Path) -> None:
        """Open the catalog of a state folder.

        Raises:
            CatalogError: There is one, and it can't be read.
        """
        self._path = state_dir / _FILE_NAME
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._times_opened = 0
        self._is_closed = False
        self._rows("SELECT 1 FROM indexed_assets LIMIT 1")

    def version(self) -> tuple[int, int]:
        """Changes when another process has written to the catalog, or has put another one in its place."""
        rows = self._rows("PRAGMA data_version")
        return self._times_opened, int(rows[0][0]) if rows else 0

    def shelves(self) -> list[Shelf]:
        """The roots that have an index, in the order of their paths."""
        rows = self._rows(
            "SELECT id, path, index_id, index_name, is_online, trouble FROM roots"
            " WHERE index_id IS NOT NULL ORDER BY path"
        )
        return [Shelf(row[0], Path(os.fsdecode(row[1])), row[2], row[3], bool(row[4]), row[5]) for row in rows]

    def folder(self, root_id: int, relative: bytes) -> tuple[list[bytes], list[Clip]]:
        """What is directly in a folder of a root: names of subfolders that hold clips, and clips."""
        prefix = relative + b"/" if relative else b""
        # "/" is followed by "0" in byte order, so what is below a folder ends before "folder0".
        end = relative + b"0" if relative else None
        subfolders: list[bytes] = []
        clips: list[Clip] = []
        start = prefix
        while True:
            rows = self._rows(
                _CLIPS_BY_PATH
                + "AND files.root_id = ? AND files.path >= ?"
                + (" AND files.path < ?" if end else "")
                + f" ORDER BY files.path LIMIT {_BATCH if not subfolders or len(clips) > len(subfolders) else 1}",
                root_id,
                start,
                *([end] if end else []),
            )
            for row in rows:
                clip = _clip(row)
                below, slash, _ = clip.relative[len(prefix) :].partition(b"/")
                if slash:
                    subfolders.append(below)
                    start = prefix + below + b"0"
                    break
                clips.append(clip)
                start = clip.relative + b"\0"
            if not rows:
                return subfolders, clips

    def days(self, index_id: str) -> dict[str, list[int]]:
        """The days, local time, on which clips of an index were last written: `2026-11-22`, each with its files."""
        return self._grouped(f"SELECT {_DAY}, files.id{_PLACED}AND placed.index_id = ? ORDER BY 1, 2", index_id)

    def topics(self, index_id: str) -> dict[str, list[int]]:
        """The topics of all gists of an index, each with its files' contents."""
        return self._grouped(f"SELECT DISTINCT topic.value, gists.content_id {_OF_TOPICS} ORDER BY 1, 2", index_id)

    def clips(self, index_id: str, *, files: Sequence[int] = (), contents: Sequence[int] = ()) -> list[Clip]:
        """The clips of an index with these ids of files or of contents, in the order of files."""
        found: list[Clip] = []
        for column, ids in (("files.id", files), ("files.content_id", contents)):
            for start in range(0, len(ids), _BATCH):
                some = ids[start : start + _BATCH]
                marks = ", ".join("?" * len(some))
                rows = self._rows(f"{_CLIPS}AND placed.index_id = ? AND {column} IN ({marks})", index_id, *some)
                found += [_clip(row) for row in rows]
        return sorted(found, key=lambda clip: clip.file_id)

    def clips_of(self, index_id: str, indexed_asset_id: str) -> list[Clip]:
        """The files behind an entry of an index."""
        rows = self._rows(
            _CLIPS + "AND placed.index_id = ? AND placed.indexed_asset_id = ? ORDER BY files.id",
            index_id,
            indexed_asset_id,
        )
        return [_clip(row) for row in rows]

    def known_entries(self, index_id: str) -> set[str]:
        """The indexed assets of an index that have a file on this machine."""
        rows = self._rows(f"SELECT DISTINCT placed.indexed_asset_id{_PLACED}AND placed.index_id = ?", index_id)
        return {row[0] for row in rows}

    def facts(self, clip: Clip) -> ClipFacts | None:
        """All about a clip's content; None when it is not known any more."""
        rows = self._rows(
            f"SELECT {', '.join(_FACTS)} FROM contents"  # noqa: S608 (names are ours)
            " JOIN indexed_assets AS placed ON placed.content_id = contents.id AND placed.index_id = ?"
            " LEFT JOIN assets ON assets.content_id = contents.id WHERE contents.id = ?",
            clip.index_id,
            clip.content_id,
        )
        if not rows:
            return None
        texts = self._rows(
            "SELECT kind, value FROM enrichments WHERE content_id = ? AND index_id = ? AND value IS NOT NULL",
            clip.content_id,
            clip.index_id,
        )
        values = {kind: _value(value) for kind, value in texts}
        return ClipFacts(**dict(zip(_FACTS, rows[0], strict=True)), texts=values)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._leave()

    def _grouped(self, sql: str, *values: Any) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for name, id in self._rows(sql, *values):
            if name is not None:  # a date that SQLite can not name
                groups.setdefault(name, []).append(id)
        return groups

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                connection = self._current()
                return connection.execute(sql, values).fetchall() if connection is not None else []
            except sqlite3.Error as error:
                self._leave()  # whatever it was, the next question begins afresh
                raise CatalogError(f"{self._path}: can't be read ({error})", hint="see tlsync verify") from error

    def _current(self) -> sqlite3.Connection | None:
        """The connection to the file that is the catalog now."""
        try:
            found = self._path.stat()
        except OSError:
            self._leave()
            return None
        if self._file != (found.st_dev, found.st_ino):
            self._leave()
        if self._connection is None and not self._is_closed:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, timeout=5, check_same_thread=False)
            self._connection.execute("PRAGMA query_only = ON")
            self._file = (found.st_dev, found.st_ino)
            self._times_opened += 1
        return self._connection

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
