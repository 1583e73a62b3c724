"""Tells systemd how a service does: started, alive, stopping, and a line for people.

Source: sd_notify(3), systemd 252: datagrams of `NAME=value` lines to the socket in NOTIFY_SOCKET, which is a path, or
an abstract name written with `@`; WATCHDOG_USEC and WATCHDOG_PID say how often a sign of life is wanted, and of whom.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import MutableMapping

from tlsync.terminal_text import printable

log = logging.getLogger(__name__)

_LONGEST_S = 1.0
_LONGEST_TEXT = 400


class Notifier:
    """Sends to the service manager; without one, to nobody. Never raises: its trouble is not ours."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        """
        Args:
            address: Of the manager's socket; "" for none.
            watchdog_s: How long the manager waits for a sign of life before it takes us for dead; None: for ever.
        """
        self._address = address
        self.watchdog_s = watchdog_s if address else None
        self._status = ""

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> Notifier:
        """As the manager asks for it. The variables are taken away: child processes are not meant."""
        address = environment.pop("NOTIFY_SOCKET", "")
        interval_us = environment.pop("WATCHDOG_USEC", "")
        pid = environment.pop("WATCHDOG_PID", "")
        if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
            return cls()
        is_meant = pid in ("", str(os.getpid()))
        is_wanted = is_meant and interval_us.isdecimal() and int(interval_us) > 0
        return cls(address, int(interval_us) / 1_000_000 if is_wanted else None)

    def ready(self) -> None:
        self._send("READY=1")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=stopping")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """A line for people; said again only when it has changed."""
        line = printable(text)[:_LONGEST_TEXT]  # a line break in it would begin another message
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = os.fsencode(self._address)
        if address.startswith(b"@"):
            address = b"\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(_LONGEST_S)
                channel.sendto(message.encode("utf-8", "replace"), address)
        except OSError as error:
            log.debug("the service manager can't be told reason=%s", error)
