"""`ready`: fetch what the platform understood, keep it, and write the sidecar. Then the file is `enriched`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from tlsync.clock import to_text
from tlsync.engine.arrival import signature_of
from tlsync.engine.context import Context, shown
from tlsync.engine.lanes import REMOTE
from tlsync.engine.scheduler import REST, Next
from tlsync.engine.sidecar_texts import restore_texts
from tlsync.engine.texts import Texts
from tlsync.engine.video_parameter import Video
from tlsync.errors import ApiError, NotFound, RemoteFailed
from tlsync.models import (
    ENRICHMENT_KINDS,
    Chapter,
    ContentId,
    Cue,
    EnrichmentKind,
    Gist,
    Highlight,
    IndexedAssetId,
    IndexId,
)
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.contents import Content, EnrichmentRow, IndexedAssetRow
from tlsync.store.roots import RootRow
from tlsync.store.sidecar_format import Media, Platform, Provenance, Sidecar

_VALUE_TYPES: dict[EnrichmentKind, Any] = {
    "summary": str,
    "chapters": tuple[Chapter, ...],
    "highlights": tuple[Highlight, ...],
    "gist": Gist,
    "transcription": tuple[Cue, ...],
}


_SIDECAR_GRACE_S = 30.0
"""So long the machine that sent a content has for its texts before this one asks for them too."""


class Enricher:
    """Every text is asked for once per content and index, whoever has a copy of the file."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._contents = context.store.contents
        analysis = context.settings.analysis
        self._kinds: tuple[EnrichmentKind, ...] = tuple(kind for kind in ENRICHMENT_KINDS if kind in analysis.kinds)
        self._waits_since_s: dict[ContentId, float] = {}
        self._texts = Texts(context.client, context.store, context.caps, analysis.source)

    def ready(self, file: FileRow) -> Next:
        assert file.content_id is not None, "files that are searchable have a content"
        root = self._context.store.roots.get(file.root_id)
        content = self._contents.get(file.content_id)
        indexed = self._contents.indexed(content.id, root.index_id) if root.index_id else None
        catalog = self._context.store.catalog
        if indexed is None or indexed.indexed_asset_id is None:
            catalog.move(file, FileState.ASSET_READY, "its place in the index is not known any more")
            return Next(0.0)
        with self._context.locks.of(content.id):
            if self.lacks(content.id, indexed.index_id):
                restore_texts(self._context, file.path, content, indexed.index_id, indexed.indexed_asset_id)
            if self.lacks(content.id, indexed.index_id):
                pause = self._pause(file, content)
                if pause is not None:
                    return pause
                try:
                    self._fetch_missing(content, root, indexed)
                except NotFound as error:
                    raise self._loss_behind(error, content, indexed) from error
        if self.lacks(content.id, indexed.index_id):
            catalog.note(file, "searchable; the platform works on its texts in the background")
            return Next(self._context.next_poll_s(file.id))
        self._context.polled(file.id)
        signature_of(file.path)  # raises: nothing is written where a drive was, beside a file that is away
        sidecars = self._context.sidecars
        if file.sidecar is not None and not sidecars.is_in_place(file.sidecar, file.path):
            sidecars.follow(file.sidecar, file.path, file.path)  # the settings want it in another place now
        sidecar = sidecars.write(file.path, self._document(file.path, content, root, indexed))
        look = sidecars.look_of(sidecar)
        catalog.move(file, FileState.ENRICHED, "", sidecar=sidecar, sidecar_look=look, attempts=0)
        return REST

    def _loss_behind(self, error: NotFound, content: Content, indexed: IndexedAssetRow) -> ApiError | RemoteFailed:
        """Why there are no texts: what of the content somebody removed. What is gone is not known any more."""
        assert indexed.indexed_asset_id is not None
        client, asset = self._context.client, self._contents.asset(content.id)
        try:
            client.indexes.indexed_assets.retrieve(indexed.index_id, indexed.indexed_asset_id)
        except NotFound:
            self._contents.drop_indexed(content.id, indexed.index_id)
            return RemoteFailed(
                "the platform no longer has it in the index",
                "somebody removed it there",
                hint="tlsync retry PATH indexes it again",
            )
        try:
            if asset is not None:
                client.assets.retrieve(asset.asset_id)
        except NotFound:
            self._context.store.removals.note_orphan(content.id, indexed.index_id, indexed.indexed_asset_id)
            return RemoteFailed(
                "the platform can't describe it: it no longer has the asset",
                "somebody removed it there",
                hint="tlsync retry PATH uploads it again",
            )
        return error

    def _pause(self, file: FileRow, content: Content) -> Next | None:
        """Texts cost money: they are not asked for while nothing may be sent, nor while somebody else does it."""
        catalog = self._context.store.catalog
        if not self._context.may_send:
            catalog.note(file, "searchable; its texts are not asked for while the catalog is rebuilt")
            return REST
        if content.id not in self._context.follows or self._context.store.sessions.has_sent(content.id):
            return None
        # Another machine was still at it when this one found it: now it asks for the texts, and writes its sidecar,
        # perhaps into this very folder.
        now_s = self._context.clock.monotonic_s()
        if now_s - self._waits_since_s.setdefault(content.id, now_s) >= _SIDECAR_GRACE_S:
            return None
        catalog.note(file, "searchable; another workstation sent it and may write its sidecar")
        return Next(self._context.next_poll_s(file.id))

    def lacks(self, content_id: ContentId, index_id: IndexId) -> bool:
        """Whether the settings want more than was fetched."""
        known = self._contents.enrichments(content_id, index_id)
        return any(kind not in known for kind in self._kinds)

    def _fetch_missing(self, content: Content, root: RootRow, indexed: IndexedAssetRow) -> None:
        known = self._contents.enrichments(content.id, indexed.index_id)
        missing = [kind for kind in self._kinds if kind not in known]
        video_id = indexed.indexed_asset_id
        assert video_id is not None
        if "transcription" in missing:
            missing.remove("transcription")
            self._fetch_transcription(content, root, indexed.index_id, video_id)
        if missing:
            self._context.check_held(REMOTE)
            asset = self._contents.asset(content.id)
            model = _model(root, "pegasus")
            video = Video(video_id, asset.asset_id if asset else None)
            for text in self._texts.fetch(content, video, missing):
                self._contents.set_enrichment(
                    content.id,
                    indexed.index_id,
                    text.kind,
                    text.value,
                    source=text.source,
                    model=model,
                    prompt_sha256=text.prompt_sha256,
                    reason=text.reason,
                )
                if text.source != "analyze":  # which gives all in one answer; the others cost a call each
                    self._context.check_held(REMOTE)

    def _fetch_transcription(
        self, content: Content, root: RootRow, index_id: IndexId, video_id: IndexedAssetId
    ) -> None:
        detail = self._context.client.indexes.indexed_assets.retrieve(index_id, video_id, transcription=True)
        cues = tuple(
            Cue(float(item.start or 0), float(item.end or item.start or 0), item.value or "")
            for item in detail.transcription
        )
        self._contents.set_enrichment(
            content.id,
            index_id,
            "transcription",
            cues,
            source="indexed_asset",
            model=_model(root, "marengo"),
        )

    def _document(self, path: Path, content: Content, root: RootRow, indexed: IndexedAssetRow) -> Sidecar:
        known = self._contents.enrichments(content.id, indexed.index_id)
        asset = self._contents.asset(content.id)
        media = content.media
        wanted = [kind for kind in ENRICHMENT_KINDS if kind in known]  # also those that another machine asked for
        values: dict[str, Any] = dict.fromkeys(ENRICHMENT_KINDS, UNSET)
        for kind in wanted:
            row = known[kind]
            values[kind] = None if row.value is None else msgspec.convert(row.value, _VALUE_TYPES[kind])
        return Sidecar(
            media=Media(
                filename=shown(Path(path.name)),
                size_bytes=content.size_bytes,
                fingerprint=content.fingerprint,
                sha256=content.sha256 or "",
                duration_s=media.duration_s,
                fps=media.fps,
                width=media.width,
                height=media.height,
                start_timecode=media.start_timecode,
            ),
            platform=Platform(
                base_url=self._context.settings.platform.base_url,
                index_id=indexed.index_id,
                index_name=root.index_name,
                asset_id=asset.asset_id if asset else None,
                indexed_asset_id=str(indexed.indexed_asset_id),
                indexed_at=to_text(indexed.indexed_at) if indexed.indexed_at else None,
            ),
            provenance={kind: _provenance(known[kind]) for kind in wanted},
            **values,
        )


def _provenance(row: EnrichmentRow) -> Provenance:
    return Provenance(
        source=row.source,
        model=row.model,
        prompt_sha256=row.prompt_sha256,
        fetched_at=row.fetched_at,
        reason=row.reason if row.reason is not None else UNSET,
    )


def _model(root: RootRow, family: str) -> str | None:
    """The index's model of a family: `pegasus` makes texts, `marengo` hears and sees."""
    return next((model for model in root.index_models if model.startswith(family)), None)
