"""What all namespaces share: the transport, and how a page-numbered list is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from tlsync.api.pages import Pages, check_page
from tlsync.api.routes import Route
from tlsync.api.transport import Ask, Transport
from tlsync.api.types import Page

T = TypeVar("T")

NO_PATH: Mapping[str, str] = {}


class Namespace:
    """A group of methods of the reference."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _pages(
        self,
        route: Route,
        kind: type[Page[T]],
        *,
        page: int,
        page_limit: int,
        path: Mapping[str, str] = NO_PATH,
        query: Mapping[str, Any],
    ) -> Pages[T]:
        check_page(page, page_limit)

        def fetch(number: int) -> Page[T]:
            ask = Ask(path=path, query={"page": number, "page_limit": page_limit, **query})
            return self._transport.answer(route, kind, ask)

        return Pages(fetch, page)
