"""`tlsync run` in this process, with the client and the sandbox on one clock that runs fast."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx
import pytest

from tests.faults.proxy import FaultProxy
from tests.workshop import HastyClock, Workshop
from tlsync.api import RetryPolicy, TwelveLabs
from tlsync.config import SyncSettings
from tlsync.engine import scheduler, wake
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.media.probe import Prober
from tlsync.sandbox.server import SandboxServer
from tlsync.store.store import Store

_LOOK_S = 0.02


class Via(httpx.BaseTransport):
    """The network, by way of a proxy that stands in for the sandbox's port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._network = httpx.HTTPTransport(trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(port=self._port)
        return self._network.handle_request(request)

    def close(self) -> None:
        self._network.close()


class FastDaemon:
    """Made, entered and left once. Everything in it is on `clock`; `wait_for` waits on the real one."""

    def __init__(
        self,
        folder: Path,
        *,
        factor: float,
        proxied: Literal["nothing", "storage", "all"] = "nothing",
        source: random.Random | None = None,
        retries: RetryPolicy | None = None,
        timeout_s: float = 20.0,
        poll_s: float = 2.0,
        **sandbox: Any,
    ) -> None:
        self._factor = factor
        self.clock = HastyClock(factor)
        self.server = SandboxServer(clock=self.clock, chunk_size_bytes=32 * 1024, first_urls=2, **sandbox)
        self.footage = folder / "footage"
        self.footage.mkdir()
        self._state_dir = folder / "state"
        self._proxied = proxied
        self._source = source or random.Random(1)
        self.proxy: FaultProxy | None = None
        self._retries = retries or RetryPolicy()
        self._timeout_s = timeout_s
        self._poll_s = poll_s
        self._prober = Prober()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fast-daemon")
        self.engine: Engine
        self.workshop: Workshop

    def __enter__(self) -> Self:
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(scheduler, "_LONGEST_NAP_S", 0.005)
        # Between two looks at a clock that runs fast its seconds pass too: that is no jump.
        self._patch.setattr(wake, "_JUMP_S", wake._JUMP_S * self._factor)
        self.server.start()
        self.workshop = Workshop(self.server, self.footage, self._state_dir, self._prober, clock=self.clock)
        self.workshop.changes = {"sync": SyncSettings(settle_s=1.0, poll_s=self._poll_s)}
        settings = self.workshop.settings
        self._store = Store(self._state_dir, self.clock)
        if self._proxied != "nothing":
            self.proxy = FaultProxy(self.server.port, self._source).__enter__()
        via = None if self.proxy is None else self.proxy.port
        self.client = TwelveLabs(
            self.server.api_key,
            settings.platform.base_url,
            stop=self._stop,
            clock=self.clock,
            timeout_s=self._timeout_s,
            retries=self._retries,
            transport=None if via is None or self._proxied == "storage" else Via(via),
            storage_transport=None if via is None else Via(via),
        )
        self.engine = Engine(
            settings,
            self._store,
            self.client,
            self._prober,
            clock=self.clock,
            stop=self._stop,
            progress=Silent(),
            is_single_pass=False,
        )
        return self

    def start(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self.client.close()
        if self._thread.ident is not None:
            self._thread.join(30)
        self._store.close()
        self._prober.close()
        if self.proxy is not None:
            self.proxy.__exit__(None, None, None)
        self.server.stop()
        self._patch.undo()
        assert not self._thread.is_alive(), "it did not stop"

    def _run(self) -> None:
        self.engine.run_forever()

    def wait_for(self, is_done: Callable[[], object], what: str, *, at_most_s: float = 30.0) -> None:
        """Wait until something is so, on the real clock."""
        deadline_s = time.monotonic() + at_most_s
        while not is_done():
            assert self._thread.is_alive(), "the daemon ended"
            assert time.monotonic() < deadline_s, f"{what}: {self.report()}"
            time.sleep(_LOOK_S)

    def wait_s(self, seconds: float) -> None:
        """Let time pass on the fast clock."""
        self.clock.wait(threading.Event(), seconds)

    def all_done(self) -> bool:
        states = self.workshop.states()
        clips = len(list(self.footage.glob("*.mp4")))
        return len(states) == clips and set(states.values()) <= {"enriched"}

    def report(self) -> str:
        views = [(name, view.state.value, view.reason) for name, view in self.workshop.files().items()]
        return f"{views} {self.engine.trouble.describe()} {self.workshop.counts()}"
