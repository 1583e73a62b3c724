"""What became of a paid call, as whoever made it knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Receipt:
    """Unless told otherwise, an answer settles the call at what was set aside for it.

    `is_open`: the platform is still at it, and the same order will be asked about again. `is_void`: it was refused
    after all. `tokens` is the length of the answer, `money_micros` what it cost; None: not known.
    """

    is_open: bool = False
    is_void: bool = False
    tokens: int | None = None
    money_micros: int | None = None
