"""How `/analyze` is told which video is meant: by `video_id`, and where that is no longer taken by asset id.

Source: contract, 7.2: `video` came with SDK 1.2.2, `video_id` went with 1.3.6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from tlsync.api.types import VideoSource
from tlsync.errors import Rejected
from tlsync.models import AssetId, IndexedAssetId

T = TypeVar("T")

REMEMBERED_FOR = timedelta(days=7)
"""What a platform was found to accept is believed for a week."""

_TOPIC = "analyze_video"


class Knowledge(Protocol):
    """What was found out about the platform; `Contents` keeps it in the catalog."""

    def learned(self, topic: str, *, valid_for: timedelta) -> str | None: ...

    def learn(self, topic: str, value: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Video:
    """A video by both of its names. `asset_id` is None for one that was found on a platform that does not tell it."""

    video_id: IndexedAssetId
    asset_id: AssetId | None

    @property
    def source(self) -> VideoSource:
        """The later form.

        Raises:
            Rejected: The asset id is not known.
        """
        if self.asset_id is None:
            raise Rejected(
                "analyze wants an asset id here, and that of this content is not known (it was found, not uploaded)"
            )
        return VideoSource(type="asset_id", asset_id=self.asset_id)


def ask_about(video: Video, ask: Callable[..., T], knowledge: Knowledge) -> T:
    """Call `ask(video_id=…)`, or `ask(video=…)` where the platform wants it so, and remember which.

    Raises:
        Rejected: What the platform says to either, or the form it wants can't be given.
    """
    if knowledge.learned(_TOPIC, valid_for=REMEMBERED_FOR) == "asset_id":
        return ask(video=video.source)
    try:
        return ask(video_id=video.video_id)
    except Rejected as refusal:
        if not _names_video_parameter(refusal):
            raise
    answer = ask(video=video.source)
    # Only now: the refusal may have meant this video, and not the parameter.
    knowledge.learn(_TOPIC, "asset_id")
    return answer


def _names_video_parameter(refusal: Rejected) -> bool:
    return (refusal.remote_code or "").startswith("parameter_") and "video" in refusal.message
