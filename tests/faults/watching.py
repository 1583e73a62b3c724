"""A daemon's engine in this process, watching the footage of a workshop until the block ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Progress
from tlsync.store.store import Store


@contextmanager
def watching(workshop: Workshop, progress: Progress) -> Iterator[None]:
    """Run as `tlsync run` does; what ends the engine early is raised at the end."""
    stop = threading.Event()
    failures: list[BaseException] = []
    settings = workshop.settings
    with (
        Store(settings.state_dir, workshop.clock) as store,
        TwelveLabs(
            api_key=workshop.server.api_key, base_url=settings.platform.base_url, stop=stop, retries=QUICK_RETRIES
        ) as client,
    ):
        engine = Engine(
            settings,
            store,
            client,
            workshop.prober,
            clock=workshop.clock,
            stop=stop,
            progress=progress,
            is_single_pass=False,
        )

        def run() -> None:
            try:
                engine.run_forever()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run, name="watching")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
    assert not failures, failures
