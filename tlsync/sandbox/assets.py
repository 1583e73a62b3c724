"""Assets: uploaded files, what they hold, and the methods of the reference that list, make and delete them."""

from __future__ import annotations

import hashlib
import mimetypes
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tlsync.sandbox import facts as facts_of
from tlsync.sandbox import timeline as timelines
from tlsync.sandbox.calls import Call, check_id
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.facts import Facts, Kind, Unusable
from tlsync.sandbox.later import read_asset_options
from tlsync.sandbox.links import FILES, Links, forbidden
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.pictures import is_picture
from tlsync.sandbox.refusals import Refusal, invalid, not_found, not_provided
from tlsync.sandbox.settings import MIB
from tlsync.sandbox.timeline import Timeline
from tlsync.sandbox.wire import Response, empty_response, json_response

DIRECT_LIMIT_BYTES = 200 * MIB
BLOCK_BYTES = 256 * 1024
ONE_VISIBLE = """SELECT * FROM assets WHERE id = ? AND deleted_ms IS NULL
    AND (created_ms > ? OR id IN (SELECT asset_id FROM entity_assets))"""
ALL_VISIBLE = """SELECT * FROM assets WHERE deleted_ms IS NULL
    AND (created_ms > ? OR id IN (SELECT asset_id FROM entity_assets)) ORDER BY created_ms DESC, rowid DESC"""
IN_USE = """SELECT 1 FROM indexed_assets WHERE asset_id = ? AND deleted_ms IS NULL
    UNION ALL SELECT 1 FROM entity_assets WHERE asset_id = ?"""
KEEP = """UPDATE assets SET file_type = ?, timeline = ?, facts = ?, sha256 = ?, error_code = ?, error = ?
    WHERE id = ?"""


@dataclass(frozen=True, slots=True)
class Asset:
    """`facts` is None and `sha256` empty as long as the file is not whole."""

    id: str
    method: str
    filename: str
    file_type: str
    created_ms: int
    timeline: Timeline
    facts: Facts | None
    error_code: str | None
    error: str | None
    user_metadata: dict[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A whole file in a scratch place, and what was found in it."""

    source: Path
    sha256: str
    facts: Facts
    failure: Unusable | None


class Assets:
    def __init__(self, core: Core, links: Links) -> None:
        self._core = core
        self.links = links

    # -- methods of the reference -----------------------------------------------------------------

    def list_page(self, call: Call) -> Response:
        query = call.query()
        page = read_page(query)
        ids = query.items("asset_ids")
        kinds = query.items(
            "asset_types", choices=("image", "video", "audio", *(("document",) if self._core.settings.is_later else ()))
        )
        filename = query.optional_text("filename") if self._core.settings.is_later else None
        query.done()
        found = [
            asset
            for asset in map(_asset, self._core.db.rows(ALL_VISIBLE, (self._born_after_ms(),)))
            if (ids is None or asset.id in ids)
            and (kinds is None or asset.file_type.partition("/")[0] in kinds)
            and filename in (None, asset.filename)
        ]
        return json_response(200, page_answer(found, page, lambda asset: self.view(asset, call.request.origin)))

    def create(self, call: Call) -> Response:
        form = call.form(DIRECT_LIMIT_BYTES)
        fields = form.fields
        method = fields.text("method", choices=("direct", "url"))
        filename = fields.optional_text("filename", shortest=1, longest=255)
        url = fields.optional_text("url")
        metadata = read_asset_options(fields, self._core.settings, is_form=True)
        fields.done()
        if method == "url":
            if not url:
                raise not_provided("url")
            asset_id = self._create_from_url(url, filename, metadata)
        else:
            part = form.files.get("file")
            if part is None:
                raise not_provided("file")
            if not part.size_bytes:
                raise invalid("The file is empty.")
            asset_id = self.reserve("direct", filename or part.filename or "file", metadata, lives_s=None)
            self.adopt(asset_id, part.path)
        return json_response(201, self.view(self.get(asset_id), call.request.origin))

    def retrieve(self, call: Call) -> Response:
        call.query().done()
        return json_response(200, self.view(self.get(call.id("asset_id")), call.request.origin))

    def delete(self, call: Call) -> Response:
        query = call.query()
        is_forced = query.boolean("force", default=False) if self._core.settings.is_later else True
        query.done()
        asset = self.get(call.id("asset_id"))
        if not is_forced and self._is_in_use(asset.id):
            raise Refusal(409, "resource_in_use", f"The asset {asset.id} is in use. Send force=true to delete it.")
        with self._core.db.transaction() as db:
            db.execute("UPDATE assets SET deleted_ms = ? WHERE id = ?", (self._core.now_ms(), asset.id))
            db.execute("DELETE FROM entity_assets WHERE asset_id = ?", (asset.id,))
            # Nobody can finish an upload whose asset is gone.
            db.execute(
                "UPDATE sessions SET expires_ms = min(expires_ms, ?) WHERE asset_id = ? AND completed_ms IS NULL",
                (self._core.now_ms(), asset.id),
            )
        self.file_of(asset.id).unlink(missing_ok=True)
        return empty_response()

    def download(self, call: Call) -> Response:
        """What the links of assets lead to; no method of the reference."""
        asset = self.get(check_id("asset_id", call.path["asset_id"])) if self.links.is_good(call) else None
        if asset is None or asset.facts is None:
            return forbidden()
        headers = {"content-type": asset.file_type, "content-length": str(asset.facts.size_bytes)}
        return Response(200, headers, _blocks(self.file_of(asset.id)))

    # -- for the other parts ------------------------------------------------------------------------

    def reserve(self, method: str, filename: str, metadata: dict[str, Any], *, lives_s: float | None) -> str:
        """A new asset that has no bytes yet; it fails by itself when none came in `lives_s` seconds."""
        asset_id, now_ms = self._core.new_id(), self._core.now_ms()
        waiting = "processing" if self._core.settings.is_later else "waiting"
        until_ms = None if lives_s is None else now_ms + round(lives_s * 1000)
        timeline = Timeline(now_ms, ((waiting, until_ms),), "failed")
        self._core.db.execute(
            "INSERT INTO assets (id, method, filename, file_type, created_ms, timeline, error, user_metadata)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                asset_id,
                method,
                filename,
                mimetypes.guess_type(filename)[0] or "application/octet-stream",
                now_ms,
                timeline.to_json(),
                "The upload was not completed in time.",
                msgspec.json.encode(metadata).decode(),
            ),
        )
        return asset_id

    def adopt(self, asset_id: str, source: Path) -> None:
        """Take over a whole file at once."""
        self.keep(asset_id, self.examine(source))

    def examine(self, source: Path) -> Examined:
        """Look into a whole file; slow, and changes nothing."""
        with source.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        try:
            found = facts_of.read_facts(source, self._core.media)
            if found.kind == "image" and found.size_bytes > self._core.settings.image_limit_bytes:
                raise Unusable("parameter_invalid", "The image is too large.")
        except Unusable as error:
            kind: Kind = "image" if is_picture(source) else "video"
            return Examined(source, sha256, Facts(kind, source.stat().st_size), error)
        return Examined(source, sha256, found, None)

    def keep(self, asset_id: str, examined: Examined) -> None:
        """Move an examined file into place and let its processing begin. May run twice."""
        failure = examined.failure
        steps = [("processing", self._core.timings.asset_processing_s)]
        timeline, ordered = self._core.timeline("asset", steps, "failed" if failure else "ready")
        if ordered and failure is None:
            failure = Unusable(ordered, "The sandbox was told to let this fail.")
        file_type = facts_of.mime_type(self.get(asset_id).filename, examined.facts.kind)
        values = (file_type, timeline.to_json(), examined.facts.to_json(), examined.sha256)
        examined.source.replace(self.file_of(asset_id))
        self._core.db.execute(KEEP, (*values, failure and failure.code, failure and failure.message, asset_id))

    def get(self, asset_id: str) -> Asset:
        """Raises Refusal (404) for an unknown id."""
        row = self._core.db.row(ONE_VISIBLE, (asset_id, self._born_after_ms()))
        if row is None:
            raise not_found("asset", asset_id)
        return _asset(row)

    def get_ready(self, asset_id: str) -> tuple[Asset, Facts]:
        """An asset that can be used, with its facts.

        Raises:
            Refusal: Unknown, not ready yet, or failed.
        """
        asset = self.get(asset_id)
        status = asset.timeline.status(self._core.now_ms())
        if status != "ready" or asset.facts is None:
            raise invalid(f"The asset {asset_id} is not ready: its status is {status}.")
        return asset, asset.facts

    def file_of(self, asset_id: str) -> Path:
        return self._core.assets_folder / asset_id

    def link_to(self, asset: Asset, origin: str) -> tuple[str, int]:
        shown = "".join(letter if letter.isprintable() and letter != "/" else "_" for letter in asset.filename)
        return self.links.make(origin, f"{FILES}/{asset.id}/{shown}")

    def view(self, asset: Asset, origin: str) -> dict[str, Any]:
        """The asset in its wire form."""
        is_later = self._core.settings.is_later
        status = asset.timeline.status(self._core.now_ms())
        view: dict[str, Any] = {
            "_id": asset.id,
            "method": asset.method if is_later or asset.method != "multipart" else "direct",
            "status": status,
            "filename": asset.filename,
            "file_type": asset.file_type,
            "created_at": instant(asset.created_ms),
        }
        if asset.facts is not None and not is_later:
            url, expires_ms = self.link_to(asset, origin)
            view |= {"url": url, "url_expires_at": instant(expires_ms)}
        if asset.facts is not None and is_later:
            view |= {"size": asset.facts.size_bytes, "duration": asset.facts.duration_s}
        if is_later:
            view["user_metadata"] = asset.user_metadata
        if status == "failed":
            view["error"] = {"code": asset.error_code or "video_file_broken", "message": asset.error}
        return view

    # -- inside -----------------------------------------------------------------------------------------

    def _create_from_url(self, url: str, filename: str | None, metadata: dict[str, Any]) -> str:
        """Only links to the sandbox's own files can be fetched: it has no network. Others fail in processing."""
        source_id = self.links.asset_behind(url)
        name = filename or url.partition("?")[0].rpartition("/")[2][:255] or "file"
        if source_id is None:
            asset_id = self.reserve("url", name, metadata, lives_s=self._core.timings.asset_processing_s)
            message = "The sandbox has no network: it can only fetch its own links."
            self._core.db.execute("UPDATE assets SET error = ? WHERE id = ?", (message, asset_id))
            return asset_id
        source, _ = self.get_ready(source_id)
        copy = self._core.scratch_file()
        shutil.copyfile(self.file_of(source.id), copy)
        asset_id = self.reserve("url", name, metadata, lives_s=None)
        self.adopt(asset_id, copy)
        return asset_id

    def _is_in_use(self, asset_id: str) -> bool:
        return self._core.db.row(IN_USE, (asset_id, asset_id)) is not None

    def _born_after_ms(self) -> int:
        """Older assets that belong to no entity are gone, in the reference."""
        life_ms = 10**15 if self._core.settings.is_later else round(self._core.timings.asset_life_s * 1000)
        return self._core.now_ms() - life_ms


def _asset(row: Row) -> Asset:
    return Asset(
        row["id"],
        row["method"],
        row["filename"],
        row["file_type"],
        row["created_ms"],
        timelines.from_json(row["timeline"]),
        facts_of.from_json(row["facts"]) if row["facts"] else None,
        row["error_code"],
        row["error"],
        msgspec.json.decode(row["user_metadata"]),
        row["sha256"] or "",
    )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
