"""The sandbox's own SQLite file: schema, one connection, one lock.

Several request threads share the connection, so every use of it holds the lock. Writes are not flushed to the
disk: they survive the end of the process, however it ends, and a power cut only costs play data.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row

SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
    seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, name TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER NOT NULL, received_bytes INTEGER NOT NULL, is_answered INTEGER NOT NULL,
    upload_id TEXT, chunk INTEGER);
CREATE INDEX IF NOT EXISTS calls_by_name ON calls (name, upload_id, chunk);
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, asset_id TEXT NOT NULL, filename TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    chunk_size_bytes INTEGER NOT NULL, total_chunks INTEGER NOT NULL, created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, completed_ms INTEGER);
CREATE TABLE IF NOT EXISTS parts (
    upload_id TEXT NOT NULL, chunk INTEGER NOT NULL, etag TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    file TEXT NOT NULL, reported_ms INTEGER, PRIMARY KEY (upload_id, chunk));
CREATE TABLE IF NOT EXISTS urls (
    signature TEXT PRIMARY KEY, upload_id TEXT NOT NULL, chunk INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL, used_ms INTEGER);
CREATE TABLE IF NOT EXISTS assets (
    id TEXT PRIMARY KEY, method TEXT NOT NULL, filename TEXT NOT NULL, file_type TEXT NOT NULL,
    created_ms INTEGER NOT NULL, timeline TEXT NOT NULL, facts TEXT, error_code TEXT, error TEXT, sha256 TEXT,
    user_metadata TEXT NOT NULL DEFAULT '{}', deleted_ms INTEGER);
CREATE TABLE IF NOT EXISTS indexes (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, models TEXT NOT NULL, addons TEXT NOT NULL,
    created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS indexed_assets (
    id TEXT PRIMARY KEY, index_id TEXT NOT NULL, asset_id TEXT NOT NULL, filename TEXT NOT NULL,
    created_ms INTEGER NOT NULL, changed_ms INTEGER, timeline TEXT NOT NULL, facts TEXT NOT NULL,
    error_code TEXT, error TEXT, user_metadata TEXT NOT NULL, is_streamed INTEGER NOT NULL, deleted_ms INTEGER);
CREATE INDEX IF NOT EXISTS indexed_assets_by_index ON indexed_assets (index_id, created_ms);
CREATE VIRTUAL TABLE IF NOT EXISTS spoken USING fts5 (
    text, index_id UNINDEXED, indexed_asset_id UNINDEXED, start_s UNINDEXED, end_s UNINDEXED,
    tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TABLE IF NOT EXISTS entity_collections (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT,
    created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entities (
    id TEXT PRIMARY KEY, collection_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT, metadata TEXT NOT NULL,
    timeline TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entity_assets (
    entity_id TEXT NOT NULL, asset_id TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (entity_id, asset_id));
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, indexed_asset_id TEXT NOT NULL, created_ms INTEGER NOT NULL, validated_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS transfers (
    integration_id TEXT NOT NULL, index_id TEXT, index_name TEXT, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS embedding_tasks (
    id TEXT PRIMARY KEY, generation INTEGER NOT NULL, created_ms INTEGER NOT NULL, timeline TEXT NOT NULL,
    request TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS analysis_tasks (
    id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, timeline TEXT NOT NULL, canceled_ms INTEGER,
    idempotency_key TEXT UNIQUE, request TEXT NOT NULL, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS searches (
    id TEXT PRIMARY KEY, index_id TEXT NOT NULL, expires_ms INTEGER NOT NULL, kept TEXT NOT NULL);
"""


class Database:
    """One connection that threads take turns with."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing. May be nested: the inner one joins the outer."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        with self._lock:
            found: Row | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """One statement of its own; how many rows it changed."""
        with self.transaction() as connection:
            return connection.execute(sql, parameters).rowcount

    def close(self) -> None:
        with self._lock:
            self._connection.close()
