from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tlsync.api import RetryPolicy, TwelveLabs

from .helpers import BASE_URL, KEY, FakeClock, Reply, Wire

MakeClient = Callable[..., tuple[TwelveLabs, Wire]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def make_client(clock: FakeClock, stop: threading.Event) -> Iterator[MakeClient]:
    """Makes clients whose API and storage are the scripted replies; random waits are as long as they may be."""
    clients: list[TwelveLabs] = []

    def make(*replies: Reply, policy: RetryPolicy | None = None, **more: Any) -> tuple[TwelveLabs, Wire]:
        wire = Wire(*replies)
        client = TwelveLabs(
            KEY,
            **{
                "base_url": BASE_URL,
                "clock": clock,
                "stop": stop,
                "retries": policy or RetryPolicy(jitter=lambda: 1.0),
                "transport": wire,
                "storage_transport": wire,
                **more,
            },
        )
        clients.append(client)
        return client, wire

    yield make
    for client in clients:
        client.close()
