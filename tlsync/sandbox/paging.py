"""Lists by page number (contract, 1.9): a page past the end is an empty one, a limit above 50 is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tlsync.sandbox.fields import Fields

MOST_PER_PAGE = 50
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    limit: int

    @property
    def start(self) -> int:
        return (self.number - 1) * self.limit

    def info(self, total: int) -> dict[str, int]:
        """The `page_info` block; an empty list has one empty page."""
        return {
            "limit_per_page": self.limit,
            "page": self.number,
            "total_page": max(1, -(-total // self.limit)),
            "total_results": total,
        }


def read_page(query: Fields) -> Page:
    return Page(query.integer("page", low=1, default=1), read_page_limit(query))


def read_page_limit(fields: Fields) -> int:
    return fields.integer("page_limit", low=1, high=MOST_PER_PAGE, default=10)


def page_answer(items: Sequence[T], page: Page, view: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """One page of a whole list; only its items are put into their wire form."""
    shown = items[page.start : page.start + page.limit]
    return {"data": [view(item) for item in shown], "page_info": page.info(len(items))}
