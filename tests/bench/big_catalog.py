"""A catalog of a million files, made in a minute: the real schema, filled by SQL alone.

Of each 1,000 files 900 are enriched, with a content, an asset, a place in the index, two texts and the nine moves of
their history; the others wait, were refused, are gone or have failed. Four are being sent.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tlsync.clock import SystemClock
from tlsync.store.store import Store

PER_FOLDER = 200
INDEX = "65f0b0000000000000000a01"
_AT = "2026-11-20T08:00:00.000Z"
_WAY = (
    *("discovered", "settling", "identified", "uploading", "uploaded", "asset_ready", "indexing", "ready"),
    "enriched",
)
_OF_1000 = ((900, "enriched"), (960, "identified"), (990, "ineligible"), (995, "indexing"), (998, "missing"))
_TEXTS = {
    "gist": '{"title":"On the lake","topics":["water","boats"],"hashtags":["#lake"]}',
    "summary": '"' + "A boat crosses a lake while people on the shore watch it go by. " * 6 + '"',
}


def folder_name(number: int) -> str:
    """The folder of the clips from `number` × 200 on, below the root."""
    return f"{number // 100:03d}/card-{number:05d}"


def clip_name(number: int) -> str:
    """The path of a clip below the root."""
    return f"{folder_name(number // PER_FOLDER)}/A{number:07d}_C001.mov"


def fill(state_dir: Path, root: Path, files: int = 1_000_000) -> None:
    """Make the catalog of a state folder, with one root; `files` is a multiple of 1,000."""
    with Store(state_dir, SystemClock()) as store:
        root_id = store.roots.ensure(root, "footage").id
    connection = sqlite3.connect(state_dir / "catalog.db", isolation_level=None)
    connection.create_function("clip_name", 1, lambda number: clip_name(number).encode(), deterministic=True)
    # A catalog that is made in one go needs no journal; the daemon's settings come back with its next opening.
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    connection.execute("UPDATE roots SET index_id = ?, is_online = 1, condition = 'online'", (INDEX,))
    connection.execute("CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY, state TEXT)")
    state = " ".join(f"WHEN n % 1000 < {limit} THEN '{name}'" for limit, name in _OF_1000)
    connection.execute(
        "WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < ?)"
        f" INSERT INTO numbers SELECT n, CASE WHEN n < 4 THEN 'uploading' {state}"
        " WHEN n % 1000 = 998 THEN 'settling' ELSE 'failed' END FROM counted",
        (files,),
    )
    placed = "state IN ('enriched', 'indexing', 'missing')"
    for statement in (
        "INSERT INTO contents (id, size_bytes, fingerprint, sha256, kind, container, duration_s, width, height, fps,"
        " video_codec, audio_codec, seen_at) SELECT n + 1, 50000000 + n * 7919 % 900000000, printf('f1-%032x', n),"
        f" CASE WHEN {placed} THEN printf('%08x%056x', n * 2654435761 % 4294967296, n) END, 'video', 'mov', 61.5,"
        f" 3840, 2160, '25/1', 'h264', 'pcm_s16le', '{_AT}' FROM numbers WHERE state NOT IN ('settling', 'ineligible')",
        "INSERT INTO files (id, root_id, path, state, reason, size_bytes, mtime_ns, ctime_ns, inode, content_id,"
        " error_code, hint, attempts, retry_at, came_from, sidecar, sidecar_look, changed_at)"
        f" SELECT n + 1, {root_id}, clip_name(n), state,"
        " CASE state WHEN 'failed' THEN 'the platform could not read it' WHEN 'ineligible' THEN 'no video' ELSE '' END,"
        " 50000000 + n * 7919 % 900000000, 1763600000000000000 + n * 60000000000, 1763600000000000000, 1000000 + n,"
        " CASE WHEN state NOT IN ('settling', 'ineligible') THEN n + 1 END,"
        " CASE state WHEN 'failed' THEN 'remote_failed' END, CASE state WHEN 'failed' THEN 'play it' ELSE '' END,"
        f" state = 'failed', CASE state WHEN 'failed' THEN '{_AT}' END,"
        " CASE state WHEN 'failed' THEN 'indexing' WHEN 'missing' THEN 'enriched' END,"
        f" CASE state WHEN 'enriched' THEN CAST('{root}/' || clip_name(n) || '.tlsync.json' AS BLOB) END,"
        f" CASE state WHEN 'enriched' THEN '4096:1763600000000000000' END, '{_AT}' FROM numbers",
        "INSERT INTO assets SELECT n + 1, printf('a%023x', n), printf('A%07d_C001.mov', n), 'ready',"
        f" '{_AT}' FROM numbers WHERE {placed} OR state = 'failed'",
        "INSERT INTO indexed_assets (content_id, index_id, indexed_asset_id, status, is_stamped, intended_at,"
        f" indexed_at) SELECT n + 1, '{INDEX}', printf('%024x', n), 'ready', 1, '{_AT}', '{_AT}'"
        f" FROM numbers WHERE {placed}",
        "INSERT INTO sessions (content_id, upload_id, asset_id, size_bytes, chunk_bytes, headers, state, opened_at)"
        " SELECT n + 1, 'u' || n, printf('a%023x', n), 900000000, 8388608, '{}', 'active',"
        f" '{_AT}' FROM numbers WHERE state = 'uploading'",
        "WITH RECURSIVE counted (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < 5)"
        " INSERT INTO chunks SELECT id, k, 8388608, printf('%032x', k), 1 FROM sessions CROSS JOIN counted",
    ):
        connection.execute(statement)
    connection.execute("CREATE TEMP TABLE texts (kind TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    connection.executemany("INSERT INTO texts VALUES (?, ?)", _TEXTS.items())
    connection.execute(
        "INSERT INTO enrichments (content_id, index_id, kind, value, source, model, fetched_at)"
        f" SELECT n + 1, '{INDEX}', kind, value, 'analyze', 'pegasus1.2', '{_AT}'"
        " FROM numbers CROSS JOIN texts WHERE state = 'enriched'"
    )
    connection.execute("CREATE TEMP TABLE way (step INTEGER PRIMARY KEY, old TEXT, new TEXT, reason TEXT)")
    connection.executemany(
        "INSERT INTO way VALUES (?, ?, ?, ?)",
        ((step, _WAY[step - 1] if step else None, new, "" if step else "seen") for step, new in enumerate(_WAY)),
    )
    connection.execute(
        f"INSERT INTO history (file_id, at, from_state, to_state, reason) SELECT n + 1, '{_AT}', old, new, reason"
        " FROM numbers CROSS JOIN way WHERE step < CASE WHEN state = 'enriched' THEN 9 ELSE 3 END"
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
