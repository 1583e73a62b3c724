"""What things are known by: ids, the kinds of texts, and how a file looks. Quick to import, for commands that look."""

from __future__ import annotations

from typing import Literal, NamedTuple, NewType

AssetId = NewType("AssetId", str)
IndexId = NewType("IndexId", str)
IndexedAssetId = NewType("IndexedAssetId", str)
"""What search and analyze call `video_id`."""
UploadId = NewType("UploadId", str)

RootId = NewType("RootId", int)
FileId = NewType("FileId", int)
ContentId = NewType("ContentId", int)

EnrichmentKind = Literal["summary", "chapters", "highlights", "gist", "transcription"]
ENRICHMENT_KINDS: tuple[EnrichmentKind, ...] = ("summary", "chapters", "highlights", "gist", "transcription")


class StatSignature(NamedTuple):
    """What a file looks like without being read. Compared for equality only, never for order."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
