"""Pictures that are to show an entity: looked at before anything is sent.

Source: contract, 4.1 (size) and 4.3 (formats, smallest picture).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlsync.engine.context import shown
from tlsync.errors import FileError, FileVanished, NotEligible
from tlsync.media.probe import Prober

SMALLEST_SIDE_PX = 128
MAX_IMAGE_BYTES = 32 * 2**20
"""What the newest platform takes; older ones stop at 5 MB, and say so themselves (contract, 4.1)."""


def check_images(images: Sequence[Path], prober: Prober) -> None:
    """Look at all images before anything is sent.

    Raises:
        FileError: Some can't be used; all of them are named. FileVanished if one is not there.
    """
    refusals: list[FileError] = []
    for image in images:
        try:
            _check_image(image, prober)
        except FileError as refusal:
            refusals.append(refusal)
    if refusals:
        worst = next((refusal for refusal in refusals if isinstance(refusal, FileVanished)), refusals[0])
        message = "\n".join(f"{shown(Path(refusal.path))}: {refusal.message}" for refusal in refusals)
        raise type(worst)(worst.path, message, hint=worst.hint or "nothing was sent; give JPEG or PNG files")


def _check_image(image: Path, prober: Prober) -> None:
    if not image.exists():
        raise FileVanished(str(image), "no such file")
    if not image.is_file():
        raise NotEligible(str(image), "not a file")
    size_bytes = image.stat().st_size
    if size_bytes > MAX_IMAGE_BYTES:
        raise NotEligible(
            str(image), f"too large: {size_bytes / 1e6:.1f} MB; the limit is {MAX_IMAGE_BYTES / 1e6:.1f} MB"
        )
    try:
        width, height, _ = prober.probe_image(image)
    except NotEligible as error:
        raise NotEligible(str(image), "not a JPEG or PNG picture that can be read") from error
    if min(width, height) < SMALLEST_SIDE_PX:
        raise NotEligible(
            str(image), f"too small: {width}×{height}; both sides need at least {SMALLEST_SIDE_PX} pixels"
        )
