"""Options that newer platforms have for new assets; they change nothing here, but are checked."""

from __future__ import annotations

from typing import Any

import msgspec

from tlsync.sandbox.fields import Fields
from tlsync.sandbox.metadata import check_user_metadata
from tlsync.sandbox.refusals import invalid
from tlsync.sandbox.settings import SandboxSettings


def read_asset_options(fields: Fields, settings: SandboxSettings, *, is_form: bool = False) -> dict[str, Any]:
    """Takes the options and gives the user metadata, which is a JSON text in a form.

    The reference has none of them: there they stay in `fields`, which then refuses them as unknown.
    """
    if not settings.is_later:
        return {}
    fields.boolean("enable_hls", default=False)
    fields.boolean("enable_thumbnail", default=False)
    metadata = read_json_text(fields, "user_metadata") if is_form else fields.mapping("user_metadata")
    return check_user_metadata(metadata or {}, may_remove=False, may_list=True)


def read_json_text(fields: Fields, name: str) -> dict[str, Any] | None:
    """An object that travels as JSON text in one field of a form."""
    text = fields.optional_text(name)
    if text is None:
        return None
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise invalid(f"The {name} parameter is not valid JSON.") from None
    if not isinstance(value, dict):
        raise invalid(f"The {name} parameter must be a JSON object.")
    return value
