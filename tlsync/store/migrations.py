"""The catalog's schema, step by step. A step, once released, is never changed or renamed."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

catalog_schema = Migrations("tlsync")

_FIRST_SCHEMA = (
    """
    CREATE TABLE about (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    # A watched folder. `path` is bytes: a folder's name need not be text.
    """
    CREATE TABLE roots (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL UNIQUE,
        index_name TEXT NOT NULL,
        index_id TEXT,
        index_models TEXT NOT NULL DEFAULT '[]',
        inode INTEGER,
        is_online INTEGER NOT NULL DEFAULT 0,
        trouble TEXT NOT NULL DEFAULT '',
        watching TEXT NOT NULL DEFAULT 'polling',
        last_scan_at TEXT
    ) STRICT
    """,
    # What a file holds. Known by size and sampled fingerprint, proven by sha256 (null until read whole).
    """
    CREATE TABLE contents (
        id INTEGER PRIMARY KEY,
        size_bytes INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        sha256 TEXT UNIQUE,
        kind TEXT NOT NULL,
        container TEXT NOT NULL,
        duration_s REAL NOT NULL,
        width INTEGER,
        height INTEGER,
        fps TEXT,
        video_codec TEXT,
        audio_codec TEXT,
        start_timecode TEXT,
        seen_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX contents_by_fingerprint ON contents (size_bytes, fingerprint)",
    """
    CREATE TABLE files (
        id INTEGER PRIMARY KEY,
        root_id INTEGER NOT NULL REFERENCES roots (id),
        path BLOB NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        size_bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        ctime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        content_id INTEGER REFERENCES contents (id),
        error_code TEXT,
        hint TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        retry_at TEXT,
        came_from TEXT,
        sidecar BLOB,
        changed_at TEXT NOT NULL,
        UNIQUE (root_id, path)
    ) STRICT
    """,
    "CREATE INDEX files_by_state ON files (state)",
    "CREATE INDEX files_by_content ON files (content_id)",
    """
    CREATE TABLE history (
        id INTEGER PRIMARY KEY,
        file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
        at TEXT NOT NULL,
        from_state TEXT,
        to_state TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX history_by_file ON history (file_id, id)",
    # One multipart upload. At most one active session per content.
    """
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        content_id INTEGER NOT NULL REFERENCES contents (id),
        upload_id TEXT NOT NULL UNIQUE,
        asset_id TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        chunk_bytes INTEGER NOT NULL,
        headers TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('active', 'completed', 'abandoned')),
        opened_at TEXT NOT NULL,
        expires_at TEXT
    ) STRICT
    """,
    "CREATE UNIQUE INDEX one_active_session ON sessions (content_id) WHERE state = 'active'",
    """
    CREATE TABLE chunks (
        session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        etag TEXT NOT NULL,
        is_reported INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (session_id, number)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE assets (
        content_id INTEGER PRIMARY KEY REFERENCES contents (id),
        asset_id TEXT NOT NULL UNIQUE,
        filename TEXT NOT NULL,
        status TEXT NOT NULL,
        checked_at TEXT NOT NULL
    ) STRICT
    """,
    # indexed_asset_id is null between the intent and the platform's answer.
    """
    CREATE TABLE indexed_assets (
        content_id INTEGER NOT NULL REFERENCES contents (id),
        index_id TEXT NOT NULL,
        indexed_asset_id TEXT UNIQUE,
        status TEXT NOT NULL,
        is_stamped INTEGER NOT NULL DEFAULT 0,
        intended_at TEXT NOT NULL,
        indexed_at TEXT,
        PRIMARY KEY (content_id, index_id)
    ) STRICT, WITHOUT ROWID
    """,
    # value is JSON, or null with a reason when the platform could not give it.
    """
    CREATE TABLE enrichments (
        content_id INTEGER NOT NULL REFERENCES contents (id),
        index_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT,
        reason TEXT,
        source TEXT NOT NULL,
        model TEXT,
        prompt_sha256 TEXT,
        fetched_at TEXT NOT NULL,
        PRIMARY KEY (content_id, index_id, kind)
    ) STRICT, WITHOUT ROWID
    """,
    # What a base URL was found to accept.
    """
    CREATE TABLE learned (
        topic TEXT PRIMARY KEY,
        value TEXT NOT NULL,
        learned_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    # The one daemon, for `status` of other processes.
    """
    CREATE TABLE heartbeat (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        pid INTEGER NOT NULL,
        beat_at TEXT NOT NULL,
        report TEXT NOT NULL
    ) STRICT
    """,
)


# Analyses that the platform makes in the background. task_id is null between the intent and the platform's answer.
_SECOND_SCHEMA = """
    CREATE TABLE analyses (
        content_id INTEGER NOT NULL REFERENCES contents (id),
        question_sha256 TEXT NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 1,
        task_id TEXT,
        intended_at TEXT NOT NULL,
        PRIMARY KEY (content_id, question_sha256)
    ) STRICT, WITHOUT ROWID
    """


# What is known of a root beyond its path. `volume` names its file system (null: no lasting name); `held` says why
# absent files are not taken for missing; `note` says how it is watched, where that is worth saying.
_THIRD_SCHEMA = (
    "ALTER TABLE roots ADD COLUMN volume TEXT",
    "ALTER TABLE roots ADD COLUMN condition TEXT NOT NULL DEFAULT 'offline'",
    "ALTER TABLE roots ADD COLUMN held TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE roots ADD COLUMN note TEXT NOT NULL DEFAULT ''",
    "UPDATE roots SET condition = CASE WHEN is_online THEN 'online' ELSE 'offline' END",
)


# What a person removed from the platform on purpose. index_id is empty where the asset itself was removed.
_FOURTH_SCHEMA = """
    CREATE TABLE removals (
        content_id INTEGER NOT NULL REFERENCES contents (id),
        index_id TEXT NOT NULL,
        removed_at TEXT NOT NULL,
        PRIMARY KEY (content_id, index_id)
    ) STRICT, WITHOUT ROWID
    """


# Upload sessions that were asked for: `unanswered` of them have no answer, so the platform may have opened them.
_OPENINGS_SCHEMA = (
    """
    CREATE TABLE openings (
        content_id INTEGER PRIMARY KEY REFERENCES contents (id),
        intended_at TEXT NOT NULL,
        unanswered INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX sessions_by_asset ON sessions (asset_id)",
    "CREATE INDEX sessions_by_content ON sessions (content_id)",
)


# `source` is how the file looked for which a session was opened; `sidecar_look` how the sidecar looked when it was
# written or found to be ours. `orphans` are entries of indexes whose asset is gone.
_LOOKS_SCHEMA = (
    "ALTER TABLE sessions ADD COLUMN source TEXT",
    "ALTER TABLE files ADD COLUMN sidecar_look TEXT",
    """
    CREATE TABLE orphans (
        indexed_asset_id TEXT PRIMARY KEY,
        noted_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)


# Numbers of the history are never given twice, whatever was deleted; and how far each reader of it has come.
_CURSORS_SCHEMA = (
    """
    CREATE TABLE lasting_history (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
        at TEXT NOT NULL,
        from_state TEXT,
        to_state TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT
    """,
    "INSERT INTO lasting_history SELECT id, file_id, at, from_state, to_state, reason FROM history ORDER BY id",
    "DROP TABLE history",
    "ALTER TABLE lasting_history RENAME TO history",
    """
    CREATE TABLE cursors (
        reader TEXT PRIMARY KEY,
        place INTEGER NOT NULL,
        trouble TEXT NOT NULL DEFAULT '',
        kept_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)


# How many files of each root are in each state, and their bytes: counted as they move, so that looking at a catalog of
# a million files takes no longer than looking at a small one. Those that were just found are many: whoever notes them
# counts them together.
_COUNTS_SCHEMA = (
    """
    CREATE TABLE counts (
        root_id INTEGER NOT NULL,
        state TEXT NOT NULL,
        files INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        PRIMARY KEY (root_id, state)
    ) STRICT, WITHOUT ROWID
    """,
    "INSERT INTO counts SELECT root_id, state, count(*), sum(size_bytes) FROM files GROUP BY root_id, state",
    """
    CREATE TRIGGER files_counted_in AFTER INSERT ON files WHEN new.state <> 'discovered' BEGIN
        INSERT INTO counts VALUES (new.root_id, new.state, 1, new.size_bytes)
        ON CONFLICT DO UPDATE SET files = files + 1, size_bytes = size_bytes + excluded.size_bytes;
    END
    """,
    """
    CREATE TRIGGER files_counted_out AFTER DELETE ON files BEGIN
        UPDATE counts SET files = files - 1, size_bytes = size_bytes - old.size_bytes
        WHERE root_id = old.root_id AND state = old.state;
    END
    """,
    """
    CREATE TRIGGER files_counted_again AFTER UPDATE OF root_id, state, size_bytes ON files
    WHEN (old.root_id, old.state, old.size_bytes) <> (new.root_id, new.state, new.size_bytes) BEGIN
        UPDATE counts SET files = files - 1, size_bytes = size_bytes - old.size_bytes
        WHERE root_id = old.root_id AND state = old.state;
        INSERT INTO counts VALUES (new.root_id, new.state, 1, new.size_bytes)
        ON CONFLICT DO UPDATE SET files = files + 1, size_bytes = size_bytes + excluded.size_bytes;
    END
    """,
)


# What a scan looks up, and no more: a file that was just found is in neither of these, which spares half the work of
# noting it. Drives that were pulled out are told by files that were recognised.
_SCAN_SCHEMA = (
    "DROP INDEX files_by_content",
    "CREATE INDEX files_by_content ON files (content_id) WHERE content_id IS NOT NULL",
    "CREATE INDEX files_recognised ON files (root_id) WHERE content_id IS NOT NULL AND state != 'missing'",
)


# What was done, by quarters of an hour (in every time zone a day begins with one): counted as it happens, so that
# telling what was done today takes no longer after a hundred thousand clips.
_QUARTER = "substr({at}, 1, 14) || printf('%02d', substr({at}, 15, 2) / 15 * 15)"
_IS_DONE = "({old} = 'uploading' AND {new} IN ('uploaded', 'indexing') OR {new} IN ('enriched', 'failed'))"
_WHAT = "CASE WHEN {new} IN ('enriched', 'failed') THEN {new} ELSE 'uploaded' END"
_BEFORE = {"old": "from_state", "new": "to_state", "at": "at"}
_FROM_NOW_ON = {"old": "old.state", "new": "new.state", "at": "new.changed_at"}
_DONE_SCHEMA = (
    """
    CREATE TABLE done (
        quarter TEXT NOT NULL,  -- UTC, as 2026-11-22T14:45
        what TEXT NOT NULL,  -- uploaded, enriched, failed
        files INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        PRIMARY KEY (quarter, what)
    ) STRICT, WITHOUT ROWID
    """,
    f"INSERT INTO done SELECT {_QUARTER}, {_WHAT}, count(*), sum(size_bytes)"  # noqa: S608 (texts from above)
    " FROM history JOIN files ON files.id = history.file_id"
    f" WHERE {_IS_DONE} GROUP BY 1, 2".format_map(_BEFORE),
    # On files and not on the history, so that noting what a scan found costs nothing.
    f"""
    CREATE TRIGGER files_done AFTER UPDATE OF state ON files WHEN old.state <> new.state AND {_IS_DONE} BEGIN
        INSERT INTO done VALUES ({_QUARTER}, {_WHAT}, 1, new.size_bytes)
        ON CONFLICT DO UPDATE SET files = files + 1, size_bytes = size_bytes + excluded.size_bytes;
    END
    """.format_map(_FROM_NOW_ON),  # noqa: S608
)


@catalog_schema()
def first_schema(db: Database) -> None:
    for statement in _FIRST_SCHEMA:
        db.conn.execute(statement)


@catalog_schema()
def second_schema(db: Database) -> None:
    db.conn.execute(_SECOND_SCHEMA)


@catalog_schema()
def third_schema(db: Database) -> None:
    for statement in _THIRD_SCHEMA:
        db.conn.execute(statement)


@catalog_schema()
def fourth_schema(db: Database) -> None:
    db.conn.execute(_FOURTH_SCHEMA)


@catalog_schema()
def openings_schema(db: Database) -> None:
    for statement in _OPENINGS_SCHEMA:
        db.conn.execute(statement)


@catalog_schema()
def looks_schema(db: Database) -> None:
    for statement in _LOOKS_SCHEMA:
        db.conn.execute(statement)


@catalog_schema()
def cursors_schema(db: Database) -> None:
    indexes = db.conn.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'history' AND type = 'index'").fetchall()
    for statement in (*_CURSORS_SCHEMA, *(sql for (sql,) in indexes if sql)):
        db.conn.execute(statement)


@catalog_schema()
def counts_schema(db: Database) -> None:
    for statement in _COUNTS_SCHEMA:
        db.conn.execute(statement)


@catalog_schema()
def scan_schema(db: Database) -> None:
    for statement in _SCAN_SCHEMA:
        db.conn.execute(statement)


@catalog_schema()
def done_schema(db: Database) -> None:
    for statement in _DONE_SCHEMA:
        db.conn.execute(statement)
