"""What is refused early, and what is left to the platform."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlsync.media.limits import GIB, UPLOAD_MAX_BYTES, Limits, check, limits_of
from tlsync.models import MediaInfo

CLIP = MediaInfo("video", duration_s=30.0, container="mp4", width=1920, height=1080, fps="25/1")
SOUND = MediaInfo("audio", duration_s=30.0, container="wav")


def test_an_ordinary_clip_is_fine() -> None:
    assert check(CLIP, 10_000_000, limits_of(["marengo3.0", "pegasus1.2"])) is None


def test_sound_has_no_picture_rules() -> None:
    assert check(SOUND, 10_000_000, limits_of(["marengo3.0"])) is None


def test_the_stricter_of_two_models_counts() -> None:
    both = limits_of(["marengo3.0", "pegasus1.2"])
    assert (both.max_size_bytes, both.min_duration_s, both.max_duration_s) == (2 * GIB, 4.0, 3600.0)
    assert limits_of(["marengo3.0"]).max_duration_s == 4 * 3600.0


def test_of_an_unknown_model_only_the_upload_size_is_certain() -> None:
    limits = limits_of(["marengo9"])
    assert check(replace(CLIP, duration_s=0.5, width=100, height=7000), UPLOAD_MAX_BYTES, limits) is None
    assert check(CLIP, UPLOAD_MAX_BYTES + 1, limits)


def test_a_model_that_is_known_counts_beside_one_that_is_not() -> None:
    assert limits_of(["marengo9", "pegasus1.2"]) == limits_of(["pegasus1.2"])


def test_the_largest_upload_is_4_gib() -> None:
    """Exactly the limit passes, one byte more does not, and the reason tells the two apart."""
    assert Limits().max_size_bytes == 4_294_967_296
    assert check(CLIP, 4_294_967_296, Limits()) is None
    reason = check(CLIP, 4_294_967_297, Limits())
    assert reason is not None
    assert "4,294,967,297" in reason
    assert "4,294,967,296" in reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duration_s": 2.0}, "too short: 2.00 s; at least 4 s"),
        ({"duration_s": 14_700.0}, "too long: 245.0 min; the limit is 240 min"),
        ({"width": 480, "height": 270}, "too small: 480×270"),
        ({"width": 7680, "height": 4320}, "too large: 7680×4320"),
        ({"width": 4096, "height": 3072}, "too large: 4096×3072"),
        ({"width": 1920, "height": 540}, "too wide or too tall: 1920×540"),
        ({"width": 400, "height": 1920}, "too wide or too tall: 400×1920"),
    ],
)
def test_what_is_certainly_outside_is_refused_with_its_numbers(changes: dict[str, float], words: str) -> None:
    reason = check(replace(CLIP, **changes), 1000, Limits())  # type: ignore[arg-type]
    assert reason is not None
    assert words in reason


@pytest.mark.parametrize(
    "changes",
    [
        {"duration_s": 3.95},  # containers round
        {"width": 360, "height": 360},
        {"width": 1080, "height": 1920},
        {"width": 5184, "height": 2160},
        {"width": 2160, "height": 5184},
        {"width": 3840, "height": 1600},
        {"width": 4096, "height": 1716},
        {"width": None, "height": None},
    ],
)
def test_what_may_be_inside_is_left_to_the_platform(changes: dict[str, float]) -> None:
    assert check(replace(CLIP, **changes), 1000, Limits()) is None  # type: ignore[arg-type]
