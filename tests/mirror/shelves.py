"""Catalogs full of clips, made without any platform: for the tests of the tree, and for its benchmark."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlsync.clock import SystemClock
from tlsync.mirror.library import Heard, Hit, Person, RemoteClip
from tlsync.mirror.memo import Memo
from tlsync.mirror.nodes import Picture
from tlsync.mirror.tree import Tree
from tlsync.store.clips import Clip, ClipReader, Shelf
from tlsync.store.store import Store

INDEX = "65f0b0000000000000000a01"
NOON_NS = 1_770_000_000 * 10**9
TEXTS: Mapping[str, Any] = {
    "summary": "A boat crosses a lake.",
    "gist": {"title": "On the lake", "topics": ["water", "boats"], "hashtags": ["#lake"]},
    "chapters": [{"number": 0, "start_s": 0.0, "end_s": 5.0, "title": "Start", "summary": "It starts."}],
    "highlights": [{"start_s": 1.0, "end_s": 2.0, "title": "Splash", "summary": "A splash."}],
    "transcription": [
        {"start_s": 0.0, "end_s": 1.5, "text": "Look at that."},
        {"start_s": 62.25, "end_s": 64.0, "text": "What a boat!"},
    ],
}


@dataclass(frozen=True)
class Entry:
    """One clip to be put into a catalog. `name` is its path below the root."""

    name: str | bytes
    texts: Mapping[str, Any] = field(default_factory=lambda: TEXTS)
    modified_ns: int = NOON_NS
    state: str = "enriched"
    size_bytes: int = 1000
    kind: str = "video"


def fill(
    state_dir: Path, root: Path, entries: Iterable[Entry], *, index_name: str = "clips", index: str = INDEX
) -> None:
    """Put a root with these clips into the catalog of a state folder, which is made if need be."""
    with Store(state_dir, SystemClock()) as store:
        root_id = store.roots.ensure(root, index_name).id
    connection = sqlite3.connect(state_dir / "catalog.db")
    with connection:
        connection.execute("UPDATE roots SET index_id = ?, is_online = 1 WHERE id = ?", (index, root_id))
        (base,) = connection.execute("SELECT COALESCE(MAX(id), 0) FROM contents").fetchone()
        now = "2026-02-02T12:00:00.000Z"
        numbered = list(enumerate(entries, base + 1))
        connection.executemany(
            "INSERT INTO contents (id, size_bytes, fingerprint, sha256, kind, container, duration_s, seen_at)"
            " VALUES (?, ?, ?, ?, ?, 'mp4', 70.0, ?)",
            (
                (number, entry.size_bytes, f"f1-{number}", f"{number:064x}", entry.kind, now)
                for number, entry in numbered
            ),
        )
        connection.executemany(
            "INSERT INTO files (root_id, path, state, size_bytes, mtime_ns, ctime_ns, inode, content_id, changed_at)"
            " VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?)",
            (
                (root_id, os.fsencode(entry.name), entry.state, entry.size_bytes, entry.modified_ns, number, now)
                for number, entry in numbered
            ),
        )
        connection.executemany(
            "INSERT INTO indexed_assets (content_id, index_id, indexed_asset_id, status, intended_at)"
            " VALUES (?, ?, ?, 'ready', ?)",
            ((number, index, entry_id(number), now) for number, _ in numbered),
        )
        written = {
            id(entry.texts): [(kind, json.dumps(value)) for kind, value in entry.texts.items()] for _, entry in numbered
        }  # the same texts serve many clips
        connection.executemany(
            "INSERT INTO enrichments (content_id, index_id, kind, value, source, fetched_at)"
            " VALUES (?, ?, ?, ?, 'analyze', ?)",
            (
                (number, index, kind, value, now)
                for number, entry in numbered
                for kind, value in written[id(entry.texts)]
            ),
        )
    connection.close()


def entry_id(number: int) -> str:
    """The indexed asset of the clip that was put in as number `number`, from 1."""
    return f"{number:024x}"


@dataclass
class Told:
    """A platform that says what a test wants."""

    remote: Heard[RemoteClip] = field(default_factory=Heard)
    persons: Heard[Person] = field(default_factory=Heard)
    hits: dict[str, Heard[Hit]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def remote_only(self, index_id: str) -> Heard[RemoteClip]:
        return self.remote

    def people(self, index_id: str) -> Heard[Person]:
        return self.persons

    def sightings(self, index_id: str, person: Person) -> Heard[Hit]:
        return self.hits.get(person.entity_id, Heard())

    def searches(self, index_id: str) -> list[str]:
        return sorted(self.hits)

    def search(self, index_id: str, query: str) -> Heard[Hit]:
        self.asked.append(query)
        return self.hits.get(query, Heard())


class NoPictures:
    def picture(self, clip: Clip) -> Picture | None:
        return None

    def want(self, clip: Clip, shelf: Shelf) -> None:
        pass

    def remote_picture(self, clip: RemoteClip) -> Picture | None:
        return None

    def want_remote(self, index_id: str, clip: RemoteClip) -> None:
        pass


def tree_of(state_dir: Path, told: Told | None = None) -> Tree:
    reader = ClipReader(state_dir)
    return Tree(reader, told or Told(), NoPictures(), Memo(reader.version, SystemClock()), NOON_NS)
