"""What the models of an index take. Refused here is only what is certain; the rest is the platform's word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tlsync.models import MediaInfo

GIB = 2**30
UPLOAD_MAX_BYTES = 4 * GIB
"""A multipart upload (contract, "Size by way of upload": 4294967296 bytes; read 2026-11)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one index. Lengths in seconds, sizes in bytes, sides in pixels, aspect as long side to short side."""

    max_size_bytes: int = UPLOAD_MAX_BYTES
    min_duration_s: float = 4.0
    max_duration_s: float = 4 * 3600.0
    min_side_px: int = 360
    max_width_px: int = 5184
    max_height_px: int = 2160
    max_aspect: float = 2.4


_BY_MODEL = {
    # Contract, "Media by model", read 2026-11. Two sources name different largest pictures (3840×2160 and
    # 5184×2160): only what is over the larger one is certain to be refused. Of models that are not here,
    # nothing is certain but the size of an upload; [limits] in the settings can say more.
    "marengo3.0": Limits(),
    "marengo2.7": Limits(max_size_bytes=2 * GIB, max_duration_s=2 * 3600.0),
    "pegasus1.2": Limits(max_size_bytes=2 * GIB, max_duration_s=3600.0),
}
_UNKNOWN_MODEL = Limits(
    min_duration_s=0.0,
    max_duration_s=math.inf,
    min_side_px=1,
    max_width_px=2**31,
    max_height_px=2**31,
    max_aspect=math.inf,
)
_TOLERANCE_S = 0.1
"""Containers round durations; a file this close to a bound is left to the platform."""


def limits_of(models: Sequence[str]) -> Limits:
    """The limits of an index with these models: the stricter one counts (contract, same table)."""
    found = [_BY_MODEL[model] for model in models if model in _BY_MODEL]
    if not found:
        return _UNKNOWN_MODEL
    return Limits(
        max_size_bytes=min(limits.max_size_bytes for limits in found),
        min_duration_s=max(limits.min_duration_s for limits in found),
        max_duration_s=min(limits.max_duration_s for limits in found),
        # Of picture sizes, all models that are known say the same.
    )


def check(media: MediaInfo, size_bytes: int, limits: Limits) -> str | None:
    """Why a file is outside the limits, in words with numbers; None when it is inside or it can't be told."""
    if size_bytes > limits.max_size_bytes:
        return f"too large: {_size(size_bytes)}; the limit is {_size(limits.max_size_bytes)}"
    if media.duration_s < limits.min_duration_s - _TOLERANCE_S:
        return f"too short: {media.duration_s:.2f} s; at least {limits.min_duration_s:g} s are needed"
    if media.duration_s > limits.max_duration_s + _TOLERANCE_S:
        return f"too long: {media.duration_s / 60:.1f} min; the limit is {limits.max_duration_s / 60:g} min"
    if media.width is None or media.height is None:
        return None
    shape = f"{media.width}×{media.height}"
    short, long = sorted((media.width, media.height))
    if short < limits.min_side_px:
        return f"picture too small: {shape}; both sides need at least {limits.min_side_px} pixels"
    if long > max(limits.max_width_px, limits.max_height_px) or short > min(limits.max_width_px, limits.max_height_px):
        return f"picture too large: {shape}; the limit is {limits.max_width_px}×{limits.max_height_px}"
    if long / short > limits.max_aspect + 0.01:
        return f"picture too wide or too tall: {shape}; the longer side may be {limits.max_aspect:g} times the shorter"
    return None


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.2f} GB ({size_bytes:,} bytes)"
