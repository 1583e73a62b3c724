"""`tlsync verify --repair`: mends what is derived. Uploads nothing, deletes nothing on the platform, touches no media.

Sidecars and stamps are written again; states are moved so that the next sync, or the person, does the rest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from tlsync.api import TwelveLabs
from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Progress
from tlsync.engine.stamps import stamp_of
from tlsync.engine.verify import Finding, is_torn, read_regular
from tlsync.errors import TlsyncError
from tlsync.media import identity
from tlsync.media.probe import Prober
from tlsync.models import IndexedAssetId, IndexId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.store import Store

log = logging.getLogger(__name__)

_SIDECARS = frozenset({"sidecar_missing", "sidecar_torn", "sidecar_stale"})
_WORKS_AGAIN = "the platform works on it again"
_STAMPS = frozenset({"stamp_missing", "stamp_differs"})


class Repair:
    """Works on the findings of one verification."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        client: TwelveLabs,
        prober: Prober,
        *,
        clock: Clock,
        stop: threading.Event,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._store = store
        self._client = client
        self._prober = prober
        self._clock = clock
        self._stop = stop
        self._progress = progress
        self._files = {file.path: file for file in store.catalog.in_states(*FileState)}

    def mend(self, findings: Sequence[Finding]) -> list[Finding]:
        """Mend what can be mended; the findings that are.

        Raises:
            TlsyncError: Something that concerns everything ended it; what was mended stays so.
        """
        mended = [finding for finding in findings if finding.what not in _SIDECARS and self._mend_one(finding)]
        sidecars = [finding for finding in findings if finding.what in _SIDECARS]
        return mended + self._mend_sidecars(sidecars)

    def _mend_one(self, finding: Finding) -> bool:
        file = self._files.get(finding.path) if finding.path is not None else None
        if file is None:
            return False
        try:
            if finding.what in _STAMPS:
                return self._stamp(file, finding)
            if finding.what == "changed":
                return self._look_again(file)
            if finding.what == "entry_not_ready":
                return self._wait_again(file)
            if finding.what in ("entry_gone", "entry_failed", "asset_gone"):
                return self._note_loss(file, finding)
        except TlsyncError as error:
            if error.concerns == "everything":
                raise
            log.warning("not mended path=%s reason=%s", file.path, error.message)
        return False

    def _stamp(self, file: FileRow, finding: Finding) -> bool:
        assert file.content_id is not None and finding.index_id is not None and finding.remote_id is not None
        content = self._store.contents.get(file.content_id)
        index_id = IndexId(finding.index_id)
        self._client.indexes.indexed_assets.update(
            index_id, IndexedAssetId(finding.remote_id), user_metadata=stamp_of(content)
        )
        self._store.contents.set_stamped(content.id, index_id)
        return True

    def _look_again(self, file: FileRow) -> bool:
        """It may hold something else now: it settles, and is read again."""
        now = identity.signature(file.path.lstat())
        self._store.catalog.move(file, FileState.SETTLING, "changed, as verify found", signature=now, attempts=0)
        return True

    def _wait_again(self, file: FileRow) -> bool:
        assert file.content_id is not None
        catalog = self._store.catalog
        with catalog.transaction():
            for twin in catalog.of_content(file.content_id):
                if twin.root_id != file.root_id:
                    continue
                now = twin
                if now.state == FileState.ENRICHED:
                    now = catalog.move(now, FileState.READY, _WORKS_AGAIN)
                if now.state == FileState.READY:
                    catalog.move(now, FileState.ASSET_READY, _WORKS_AGAIN)
        return True

    def _note_loss(self, file: FileRow, finding: Finding) -> bool:
        """The platform lost it. It is not sent again by itself, since that is billed: the person decides."""
        catalog, contents = self._store.catalog, self._store.contents
        assert file.content_id is not None
        with catalog.transaction():
            if finding.index_id is not None:
                contents.drop_indexed(file.content_id, IndexId(finding.index_id))
            else:
                contents.drop_asset(file.content_id)
            for twin in catalog.of_content(file.content_id):
                is_concerned = (
                    finding.index_id is None or self._store.roots.get(twin.root_id).index_id == finding.index_id
                )
                if is_concerned and twin.state not in (FileState.FAILED, FileState.MISSING):
                    catalog.move(
                        twin,
                        FileState.FAILED,
                        finding.message,
                        error_code="remote_failed",
                        hint="tlsync retry PATH sends it again",
                        came_from=FileState.IDENTIFIED,
                    )
        return True

    def _mend_sidecars(self, findings: Sequence[Finding]) -> list[Finding]:
        paths: list[Path] = []
        for finding in findings:
            file = self._files.get(finding.path) if finding.path is not None else None
            if file is None or file.sidecar is None or file.state != FileState.ENRICHED:
                continue
            if finding.what == "sidecar_torn" and is_torn(read_regular(file.sidecar) or b"?"):
                file.sidecar.unlink(missing_ok=True)  # what is left of ours, and can't be told from it any more
            self._store.catalog.move(file, FileState.READY, "the sidecar is written again")
            paths.append(file.path)
        if not paths:
            return []
        engine = Engine(
            self._settings,
            self._store,
            self._client,
            self._prober,
            clock=self._clock,
            stop=self._stop,
            progress=self._progress,
            is_single_pass=True,
            may_send=False,
        )
        engine.run_once(paths)
        done = {path for path in paths if self._is_enriched(path)}
        return [finding for finding in findings if finding.path in done]

    def _is_enriched(self, path: Path) -> bool:
        file = self._store.catalog.get(self._files[path].id)
        return file is not None and file.state == FileState.ENRICHED
