"""A key that was refused is replaced while the engine runs."""

from __future__ import annotations

import threading
import time

from tests.conftest import MakeClip
from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.secret import Secret
from tlsync.store.store import Store


def wait_for(is_so: object, what: str) -> None:
    until_s = time.monotonic() + 20
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < until_s, what
        threading.Event().wait(0.02)


def test_a_new_key_ends_the_wait_that_the_old_one_began(workshop: Workshop, make_clip: MakeClip) -> None:
    """The wait is a quarter of an hour, which nobody has who has just renewed the key."""
    make_clip(workshop.footage / "clip.mp4")
    settings, stop = workshop.settings, threading.Event()
    with (
        Store(settings.state_dir, workshop.clock) as store,
        TwelveLabs("wrong", settings.platform.base_url, stop=stop, retries=QUICK_RETRIES) as client,
    ):
        engine = Engine(
            settings, store, client, workshop.prober, clock=workshop.clock, stop=stop, progress=Silent(),
            is_single_pass=False,
        )  # fmt: skip
        thread = threading.Thread(target=engine.run_forever)
        thread.start()
        try:
            wait_for(lambda: engine.trouble.current is not None, "the refusal")
            assert engine.report()["troubles"][0]["code"] == "unauthorized"
            engine.use_key(Secret(workshop.server.api_key))
            wait_for(lambda: set(workshop.states().values()) == {"enriched"}, "the clip")
            assert engine.trouble.current is None
        finally:
            stop.set()
            thread.join(10)
