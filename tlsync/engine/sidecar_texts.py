"""Texts that a sidecar already has are taken from there: they were paid for, here or on another machine."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import UNSET, to_builtins

from tlsync.engine.context import Context
from tlsync.models import ENRICHMENT_KINDS, ContentId, IndexedAssetId, IndexId
from tlsync.store.contents import Content, Contents, EnrichmentRow
from tlsync.store.sidecar_format import NotASidecar, Sidecar, decode

log = logging.getLogger(__name__)


def restore_texts(
    context: Context, path: Path, content: Content, index_id: IndexId, indexed_asset_id: IndexedAssetId
) -> None:
    """Take over what the sidecars of a file have and the catalog lacks."""
    for sidecar in read_sidecars(context.sidecars.near(path)):
        if (
            is_of(context, sidecar, index_id)
            and sidecar.media.sha256 == content.sha256
            and sidecar.platform.indexed_asset_id == indexed_asset_id
        ):
            keep_texts(context.store.contents, content.id, index_id, sidecar)


def keep_texts(contents: Contents, content_id: ContentId, index_id: IndexId, sidecar: Sidecar) -> None:
    """Note the texts of a sidecar with where they came from."""
    for kind in ENRICHMENT_KINDS:
        value, origin = getattr(sidecar, kind), sidecar.provenance.get(kind)
        if value is UNSET or origin is None:
            continue
        contents.restore_enrichment(
            content_id,
            index_id,
            EnrichmentRow(
                kind=kind,
                value=to_builtins(value),
                reason=None if origin.reason is UNSET else origin.reason,
                source=origin.source,
                model=origin.model,
                prompt_sha256=origin.prompt_sha256,
                fetched_at=origin.fetched_at,
            ),
        )


def read_sidecars(found: Iterable[tuple[Path, bytes]]) -> Iterator[Sidecar]:
    """Those that can be read as sidecars of ours; the others are named in the log."""
    for path, data in found:
        try:
            sidecar = decode(data)
        except NotASidecar as error:
            log.info("passed over what is no sidecar of ours path=%s reason=%s", path, error)
            continue
        if sidecar.media.sha256:
            yield sidecar


def is_of(context: Context, sidecar: Sidecar, index_id: IndexId) -> bool:
    """Whether it is about our platform and this index; of another one it proves nothing here."""
    base_url = context.settings.platform.base_url
    return sidecar.platform.base_url.rstrip("/") == base_url.rstrip("/") and sidecar.platform.index_id == index_id
