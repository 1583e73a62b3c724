"""`tlsync verify`, this machine's side: do disk, catalog and sidecars agree? Only reads."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tlsync.config import RootSettings, Settings
from tlsync.engine.context import shown
from tlsync.engine.names import NameRules
from tlsync.engine.progress import Progress
from tlsync.engine.walk import walk_root
from tlsync.errors import FileError, FileVanished
from tlsync.media import identity
from tlsync.models import ENRICHMENT_KINDS
from tlsync.states import ON_PLATFORM, FileState
from tlsync.store.audit import CatalogAudit, KnownContent
from tlsync.store.reader import FileView
from tlsync.store.sidecar_format import GENERATOR, is_ours

What = Literal[
    "catalog_damaged", "root_offline", "gone", "changed", "rotten", "unreadable", "new",
    "sidecar_missing", "sidecar_torn", "sidecar_foreign", "sidecar_stale",
    "asset_gone", "entry_gone", "entry_not_ready", "entry_failed", "size_differs", "stamp_missing", "stamp_differs",
    "spare", "elsewhere",
]  # fmt: skip
"""What a finding is about; README explains each."""

_MARK = f'{{\n  "v": 1,\n  "generator": "{GENERATOR.partition(" ")[0]} '.encode()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the catalog says. A note is worth knowing and nothing is wrong."""

    what: What
    path: Path | None
    message: str
    advice: str
    remote_id: str | None = None
    index_id: str | None = None
    is_note: bool = False


class LocalCheck:
    """Compares the files of the catalog with those on disk, and their sidecars with what the catalog knows."""

    def __init__(
        self, settings: Settings, audit: CatalogAudit, progress: Progress, stop: threading.Event, *, is_full: bool
    ) -> None:
        """
        Args:
            is_full: Read each file whole and compare its SHA-256, where otherwise samples have to do.
        """
        self._settings = settings
        self._audit = audit
        self._progress = progress
        self._stop = stop
        self._is_full = is_full
        self._contents = audit.contents()

    def findings(self, paths: Sequence[Path]) -> Iterator[Finding]:
        """What is not right at or below paths; no paths mean everything."""
        views = _views(self._audit, paths)
        offline = {root.path for root in self._settings.roots if not _is_there(root.path, views)}
        for root in self._settings.roots:
            if not _concerns(root.path, paths):
                continue
            if root.path in offline:
                yield Finding(
                    "root_offline", root.path, "the folder is away, so its files were not compared", "connect the drive"
                )
            else:
                yield from self._new(root, paths, views)
        for view in views:
            if self._stop.is_set():
                return
            if view.root not in offline and view.state != FileState.MISSING:
                yield from self._file(view)

    def _new(self, root: RootSettings, paths: Sequence[Path], views: Sequence[FileView]) -> Iterator[Finding]:
        known = {view.path for view in views}
        walk = walk_root(root.path, NameRules(root.include, root.exclude), b"", self._progress.scanned)
        for relative in walk.found:
            path = root.path / os.fsdecode(relative)
            if path not in known and is_within(path, paths):
                yield Finding("new", path, "not in the catalog yet", "the next sync takes it", is_note=True)

    def _file(self, view: FileView) -> Iterator[Finding]:
        content = self._contents.get(view.content_id) if view.content_id is not None else None
        try:
            now = identity.signature(view.path.lstat())
        except FileNotFoundError:
            mend = "the next sync notes it; if that is meant: tlsync forget --gone"
            yield Finding("gone", view.path, "not on disk", mend)
            return
        except OSError as error:
            yield Finding("unreadable", view.path, f"can't be read: {error.strerror}", "check the disk")
            return
        if content is None or view.state not in ON_PLATFORM:
            return
        difference = None
        try:
            if now.size_bytes == content.size_bytes:
                difference = self._difference(view, content)
            else:
                difference = f"its size is {now.size_bytes}, and was {content.size_bytes}"
        except FileVanished:
            return  # it went while we looked
        except FileError as error:
            yield Finding("unreadable", view.path, error.message, "check the disk")
            return
        if difference is None:
            yield from self._sidecar(view, content)
        elif now == view.signature:
            yield Finding(
                "rotten", view.path, f"{difference}, and nothing says that anybody wrote to it",
                "compare it with a backup; the platform still has what was uploaded",
            )  # fmt: skip
        else:
            yield Finding("changed", view.path, f"{difference}", "the next sync uploads the new version")

    def _difference(self, view: FileView, content: KnownContent) -> str | None:
        """How the file differs from what was uploaded. Without `is_full`, samples of it decide."""
        with identity.open_media(view.path, view.root) as fd:
            if self._is_full and content.sha256 is not None:
                done = 0

                def on_bytes(count: int) -> None:
                    nonlocal done
                    done += count
                    self._progress.hashed(view.path, done, content.size_bytes)

                sha256 = identity.sha256_of(fd, content.size_bytes, stop=self._stop, on_bytes=on_bytes)
                return None if sha256 == content.sha256 else "its SHA-256 is another one"
            is_same = identity.fingerprint(fd, content.size_bytes) == content.fingerprint
            return None if is_same else "samples of it are not what they were"

    def _sidecar(self, view: FileView, content: KnownContent) -> Iterator[Finding]:
        if view.state != FileState.ENRICHED or view.sidecar is None:
            return
        if not os.path.lexists(view.sidecar):
            yield Finding("sidecar_missing", view.path, f"{view.sidecar} is not there", _REWRITTEN)
            return
        data = read_regular(view.sidecar)
        if data is None or not is_ours(data):
            if data is not None and is_torn(data):
                yield Finding("sidecar_torn", view.path, f"{view.sidecar} is cut off or empty", _REWRITTEN)
            else:
                yield Finding(
                    "sidecar_foreign", view.path, f"{view.sidecar} was not written by tlsync", "rename that file"
                )
            return
        stale = self._stale(json.loads(data), view, content)
        if stale is not None:
            yield Finding("sidecar_stale", view.path, f"{view.sidecar}: {stale} is not what is known", _REWRITTEN)

    def _stale(self, document: dict[str, Any], view: FileView, content: KnownContent) -> str | None:
        """The first part of a sidecar that the catalog knows otherwise."""
        expected: dict[str, dict[str, Any]] = {
            "media": {
                "filename": shown(Path(view.path.name)),
                "size_bytes": content.size_bytes,
                "fingerprint": content.fingerprint,
                "sha256": content.sha256,
            },
            "platform": {
                "base_url": self._settings.platform.base_url,
                "index_id": view.index_id,
                "indexed_asset_id": view.indexed_asset_id,
            },
        }
        for part, values in expected.items():
            found = document.get(part)
            for key, value in values.items():
                if not isinstance(found, dict) or found.get(key) != value:
                    return f"{part}.{key}"
        texts = self._audit.texts(content.id, view.index_id or "")
        for kind in ENRICHMENT_KINDS:
            if kind in self._settings.analysis.kinds and kind in texts and document.get(kind, self) != texts[kind]:
                return kind
        return None


_REWRITTEN = "tlsync verify --repair, or the next sync, writes it again"


def is_torn(data: bytes) -> bool:
    """Whether a file that is no JSON may be what a failing disk left of a sidecar of ours."""
    return not data.strip(b"\0") or (data.startswith(_MARK) and not _is_json(data))


def read_regular(path: Path) -> bytes | None:
    """The bytes of a regular file; None for anything else."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as stream:
        try:
            return stream.read()
        except OSError:
            return None


def is_within(path: Path, paths: Sequence[Path]) -> bool:
    """Whether a path is at or below one of those; no paths mean everything."""
    return not paths or any(path == one or one in path.parents for one in paths)


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _views(audit: CatalogAudit, paths: Sequence[Path]) -> list[FileView]:
    if not paths:
        return audit.files()
    return list({view.path: view for path in paths for view in audit.files(path)}.values())


def _concerns(root: Path, paths: Sequence[Path]) -> bool:
    return is_within(root, paths) or any(root in path.parents for path in paths)


def _is_there(root: Path, views: Sequence[FileView]) -> bool:
    """Whether a root is there: a folder, and if files of it are known, not without all of them."""
    if not root.is_dir():
        return False
    known = [view.path for view in views if view.root == root and view.state != FileState.MISSING]
    return not known or any(os.path.lexists(path) for path in known) or any(root.iterdir())
