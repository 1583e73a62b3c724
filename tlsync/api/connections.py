"""What all HTTP clients of this package have in common: trust, time limits, and what they do not do."""

from __future__ import annotations

import functools
import logging
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from tlsync import __version__

# At INFO these print whole URLs, signatures included; at DEBUG headers, the key included.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

CONNECT_TIMEOUT_S = 10.0


def new_http_client(transport: httpx.BaseTransport, auth: httpx.Auth | None, read_timeout_s: float) -> httpx.Client:
    """A client that keeps no cookies, follows no redirect and looks at no environment variable."""
    return httpx.Client(
        transport=transport,
        auth=auth,
        headers={"user-agent": f"tlsync/{__version__}"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=timeout(read_timeout_s),
        follow_redirects=False,
        trust_env=False,
    )


def timeout(read_s: float) -> httpx.Timeout:
    """Seconds without progress, for each read and write; `read_s` also limits the wait for a free connection."""
    return httpx.Timeout(read_s, connect=min(CONNECT_TIMEOUT_S, read_s))


def network(ssl_context: ssl.SSLContext | None) -> httpx.HTTPTransport:
    """The way to the network, over HTTP/1.1."""
    return httpx.HTTPTransport(verify=ssl_context or shared_ssl_context(), trust_env=False)


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """One for all clients, since making it takes 40 ms. Trusts the authorities of certifi and of the system."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context
