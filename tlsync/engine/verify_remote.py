"""`tlsync verify`, the platform's side: is everything there that the catalog says, and nothing twice? Only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tlsync.api import TwelveLabs
from tlsync.engine.remote_inventory import Knowledge, RemoteItem, list_entries, to_entry, with_stamp
from tlsync.engine.verify import Finding, What
from tlsync.errors import NotFound
from tlsync.models import ContentId, IndexedAssetId, IndexId
from tlsync.states import ON_PLATFORM, FileState
from tlsync.store.audit import CatalogAudit, KnownContent, KnownEntry
from tlsync.store.reader import FileView

_RETRY = "tlsync verify --repair, then tlsync retry PATH, to send it again (which is billed)"
_REPAIR = "tlsync verify --repair"
_NEEDS_ASSET = frozenset({FileState.UPLOADED, FileState.ASSET_READY})


class RemoteCheck:
    """Compares what the catalog says of the platform with what the platform says."""

    def __init__(self, client: TwelveLabs, audit: CatalogAudit, *, is_full: bool) -> None:
        """
        Args:
            is_full: Read the page of each entry, for its stamp, where lists do not have stamps.
        """
        self._client = client
        self._audit = audit
        self._is_full = is_full
        self._contents = audit.contents()
        self._reads_all = is_full

    def findings(self, views: Sequence[FileView], *, is_whole: bool) -> Iterator[Finding]:
        """What is not right for these files.

        Args:
            is_whole: They are all files of the catalog: then entries that no file here uses are looked at too.
        """
        self._reads_all = self._is_full or not is_whole
        by_index: dict[IndexId, dict[int, FileView]] = defaultdict(dict)
        for view in views:
            if view.content_id is None or view.state not in ON_PLATFORM:
                continue
            if view.index_id is not None and view.indexed_asset_id is not None:
                by_index[IndexId(view.index_id)].setdefault(view.content_id, view)
            elif view.state in _NEEDS_ASSET and view.asset_id is not None:
                yield from self._asset(view)
        entries = {(entry.index_id, entry.content_id): entry for entry in self._audit.entries()}
        for index_id, files in by_index.items():
            listed = self._listed(index_id, list(files.values()), is_whole=is_whole)
            for content_id, view in files.items():
                entry = entries.get((index_id, ContentId(content_id)))
                if entry is not None:
                    yield from self._entry(view, entry, listed.get(entry.indexed_asset_id))
            if is_whole:
                yield from self._others(list(listed.values()))

    def _listed(self, index_id: IndexId, views: Sequence[FileView], *, is_whole: bool) -> dict[str, RemoteItem]:
        """The entries of an index by id: all of it, or only those of some files."""
        if is_whole:
            items = list(list_entries(self._client, index_id, None))
            if self._is_full:
                items = [item if item.stamp else with_stamp(self._client, item) for item in items]
            return {item.id: item for item in items}
        found = {}
        for view in views:
            try:
                detail = self._client.indexes.indexed_assets.retrieve(
                    index_id, IndexedAssetId(str(view.indexed_asset_id))
                )
            except NotFound:
                continue
            item = to_entry(detail, index_id, None)
            found[item.id] = item
        return found

    def _asset(self, view: FileView) -> Iterator[Finding]:
        """An asset matters until it is in an index; afterwards the platform may drop it by itself."""
        content = self._contents[view.content_id or 0]
        assert content.asset_id is not None
        try:
            asset = self._client.assets.retrieve(content.asset_id)
        except NotFound:
            yield _about(view, "asset_gone", "the platform no longer has its asset", _RETRY, content.asset_id)
            return
        if asset.size is not None and int(asset.size) != content.size_bytes:
            yield self._size_differs(view, content.asset_id, int(asset.size), content)

    def _entry(self, view: FileView, entry: KnownEntry, item: RemoteItem | None) -> Iterator[Finding]:
        content = self._contents[entry.content_id]
        remote_id = entry.indexed_asset_id
        if item is None:
            found = _about(view, "entry_gone", "the platform no longer has it in the index", _RETRY, remote_id)
            yield replace(found, index_id=entry.index_id)
            return
        for finding in self._entry_details(view, entry, content, item):
            yield replace(finding, index_id=entry.index_id)

    def _entry_details(
        self, view: FileView, entry: KnownEntry, content: KnownContent, item: RemoteItem
    ) -> Iterator[Finding]:
        is_done = view.state in (FileState.READY, FileState.ENRICHED)
        if item.status == "failed":
            yield _about(view, "entry_failed", "the platform could not index it", _RETRY, item.id)
            return
        if is_done and item.status not in ("ready", ""):
            yield _about(view, "entry_not_ready", f"the platform says {item.status}", _REPAIR, item.id)
        if item.size_bytes and item.size_bytes != content.size_bytes:
            yield self._size_differs(view, item.id, item.size_bytes, content)
        if not is_done or content.sha256 is None:
            return
        if item.stamp is None:
            # A list may simply not have stamps; then the catalog's word counts, unless each entry was read.
            if self._reads_all or not entry.is_stamped:
                yield _about(view, "stamp_missing", "its entry lacks tlsync's stamp", _REPAIR, item.id)
        elif (item.stamp.sha256, item.stamp.fingerprint) != (content.sha256, content.fingerprint):
            yield _about(view, "stamp_differs", "the stamp of its entry names another content", _REPAIR, item.id)

    def _size_differs(self, view: FileView, remote_id: str, size_bytes: int, content: KnownContent) -> Finding:
        return _about(
            view,
            "size_differs",
            f"the platform has {size_bytes} bytes, the file {content.size_bytes}",
            f"tlsync remote delete {remote_id}, then tlsync retry PATH",
            remote_id,
        )

    def _others(self, items: list[RemoteItem]) -> Iterator[Finding]:
        """Entries that the catalog does not use: spare ones, and what other machines sent."""
        known = Knowledge(self._audit)
        for item in known.relate(items):
            path: Path | None = item.paths[0] if item.paths else None
            if item.relation == "spare":
                yield Finding(
                    "spare", path, f"{item.filename} is in the index a second time", f"tlsync remote delete {item.id}",
                    item.id, item.index_id,
                )  # fmt: skip
            elif item.relation == "ours":
                yield Finding(
                    "elsewhere", None, f"{item.filename} bears tlsync's stamp, and no file here holds it",
                    "another machine's, or its file is gone: tlsync remote list --ours", item.id, item.index_id,
                    is_note=True,
                )  # fmt: skip


def _about(view: FileView, what: What, message: str, advice: str, remote_id: str) -> Finding:
    return Finding(what, view.path, message, advice, remote_id)
