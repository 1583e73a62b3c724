"""The limits in force: those of the index's models, with the changes of the settings."""

from __future__ import annotations

from dataclasses import asdict, replace

from tlsync.config import Settings
from tlsync.media.limits import Limits, limits_of


def limits_for(settings: Settings) -> Limits:
    """What files may be like under these settings."""
    changes = {name: value for name, value in asdict(settings.limits).items() if value is not None}
    return replace(limits_of(settings.index.models), **changes)
