"""Reading the catalog beside a transaction of another thread."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tlsync.models import StatSignature
from tlsync.states import FileState
from tlsync.store.read_pool import ReadPool
from tlsync.store.store import Store

LOOK = StatSignature(1, 2, 3, 4)


def test_a_question_waits_for_no_transaction_and_sees_what_was_committed(store: Store, tmp_path: Path) -> None:
    root = store.roots.ensure(tmp_path, index_name="clips")
    file = store.catalog.add(root.id, b"clip.mp4", LOOK)
    is_moved, is_read = threading.Event(), threading.Event()
    seen_inside: list[FileState] = []

    def move() -> None:
        with store.catalog.transaction():
            store.catalog.move(file, FileState.SETTLING)
            seen_inside.extend(known.state for known in [store.catalog.get(file.id)] if known)
            is_moved.set()
            assert is_read.wait(30)

    writer = threading.Thread(target=move)
    writer.start()
    try:
        assert is_moved.wait(30)
        known = store.catalog.get(file.id)  # returns while the transaction is open
        assert known is not None and known.state == FileState.DISCOVERED
    finally:
        is_read.set()
        writer.join()
    assert seen_inside == [FileState.SETTLING]
    known = store.catalog.get(file.id)
    assert known is not None and known.state == FileState.SETTLING


def test_without_a_connection_to_spare_the_writing_one_answers(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = store.roots.ensure(tmp_path, index_name="clips")
    file = store.catalog.add(root.id, b"clip.mp4", LOOK)
    monkeypatch.setattr(ReadPool, "_take", lambda self: None)
    assert store.catalog.get(file.id) == file


def test_few_connections_are_kept_and_none_after_the_end(store: Store, state_dir: Path) -> None:
    pool = ReadPool(state_dir / "catalog.db")
    taken = [pool._take() for _ in range(9)]
    for connection in taken:
        assert connection is not None
        pool._give_back(connection)
    assert len(pool._idle) == 4
    pool.close()
    assert pool._idle == []
    assert pool.rows("SELECT 1", ()) is None
