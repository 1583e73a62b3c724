"""How parameters become query, JSON and form: what is not set is left out, lists repeat their name.

Source: API v1.3, "Encoding rules" (read for the reference of 2025-11-17).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import msgspec

from tlsync.errors import FileUnreadable, FileVanished, Rejected

Upload = Path | BinaryIO
"""A file to send: its path, or an open binary file, which is sent from its first byte."""

Range = float | Mapping[str, float]
"""A number to equal, or its bounds: `{"gte": 10, "lte": 60}`."""

FormPart = tuple[str, tuple[str | None, str | IO[bytes]]]
"""Field name, then file name (None: an ordinary field) and content, the way httpx takes them."""


QueryPairs = list[tuple[str, str | int | float | bool | None]]
"""All of them texts; the wider type is the one httpx takes."""


def query_pairs(fields: Mapping[str, Any]) -> QueryPairs:
    """Query parameters in order. A list repeats its key; a range becomes `key[gte]`, `key[lte]`."""
    pairs: QueryPairs = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            pairs += [(f"{name}[{bound}]", _text(limit)) for bound, limit in value.items()]
        else:
            pairs += [(name, text) for text in _texts(value)]
    return pairs


def with_user_fields(fields: Mapping[str, Any], user_metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Filters on user metadata travel as plain parameters beside the documented ones.

    Raises:
        Rejected: A user field has the name of a documented parameter; the platform could not tell them apart.
    """
    clash = sorted(fields.keys() & (user_metadata or {}).keys())
    if clash:
        raise Rejected(f"cannot filter by the user field {clash[0]!r}: the endpoint has a parameter of that name")
    return {**fields, **(user_metadata or {})}


def json_body(fields: Mapping[str, Any]) -> bytes:
    """A JSON object without the fields that are None. Inside the values a None of the caller stays: in user
    metadata it means "delete the key"."""
    try:
        return msgspec.json.encode({name: _plain(value) for name, value in fields.items() if value is not None})
    except (UnicodeEncodeError, RecursionError, TypeError) as error:
        raise Rejected(f"the parameters cannot be written as JSON ({type(error).__name__})") from None


def form_fields(fields: Mapping[str, Any]) -> list[FormPart]:
    """Parts of a `multipart/form-data` body that are no files. A mapping becomes one JSON text."""
    parts: list[FormPart] = []
    for name, value in fields.items():
        texts = [json_body(value).decode()] if isinstance(value, Mapping) else _texts(value)
        parts += [(name, (None, text)) for text in texts]
    return parts


@contextmanager
def form_files(files: Mapping[str, Upload | None]) -> Iterator[list[FormPart]]:
    """Parts that are files, open for as long as the call lasts. They are read in blocks as they are sent.

    Raises:
        FileVanished: No such file.
        FileUnreadable: The system refuses it, or it cannot be rewound for a second attempt.
    """
    with ExitStack() as stack:
        parts: list[FormPart] = []
        for name, upload in files.items():
            if upload is not None:
                file = stack.enter_context(_opened(upload)) if isinstance(upload, Path) else upload
                parts.append((name, (_file_name(upload), _rewindable(file))))
        yield parts


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise FileVanished(str(path), f"{path} is not there") from None
    except OSError as error:
        raise FileUnreadable(str(path), f"{path} cannot be read: {error.strerror}") from None


def _rewindable(file: BinaryIO) -> BinaryIO:
    if not file.seekable():
        raise FileUnreadable(_file_name(file), "a pipe cannot be sent: it has no length and no way back to its start")
    return file


def _file_name(upload: Upload) -> str:
    name = upload.name if isinstance(upload, Path) else getattr(upload, "name", None)
    text = Path(name).name if isinstance(name, str) else "upload"
    return text.encode(errors="replace").decode()


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        return [_text(item) for item in value]
    return [_text(value)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return json.dumps(_plain(value))


def _plain(value: Any) -> Any:
    """A value of ours as JSON can hold it, under the names of the wire."""
    if isinstance(value, msgspec.Struct):
        # Both are in the same order. `msgspec.structs.fields` would evaluate all annotations each time.
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        named = {wire: getattr(value, name) for wire, name in names}
        return {name: _plain(inner) for name, inner in named.items() if inner is not None}
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise Rejected(f"{value} is not a number that JSON knows")
    return value
