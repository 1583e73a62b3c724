"""One call on its way through the sandbox: the request, its path parameters and its body, read on demand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tlsync.sandbox.fields import Fields, TextFields
from tlsync.sandbox.forms import Form, read_form
from tlsync.sandbox.refusals import invalid
from tlsync.sandbox.wire import Request

JSON_LIMIT_BYTES = 4 * 1024 * 1024
ID = re.compile(r"[0-9a-f]{24}\Z")


@dataclass(slots=True)
class Call:
    """What a method of the sandbox gets.

    `upload_id` and `chunk` are filled in by the storage for the ledger.
    """

    request: Request
    path: dict[str, str]
    scratch: Path
    upload_id: str | None = None
    chunk: int | None = None
    _form: Form | None = field(default=None, repr=False)

    def id(self, name: str) -> str:
        """An identifier from the path.

        Raises:
            Refusal: It does not have the form of one.
        """
        return check_id(name, self.path[name])

    def query(self) -> TextFields:
        return TextFields(self.request.query)

    def json(self, limit_bytes: int = JSON_LIMIT_BYTES) -> Fields:
        """The JSON object in the body; none when there is no body."""
        raw = self.request.body.read(limit_bytes)
        if raw is None:
            raise invalid(f"The request body is larger than {limit_bytes} bytes.")
        if not raw:
            return Fields({})
        if not self.request.headers.get("content-type", "").lower().startswith("application/json"):
            raise invalid("The request body must be JSON, with Content-Type: application/json.")
        try:
            value: Any = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise invalid("The request body is not valid JSON.") from None
        if not isinstance(value, dict):
            raise invalid("The request body must be a JSON object.")
        return Fields(value)

    def form(self, file_limit_bytes: int) -> Form:
        """The multipart form in the body; file parts are in scratch files until somebody moves them."""
        self._form = read_form(self.request, self.scratch, file_limit_bytes)
        return self._form

    def close(self) -> None:
        """Remove the scratch files that nobody moved."""
        if self._form is not None:
            for file in self._form.files.values():
                file.path.unlink(missing_ok=True)


def check_id(name: str, value: object) -> str:
    """Identifiers are 24 hexadecimal digits (contract, 1.4)."""
    if not isinstance(value, str) or not ID.match(value):
        raise invalid(f"The {name} parameter must be an identifier of 24 hexadecimal digits.")
    return value
