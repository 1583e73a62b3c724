"""The HTTP client under the API and under storage: whom it trusts, how long it waits, what it never does."""

from __future__ import annotations

import functools
import logging
import os
import re
import socket
import ssl
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import httpx

from tlsync import __version__
from tlsync.api.compression import ACCEPTED, Unpacking
from tlsync.api.put_transport import PutTransport
from tlsync.errors import Interrupted

# At INFO these print whole URLs, signatures included; at DEBUG headers, the key included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

CONNECT_TIMEOUT_S = 10.0
_BY_HASH = re.compile(r"[0-9a-f]{8}\.\d+")


class _NoCookies(httpx.Cookies):
    """Takes none. To look at each answer for some costs a tenth of what a request does."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


_NO_COOKIES = _NoCookies()


class HttpClient(httpx.Client):
    """Keeps no cookies, follows no redirect, looks at no environment variable, and can be closed from any thread.

    Closing wakes threads that wait for an answer, which may otherwise take minutes: a socket that is only closed
    would leave them waiting.
    """

    def __init__(self, transport: httpx.BaseTransport, auth: httpx.Auth | None, read_timeout_s: float) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._sockets_lock = threading.Lock()
        self._is_closing = False
        super().__init__(
            transport=transport,
            auth=auth,
            headers={"user-agent": f"tlsync/{__version__}", "accept-encoding": ACCEPTED},
            timeout=timeout(read_timeout_s),
            follow_redirects=False,
            trust_env=False,
            event_hooks={"request": [self._trace]},
        )

    @property
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        raise AttributeError("no cookies are kept")

    def check_open(self) -> None:
        """Raise Interrupted if the client was closed, whatever error that gave."""
        if self._is_closing:
            raise Interrupted("the connection was closed")

    def close(self) -> None:
        self._is_closing = True
        with self._sockets_lock:
            sockets = list(self._sockets)
        for one in sockets:
            try:
                # Not the method of SSLSocket: it would pull the TLS state from under the thread that reads.
                socket.socket.shutdown(one, socket.SHUT_RDWR)
            except OSError:
                pass  # it was closed already
        super().close()

    def _trace(self, request: httpx.Request) -> None:
        request.extensions["trace"] = self._note_socket

    def _note_socket(self, event: str, info: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._sockets_lock:
                self._sockets.add(info["return_value"].get_extra_info("socket"))


def timeout(read_s: float) -> httpx.Timeout:
    """Seconds without progress, for each read and write; `read_s` also limits the wait for a free connection."""
    return httpx.Timeout(read_s, connect=min(CONNECT_TIMEOUT_S, read_s))


def network(ssl_context: ssl.SSLContext | None) -> httpx.BaseTransport:
    """The way to the network, over HTTP/1.1."""
    return Unpacking(httpx.HTTPTransport(verify=ssl_context or shared_ssl_context(), trust_env=False))


def storage_network(ssl_context: ssl.SSLContext | None) -> httpx.BaseTransport:
    """The way to storage, for large bodies."""
    return Unpacking(PutTransport(ssl_context or shared_ssl_context()))


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """One for all clients, since making it takes 40 ms. Trusts the authorities of certifi and of the system."""
    context = httpx.create_ssl_context(trust_env=False)
    if folder := _folder_of_authorities():
        context.load_verify_locations(capath=folder)
    else:
        context.load_default_certs()
    return context


def _folder_of_authorities() -> str | None:
    """The system's folder of certificates, if OpenSSL can find the one it needs there: reading all takes 40 ms more.

    Their names are hashes then, `3513523f.0`. None where the environment names a file that is to be trusted.
    """
    folder = ssl.get_default_verify_paths().capath
    if not folder or os.environ.get("SSL_CERT_FILE"):
        return None
    try:
        is_hashed = any(_BY_HASH.fullmatch(name) for name in os.listdir(folder))
    except OSError:
        return None
    return folder if is_hashed else None
