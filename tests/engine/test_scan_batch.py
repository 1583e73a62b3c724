"""New files are noted in a thread of their own while the scan gathers more; nothing of that is lost."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from tlsync.engine.scan_batch import _FIRST_BATCH, Batch
from tlsync.engine.walk import Found
from tlsync.errors import CatalogBusy
from tlsync.models import FileId, RootId, StatSignature
from tlsync.states import FileState

WAIT_S = 20.0


class SlowCatalog:
    """Notes files when it is let, and may fail."""

    is_in_transaction = False

    def __init__(self) -> None:
        self.may_note = threading.Event()
        self.error: Exception | None = None
        self.noted: list[bytes] = []
        self.at_once = self.most_at_once = 0

    def add_all(self, root_id: RootId, found: Sequence[Found]) -> list[FileId]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.may_note.wait(WAIT_S)
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        begin = len(self.noted)
        self.noted += [path for path, _ in found]
        return [FileId(number) for number in range(begin, len(self.noted))]


class Desk:
    def __init__(self) -> None:
        self.catalog = SlowCatalog()
        self.told: list[FileId] = []
        catalog: Any = self.catalog
        self.batch = Batch(catalog, RootId(1), self._on_work)

    def _on_work(self, ids: Sequence[FileId], state: FileState) -> None:
        assert state == FileState.DISCOVERED
        self.told += ids

    def find(self, count: int) -> None:
        self.batch.new += [(f"{number}.mp4".encode(), StatSignature(1, 1, 1, 1)) for number in range(count)]
        self.batch.note_some()


def test_the_scan_goes_on_while_new_files_are_noted() -> None:
    desk = Desk()
    with desk.batch:
        desk.find(_FIRST_BATCH)
        desk.find(3)  # comes back though nothing could be noted yet
        assert (desk.told, desk.catalog.noted) == ([], [])
        desk.catalog.may_note.set()
        desk.batch.note()
    assert len(desk.catalog.noted) == len(set(desk.told)) == len(desk.told) == _FIRST_BATCH + 3


def test_batches_are_noted_one_after_the_other() -> None:
    desk = Desk()
    desk.catalog.may_note.set()
    with desk.batch:
        for _ in range(20):
            desk.find(1000)
        desk.batch.note()
    assert desk.catalog.most_at_once == 1
    assert len(desk.told) == 20_000


def test_inside_a_transaction_no_other_thread_is_waited_for() -> None:
    desk = Desk()
    desk.catalog.may_note.set()
    desk.catalog.is_in_transaction = True
    desk.find(_FIRST_BATCH)
    assert len(desk.told) == _FIRST_BATCH


def test_an_error_of_noting_ends_the_scan() -> None:
    desk = Desk()
    desk.catalog.may_note.set()
    desk.catalog.error = CatalogBusy("the disk is full")
    with pytest.raises(CatalogBusy), desk.batch:
        desk.find(_FIRST_BATCH)
        desk.batch.note()


def test_what_was_noted_is_told_when_the_scan_ends_in_an_error() -> None:
    desk = Desk()
    desk.catalog.may_note.set()
    with pytest.raises(OSError, match="pulled out"), desk.batch:
        desk.find(_FIRST_BATCH)
        raise OSError("the drive was pulled out")
    assert len(desk.told) == _FIRST_BATCH
