"""`TwelveLabs`: the platform as Python calls it. One HTTP client, one request path, the namespaces hang off it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import httpx

from tlsync.api.analysis import Analysis, AnalyzeAsync
from tlsync.api.assets import Assets
from tlsync.api.connections import network, storage_network
from tlsync.api.embed import Embed
from tlsync.api.entities import EntityCollections, ManageEntities
from tlsync.api.gate import Gate
from tlsync.api.indexes import Indexes
from tlsync.api.multipart import MultipartUpload
from tlsync.api.origins import BaseUrl
from tlsync.api.pictures import Pictures
from tlsync.api.retry import RetryPolicy
from tlsync.api.search import Search
from tlsync.api.server_time import ServerTime
from tlsync.api.storage import GROUP, Storage
from tlsync.api.tasks import Tasks
from tlsync.api.transport import Transport
from tlsync.clock import Clock, SystemClock
from tlsync.errors import ConfigError
from tlsync.secret import Secret

BASE_URL = "https://api.twelvelabs.io/v1.3"


class TwelveLabs(Analysis):
    """A client for one account. May be used from many threads at once.

    Args:
        api_key: Sent to the origin of `base_url` and nowhere else.
        base_url: With the version. Plain http is for loopback only.
        stop: When it is set, every wait ends and raises Interrupted, and no further block of a chunk is sent.
        clock: Measures spans and waits.
        timeout_s: Seconds without a byte until a read or write is given up; calls that generate text or take a
            whole file wait longer.
        retries: How patient one call is.
        transport: Takes the place of the network for the API, in tests.
        storage_transport: The same for the PUT of chunks and the GET of pictures.
        ssl_context: Which servers to trust; by default the authorities of certifi and of the system.
        on_answer: Is given the parsed body of each good answer before the call returns, with the fields that are
            newer than the types; not the events of streams.

    Raises:
        ConfigError: The key or the URL cannot be used.
    """

    indexes: Indexes
    assets: Assets
    multipart_upload: MultipartUpload
    search: Search
    entity_collections: EntityCollections
    manage_entities: ManageEntities
    embed: Embed
    tasks: Tasks
    analyze_async: AnalyzeAsync
    storage: Storage
    pictures: Pictures

    def __init__(
        self,
        api_key: Secret | str,
        base_url: str = BASE_URL,
        *,
        stop: threading.Event | None = None,
        clock: Clock | None = None,
        timeout_s: float = 60.0,
        retries: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
        storage_transport: httpx.BaseTransport | None = None,
        ssl_context: ssl.SSLContext | None = None,
        on_answer: Callable[[Any], None] | None = None,
    ) -> None:
        stop = stop or threading.Event()
        clock = clock or SystemClock()
        retries = retries or RetryPolicy()
        url = BaseUrl(base_url)
        self.base_url = url.text
        self._requests = Transport(
            key=_checked(api_key),
            base_url=url,
            http_transport=transport or network(ssl_context),
            retries=retries,
            clock=clock,
            stop=stop,
            timeout_s=timeout_s,
            on_answer=on_answer,
        )
        super().__init__(self._requests)
        self.indexes = Indexes(self._requests)
        self.assets = Assets(self._requests)
        self.multipart_upload = MultipartUpload(self._requests)
        self.search = Search(self._requests)
        self.entity_collections = EntityCollections(self._requests)
        self.manage_entities = ManageEntities(self._requests)
        self.embed = Embed(self._requests)
        self.tasks = Tasks(self._requests)
        self.analyze_async = AnalyzeAsync(self._requests)
        self.storage = Storage(
            url,
            storage_transport or storage_network(ssl_context),
            clock=clock,
            stop=stop,
            timeout_s=timeout_s,
            retries=retries,
        )
        self.pictures = Pictures(url, storage_transport or network(ssl_context), clock=clock, timeout_s=timeout_s)

    def use_key(self, api_key: Secret | str) -> None:
        """Go on with another key. Calls that were held back because the old one was refused may go at once.

        Raises:
            ConfigError: It can't be used; the old one stays.
        """
        self._requests.use_key(_checked(api_key))

    @property
    def server_time(self) -> ServerTime:
        """The platform's clock, to judge its deadlines by: the local one may be wrong."""
        return self._requests.server_time

    def held_s(self, group: str) -> float:
        """Seconds during which no call of a group, as errors name it, is sent: it failed, or is at its limit."""
        return max((gate.held_s(group) for gate in self._gates(group)), default=0.0)

    def is_down(self, group: str) -> bool:
        """Whether a group, as errors name it, failed and no call has gone well since."""
        return any(gate.is_open(group) for gate in self._gates(group))

    def _gates(self, group: str) -> list[Gate]:
        return self.storage.gates() if group == GROUP else [self._requests.gate]

    def close(self) -> None:
        """Close all connections. Calls that other threads are in the middle of end at once, with Interrupted."""
        self._requests.close()
        self.storage.close()
        self.pictures.close()

    def __enter__(self) -> TwelveLabs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checked(api_key: Secret | str) -> Secret:
    key = api_key if isinstance(api_key, Secret) else Secret(api_key)
    text = key.reveal()
    if not text:
        raise ConfigError("there is no API key", hint="set TWELVE_LABS_API_KEY or platform.api_key_file")
    if not (text.isascii() and text.isprintable()) or " " in text:
        # A newline at its end is the usual case; as a header it would fail with a message that quotes the key.
        raise ConfigError("the API key contains a space, a line end or another odd character", hint="copy it again")
    return key
