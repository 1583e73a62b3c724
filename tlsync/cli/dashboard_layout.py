"""The view of `tlsync status --watch`: a report and the size of a terminal → lines that fit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any, NamedTuple

from tlsync.cli.cells import cells, fit, fit_middle, padded
from tlsync.cli.output import shown, size
from tlsync.cli.spans import span, time_of_day
from tlsync.cli.status_text import (
    holding_lines,
    is_sending,
    limit_lines,
    plain_state,
    problems_of,
    root_line,
    running_line,
    share,
    today_line,
    work_line,
)

Line = list[tuple[str, str]]
"""Pieces of a line, each a text and its style as rich names it."""

_LABEL = 9
_LABELS_FROM = 50
_STATE_STYLES = {"failed": "red", "enriched": "green", "uploading": "cyan", "missing": "yellow"}
_FOOTER = "Ctrl-C ends this view; tlsync itself goes on"
_KEPT_LONGEST = ("Held back", "Sending", "Begun", "Problems", "Clips", "Folders", "Today", "Limits")
"""Sections by weight: where there is no room, the last go first."""


class Section(NamedTuple):
    """Entries of one or more lines each, under a label."""

    label: str
    entries: list[list[Line]]


def layout(report: dict[str, Any], width: int, height: int, now: datetime, *, trouble: str = "") -> list[Line]:
    """At most `height` lines of at most `width` columns.

    Args:
        trouble: Why the report is an old one, "" when it is not.
    """
    if width < 1 or height < 1:
        return []
    head = [*_head(report, width, now), *([[(fit(shown(trouble), width), "bold red")]] if trouble else [])]
    foot: list[Line] = [[(fit(_FOOTER, width), "dim")]] if height >= 12 else []
    indent = _LABEL + 1 if width >= _LABELS_FROM else 0
    sections = _sections(report, width - indent, now)
    room = height - len(head) - len(foot)
    body = [_labelled(line, indent, label) for label, line in _body(sections, room, width - indent)]
    lines = [*head, *body][: height - len(foot)]
    lines += [[] for _ in range(height - len(foot) - len(lines))] if foot else []
    return lines + foot


def _head(report: dict[str, Any], width: int, now: datetime) -> list[Line]:
    pid = report["daemon"]["pid"]
    state = running_line(report) + (f" (process {pid})" if pid else "")
    style = "bold green" if report["daemon"]["running"] else "bold yellow"
    at = time_of_day(now, now)
    first = fit(f"tlsync is {state}" if state.startswith(("running", "not ")) else state, width)
    gap = width - cells(first) - len(at)
    line: Line = [(first, style)] + ([(" " * gap + at, "dim")] if gap > 1 else [])
    problems = len(problems_of(report))
    told = f"; {problems:,} problem{'' if problems == 1 else 's'}" if problems else ""
    work = fit(work_line(report), max(0, width - len(told)))
    return [line, [(work, "bold"), (fit(told, width - cells(work)), "bold red")]]


def _sections(report: dict[str, Any], width: int, now: datetime) -> list[Section]:
    """What there is to show, in the order of the screen."""
    is_watched = report["daemon"]["running"]
    everything = [
        Section("Held back", [[[(fit(line, width), "yellow")]] for line in holding_lines(report, now)]),
        Section(
            "Sending" if is_sending(report) else "Begun",
            [[_transfer(transfer, width)] for transfer in report["transfers"]],
        ),
        Section("Clips", [[line] for line in _states(report, width)]),
        Section("Folders", [_root(root, width, now, is_watched=is_watched) for root in report["roots"]]),
        Section("Problems", [_problem(what, hint, width) for what, hint in problems_of(report)]),
        Section("Limits", [[[(fit(line, width), "")]] for line in limit_lines(report)]),
        Section("Today", [[[(fit(today_line(report), width), "")]]]),
    ]
    return [section for section in everything if section.entries]


def _transfer(transfer: dict[str, Any], width: int) -> Line:
    """Name, bar, share, size, rate and time left; on a narrow terminal fewer of them."""
    done, total, rate = transfer["bytes_done"], transfer["bytes_total"], transfer["bytes_per_s"]
    left = f"{span((total - done) / rate)} left" if rate > 0 else ""
    columns: Line = [(share(done, total).rjust(5), "")]
    if width >= 36:
        columns.append((left.rjust(13), ""))
    if width >= 48:
        columns.insert(1, ((f"{size(rate)}/s" if rate > 0 else "").rjust(11), "cyan"))
    if width >= 60:
        columns.insert(1, (size(total).rjust(10), ""))
    while columns and sum(len(text) for text, _ in columns) > width:
        columns.pop()
    rest = max(0, width - sum(len(text) for text, _ in columns))
    bar = min(30, rest // 3) if rest >= 24 else 0
    full = bar * done // max(1, total)
    name = shown(transfer["path"])
    if cells(name) > rest - bar - 1:
        name = shown(PurePath(transfer["path"]).name)
    columns = [("█" * full, "green"), ("░" * (bar - full), "dim"), *columns]
    return [(padded(fit_middle(name, rest - bar - 1), max(0, rest - bar)), ""), *columns]


def _states(report: dict[str, Any], width: int) -> list[Line]:
    """Numbers by state, as many in a line as fit."""
    lines: list[Line] = [[]]
    taken = 0
    for state, number in report["counts"].items():
        if not number:
            continue
        text = fit(f"{number:,} {plain_state(state, report)}", width)
        between = "  ·  " if lines[-1] else ""
        if taken + len(between) + len(text) > width:
            lines.append([])
            taken, between = 0, ""
        lines[-1] += [(between, "dim"), (text, _STATE_STYLES.get(state, ""))]
        taken += len(between) + len(text)
    return [line for line in lines if line]


def _root(root: dict[str, Any], width: int, now: datetime, *, is_watched: bool) -> list[Line]:
    how = root_line(root, now, is_watched=is_watched)
    style = "" if root["online"] else "bold red"
    name = fit_middle(shown(root["path"]), max(width // 3, width - cells(how) - 2))
    lines: list[Line] = [[(name, ""), (fit(f": {how}", width - cells(name)), style)]]
    if root["note"]:
        lines.append([(fit(f"  {shown(root['note'])}", width), "yellow")])
    return lines


def _problem(what: str, hint: str, width: int) -> list[Line]:
    lines: list[Line] = [[(fit(what, width), "red")]]
    return lines + ([[(fit(f"  → {hint}", width), "")]] if hint else [])


def _body(sections: list[Section], room: int, width: int) -> list[tuple[str, Line]]:
    """Lines with the labels of those that begin a section, within `room` lines."""
    sections = sections[:]
    while len(sections) > max(0, room):  # a line for each, or it is not shown
        sections.remove(max(sections, key=lambda section: _KEPT_LONGEST.index(section.label)))
    wanted = [sum(map(len, section.entries)) for section in sections]
    is_airy = room >= sum(wanted) + len(sections) or room >= 4 * len(sections)
    allotted = _allot(wanted, room - (len(sections) if is_airy else 0))
    lines: list[tuple[str, Line]] = []
    for section, number in zip(sections, allotted, strict=True):
        if is_airy:
            lines.append(("", []))
        shown_lines = _cut(section.entries, number, width)
        lines += [("" if position else section.label, line) for position, line in enumerate(shown_lines)]
    return lines


def _allot(wanted: Sequence[int], room: int) -> list[int]:
    """Divide the room: all get what they want, or the longest give way."""
    allotted = list(wanted)
    while sum(allotted) > max(0, room):
        longest = max(range(len(allotted)), key=allotted.__getitem__)
        allotted[longest] -= 1
    return allotted


def _cut(entries: list[list[Line]], number: int, width: int) -> list[Line]:
    """As many lines of the entries as there is room for; the last says what is left out."""
    everything = [line for entry in entries for line in entry]
    if len(everything) <= number or number < 1:
        return everything[:number]
    kept: list[Line] = []
    whole = 0
    for entry in entries:
        if len(kept) + len(entry) > number - 1:
            break
        kept += entry
        whole += 1
    more = f"… {len(entries) - whole:,} more" if whole or number > 1 else ""
    if not more:  # one line is better spent on the first of them
        return [_ended(everything[0], f" (+{len(entries) - 1:,})", width) if len(entries) > 1 else everything[0]]
    return [*kept, [(fit(more, width), "dim")]]


def _ended(line: Line, ending: str, width: int) -> Line:
    text = "".join(piece for piece, _ in line)
    return [(fit(text.rstrip(), max(0, width - len(ending))), line[0][1]), (fit(ending, width), "dim")]


def _labelled(line: Line, indent: int, label: str) -> Line:
    return [(label.ljust(indent), "bold"), *line] if indent and line else line
