"""What changes in a status report, one line each, for `status --watch` where no terminal is. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tlsync.cli.output import shown, size
from tlsync.cli.status_text import holding_lines, is_sending, pause_line, plain_state, running_line

_QUARTERS = 4
Facts = dict[tuple[str, str], str]


def facts_of(report: dict[str, Any], now: datetime) -> Facts:
    """Everything that is worth a line when it changes; nothing in it moves all the time."""
    pid = report["daemon"]["pid"]
    facts: Facts = {("daemon", ""): running_line(report) + (f" (process {pid})" if pid else "")}
    held = [pause_line(report, now, is_long=False), *holding_lines({**report, "pause": None}, now)]
    facts |= {("held", str(number)): line for number, line in enumerate(filter(None, held))}
    for root in report["roots"]:
        # Why a folder is not there is told in other words without a daemon; that is no change.
        why = "the folder is not there" if root["condition"] == "offline" else shown(root["trouble"])
        how = "online" if root["online"] else f"OFFLINE: {why}"
        facts["root", root["path"]] = f"folder {shown(root['path'])}: {how}"
    for transfer in report["transfers"] if is_sending(report) else []:
        quarter = _QUARTERS * transfer["bytes_done"] // max(1, transfer["bytes_total"])
        percent = 100 * quarter // _QUARTERS
        line = f"sending {shown(transfer['path'])}: {f'over {percent} % of ' if percent else ''}"
        facts["transfer", transfer["path"]] = line + size(transfer["bytes_total"])
    counts = [f"{number:,} {plain_state(state, report)}" for state, number in report["counts"].items() if number]
    facts["clips", ""] = f"clips: {'; '.join(counts) or 'none seen yet'}"
    for error in report["errors"]:
        what = f"failed: {shown(error['path'])}: " if error["path"] else "trouble: "
        facts["error", error["path"] or error["code"] or ""] = what + shown(error["message"])
    return facts


def changes(before: Facts, after: Facts) -> list[str]:
    """A line for everything that is new or different, and for what is over."""
    lines = [line for key, line in after.items() if before.get(key) != line]
    if not any(kind == "held" for kind, _ in after) and any(kind == "held" for kind, _ in before):
        lines.append("no longer held back")
    over = [line for key, line in before.items() if key[0] == "error" and key not in after]
    return lines + [f"over: {line}" for line in over]
