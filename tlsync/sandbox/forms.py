"""multipart/form-data, with file parts going straight to disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from tlsync.sandbox.fields import TextFields
from tlsync.sandbox.refusals import invalid, refused
from tlsync.sandbox.wire import Request

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

TEXT_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file that came with the form, in a scratch file."""

    filename: str
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Form:
    fields: TextFields
    files: dict[str, FilePart]


def read_form(request: Request, scratch: Path, file_limit_bytes: int) -> Form:
    """Read the body of a form.

    Raises:
        Refusal: Not a form, damaged, or a part is larger than allowed.
    """
    kind, options = parse_options_header(request.headers.get("content-type", "").encode("latin-1"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise invalid("The request body must be multipart/form-data.")
    reader = _Reader(scratch, file_limit_bytes)
    parser = MultipartParser(boundary, reader.callbacks())
    try:
        for block in request.body:
            parser.write(block)
        parser.finalize()
    except FormParserError:
        raise invalid("The multipart body is damaged.") from None
    finally:
        reader.close()
    if not reader.is_whole:
        reader.discard()
        raise invalid("The multipart body ends too early.")
    return Form(TextFields(reader.pairs), reader.files)


@dataclass(slots=True)
class _Reader:
    """Collects parts from the parser's events."""

    scratch: Path
    file_limit_bytes: int
    pairs: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, FilePart] = field(default_factory=dict)
    is_whole: bool = False
    _header_name: bytes = b""
    _header_value: bytes = b""
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _name: str = ""
    _filename: str | None = None
    _text: bytearray = field(default_factory=bytearray)
    _file: BinaryIO | None = None
    _path: Path | None = None
    _size_bytes: int = 0

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._take_header_name,
            "on_header_value": self._take_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._take,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        for path in [self._path, *(file.path for file in self.files.values())]:
            if path is not None:
                path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._headers, self._header_name, self._header_value = {}, b"", b""

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        self._filename = None if filename is None else filename.decode("utf-8", "replace")
        self._text = bytearray()
        self._size_bytes = 0
        if self._filename is not None:
            self._path = self.scratch / uuid4().hex
            self._file = self._path.open("wb")

    def _take(self, data: bytes, start: int, end: int) -> None:
        self._size_bytes += end - start
        if self._file is None:
            if self._size_bytes > TEXT_LIMIT_BYTES:
                raise invalid(f"The {self._name} field is too long.")
            self._text += data[start:end]
        elif self._size_bytes > self.file_limit_bytes:
            self.discard()
            raise refused(
                "video_filesize_too_large", f"The {self._name} file is larger than {self.file_limit_bytes} bytes."
            )
        else:
            self._file.write(data[start:end])

    def _end(self) -> None:
        if self._file is None:
            self.pairs.append((self._name, bytes(self._text).decode("utf-8", "replace")))
            return
        self._file.close()
        assert self._path is not None
        self.files[self._name] = FilePart(self._filename or "", self._path, self._size_bytes)
        self._file = None

    def _finish(self) -> None:
        self.is_whole = True
