"""A status report as text for people: one headline, then what is behind it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tlsync.cli.output import shown, size
from tlsync.cli.spans import ago, count, span, time_of_day
from tlsync.clock import from_text

PLAIN_STATES = {
    "discovered": "just seen",
    "settling": "still being written, or looked at",
    "identified": "to be sent",
    "uploading": "being sent",
    "uploaded": "sent, being checked by the platform",
    "asset_ready": "sent, to be indexed",
    "indexing": "being indexed",
    "ready": "searchable, texts to come",
    "enriched": "all done",
    "ineligible": "not taken",
    "failed": "failed",
    "missing": "gone from their folder",
}
"""What a number of files in a state is, in the order of their way."""
_AT_PLATFORM = ("uploaded", "asset_ready", "indexing", "ready")
_MOST_PROBLEMS = 10
_MOST_TRANSFERS = 10


def headline(report: dict[str, Any], now: datetime) -> str:
    """In one line: does it run, what does it do, what is left, is anything wrong."""
    parts = [running_line(report), *filter(None, [_holding(report, now), work_line(report)])]
    problems = len(problems_of(report))
    if problems:
        parts.append(count(problems, "problem"))
    return "; ".join(parts)


def opening(report: dict[str, Any], now: datetime) -> str:
    """The headline as a sentence."""
    text = headline(report, now)
    return f"tlsync is {text}" if text.startswith(("running", "not ")) else text


def running_line(report: dict[str, Any]) -> str:
    """Whether something works at all."""
    if report["daemon"]["running"]:
        return "running"
    if report.get("other_process"):
        return f"another tlsync command works (process {report['other_process']})"
    return "not running"


def work_line(report: dict[str, Any]) -> str:
    """What is being done and what is left."""
    counts, left, transfers = report["counts"], report["left"], report["transfers"]
    at_platform = sum(counts[state] for state in _AT_PLATFORM)
    parts = []
    if left["files"]:
        bytes_left = max(0, left["bytes"] - sum(transfer["bytes_done"] for transfer in transfers))
        if transfers and is_sending(report):
            parts.append(f"sending {len(transfers)} of {count(left['files'], 'clip')}, {size(bytes_left)} left")
            if report["bytes_per_s"] > 0:
                parts.append(f"about {span(bytes_left / report['bytes_per_s'])} at {size(report['bytes_per_s'])}/s")
        else:
            parts.append(f"{count(left['files'], 'clip')} to send, {size(bytes_left)}")
    if at_platform:
        parts.append(f"{at_platform:,} at the platform")
    if parts:
        return ", ".join(parts)
    total = sum(counts.values()) - counts["missing"]
    if counts["enriched"] == total:
        return f"all done ({count(total, 'clip')})" if total else "no clip was seen yet"
    return f"nothing left to do ({counts['enriched']:,} of {count(total, 'clip')} all done)"


def is_at_work(report: dict[str, Any]) -> bool:
    """Whether any process works with the catalog."""
    return report["daemon"]["running"] or bool(report.get("other_process"))


def is_sending(report: dict[str, Any]) -> bool:
    """Whether uploads that were begun go on."""
    return is_at_work(report) and not is_held_back(report)


def plain_state(state: str, report: dict[str, Any]) -> str:
    """What a number of files in a state is; an upload that nobody works on is only begun."""
    return "sent in part" if state == "uploading" and not is_sending(report) else PLAIN_STATES.get(state, state)


def is_held_back(report: dict[str, Any]) -> bool:
    """Whether uploads wait because somebody or some setting wants it so."""
    return bool(report["pause"]) or bool(report.get("held"))


def holding_lines(report: dict[str, Any], now: datetime) -> list[str]:
    """What holds tlsync back: a pause, hours, caps that are reached."""
    lines = [line] if (line := pause_line(report, now, is_long=True)) else []
    return lines + _told(_held(report)) + _told([cap for cap in report.get("caps") or () if cap["holds"]])


def limit_lines(report: dict[str, Any]) -> list[str]:
    """The limits that hold nothing back now: a bandwidth, caps."""
    rate = (report.get("bandwidth") or {}).get("bytes_per_s")
    by = "upload.bandwidth" if rate and report["bandwidth"]["source"] == "settings" else "tlsync bandwidth"
    lines = [] if rate is None else [f"sends at most {size(rate)}/s ({by})"]
    return lines + _told([cap for cap in report.get("caps") or () if not cap["holds"]])


def problems_of(report: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wrong, each with what to do ("" where nothing is known); folders that are away first."""
    problems = [
        (f"folder {shown(root['path'])}: {shown(root['trouble'] or 'is not there')}", "")
        for root in report["roots"]
        if not root["online"]
    ]
    general = [error for error in report["errors"] if error["path"] is None]
    of_files = [error for error in report["errors"] if error["path"] is not None]
    of_files.sort(key=lambda error: error.get("at") or "", reverse=True)
    problems += [(shown(error["message"]), shown(error["hint"] or "")) for error in general]
    problems += [
        (f"failed: {shown(error['path'])}: {shown(error['message'])}", shown(error["hint"] or "")) for error in of_files
    ]
    return problems


def root_line(root: dict[str, Any], now: datetime, *, is_watched: bool) -> str:
    """How a folder is, without its name."""
    looked = f"scanned {ago(from_text(root['last_scan_at']), now)}" if root["last_scan_at"] else "never scanned"
    if not root["online"]:
        return f"OFFLINE: {shown(root['trouble'] or 'the folder is not there')}; {looked}"
    return f"online, watched by {root['watching']}, {looked}" if is_watched else f"online, {looked}"


def transfer_line(transfer: dict[str, Any]) -> str:
    """How far an upload is, without its name."""
    done, total, rate = transfer["bytes_done"], transfer["bytes_total"], transfer["bytes_per_s"]
    line = f"{share(done, total)} of {size(total)}"
    return line + (f", {size(rate)}/s, about {span((total - done) / rate)} left" if rate > 0 else "")


def share(done: int, total: int) -> str:
    """Per cent, rounded down: 100 only when all is there."""
    return f"{100 * done // max(1, total)} %"


def today_line(report: dict[str, Any]) -> str:
    """What was done since midnight."""
    today = report["today"]
    parts = [f"{count(today['uploaded'], 'clip')} sent ({size(today['bytes'])})", f"{today['enriched']:,} all done"]
    if today["failed"]:
        parts.append(count(today["failed"], "failure"))
    return ", ".join(parts)


def status_lines(report: dict[str, Any], now: datetime) -> list[str]:
    """The whole text of `tlsync status`."""
    pid = report["daemon"]["pid"]
    lines = [opening(report, now)]
    lines += [f"  {line}" for line in holding_lines(report, now) + limit_lines(report)]
    if not is_at_work(report):
        lines.append("  → tlsync run works until Ctrl-C, tlsync service start in the background")
    elif pid:
        lines.append(f"  process {pid}; today {today_line(report)}")
    if report["transfers"]:
        lines += ["", "Sending" if is_sending(report) else "Begun"]
        listed = report["transfers"][:_MOST_TRANSFERS]
        lines += [f"  {shown(transfer['path'])}: {transfer_line(transfer)}" for transfer in listed]
        lines += _more(len(report["transfers"]) - len(listed), "")
    if any(report["counts"].values()):
        lines += ["", "Clips"]
        numbers = [(f"{number:,}", state) for state, number in report["counts"].items() if number]
        wide = max(len(number) for number, _ in numbers)
        lines += [f"  {number.rjust(wide)}  {plain_state(state, report)} ({state})" for number, state in numbers]
    if report["roots"]:
        lines += ["", "Folders"]
        for root in report["roots"]:
            how = root_line(root, now, is_watched=report["daemon"]["running"])
            lines.append(f"  {shown(root['path'])}: {how}; index {shown(root['index'])}")
            if root["note"]:
                lines.append(f"    {shown(root['note'])}")
    problems = problems_of(report)
    if problems:
        lines += ["", "Problems"]
        for what, hint in problems[:_MOST_PROBLEMS]:
            lines += [f"  {what}"] + ([f"    → {hint}"] if hint else [])
        lines += _more(len(problems) - _MOST_PROBLEMS, ": tlsync ls --state failed")
    return lines


def _holding(report: dict[str, Any], now: datetime) -> str:
    """What holds it back, for the headline."""
    told = _told(_held(report))
    told += [f"caps.{cap['cap']} is reached" for cap in report.get("caps") or () if cap["holds"]]
    return pause_line(report, now, is_long=False) or (told[0] if told else "")


def _held(report: dict[str, Any]) -> list[dict[str, Any]]:
    """What holds it back beside a pause, which has a line of its own."""
    return [one for one in report.get("held") or () if one["by"] != "pause"]


def pause_line(report: dict[str, Any], now: datetime, *, is_long: bool) -> str:
    """A pause, "" without one; long with what is left of it and what ends it."""
    pause = report["pause"]
    if not pause:
        return ""
    why = f" ({shown(pause['reason'])})" if pause["reason"] and is_long else ""
    if pause["until"] is None:
        return f"paused{why}" + ("; tlsync resume lets it go on" if is_long else "")
    until = from_text(pause["until"])
    line = f"paused until {time_of_day(until, now, has_seconds=False)}"
    if not is_long:
        return line
    left = span(max(60.0, (until - now).total_seconds()))
    return f"{line}, for {left}{why}; tlsync resume lets it go on at once"


def _told(parts: list[dict[str, Any]]) -> list[str]:
    """Parts of a report that say what they are."""
    return [shown(part.get("text") or part.get("message") or "") for part in parts]


def _more(number: int, where: str) -> list[str]:
    return [f"  … and {number:,} more{where}"] if number > 0 else []
