"""Another machine that sends the same content at this moment: one of the two stands back before a byte is sent.

Each machine opens its session first and looks at the others' then, so at least one of two sees the other. The older
session has the right of way. Who stands back waits for the stamped entry of the other and links to it, and goes on
with its own session when the other gives up.

What tells a rival: an unfinished session of the same size to the byte; or an asset that is whole and not yet stamped,
with our fingerprint (later platforms) or our name (the reference). Whether its content is ours shows at the stamp, so
a rival that holds something else costs a wait, nothing more.

Source: contract, 15 and 19 (`GET /assets`, `GET /assets/multipart-uploads`: no asset, no name), 7.2 (later fields).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tlsync.api.types import Asset, IncompleteUpload
from tlsync.engine.context import Context
from tlsync.engine.openings import METADATA_ON_CREATE, wire_name
from tlsync.engine.scheduler import Next
from tlsync.engine.stamps import STAMP_FINGERPRINT, instant_of
from tlsync.engine.video_parameter import REMEMBERED_FOR
from tlsync.errors import NotFound, Rejected
from tlsync.models import ContentId, UploadId
from tlsync.store.catalog import FileRow
from tlsync.store.contents import Content
from tlsync.store.sessions import Session

log = logging.getLogger(__name__)

WAITING = "another workstation sends the same file"

_PAGE = 50
_SESSION_LIFE = timedelta(hours=24)
_JUST_NOW = timedelta(minutes=5)
"""A whole asset that is older bears its stamp by now, or is none of ours."""
_SAME_BIRTH = timedelta(seconds=2)
"""A session and the asset that it reserves are made at once; neither names the other."""
_CLOCK_DOUBT = timedelta(seconds=3)
"""Intents are noted by the platform's clock, which its `Date` tells to the second."""
_PATIENCE_S = 300.0
"""Without any progress, a rival is taken for dead after that."""
_GRACE_S = 90.0
"""A rival that is done has so long to stamp its entry: two of its longest polls, about."""
_PASS_PATIENCE_S = 60.0
"""A single pass waits so long for a rival that makes progress, and then leaves the file for later."""
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Rival:
    """`progress` changes while it is alive; `patience_s` is how long it may stay the same."""

    id: str
    progress: str
    patience_s: float


@dataclass(slots=True)
class _Watch:
    """What was seen of a rival, on the monotonic clock. `gone_s` is set when it can no longer be seen."""

    rival: _Rival
    since_s: float
    moved_s: float
    has_moved: bool = False
    gone_s: float | None = None


class Rivals:
    """Decides whether an upload may begin."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sessions = context.store.sessions
        self._watches: dict[ContentId, _Watch] = {}
        self._dead: dict[ContentId, str] = {}

    def stand_back(self, file: FileRow, content: Content, session: Session) -> Next | None:
        """Wait for a rival, None: go on. To be asked while nothing of the session was sent."""
        now_s = self._context.clock.monotonic_s()
        watch, rival = self._watches.get(content.id), self._find(file, content, session)
        if rival is not None and self._dead.get(content.id) == rival.id:
            rival = None
        if rival is not None:
            if watch is None or watch.rival.id != rival.id:
                log.info("another workstation sends the same content path=%s", file.path)
                watch = self._watches[content.id] = _Watch(rival, now_s, now_s)
            elif watch.rival.progress != rival.progress:
                watch.rival, watch.moved_s, watch.has_moved = rival, now_s, True
            watch.gone_s = None
            if now_s - watch.moved_s < rival.patience_s:
                return self._wait(file, watch, now_s)
            log.warning("another workstation stopped sending, this one goes on path=%s", file.path)
            self._dead[content.id] = rival.id
        elif watch is not None and self._dead.get(content.id) != watch.rival.id and not self._is_ours(watch.rival.id):
            watch.gone_s = now_s if watch.gone_s is None else watch.gone_s
            if now_s - watch.gone_s < _GRACE_S:  # done, and not stamped yet; or given up
                return self._wait(file, watch, now_s)
        self._watches.pop(content.id, None)
        self._context.polled(file.id)
        return None

    def over(self, content_id: ContentId) -> None:
        """The content arrived one way or the other."""
        self._watches.pop(content_id, None)
        self._dead.pop(content_id, None)

    def _wait(self, file: FileRow, watch: _Watch, now_s: float) -> Next:
        self._context.store.catalog.note(file, WAITING)
        is_alive = watch.has_moved and watch.gone_s is None
        return Next(
            self._context.next_poll_s(file.id), is_patient=is_alive and now_s - watch.since_s >= _PASS_PATIENCE_S
        )

    # What the platform lists

    def _find(self, file: FileRow, content: Content, session: Session) -> _Rival | None:
        assets = self._newest_assets()
        mine = next((asset for asset in assets if asset.id == session.asset_id), None)
        self._learn(mine)
        born = instant_of(mine.created_at if mine else None) or self._context.client.server_time.now()
        oldest = min((_birth(asset) for asset in assets), default=born)
        sees_all = len(assets) < _PAGE or oldest < born - _SESSION_LIFE
        others = self._of_others(assets)
        if sees_all and not any(asset.status in ("waiting", "processing") for asset in others):
            return self._whole_asset(file, content, born, others, [])
        sending = self._sending(content, session)
        rival, orphans = self._older_session(file, content, session, sending, assets)
        if rival is not None:
            return rival
        # Looked at again, in this order: an upload that ended between the two lists would be in neither.
        others = self._of_others(self._newest_assets())
        return self._whole_asset(file, content, born, others, orphans)

    def _newest_assets(self) -> Sequence[Asset]:
        return self._context.client.assets.list(page_limit=_PAGE).first.items

    def _of_others(self, assets: Sequence[Asset]) -> list[Asset]:
        known = self._context.store.known_assets(asset.id for asset in assets)
        return [asset for asset in assets if asset.status != "failed" and asset.id not in known]

    def _is_ours(self, rival_id: str) -> bool:
        """Whether what was taken for a rival is an upload of this machine, whose session was not noted yet then."""
        return self._sessions.is_known(UploadId(rival_id)) or bool(self._context.store.known_assets([rival_id]))

    def _learn(self, mine: Asset | None) -> None:
        """Platforms that tell how an asset came are later ones, which take user metadata at creation."""
        contents = self._context.store.contents
        if (
            mine is not None
            and mine.method == "multipart"
            and contents.learned(METADATA_ON_CREATE, valid_for=REMEMBERED_FOR) is None
        ):
            contents.learn(METADATA_ON_CREATE, "taken")

    def _sending(self, content: Content, session: Session) -> list[IncompleteUpload]:
        """Sessions of the same size that take chunks, ours among them, oldest first."""
        alike = [
            upload
            for upload in self._context.client.multipart_upload.list_incomplete_uploads(page_limit=_PAGE)
            if upload.total_size == content.size_bytes and upload.status in (None, "active")
        ]
        known = self._sessions.known(upload.upload_id for upload in alike) - {session.upload_id}
        return sorted((upload for upload in alike if upload.upload_id not in known), key=_order)

    def _older_session(
        self,
        file: FileRow,
        content: Content,
        session: Session,
        sending: list[IncompleteUpload],
        assets: Sequence[Asset],
    ) -> tuple[_Rival | None, list[datetime]]:
        """The session that has the right of way, and when those were opened that lost answers of ours left behind."""
        orphans: list[datetime] = []
        ids = [upload.upload_id for upload in sending]
        older = sending[: ids.index(session.upload_id)] if session.upload_id in ids else sending
        doubt = self._sessions.doubt(content.id)
        in_doubt = doubt.count if doubt else 0
        for upload in older:
            done_bytes = self._done_bytes(upload)
            if done_bytes is None:
                continue
            born = instant_of(upload.created_at) or _LAST
            is_in_doubt = doubt is not None and in_doubt > 0 and born >= doubt.since - _CLOCK_DOUBT
            if is_in_doubt and not done_bytes and _may_reserve(assets, born, file, content):
                in_doubt -= 1  # nobody sends anything to it
                orphans.append(born)
                continue
            return _Rival(upload.upload_id, str(done_bytes), _PATIENCE_S), orphans
        return None, orphans

    def _done_bytes(self, upload: IncompleteUpload) -> int | None:
        """How far a session is; None if it is over."""
        try:
            status = self._context.client.multipart_upload.get_status(upload.upload_id, page_limit=1).first
        except (NotFound, Rejected):
            return None
        return (status.uploaded_size or 0) if status.status in (None, "active") else None

    def _whole_asset(
        self,
        file: FileRow,
        content: Content,
        born: datetime,
        others: list[Asset],
        orphans: list[datetime],
    ) -> _Rival | None:
        """An asset that is older than ours, and whose machine has not come to stamp it.

        Args:
            orphans: When sessions were opened that nobody uses: an asset of that age never becomes whole.
        """
        for asset in others:
            age = born - _birth(asset)
            is_whole = asset.status == "processing" or (asset.status == "ready" and age < _JUST_NOW)
            is_orphan = any(abs(_birth(asset) - opened) <= _SAME_BIRTH for opened in orphans)
            if is_whole and age > timedelta(0) and not is_orphan and _may_hold(asset, file, content):
                patience_s = _GRACE_S if asset.status == "ready" else _PATIENCE_S
                return _Rival(asset.id, asset.status or "", patience_s)
        return None


def _may_reserve(assets: Sequence[Asset], born: datetime, file: FileRow, content: Content) -> bool:
    """Whether a session of that instant may be one of ours: the assets of that instant say for which file it is."""
    reserved = [asset for asset in assets if abs(_birth(asset) - born) <= _SAME_BIRTH]
    return not reserved or any(_may_hold(asset, file, content) for asset in reserved)


def _may_hold(asset: Asset, file: FileRow, content: Content) -> bool:
    fingerprint = asset.user_metadata.get(STAMP_FINGERPRINT)
    if fingerprint is not None:
        return bool(fingerprint == content.fingerprint)
    if asset.size is not None:
        return asset.size == content.size_bytes
    return asset.filename == wire_name(file.path)


def _birth(asset: Asset) -> datetime:
    return instant_of(asset.created_at) or _LAST


def _order(upload: IncompleteUpload) -> tuple[datetime, str]:
    return instant_of(upload.created_at) or _LAST, upload.upload_id
