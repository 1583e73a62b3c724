"""`identified`: is this content known here or on the platform already? Then nothing is sent.

A fingerprint only says where to look. A content is taken for known when the SHA-256 of the whole file
equals one that was noted when the other was read.
"""

from __future__ import annotations

from tlsync.engine import health
from tlsync.engine.arrival import signature_of
from tlsync.engine.context import NOT_SENT_NOW, Context, shown
from tlsync.engine.effective_limits import limits_for
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.lanes import TRANSFER
from tlsync.engine.resting import put_to_rest
from tlsync.engine.sameness import is_unchanged
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.engine.sidecar_links import SidecarLinks
from tlsync.engine.twins import Twins
from tlsync.engine.whole_hash import WholeHash
from tlsync.errors import CapReached, FileChanged, NotEligible
from tlsync.media import identity
from tlsync.media.limits import check as check_limits
from tlsync.states import ON_PLATFORM, FileState
from tlsync.store.catalog import FileRow
from tlsync.store.contents import Content

_HOLDER_POLL_S = 2.0


class Recognition:
    """Decides for an identified file: link it, wait for its twin, or upload it."""

    def __init__(self, context: Context, registry: IndexRegistry, twins: Twins, sidecars: SidecarLinks) -> None:
        self._context = context
        self._registry = registry
        self._twins = twins
        self._sidecars = sidecars
        self._catalog = context.store.catalog
        self._contents = context.store.contents

    def identified(self, file: FileRow) -> Next:
        assert file.content_id is not None, "identified files have a content"
        content = self._contents.get(file.content_id)
        if signature_of(file.path) != file.signature and not self._is_unchanged(file):
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
            held = self._context.caps.held_by(claim.holder)
            if held is not None:  # then this one waits for room as well, and does not look after the other
                raise held
            holder = self._catalog.get(claim.holder)
            self._catalog.note(
                file, f"same content as {shown(holder.path) if holder else 'another file'}, which is sent"
            )
            self._context.wake(claim.holder)
            return self._after_holder()
        if claim.kind == "known":
            return self._compare(file, content)
        if file.error_code == CapReached.code:  # it was looked for in vain before it had to wait: no calls for that now
            self._context.caps.let_in(file, content, content.size_bytes)
        # The cheap ways first: what lies beside the file, then what the platform lists. Both are proven by the hash.
        whole = WholeHash(self._context, file)
        if self._sidecars.link(file, content, whole):
            return NOW
        found = self._twins.find(file, content, whole)
        if found is not None:
            self._twins.take_over(file, content, found)
            return NOW
        if not self._context.may_send:
            self._catalog.note(file, NOT_SENT_NOW)
            return REST
        self._context.caps.let_in(file, content, content.size_bytes)
        with self._catalog.transaction():
            # Asked again, in one step with the move: a twin may have been identified while the platform was asked.
            if self._contents.claim(file.id, content.size_bytes, content.fingerprint, content.media).kind == "mine":
                self._catalog.move(file, FileState.UPLOADING, "to be sent", content_id=claim.content.id)
        return NOW

    def _is_unchanged(self, file: FileRow) -> bool:
        with identity.open_media(file.path, file.root) as fd:
            return is_unchanged(fd, file.signature)

    def _refusal(self, file: FileRow, content: Content) -> str | None:
        """Why the index does not take a file that seemed eligible while its models were not known."""
        settings, roots = self._context.settings, self._context.store.roots

        def check() -> str | None:
            limits = limits_for(settings, roots.get(file.root_id).index_models)
            return check_limits(content.media, content.size_bytes, limits)

        refusal = check()
        root = roots.get(file.root_id)
        if refusal is None or root.index_id is not None or not self._context.may_send:
            return refusal
        # Which of the models of the settings the platform takes shows when the index is made.
        self._registry.ensure(root)
        return check()

    def _compare(self, file: FileRow, content: Content) -> Next:
        """Contents with this fingerprint were read whole before: is it one of them?"""
        whole = WholeHash(self._context, file)
        sha256 = whole.get()
        with self._catalog.transaction():
            alike = self._contents.lookalikes(content.size_bytes, content.fingerprint)
            own = next((twin for twin in alike if twin.sha256 == sha256), None)
            if own is None:  # same size and samples, other bytes: its own content, which another machine may have sent
                own = self._contents.add(content.size_bytes, content.fingerprint, content.media)
                self._contents.prove(own.id, sha256)
        return self._link(file, self._contents.get(own.id), whole)

    def _link(self, file: FileRow, content: Content, whole: WholeHash) -> Next:
        """The content is proven: go on from where the platform has it. A vanished twin means a rename."""
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
        if self._context.store.removals.is_removed(content.id, self._context.store.roots.get(file.root_id).index_id):
            put_to_rest(self._catalog, file)
            return REST
        if self._where(file, content)[0] == FileState.UPLOADING:
            found = self._twins.find(file, content, whole)
            if found is not None:
                self._twins.take_over(file, content, found)
                return NOW
            if not self._context.may_send:
                self._catalog.note(file, NOT_SENT_NOW)
                return REST
            self._context.caps.let_in(file, content, content.size_bytes)
        with self._catalog.transaction():
            state, why = self._where(file, content)
            if state == FileState.UPLOADING:
                for twin in self._catalog.of_content(content.id):
                    if twin.id != file.id and twin.state == FileState.UPLOADING:
                        self._catalog.note(file, f"same content as {shown(twin.path)}, which is sent")
                        return self._after_holder()
            self._catalog.move(file, state, why, content_id=content.id)
        if state != FileState.UPLOADING:
            self._context.tally.link_done()
        return NOW

    def _after_holder(self) -> Next:
        """A single pass does not wait for an upload that is held back."""
        return Next(_HOLDER_POLL_S, is_patient=self._context.is_held(TRANSFER))

    def _has_left(self, twin: FileRow) -> bool:
        """Whether a known file is gone from a root that is there."""
        root = self._context.store.roots.get(twin.root_id)
        if root.condition == "hung":
            return False
        try:
            twin.path.lstat()
        except FileNotFoundError:
            return health.check(root, self._context.store.roots)
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
        was_sent = self._context.store.sessions.has_sent(content.id)
        return FileState.UPLOADING, "content known, but no longer on the platform" if was_sent else "new content"
