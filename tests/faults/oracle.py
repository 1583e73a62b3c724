"""What "clean" means after a fault: four judges, none of whom asks tlsync.

The sandbox's ledger (nothing twice, nothing mixed), SQLite's own checks, the published schema of sidecars, and the
states of all files. Each answers with a list of what is wrong; an empty one is the wanted answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import jsonschema

from tlsync.sandbox.ledger import Ledger
from tlsync.states import AT_REST

_SCHEMA = jsonschema.Draft202012Validator(
    json.loads((files("tlsync.store") / "sidecar.schema.json").read_text("utf-8"))
)

ChunkKey = tuple[str, int]
"""Upload session and number of a chunk."""


FileKey = tuple[int, str]
"""Number of a row of files, and when it was first seen: SQLite gives numbers of deleted rows to others."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file. Its history is only ever added to."""

    path: bytes
    state: str
    reason: str
    sidecar: bytes | None
    history: tuple[tuple[str, str, str], ...]
    """Instant, state and reason of each move, the oldest first."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a catalog has committed, as far as it can be compared with a later look."""

    chunks: frozenset[ChunkKey] = frozenset()
    sessions: Mapping[str, str] = field(default_factory=dict)
    """State by upload; one that is no longer active needs no chunks."""
    lasting: frozenset[tuple[str, ...]] = frozenset()
    """What nothing but a person's command, or the platform, takes back: contents, proofs, assets, entries, texts."""
    files: Mapping[FileKey, FileFacts] = field(default_factory=dict)

    @property
    def states(self) -> dict[bytes, tuple[str, str]]:
        """State and reason by path."""
        return {file.path: (file.state, file.reason) for file in self.files.values()}

    @property
    def sidecars(self) -> set[bytes]:
        """Of files that count as enriched."""
        return {file.sidecar for file in self.files.values() if file.state == "enriched" and file.sidecar}

    @property
    def count(self) -> int:
        """How many facts these are."""
        return (
            len(self.chunks)
            + len(self.sessions)
            + len(self.lasting)
            + sum(len(file.history) for file in self.files.values())
        )

    def lost_in(self, later: Facts, footage: Path) -> list[str]:
        """What these facts have and later ones lack, although no later commit took it back.

        Two commits take a file back, and both leave a trace. One forgets a file that went before anybody knew its
        content: it is not in the footage. One finds that it is another file, renamed: that other one has its path, and
        says so in a move that these facts don't know.
        """
        lost = [
            f"chunk {number} of {session}"
            for session, number in self.chunks - later.chunks
            if later.sessions.get(session) == "active"
        ]
        for session, state in self.sessions.items():
            if session not in later.sessions or (state != "active" and later.sessions[session] != state):
                lost.append(f"session {session}, which was {state}")
        lost += [" ".join(fact) for fact in self.lasting - later.lasting]
        for key, file in self.files.items():
            there = later.files.get(key)
            if there is None:
                if not self._is_taken_back(file, later, footage):
                    lost.append(f"file {file.path!r} with {len(file.history)} moves")
            elif there.history[: len(file.history)] != file.history:
                lost.append(f"moves of {file.path!r}: had {file.history}, has {there.history}")
        return sorted(lost)

    def _is_taken_back(self, file: FileFacts, later: Facts, footage: Path) -> bool:
        for key, heir in later.files.items():
            known = len(self.files[key].history) if key in self.files else 0
            if heir.path == file.path and any(why.startswith("renamed; ") for _, _, why in heir.history[known:]):
                return True
        return file.state in ("discovered", "settling") and not (footage / os.fsdecode(file.path)).exists()


@contextmanager
def _copied(state_dir: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the catalog as it lies on disk: looking at the original would write its journal back."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("catalog.db", "catalog.db-wal"):
            if (state_dir / name).exists():
                shutil.copyfile(state_dir / name, Path(folder) / name)
        with closing(sqlite3.connect(Path(folder) / "catalog.db")) as connection:
            yield connection


def read_facts(state_dir: Path, *, is_live: bool = False) -> Facts:
    """What the catalog says; of one that does not exist (or has no tables yet), nothing.

    Args:
        is_live: A process writes to it now, so it is read beside that one.
    """
    path = state_dir / "catalog.db"
    if not path.exists():
        return Facts()
    try:
        if is_live:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
                return _facts(connection)
        with _copied(state_dir) as connection:
            return _facts(connection)
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return Facts()
        raise


def _facts(connection: sqlite3.Connection) -> Facts:
    connection.execute("BEGIN")
    rows = connection.execute
    histories: dict[int, list[tuple[str, str, str]]] = {}
    for number, *move in rows("SELECT file_id, at, to_state, reason FROM history ORDER BY id"):
        histories.setdefault(number, []).append((move[0], move[1], move[2]))
    return Facts(
        frozenset(rows("SELECT upload_id, number FROM chunks JOIN sessions ON sessions.id = session_id")),
        dict(rows("SELECT upload_id, state FROM sessions").fetchall()),
        frozenset(tuple(str(value) for value in row) for query in _LASTING for row in rows(query)),
        {
            (number, histories[number][0][0]): FileFacts(path, state, reason, sidecar, tuple(histories[number]))
            for number, path, state, reason, sidecar in rows("SELECT id, path, state, reason, sidecar FROM files")
        },
    )


_LASTING = (
    "SELECT 'content', id, size_bytes, fingerprint FROM contents",
    "SELECT 'proof of content', id, sha256 FROM contents WHERE sha256 IS NOT NULL",
    "SELECT 'asset of content', content_id, asset_id FROM assets",
    "SELECT 'entry of content', content_id, index_id, indexed_asset_id FROM indexed_assets"
    " WHERE indexed_asset_id IS NOT NULL",
    "SELECT 'text of content', content_id, index_id, kind FROM enrichments",
    "SELECT 'folder', id, path FROM roots",
)


def catalog_faults(state_dir: Path) -> list[str]:
    """What SQLite finds wrong in the catalog as it lies on disk."""
    if not (state_dir / "catalog.db").exists():
        return []
    with _copied(state_dir) as connection:
        try:
            wrong = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            wrong += [f"a row of {row[0]} refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
        except sqlite3.DatabaseError as error:
            wrong = [str(error)]
    return [f"catalog: {fault}" for fault in wrong]


def sidecar_faults(*folders: Path, may_be_unfinished: bool = False) -> list[str]:
    """Sidecars that are torn or not of the published shape, and temporary files that stayed.

    Args:
        may_be_unfinished: A process was killed just now: a temporary file is its right, a torn sidecar is not.
    """
    wrong = []
    for folder in folders:
        for path in folder.rglob("*.tlsync.json"):
            try:
                problem = next(iter(_SCHEMA.iter_errors(json.loads(path.read_bytes()))), None)
                if problem is not None:
                    wrong.append(f"sidecar {path}: {problem.message}")
            except ValueError as error:
                wrong.append(f"sidecar {path}: torn or empty ({error})")
        if not may_be_unfinished:
            wrong += [f"stray file: {path}" for path in folder.rglob("*.tlsync-tmp")]
    return wrong


def ledger_faults(
    ledger: Ledger, versions: Collection[str], acknowledged: Mapping[ChunkKey, int] | None = None
) -> list[str]:
    """What the platform got twice, or in a form that never existed here.

    Args:
        versions: SHA-256 of everything that was ever whole in the watched folders.
        acknowledged: PUTs so far of each chunk, when it was found recorded in the catalog.
    """
    by_sha256 = ledger.assets_by_sha256()
    wrong = [f"content {sha[:8]} became {len(ids)} assets" for sha, ids in by_sha256.items() if len(ids) > 1]
    wrong += [f"asset of {sha[:8]} is of no version of any file" for sha in by_sha256 if sha not in versions]
    wrong += [
        f"asset {asset} was indexed {len(ids)} times"
        for asset, ids in ledger.indexed_by_asset().items()
        if len(ids) > 1
    ]
    puts = {(put.upload_id, put.chunk): put.puts for put in ledger.puts()} if acknowledged else {}
    for key, count in (acknowledged or {}).items():
        if puts[key] > count:
            wrong.append(f"chunk {key[1]} of {key[0]} was recorded after {count} PUTs, and sent again")
    return wrong


def state_faults(state_dir: Path, *, wanted: Iterable[str] = AT_REST) -> list[str]:
    """Files that are not at rest, and files whose state should have a reason and has none."""
    wrong = []
    for path, (state, reason) in read_facts(state_dir).states.items():
        if state not in wanted:
            wrong.append(f"{path!r} is {state} ({reason})")
        elif state != "enriched" and not reason:
            wrong.append(f"{path!r} is {state}, and nobody knows why")
    return wrong


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
