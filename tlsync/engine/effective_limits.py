"""The limits in force: those of an index's models, with the changes of the settings.

What counts are the models that an index has, not those that texts are wanted from. An index with Pegasus takes an hour
at most. Newer platforms have no Pegasus in an index (contract, 7.2): such an index takes what Marengo takes, and
the texts come from `/analyze`, in the background for media of more than an hour. Which of the two holds shows when the
index is there; until then nothing is refused that may turn out to be welcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlsync.config import Settings
from tlsync.media.limits import Limits, limits_of


def limits_for(settings: Settings, models: Sequence[str] = ()) -> Limits:
    """What files may be like for an index with these models; none: with those of the settings."""
    changes = {name: value for name, value in settings.limits._asdict().items() if value is not None}
    return replace(limits_of(models or settings.index.models), **changes)


def widest_limits(settings: Settings) -> Limits:
    """What files may be like for an index that is yet to be made: with all the models of the settings, or with those
    alone that every platform takes."""
    return limits_for(settings, searching_models(settings.index.models))


def searching_models(models: Sequence[str]) -> tuple[str, ...]:
    """Those among an index's models that search; all of them if none does."""
    return tuple(model for model in models if model.startswith("marengo")) or tuple(models)
