"""Which media a model takes (contract, 4.3), and the code of each refusal; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlsync.sandbox.facts import Facts, Unusable

GIB = 1024**3
HOUR_S = 3600
WIDEST = 2.4
ASPECT_SLACK = 0.02
MARENGO_27_ASPECTS = (1.0, 4 / 3, 5 / 4, 16 / 9)


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """`aspects` are long side by short side; none means anything from 1:1 to 2.4:1."""

    shortest_s: float
    longest_s: float
    video_bytes: int
    audio_bytes: int
    long_side_px: int = 3840
    aspects: tuple[float, ...] = ()


REFERENCE_LIMITS = {
    "marengo3.0": ModelLimits(4, 4 * HOUR_S, 4 * GIB, 2 * GIB),
    "marengo2.7": ModelLimits(4, 2 * HOUR_S, 2 * GIB, 2 * GIB, aspects=MARENGO_27_ASPECTS),
    "pegasus1.2": ModelLimits(4, HOUR_S, 2 * GIB, 2 * GIB),
}
LATER_LIMITS = {
    "marengo3.0": ModelLimits(4, 4 * HOUR_S, 10 * GIB, 10 * GIB, long_side_px=5184),
    "pegasus1.2": ModelLimits(4, HOUR_S, 2 * GIB, 2 * GIB, long_side_px=5184),
}
SHORT_SIDE_PX = 2160
SMALLEST_SIDE_PX = 360


def why_not(facts: Facts, models: Sequence[str], *, is_later: bool = False) -> Unusable | None:
    """The first reason why one of the models refuses these media; the stricter model counts."""
    table = REFERENCE_LIMITS | LATER_LIMITS if is_later else REFERENCE_LIMITS
    for model in models:
        refusal = _why_not(facts, table[model])
        if refusal is not None:
            return Unusable(refusal[0], f"{model}: {refusal[1]}")
    return None


def _why_not(facts: Facts, limits: ModelLimits) -> tuple[str, str] | None:
    if facts.size_bytes > (limits.audio_bytes if facts.kind == "audio" else limits.video_bytes):
        return "video_filesize_too_large", f"The file has {facts.size_bytes} bytes."
    if facts.duration_s < limits.shortest_s:
        return "video_duration_too_short", f"{facts.duration_s:.2f} s; at least {limits.shortest_s:.0f} s are needed."
    if facts.duration_s > limits.longest_s:
        return "video_duration_too_long", f"{facts.duration_s:.0f} s; at most {limits.longest_s:.0f} s are allowed."
    return None if facts.kind == "audio" else _why_not_picture(facts, limits)


def _why_not_picture(facts: Facts, limits: ModelLimits) -> tuple[str, str] | None:
    long_px, short_px = max(facts.width, facts.height), min(facts.width, facts.height)
    size = f"The picture has {facts.width}x{facts.height} pixels."
    if short_px < SMALLEST_SIDE_PX:
        return "video_resolution_too_low", size
    if long_px > limits.long_side_px or short_px > SHORT_SIDE_PX:
        return "video_resolution_too_high", size
    aspect = long_px / short_px
    if limits.aspects:
        is_good = any(abs(aspect / allowed - 1) <= ASPECT_SLACK for allowed in limits.aspects)
    else:
        is_good = aspect <= WIDEST + 0.01
    return None if is_good else ("video_resolution_invalid_aspect_ratio", size)
