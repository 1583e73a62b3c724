"""Where media can come from: an asset, a link to one, bytes in the request. One way to read them all."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tlsync.sandbox.assets import Assets
from tlsync.sandbox.calls import check_id
from tlsync.sandbox.core import Core
from tlsync.sandbox.facts import Facts, Kind, Unusable, read_facts
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.forms import FilePart
from tlsync.sandbox.refusals import invalid, not_provided, refused
from tlsync.sandbox.settings import MIB

BASE64_LIMIT_BYTES = 36 * MIB
KINDS_OF_SOURCE = ("asset_id", "url", "base64_string")


@dataclass(frozen=True, slots=True)
class Source:
    """Media that were looked into. `path` is where the bytes are kept, None when they were in the request."""

    filename: str | None
    url: str | None
    sha256: str
    facts: Facts
    path: Path | None = None


class Sources:
    def __init__(self, core: Core, assets: Assets) -> None:
        self._core = core
        self._assets = assets

    def read_video_parameter(self, fields: Fields) -> Source:
        """Read `video: {type, …}`, as newer platforms have it.

        Raises:
            Refusal: Not one of its three forms, or nothing that is usable.
        """
        given = fields.mapping("video")
        if given is None:
            raise not_provided("video")
        video = Fields(given)
        kind = video.text("type", choices=KINDS_OF_SOURCE)
        value = video.text(kind)
        video.done()
        return self._only(self._read(kind, value), ("video",))

    def read_media_source(self, given: object, kinds: tuple[Kind, ...]) -> Source:
        """Read `media_source: {asset_id | url | base64_string}`, of one of these kinds.

        Raises:
            Refusal: Not exactly one of them, not usable, or of another kind.
        """
        if not isinstance(given, Mapping):
            raise invalid("The media_source parameter must be an object.")
        source = Fields(given)
        values = {kind: source.optional_text(kind) for kind in KINDS_OF_SOURCE}
        source.done()
        named = [(kind, value) for kind, value in values.items() if value is not None]
        if len(named) != 1:
            raise invalid("Exactly one of asset_id, url and base64_string is needed in media_source.")
        return self._only(self._read(*named[0]), kinds)

    def read_url(self, url: str, kinds: tuple[Kind, ...]) -> Source:
        """Media behind a link; the sandbox has no network and only knows its own."""
        return self._only(self._read("url", url), kinds)

    def read_part(self, part: FilePart, kinds: tuple[Kind, ...]) -> Source:
        """Media that came with a form."""
        with part.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        try:
            facts = read_facts(part.path, self._core.media)
        except Unusable as error:
            if kinds == ("image",):
                raise invalid(f"The image can't be used: {error.message}") from None
            raise refused(error.code, error.message) from None
        return self._only(Source(part.filename, None, sha256, facts, part.path), kinds)

    def _read(self, kind: str, value: str) -> Source:
        if kind == "base64_string":
            return self._inline(value)
        asset_id = self._assets.links.asset_behind(value) if kind == "url" else check_id("asset_id", value)
        if asset_id is None:
            raise invalid("The URL cannot be fetched: the sandbox only reads links to its own assets.")
        asset, facts = self._assets.get_ready(asset_id)
        url = value if kind == "url" else None
        return Source(asset.filename, url, asset.sha256, facts, self._assets.file_of(asset.id))

    def _inline(self, text: str) -> Source:
        if len(text) > BASE64_LIMIT_BYTES * 4 // 3:
            raise refused("video_filesize_too_large", "The base64_string is too long.")
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise invalid("The base64_string is not valid base64.") from None
        path = self._core.scratch_file()
        try:
            path.write_bytes(content)
            return Source(None, None, hashlib.sha256(content).hexdigest(), read_facts(path, self._core.media))
        except Unusable as error:
            raise refused(error.code, error.message) from None
        finally:
            path.unlink(missing_ok=True)

    def _only(self, source: Source, kinds: tuple[Kind, ...]) -> Source:
        if source.facts.kind not in kinds:
            raise refused("unsupported_file_type", f"{' or '.join(kinds)} is needed, not {source.facts.kind}.")
        return source
