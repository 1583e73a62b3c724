"""Where bytes may go: the base URL, the key that goes there and nowhere else, and the URLs of chunks."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Generator

import httpx

from tlsync.errors import ConfigError, InsecureUrl
from tlsync.secret import Secret

_EXAMPLE = "it looks like https://api.twelvelabs.io/v1.3"
_LONGEST_URL = 16 * 1024
_HOST = re.compile(r"[a-z0-9._:-]{1,255}")
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class BaseUrl:
    """The platform's address, checked once.

    Args:
        text: For example `https://api.twelvelabs.io/v1.3`. Plain http is for loopback only.

    Raises:
        ConfigError: Not such a URL.
    """

    def __init__(self, text: str) -> None:
        url = _parsed(text.strip().rstrip("/"))
        if url is None or url.scheme not in ("http", "https"):
            raise ConfigError("platform.base_url is not a URL", hint=_EXAMPLE)
        if url.userinfo or url.query or url.fragment:
            raise ConfigError("platform.base_url has a user name, a query or a fragment", hint=_EXAMPLE)
        self.is_loopback = _is_loopback(_host(url))
        self.is_internal = _is_internal(_host(url))
        if url.scheme == "http" and not self.is_loopback:
            raise ConfigError("platform.base_url would send the API key in the clear", hint="use https:// there")
        self._url = url
        self.text = str(url)

    def join(self, path: str) -> str:
        """The URL of a path that starts with a slash."""
        return self.text + path

    def covers(self, url: httpx.URL) -> bool:
        """Whether a URL has the same scheme, host and port."""
        return (url.scheme, url.host, url.port) == (self._url.scheme, self._url.host, self._url.port)

    def check_upload_url(self, text: str) -> httpx.URL:
        """Look at a URL that the platform named, for a chunk or a picture, before a byte leaves.

        https, or plain http to loopback when the platform itself is there. No address of a private, link-local or
        other internal network, unless the platform itself is in one. Names are not resolved: a name that points
        into the local network fails the TLS handshake, since nothing there has its certificate, while some
        networks reach public storage through private addresses.

        Raises:
            InsecureUrl: None of this. The message names no URL.
        """
        url = _parsed(text)
        if url is None:
            raise _insecure("it is not a URL")
        if url.userinfo:
            raise _insecure("it carries a user name")
        if url.scheme == "http" and self.is_loopback and _is_loopback(_host(url)):
            return url
        if url.scheme != "https":
            raise _insecure(f"its scheme is not https but {url.scheme[:16]!r}")
        if _is_internal(_host(url)) and not self.is_internal:
            raise _insecure("it points into a private network")
        return url


def _insecure(reason: str) -> InsecureUrl:
    return InsecureUrl(
        f"the platform named a URL that is not safe: {reason}",
        hint="nothing was sent; check platform.base_url",
    )


class KeyAuth(httpx.Auth):
    """Adds the API key, to requests for one origin only."""

    def __init__(self, key: Secret, base_url: BaseUrl) -> None:
        self._key = key
        self._base_url = base_url

    def use(self, key: Secret) -> None:
        """Requests from now on carry another key."""
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if not self._base_url.covers(request.url):
            raise InsecureUrl("the API key was about to go to another host", hint="this is a bug in tlsync")
        request.headers["x-api-key"] = self._key.reveal()
        yield request


def _parsed(text: str) -> httpx.URL | None:
    """A URL with a host that could be one; None for anything else."""
    try:
        url = httpx.URL(text) if len(text) <= _LONGEST_URL else None
    except (httpx.InvalidURL, ValueError):
        return None
    return url if url is not None and _HOST.fullmatch(_host(url)) else None


def _host(url: httpx.URL) -> str:
    """The host as it is looked up: letters of other alphabets are already encoded."""
    return url.raw_host.decode("ascii").lower().rstrip(".")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host part means, in every spelling that resolvers take; None for names."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            # 127.1, 0x7f000001 and 2130706433 are addresses to the resolver.
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeError, ValueError):
            return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(address.packed[-4:])
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_internal(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return not address.is_global or address.is_multicast
    return "." not in host or host.endswith(tuple(f".{local}" for local in _LOCAL_NAMES))
