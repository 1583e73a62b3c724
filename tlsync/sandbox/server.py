"""The sandbox on a socket of this machine: uvicorn in a thread, for the command line, the demo and tests."""

from __future__ import annotations

import contextlib
import fcntl
import random
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from tlsync.clock import Clock, SystemClock
from tlsync.errors import AlreadyRunning, ConfigError
from tlsync.sandbox.app import make_app
from tlsync.sandbox.facts import MediaReader
from tlsync.sandbox.faults import Faults
from tlsync.sandbox.ledger import Ledger
from tlsync.sandbox.routes import Router
from tlsync.sandbox.settings import DEFAULT_API_KEY, MIB, Platform, RateLimit, SandboxSettings, Timings
from tlsync.sandbox.world import BASE_PATH, World

HOST = "127.0.0.1"
START_LIMIT_S = 30.0
IDLE_S = 75
GRACE_S = 0.5
"""How long calls in progress may go on when the server stops."""


class SandboxServer:
    """A running sandbox.

    With a `data_dir` everything survives, also a kill; without one it lives in a temporary folder that `stop`
    removes. A `media` reader that is given is not closed; the default one is.

    Attributes:
        base_url, api_key: What a client needs.
        world, faults, ledger: The state behind it, to steer and to look at.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        port: int = 0,
        *,
        api_key: str = DEFAULT_API_KEY,
        clock: Clock | None = None,
        timings: Timings | None = None,
        chunk_size_bytes: int = 5 * MIB,
        first_urls: int = 10,
        platform: Platform = "2025-11",
        rate_limits: Mapping[str, RateLimit] | None = None,
        media: MediaReader | None = None,
        source: random.Random | None = None,
    ) -> None:
        self.api_key = api_key
        self._settings = SandboxSettings(
            api_key, platform, timings or Timings(), chunk_size_bytes, first_urls, rate_limits or {}
        )
        self._data_dir = data_dir
        self._port = port
        self._clock = clock or SystemClock()
        self._media = media
        self._source = source
        self._exits = contextlib.ExitStack()
        self._thread: threading.Thread | None = None
        self._uvicorn: uvicorn.Server | None = None
        self.base_url = ""
        self.world: World

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def ledger(self) -> Ledger:
        return self.world.ledger

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return self._port

    def start(self) -> Self:
        """Open the folder and the socket, and begin to serve.

        Raises:
            AlreadyRunning: Another sandbox works in this folder.
            ConfigError: The folder or the port cannot be used.
        """
        with contextlib.ExitStack() as exits:
            folder = self._open_folder(exits)
            media = self._media if self._media is not None else exits.enter_context(_default_media())
            self.world = World(folder, clock=self._clock, media=media, settings=self._settings, source=self._source)
            exits.callback(self.world.close)
            listener = self._listen()
            exits.callback(listener.close)
            self._serve(listener)
            exits.callback(self._end_serving)
            self._exits = exits.pop_all()
        return self

    def stop(self) -> None:
        """End all connections and close everything. May be called twice."""
        self._exits.close()

    def wait(self) -> None:
        """Until the server ends."""
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open_folder(self, exits: contextlib.ExitStack) -> Path:
        if self._data_dir is None:
            folder = Path(tempfile.mkdtemp(prefix="tlsync-sandbox-"))
            exits.callback(shutil.rmtree, folder, ignore_errors=True)
            return folder
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self._data_dir / "lock").open("a")
        except OSError as error:
            raise ConfigError(
                f"The sandbox's folder {self._data_dir} can't be used: {error.strerror}.", hint="Choose another --data."
            ) from error
        exits.callback(lock.close)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(
                f"Another sandbox works in {self._data_dir}.", hint="Stop it, or choose another --data."
            ) from None
        return self._data_dir

    def _listen(self) -> socket.socket:
        # Only where it sees this protocol does asyncio turn Nagle's algorithm off, which costs 40 ms a call.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, self._port))
        except OSError as error:
            listener.close()
            raise ConfigError(
                f"Port {self._port} of this machine can't be used: {error.strerror}.",
                hint="Choose another --port, or 0 for any free one.",
            ) from error
        listener.listen(128)
        self._port = listener.getsockname()[1]
        return listener

    def _serve(self, listener: socket.socket) -> None:
        origin = f"http://{HOST}:{self._port}"
        self.base_url = f"{origin}{BASE_PATH}"
        config = uvicorn.Config(
            make_app(Router(self.world), origin, self._cut),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_S,
        )
        server = self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=server.run, args=([listener],), name="sandbox-server", daemon=True)
        self._thread.start()
        deadline_s = time.monotonic() + START_LIMIT_S
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline_s:
                raise ConfigError("The sandbox's server did not start.")
            time.sleep(0.005)

    def _end_serving(self) -> None:
        """Let calls in progress finish for a moment, then end their connections."""
        assert self._uvicorn is not None and self._thread is not None
        self.world.core.stop.set()
        self._uvicorn.should_exit = True
        self._thread.join(GRACE_S)
        while self._thread.is_alive():
            for protocol in list(self._uvicorn.server_state.connections):
                with contextlib.suppress(RuntimeError):  # the loop may have closed in the meantime
                    protocol.loop.call_soon_threadsafe(protocol.transport.abort)
            self._thread.join(0.05)

    def _cut(self, client: Any, is_reset: bool) -> None:
        """End one connection without an answer; called in the server's own loop."""
        assert self._uvicorn is not None
        for protocol in list(self._uvicorn.server_state.connections):
            if getattr(protocol, "client", None) == tuple(client):
                if is_reset:
                    handle: socket.socket = protocol.transport.get_extra_info("socket")
                    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                protocol.transport.abort()


def _default_media() -> Any:
    """The reader of the media layer; imported late, since it is slow and a reader may be given."""
    from tlsync.media.probe import Prober

    return Prober()
