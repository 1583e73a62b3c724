"""What is on the platform: assets and what is in the indexes, and how each relates to this catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tlsync.api import TwelveLabs
from tlsync.api.types import IndexedAsset
from tlsync.engine.stamps import Stamped, instant_of, read_stamp, spares_of
from tlsync.errors import NotFound
from tlsync.models import AssetId, IndexedAssetId, IndexId
from tlsync.store.audit import CatalogAudit

Relation = Literal["known", "spare", "ours", "unknown"]
"""`known`: the catalog refers to it. `spare`: another entry of the same index has the same content, and that one
counts. `ours`: it has tlsync's stamp, and no file here has its content. `unknown`: nothing tells whose it is."""

_PAGE = 50
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RemoteItem:
    """An asset (`index_id` None) or an indexed asset. Facts that the platform does not give are None."""

    id: str
    index_id: IndexId | None
    index_name: str | None
    asset_id: AssetId | None
    filename: str
    size_bytes: int | None
    duration_s: float | None
    status: str
    created_at: str | None
    stamp: Stamped | None = None
    relation: Relation = "unknown"
    paths: tuple[Path, ...] = ()
    """Local files with this content; those that are missing count."""

    @property
    def kind(self) -> Literal["asset", "indexed_asset"]:
        return "asset" if self.index_id is None else "indexed_asset"


def list_entries(client: TwelveLabs, index_id: IndexId, index_name: str | None) -> Iterable[RemoteItem]:
    """What is in an index, newest first. Stamps are there as far as the list has them."""
    for item in client.indexes.indexed_assets.list(index_id, page_limit=_PAGE):
        yield to_entry(item, index_id, index_name)


def to_entry(item: IndexedAsset, index_id: IndexId, index_name: str | None) -> RemoteItem:
    facts = item.system_metadata
    return RemoteItem(
        id=item.id,
        index_id=index_id,
        index_name=index_name,
        asset_id=item.asset_id,
        filename=(facts.filename if facts else None) or "",
        size_bytes=None if facts is None or facts.size is None else int(facts.size),
        duration_s=None if facts is None or facts.duration is None else float(facts.duration),
        status=item.status or "",
        created_at=item.created_at,
        stamp=read_stamp(item),
    )


def take_inventory(
    client: TwelveLabs, audit: CatalogAudit, index_name: str | None, on_found: Callable[[int], None]
) -> list[RemoteItem]:
    """Everything in the account's indexes (or in one), and the assets where no index is named.

    Entries that the catalog does not know are asked for their stamps one by one where the list has none.

    Args:
        on_found: Called with the number of things found so far.

    Raises:
        NotFound: There is no index of that name.
    """
    known = Knowledge(audit)
    items: list[RemoteItem] = []
    indexes = [
        index
        for index in client.indexes.list(index_name=index_name, page_limit=_PAGE)
        if index_name in (None, index.index_name)
    ]
    if index_name is not None and not indexes:
        raise NotFound(f"no index is called {index_name}", hint="tlsync remote list shows all indexes")
    for index in indexes:
        entries = []
        for item in list_entries(client, index.id, index.index_name):
            entries.append(with_stamp(client, item) if known.needs_stamp(item) else item)
            on_found(len(items) + len(entries))
        items += known.relate(entries)
    if index_name is None:
        owners = {item.asset_id: item for item in items if item.asset_id}
        for asset in client.assets.list(page_limit=_PAGE):
            found = RemoteItem(
                id=asset.id,
                index_id=None,
                index_name=None,
                asset_id=asset.id,
                filename=asset.filename or "",
                size_bytes=None if asset.size is None else int(asset.size),
                duration_s=None if asset.duration is None else float(asset.duration),
                status=asset.status or "",
                created_at=asset.created_at,
            )
            items.append(known.relate_asset(found, owners.get(asset.id)))
            on_found(len(items))
    return items


def with_stamp(client: TwelveLabs, item: RemoteItem) -> RemoteItem:
    """An entry with its stamp, which on some platforms only its own page has."""
    assert item.index_id is not None
    try:
        detail = client.indexes.indexed_assets.retrieve(item.index_id, IndexedAssetId(item.id))
    except NotFound:
        return item  # it went while we looked
    return replace(item, stamp=read_stamp(detail))


class Knowledge:
    """What the catalog knows of things on the platform."""

    def __init__(self, audit: CatalogAudit) -> None:
        contents = audit.contents()
        self._asset_of_entry = {
            entry.indexed_asset_id: contents[entry.content_id].asset_id for entry in audit.entries()
        }
        self._sha256_of_entry = {entry.indexed_asset_id: contents[entry.content_id].sha256 for entry in audit.entries()}
        self._sha256_of_asset = {content.asset_id: content.sha256 for content in contents.values() if content.asset_id}
        self._known_sha256 = {content.sha256 for content in contents.values() if content.sha256}
        self._paths: dict[str, list[Path]] = defaultdict(list)
        for view in audit.files():
            if view.sha256 is not None:
                self._paths[view.sha256].append(view.path)

    def is_known(self, item: RemoteItem) -> bool:
        return item.id in self._sha256_of_entry

    def needs_stamp(self, item: RemoteItem) -> bool:
        return item.stamp is None and not self.is_known(item)

    def relate(self, entries: list[RemoteItem]) -> list[RemoteItem]:
        """The entries of one index, each with its relation and its local files."""
        stamped = {item.id: stamp for item in entries if (stamp := self._stamp(item)) is not None}
        spares = {stamp.indexed_asset_id for stamp in spares_of(stamped.values())}
        return [self._related(item, stamped.get(item.id), is_spare=item.id in spares) for item in entries]

    def relate_asset(self, asset: RemoteItem, entry: RemoteItem | None) -> RemoteItem:
        """An asset with its relation: that of its entry in an index, where the platform names it."""
        sha256 = self._sha256_of_asset.get(asset.asset_id) if asset.asset_id else None
        if sha256 is not None:
            return replace(asset, relation="known", paths=tuple(self._paths.get(sha256, ())))
        if entry is not None:
            return replace(asset, relation=entry.relation, paths=entry.paths)
        return asset

    def _stamp(self, item: RemoteItem) -> Stamped | None:
        """The stamp of an entry, or what it would be: the catalog knows what it holds."""
        sha256 = self._sha256_of_entry.get(IndexedAssetId(item.id))
        if item.stamp is not None or sha256 is None or item.status == "failed":
            return item.stamp
        return Stamped(
            indexed_asset_id=IndexedAssetId(item.id),
            asset_id=item.asset_id,
            fingerprint="",
            sha256=sha256,
            status=item.status,
            created_at=instant_of(item.created_at) or _NEVER,
            indexed_at=None,
            filename=item.filename,
        )

    def _related(self, item: RemoteItem, stamp: Stamped | None, *, is_spare: bool) -> RemoteItem:
        relation: Relation = "ours" if stamp is not None else "unknown"
        if self.is_known(item):
            relation = "known"
        elif is_spare:
            relation = "spare"
        elif stamp is not None and stamp.sha256 in self._known_sha256:
            relation = "known"
        paths = tuple(self._paths.get(stamp.sha256, ())) if stamp is not None else ()
        asset_id = item.asset_id or self._asset_of_entry.get(IndexedAssetId(item.id))
        return replace(item, relation=relation, paths=paths, asset_id=asset_id)
