"""Lists that come in pages, as lazy iterators over their items; the pages themselves stay within reach.

A list may change while it is read: items can then come twice or be missed, as with every paged list. Callers that
decide something by absence read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from tlsync.api.types import ChunkInfo, Page, PageInfo, SearchItem, SearchResults, UploadStatus
from tlsync.errors import BadAnswer, Rejected

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)

PAGE_LIMIT = 50
"""Items per page: the most the platform allows. Source: API v1.3, "Pagination"."""
_MOST_PAGES = 100_000
"""An index may hold 100,000 videos; a list with more pages than that is a server that never stops."""


class Numbered(Protocol[Item]):
    """What all page-numbered answers have in common."""

    @property
    def items(self) -> Sequence[Item]: ...

    @property
    def page_info(self) -> PageInfo: ...


P = TypeVar("P", bound=Numbered[object])


def check_page(page: int, page_limit: int) -> None:
    """Refuse what the platform would refuse.

    Raises:
        Rejected: `page` is below 1, or `page_limit` not from 1 to 50.
    """
    if page < 1 or not 1 <= page_limit <= PAGE_LIMIT:
        raise Rejected(f"page {page} with page_limit {page_limit} cannot be asked for", hint="page_limit is 1 to 50")


class _Pages(Generic[P]):
    def __init__(self, fetch: Callable[[int], P], start: int) -> None:
        self._fetch = fetch
        self._start = start
        self._first: P | None = None

    @property
    def first(self) -> P:
        """The page where the list starts; asked for once."""
        if self._first is None:
            self._first = self._fetch(self._start)
        return self._first

    def page(self, number: int) -> P:
        """One page by its number, from 1, as it is now. Past the end it is empty."""
        check_page(number, PAGE_LIMIT)
        return self._fetch(number)

    def pages(self) -> Iterator[P]:
        """Page after page: to the last one by the platform's count or to an empty one, whichever comes first.

        Raises:
            BadAnswer: The list has no end.
        """
        number, page = self._start, self.first
        while page.items:
            yield page
            last = page.page_info.total_page
            if last is not None and number >= last:
                return
            if number - self._start >= _MOST_PAGES:
                raise BadAnswer(f"a list has more than {_MOST_PAGES} pages")
            number += 1
            page = self._fetch(number)
            if page.page_info.page not in (None, number):
                # A server that gives the last page again instead of an empty one, or does not know pages.
                return


class Pages(_Pages[Page[T]], Generic[T]):
    """A page-numbered list. Nothing is asked before it is iterated."""

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.data


class UploadStatusPages(_Pages[UploadStatus]):
    """The chunks of an upload session; `first` also has the state of the session."""

    def __iter__(self) -> Iterator[ChunkInfo]:
        for page in self.pages():
            yield from page.uploaded_chunks


class SearchPages:
    """The hits of a search. The first page is there; the next ones are asked for by token, and not billed."""

    def __init__(self, first: SearchResults, fetch: Callable[[str], SearchResults]) -> None:
        self.first = first
        self._fetch = fetch

    @property
    def next_page_token(self) -> str | None:
        """The token after the first page, for a later `search.retrieve`; None if there is no further page."""
        return self.first.next_page_token

    def pages(self) -> Iterator[SearchResults]:
        """Page after page, until one names no next token.

        Raises:
            Rejected: The token has expired (`search_page_token_expired`): search again.
            BadAnswer: A token came twice.
        """
        page = self.first
        seen: set[str] = set()
        yield page
        while (token := page.next_page_token) is not None:
            if token in seen or len(seen) >= _MOST_PAGES:
                raise BadAnswer("the pages of a search go round in a circle")
            seen.add(token)
            page = self._fetch(token)
            yield page

    def __iter__(self) -> Iterator[SearchItem]:
        for page in self.pages():
            yield from page.data
