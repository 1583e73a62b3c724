"""When two machines may send one content, since neither could know of the other. Pure, but for the platform's names.

stopped       the earlier one did nothing that the platform shows for longer than the later one waits
removed       people removed the earlier one's entry, or it could not be indexed: nothing bears a stamp
other name    in the reference a whole asset that is not stamped yet is told by its name alone
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.simulation.machine import Mark
from tlsync.sandbox import timeline

if TYPE_CHECKING:
    from tests.simulation.world import World

_SENDING_PATIENCE_S = 300.0
_STAMPING_PATIENCE_S = 90.0
"""So long a machine waits for another one that sends the same, and then for its stamp (`rivals`)."""
_NEVER_S = float("inf")


def is_excused(world: World, asset_id: str, same: Iterable[str]) -> bool:
    """Whether an asset was sent although another machine was before it with the same, and that could not be known."""
    return any(other != asset_id and _could_not_know(world, other, asset_id) for other in same)


def _could_not_know(world: World, earlier: str, later: str) -> bool:
    first, second = _opened(world, earlier), _opened(world, later)
    if first is None or second is None or first.machine == second.machine or first.at_s > second.at_s:
        return False
    if _was_entry_lost(world, earlier, before_s=_whole_s(world, later)):
        return True
    marks = [mark for mark in world.marks[earlier] if mark.machine == first.machine]
    whole_s = min((mark.at_s for mark in marks if mark.what == "whole"), default=_NEVER_S)
    stamped_s = min((mark.at_s for mark in marks if mark.what == "stamped"), default=_NEVER_S)
    is_between = whole_s <= second.at_s < stamped_s
    if is_between and not world.platform.settings.is_later and _name(world, earlier) != _name(world, later):
        return True
    if stamped_s - max(whole_s, second.at_s) > _STAMPING_PATIENCE_S and whole_s < _NEVER_S:
        return True
    sending_s = [mark.at_s for mark in marks if mark.what in ("opened", "reported") and mark.at_s < whole_s]
    return any(
        after_s - max(before_s, second.at_s) > _SENDING_PATIENCE_S
        for before_s, after_s in zip(sending_s, [*sending_s[1:], whole_s], strict=True)
    )


def _whole_s(world: World, asset_id: str) -> float:
    return min((mark.at_s for mark in world.marks[asset_id] if mark.what == "whole"), default=_NEVER_S)


def _was_entry_lost(world: World, asset_id: str, *, before_s: float) -> bool:
    db, core = world.platform.core.db, world.platform.core
    then_ms = core.now_ms() - int((world.kernel.now_s - before_s) * 1000)
    entries = db.rows("SELECT * FROM indexed_assets WHERE asset_id = ?", (asset_id,))
    return any(
        (entry["deleted_ms"] or then_ms) < then_ms or timeline.from_json(entry["timeline"]).status(then_ms) == "failed"
        for entry in entries
    )


def _opened(world: World, asset_id: str) -> Mark | None:
    return next((mark for mark in world.marks.get(asset_id, ()) if mark.what == "opened"), None)


def _name(world: World, asset_id: str) -> str:
    row = world.platform.core.db.row("SELECT filename FROM assets WHERE id = ?", (asset_id,))
    assert row is not None
    return str(row["filename"])
