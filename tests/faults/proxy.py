"""A line that breaks: a proxy between tlsync and the sandbox, which refuses, cuts, swallows or slows connections."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

Fault = Literal["rst", "fin", "blackhole", "flip"]
_BLOCK = 16 * 1024


@dataclass(slots=True)
class Line:
    """How the line is now; may be changed at any time. Connections that are there already feel it too.

    Attributes:
        is_cut: New connections are refused, those that are there are reset.
        fault: What befalls a connection after `after_bytes` of what it sends.
        share: How many of the connections it befalls.
        bytes_per_s: Speed of each direction of each connection.
        delay_s: How long each block takes longer.
    """

    is_cut: bool = False
    fault: Fault | None = None
    after_bytes: int = 0
    share: float = 1.0
    bytes_per_s: float | None = None
    delay_s: float = 0.0


class FaultProxy:
    """Listens on loopback and passes on to a port there, as well as its line allows."""

    def __init__(self, port: int, source: random.Random) -> None:
        self._target = port
        self._source = source
        self.line = Line()
        self.port = 0
        self.struck = 0
        """Connections that a fault befell."""
        self._listener: socket.socket | None = None
        self._closing = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.cut()
        for thread in list(self._threads):
            thread.join(5)
        with self._lock:
            for one in self._sockets:
                one.close()

    def cut(self) -> None:
        """Nobody listens any more, and what was under way is reset."""
        self.line.is_cut = True
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            sockets = list(self._sockets)
        for one in sockets:
            _reset(one)

    def mend(self) -> None:
        """A good line from now on."""
        self.line = Line()
        if self._listener is None:
            self._listen()

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="fault-proxy", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets |= {near, far}
            self._start(self._pass, near, far, self._source.random())
            self._start(self._pass, far, near, None)

    def _pass(self, source: socket.socket, target: socket.socket, draw: float | None) -> None:
        """One direction of a connection; a draw makes it the one that faults befall."""
        passed_bytes = 0
        is_struck = False
        try:
            while block := source.recv(_BLOCK):
                line = self.line
                if line.delay_s:
                    time.sleep(line.delay_s)
                if line.bytes_per_s:
                    time.sleep(len(block) / line.bytes_per_s)
                passed_bytes += len(block)
                hits = draw is not None and line.fault is not None and draw < line.share
                if hits and passed_bytes > line.after_bytes and not is_struck:
                    is_struck = True
                    self.struck += 1
                    if line.fault == "rst":
                        _reset(source)
                        _reset(target)
                        return
                    if line.fault == "fin":
                        break
                    if line.fault == "flip":
                        at = len(block) // 2
                        block = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
                if is_struck and self.line.fault == "blackhole":
                    self._swallow(source)
                    return
                target.sendall(block)
        except OSError:
            pass
        finally:
            for one in (source, target):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _swallow(self, source: socket.socket) -> None:
        """Take everything and answer nothing, until the other side hangs up."""
        with suppress(OSError):
            while source.recv(_BLOCK) and not self._closing.is_set():
                pass


def _reset(one: socket.socket) -> None:
    """End a connection with RST."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
