"""`identified`: is this content known here or on the platform already? Then nothing is sent.

A fingerprint only says where to look. A content is taken for known when the SHA-256 of the whole file
equals one that was noted when the other was read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tlsync.clock import from_text
from tlsync.engine import health
from tlsync.engine.arrival import signature_of
from tlsync.engine.context import Context, shown
from tlsync.engine.effective_limits import limits_for
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.errors import FileChanged, NotEligible
from tlsync.media import identity
from tlsync.media.limits import check as check_limits
from tlsync.models import AssetId, IndexedAssetId, IndexId
from tlsync.states import ON_PLATFORM, FileState
from tlsync.store.catalog import FileRow
from tlsync.store.contents import Content

STAMP_FINGERPRINT = "tlsync_fp"
STAMP_SHA256 = "tlsync_sha256"
STAMP_SIZE = "tlsync_size"

_MOST_CANDIDATES = 5
_HOLDER_POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class _Stamped:
    """An indexed asset whose stamp has our fingerprint."""

    indexed_asset_id: IndexedAssetId
    asset_id: str | None
    sha256: str
    status: str
    indexed_at: str | None
    filename: str


class Recognition:
    """Decides for an identified file: link it, wait for its twin, or upload it."""

    def __init__(self, context: Context, registry: IndexRegistry) -> None:
        self._context = context
        self._registry = registry
        self._catalog = context.store.catalog
        self._contents = context.store.contents

    def identified(self, file: FileRow) -> Next:
        assert file.content_id is not None, "identified files have a content"
        content = self._contents.get(file.content_id)
        if signature_of(file.path) != file.signature:
            raise FileChanged(str(file.path), "changed before it was sent")
        refusal = self._refusal(file, content)
        if refusal is not None:
            self._catalog.move(
                file,
                FileState.INELIGIBLE,
                refusal,
                error_code=NotEligible.code,
                hint="see [limits] in the settings",
                content_id=None,
            )
            return REST
        claim = self._contents.claim(file.id, content.size_bytes, content.fingerprint, content.media)
        if claim.kind == "busy":
            assert claim.holder is not None
            holder = self._catalog.get(claim.holder)
            self._catalog.note(
                file, f"same content as {shown(holder.path) if holder else 'another file'}, which is sent"
            )
            self._context.wake(claim.holder)
            return Next(_HOLDER_POLL_S)
        if claim.kind == "known":
            return self._compare(file, content)
        stamped = self._look_on_platform(file, content)
        if stamped:
            sha256 = self._hash(file)
            for found in stamped:
                if found.sha256 == sha256:
                    return self._link_remote(file, content, found)
        with self._catalog.transaction():
            # Asked again, in one step with the move: a twin may have been identified while the platform was asked.
            if self._contents.claim(file.id, content.size_bytes, content.fingerprint, content.media).kind == "mine":
                self._catalog.move(file, FileState.UPLOADING, "to be sent", content_id=claim.content.id)
        return NOW

    def _refusal(self, file: FileRow, content: Content) -> str | None:
        """Why the index does not take a file that seemed eligible while its models were not known."""
        settings, roots = self._context.settings, self._context.store.roots

        def check() -> str | None:
            limits = limits_for(settings, roots.get(file.root_id).index_models)
            return check_limits(content.media, content.size_bytes, limits)

        refusal = check()
        root = roots.get(file.root_id)
        if refusal is None or root.index_id is not None:
            return refusal
        # Which of the models of the settings the platform takes shows when the index is made.
        self._registry.ensure(root)
        return check()

    def _compare(self, file: FileRow, content: Content) -> Next:
        """Contents with this fingerprint were read whole before: is it one of them?"""
        twins = [c for c in self._contents.lookalikes(content.size_bytes, content.fingerprint) if c.sha256]
        sha256 = self._hash(file)
        for twin in twins:
            if twin.sha256 == sha256:
                return self._link(file, twin)
        # Same size and samples, other bytes: its own content, and its own upload.
        with self._catalog.transaction():
            own = self._contents.add(content.size_bytes, content.fingerprint, content.media)
            self._contents.prove(own.id, sha256)
            self._catalog.move(file, FileState.UPLOADING, "new content", content_id=own.id)
        return NOW

    def _link(self, file: FileRow, content: Content) -> Next:
        """The content is known: go on from where the platform has it. A vanished twin means a rename."""
        for twin in self._catalog.of_content(content.id):
            if twin.id != file.id and twin.state in ON_PLATFORM and self._has_left(twin):
                twin = self._catalog.move(twin, FileState.MISSING, "no longer there")
            if twin.id != file.id and twin.state == FileState.MISSING and twin.came_from in ON_PLATFORM:
                if twin.sidecar is not None and not twin.path.exists():
                    self._context.sidecars.follow(twin.sidecar, twin.path, file.path)
                moved = self._catalog.relocate(twin, file)
                self._context.tally.link_done()
                if moved.state == FileState.ENRICHED:
                    self._catalog.move(moved, FileState.READY, "renamed: the sidecar follows")
                self._context.wake(moved.id)
                return NOW
        with self._catalog.transaction():
            state, why = self._where(file, content)
            if state == FileState.UPLOADING:
                for twin in self._catalog.of_content(content.id):
                    if twin.id != file.id and twin.state == FileState.UPLOADING:
                        self._catalog.note(file, f"same content as {shown(twin.path)}, which is sent")
                        return Next(_HOLDER_POLL_S)
            self._catalog.move(file, state, why, content_id=content.id)
        if state != FileState.UPLOADING:
            self._context.tally.link_done()
        return NOW

    def _has_left(self, twin: FileRow) -> bool:
        """Whether a known file is gone from a root that is there."""
        root = self._context.store.roots.get(twin.root_id)
        try:
            twin.path.lstat()
        except FileNotFoundError:
            return health.look_at(root, self._catalog).is_online
        except OSError:
            return False
        return False

    def _where(self, file: FileRow, content: Content) -> tuple[FileState, str]:
        root = self._context.store.roots.get(file.root_id)
        indexed = self._contents.indexed(content.id, root.index_id) if root.index_id else None
        if indexed is not None and indexed.indexed_asset_id is not None:
            if indexed.status == "ready":
                return FileState.READY, "content known: nothing is sent"
            return FileState.INDEXING, "content known, being indexed: nothing is sent"
        if self._contents.asset(content.id) is not None:
            return FileState.UPLOADED, "content known: nothing is sent"
        return FileState.UPLOADING, "content known, but no longer on the platform"

    def _look_on_platform(self, file: FileRow, content: Content) -> list[_Stamped]:
        """Indexed assets of the root's index that tlsync stamped with this fingerprint, on any machine."""
        root = self._context.store.roots.get(file.root_id)
        index_id = self._registry.find(root)
        if index_id is None or self._contents.indexed(content.id, index_id) is not None:
            return []
        page = self._context.client.indexes.indexed_assets.list(
            index_id, user_metadata={STAMP_FINGERPRINT: content.fingerprint}, page_limit=50
        ).page(1)
        return [stamped for item in page.items[:_MOST_CANDIDATES] if (stamped := self._stamp_of(index_id, item.id))]

    def _stamp_of(self, index_id: IndexId, indexed_asset_id: IndexedAssetId) -> _Stamped | None:
        """Read a candidate: a platform that ignores the filter answers with assets that are not ours."""
        detail = self._context.client.indexes.indexed_assets.retrieve(index_id, indexed_asset_id)
        sha256 = (detail.user_metadata or {}).get(STAMP_SHA256)
        if not isinstance(sha256, str) or detail.status == "failed":
            return None
        return _Stamped(
            indexed_asset_id=indexed_asset_id,
            asset_id=detail.asset_id,
            sha256=sha256,
            status=detail.status or "pending",
            indexed_at=detail.indexed_at,
            filename=(detail.system_metadata.filename if detail.system_metadata else None) or "",
        )

    def _link_remote(self, file: FileRow, content: Content, found: _Stamped) -> Next:
        root = self._context.store.roots.get(file.root_id)
        assert root.index_id is not None, "the registry noted it when it looked"
        with self._catalog.transaction():
            self._contents.prove(content.id, found.sha256)
            if found.asset_id:
                self._contents.set_asset(content.id, AssetId(found.asset_id), found.filename, "ready")
            self._contents.set_indexed(
                content.id,
                root.index_id,
                found.indexed_asset_id,
                found.status,
                indexed_at=from_text(found.indexed_at) if found.indexed_at else None,
            )
            self._contents.set_stamped(content.id, root.index_id)
            state = FileState.READY if found.status == "ready" else FileState.INDEXING
            self._catalog.move(file, state, "found on the platform: nothing is sent", content_id=content.id)
        self._context.tally.link_done()
        return NOW

    def _hash(self, file: FileRow) -> str:
        """SHA-256 of the whole file, with equal looks before and after."""
        path: Path = file.path
        total = file.signature.size_bytes
        done = 0

        def on_bytes(count: int) -> None:
            nonlocal done
            done += count
            self._context.progress.hashed(path, done, total)

        with identity.open_media(path) as fd:
            sha256 = identity.sha256_of(fd, total, stop=self._context.stop, on_bytes=on_bytes)
            if identity.signature(os.fstat(fd)) != file.signature:
                raise FileChanged(str(path), "changed while it was read")
        return sha256
