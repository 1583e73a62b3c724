"""The `video` parameter of newer platforms: an asset, a link or the bytes themselves."""

from __future__ import annotations

import base64
import binascii

from tlsync.sandbox.assets import Assets
from tlsync.sandbox.calls import check_id
from tlsync.sandbox.core import Core
from tlsync.sandbox.facts import Unusable, read_facts
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.refusals import invalid, not_provided, refused
from tlsync.sandbox.settings import MIB
from tlsync.sandbox.texts import Subject

BASE64_LIMIT_BYTES = 36 * MIB


def read_video(fields: Fields, core: Core, assets: Assets) -> Subject:
    """Read `video: {type, asset_id | url | base64_string}`.

    Raises:
        Refusal: Not one of the three forms, or nothing that is usable.
    """
    given = fields.mapping("video")
    if given is None:
        raise not_provided("video")
    video = Fields(given)
    kind = video.text("type", choices=("asset_id", "url", "base64_string"))
    value = video.text(kind)
    video.done()
    return read_source({kind: value}, core, assets)


def read_source(source: dict[str, str], core: Core, assets: Assets) -> Subject:
    """Media by exactly one of asset_id, url or base64_string."""
    if len(source) != 1:
        raise invalid("Exactly one of asset_id, url and base64_string is needed.")
    ((kind, value),) = source.items()
    if kind == "base64_string":
        return _inline(value, core)
    asset_id = assets.links.asset_behind(value) if kind == "url" else check_id("asset_id", value)
    if asset_id is None:
        raise invalid("The URL cannot be fetched: the sandbox only reads links to its own assets.")
    asset, facts = assets.get_ready(asset_id)
    return Subject(asset.filename, facts)


def _inline(text: str, core: Core) -> Subject:
    if len(text) > BASE64_LIMIT_BYTES * 4 // 3:
        raise refused("video_filesize_too_large", "The base64_string is too long.")
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise invalid("The base64_string is not valid base64.") from None
    path = core.scratch_file()
    try:
        path.write_bytes(content)
        return Subject("inline", read_facts(path, core.media))
    except Unusable as error:
        raise refused(error.code, error.message) from None
    finally:
        path.unlink(missing_ok=True)
