"""What all shapes have in common: the base class, pages of lists, and reading JSON as one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

T = TypeVar("T")

Number = int | float
UserMetadata = dict[str, Any]
"""User-defined fields: texts, numbers, booleans; later also lists of texts."""

Json = Mapping[str, Any]
"""A JSON object that the caller builds; its fields are those of the type named beside it."""

SortOption = Literal["asc", "desc"]

# A server that is broken or hostile must not make the engine plan zero-byte or petabyte chunks.
ChunkNumber = Annotated[int, Meta(ge=1, le=1_000_000)]
SizeBytes = Annotated[int, Meta(ge=1, le=2**44)]
Count = Annotated[int, Meta(ge=0)]
IN_PATHS = Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")
"""For ids that are kept and later become part of a URL's path."""


class Wire(Struct, frozen=True, kw_only=True):
    """Base of all. URLs are left out of its repr: most of them are signed, and reprs end up in logs."""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_shown(name, getattr(self, name))}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({fields})"


def _shown(name: str, value: object) -> str:
    secret = name in ("url", "asset_urls", "thumbnail_urls", "base64_string") or name.endswith("_url")
    return "***" if secret and value else repr(value)


class PageInfo(Wire, frozen=True, kw_only=True):
    """Where a page-numbered list stands. Pages count from 1."""

    limit_per_page: int | None = None
    page: int | None = None
    total_page: int | None = None
    total_results: int | None = None


class Page(Wire, Generic[T], frozen=True, kw_only=True):
    """One page of a list."""

    data: tuple[T, ...] = ()
    page_info: PageInfo = PageInfo()

    @property
    def items(self) -> Sequence[T]:
        return self.data

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)


class Created(Wire, frozen=True, kw_only=True):
    """Answer of calls that only name what they made."""

    id: Annotated[str, IN_PATHS] = field(name="_id")


def from_wire(value: Any, kind: type[T]) -> T:
    """Parsed JSON as one of the types above.

    Raises:
        ValueError: It has another shape.
    """
    return msgspec.convert(_without_nulls(value), kind)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        # Vectors are left as they are: there may be millions of numbers.
        return [_without_nulls(inner) for inner in value]
    return value
