"""The chunks of one upload: workers that are never idle, and volumes that hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.desk import make_large
from tests.workshop import Workshop
from tlsync.config import UploadSettings
from tlsync.engine.chunk_sender import ChunkSender, Source
from tlsync.engine.engine import Engine
from tlsync.errors import Interrupted
from tlsync.models import Chunk, ContentId, UploadId

WORKERS = 2
BATCH = 10
PATIENCE_S = 20.0


def test_chunks_go_on_while_a_report_is_made(workshop: Workshop, make_clip: Callable[..., Path]) -> None:
    make_large(make_clip(workshop.footage / "a.mp4"), 40 * 32 * 1024)
    workshop.changes = {"upload": UploadSettings(workers=WORKERS)}
    changed, begun, reports = threading.Condition(), 0, 0
    went_on = False

    def slow_down(engine: Engine) -> None:
        client = engine._context.client
        put, report = client.storage.put_chunk, client.multipart_upload.report_chunk_batch

        def noted_put(*arguments: Any) -> str:
            nonlocal begun
            with changed:
                begun += 1
                changed.notify_all()
                if begun > BATCH + 1:  # what is needed for the first report
                    changed.wait_for(lambda: reports, PATIENCE_S)
            return put(*arguments)

        def slow_report(*arguments: Any, **more: Any) -> Any:
            nonlocal reports, went_on
            with changed:
                reports += 1
                changed.notify_all()
                if reports == 1:
                    # Those that were under way have ended, and another one was begun.
                    went_on = changed.wait_for(lambda: begun > BATCH + 1 + WORKERS, PATIENCE_S)
            return report(*arguments, **more)

        client.storage.put_chunk = noted_put  # type: ignore[method-assign]
        client.multipart_upload.report_chunk_batch = slow_report  # type: ignore[method-assign]

    workshop.sync(before=slow_down)
    assert went_on
    assert workshop.states() == {"a.mp4": "enriched"}
    assert all(chunk.puts == 1 for chunk in workshop.server.ledger.puts())
    workshop.assert_clean()


class LatePool:
    """Keeps what it is given, to be run by hand."""

    def __init__(self) -> None:
        self.tasks: list[Callable[[], Any]] = []

    def submit(self, owner: object, act: Callable[[], Any]) -> Future[Any]:
        self.tasks.append(act)
        return Future()

    def abandon(self, is_stuck: Callable[[Any], bool]) -> int:
        return 0


def test_a_chunk_of_a_volume_that_hangs_is_not_begun() -> None:
    pool = LatePool()
    context = SimpleNamespace(
        client=None,
        clock=None,
        stop=threading.Event(),
        settings=SimpleNamespace(upload=UploadSettings()),
        throttle=SimpleNamespace(abandon=lambda is_stuck: None),
        workers=SimpleNamespace(pool=lambda name, size: pool),
        caps=None,
    )
    sender = ChunkSender(context)  # type: ignore[arg-type]
    sources = [
        Source(Path(path), -1, ContentId(1), UploadId("u"), {}, urls=None, on_bytes=lambda chunk, count: None)  # type: ignore[arg-type]
        for path in ("/mnt/nas/a.mp4", "/home/b.mp4")
    ]
    for source in sources:
        sender.submit(source, Chunk(1, 0, 5))
    sender.abandon(Path("/mnt/nas"))
    with pytest.raises(Interrupted, match="does not answer"):
        pool.tasks[0]()
    assert [source.is_hung.is_set() for source in sources] == [True, False]
