"""What a sync would do, without doing anything: nothing is sent, nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tlsync.config import RootSettings, Settings
from tlsync.engine.effective_limits import limits_for, widest_limits
from tlsync.engine.feasibility import refusal
from tlsync.engine.names import NameRules
from tlsync.engine.plausible import check_plausible
from tlsync.engine.sameness import is_unchanged
from tlsync.engine.walk import walk_root
from tlsync.errors import FileError, NotEligible
from tlsync.hours import ALWAYS
from tlsync.media import container, identity, limits
from tlsync.media.probe import Prober
from tlsync.media.writers import Writer, Writers
from tlsync.models import StatSignature
from tlsync.states import ON_PLATFORM
from tlsync.store.reader import CatalogReader
from tlsync.timetable import UNLIMITED

Action = Literal["upload", "link", "nothing", "wait", "reject"]


@dataclass(frozen=True, slots=True)
class Planned:
    """One file. `link`: its content looks like one that is known, so it is compared and then not sent. `wait`: another
    program is writing it. `too_slow` says why a file that would be sent can't be whole in time."""

    path: Path
    action: Action
    size_bytes: int
    duration_s: float | None
    reason: str
    too_slow: str | None = None

    @property
    def kind(self) -> str:
        """What sort of reason it is: what stands before the numbers."""
        return self.reason.partition(":")[0].partition(" (")[0]


class Planner:
    """Looks at the files of the roots as a sync would."""

    def __init__(self, settings: Settings, reader: CatalogReader, prober: Prober, now: datetime | None = None) -> None:
        self._settings = settings
        self._reader = reader
        self._prober = prober
        self._models = reader.models()
        self._writers = Writers()
        self._now = now or datetime.now(UTC)
        self._seen: set[tuple[int, str]] = set()

    def plan(self, paths: Sequence[Path] = ()) -> Iterator[Planned]:
        """Judge each file of the roots, or of the given paths below them."""
        for root in self._settings.roots:
            scopes = [path for path in paths if path == root.path or root.path in path.parents]
            if paths and not scopes:
                continue
            yield from self._plan_root(root, scopes)

    def _plan_root(self, root: RootSettings, scopes: list[Path]) -> Iterator[Planned]:
        walk = walk_root(root.path, NameRules(root.include, root.exclude), b"", lambda files: None)
        for relative, signature in sorted(walk.found.items()):
            path = root.path / os.fsdecode(relative)
            if not scopes or any(path == scope or scope in path.parents for scope in scopes):
                yield self._judge(path, signature, self._models.get((str(root.path), root.index), ()))

    def _judge(self, path: Path, signature: StatSignature, models: Sequence[str]) -> Planned:
        size_bytes = signature.size_bytes
        known = self._reader.file(path)
        if known is not None and known.state in ON_PLATFORM and known.signature == signature:
            return Planned(path, "nothing", size_bytes, known.duration_s, "on the platform already")
        try:
            with identity.open_media(path) as fd:
                if known is not None and known.state in ON_PLATFORM and is_unchanged(fd, known.signature, signature):
                    return Planned(path, "nothing", size_bytes, known.duration_s, "on the platform already")
                if self._writers.of(fd) == Writer.PRESENT:
                    return Planned(path, "wait", size_bytes, None, "still open for writing by another program")
                is_sent = known is not None and known.asset_id is not None
                check_plausible(path, size_bytes, (known.content_bytes or 0) if known and is_sent else 0)
                incomplete = container.check_whole(fd, size_bytes, path)
                if incomplete is not None:
                    return Planned(path, "reject", size_bytes, None, f"incomplete: {incomplete}")
                media = self._prober.probe(path)
                doubt = limits.check(media, size_bytes, limits_for(self._settings, models))
                outside = limits.check(media, size_bytes, widest_limits(self._settings)) if not models else doubt
                if outside is not None:
                    return Planned(path, "reject", size_bytes, media.duration_s, outside)
                fingerprint = identity.fingerprint(fd, size_bytes)
        except NotEligible as error:
            return Planned(path, "reject", size_bytes, None, error.message)
        except FileError as error:
            return Planned(path, "reject", size_bytes, None, error.message)
        key = (size_bytes, fingerprint)
        if key in self._seen or self._reader.is_known_content(size_bytes, fingerprint):
            return Planned(path, "link", size_bytes, media.duration_s, "looks like content that is known")
        self._seen.add(key)
        # A plan names the most that may be sent: the index that decides is not there yet.
        reason = "new" if doubt is None else f"new; not sent if the index gets all its models: {doubt}"
        return Planned(path, "upload", size_bytes, media.duration_s, reason, self._too_slow(size_bytes))

    def _too_slow(self, size_bytes: int) -> str | None:
        upload = self._settings.upload
        return refusal(size_bytes, upload.bandwidth or UNLIMITED, upload.hours or ALWAYS, self._now)
