"""A plan as text for people: what it comes to first, then what it is made of. Pure."""

from __future__ import annotations

from typing import Any

from tlsync.cli.output import shown, size
from tlsync.cli.spans import count, span

_FEW = 20
"""So many files are named without being asked for."""
_WORDS = {"upload": "send", "link": "known", "wait": "wait", "reject": "reject"}


def plan_lines(report: dict[str, Any], *, is_each: bool) -> list[str]:
    """The whole text of `tlsync plan`.

    Args:
        is_each: Name each file, however many there are.
    """
    lines = [headline(report)]
    lines += [f"  {line}" for line in _cost_lines(report)]
    lines += [f"  {cap_line(cap)}" for cap in report["caps"]]
    files = [file for file in report["files"] if file["action"] != "nothing"]
    lines += ["", _others(report)]
    lines += _waiting_lines(report["waiting"])
    slow = [file for file in files if file["too_slow"]]
    if slow:
        lines += ["", f"{count(len(slow), 'file')} can't be whole within the 24 h of an upload session:"]
        lines += [f"  {shown(file['path'])}: {shown(file['too_slow'])}" for file in (slow if is_each else slow[:_FEW])]
        lines += _more(0 if is_each else len(slow) - _FEW)
    if is_each or len(files) <= _FEW:
        lines += [""] * bool(files) + _file_lines(files)
    elif report["rejects"]:
        lines += ["", f"{report['counts']['reject']:,} rejected (each file: tlsync plan -v)"]
        for group in report["rejects"]:
            lines.append(f"  {group['files']:>6,} × {shown(group['kind'])}, for example {shown(group['examples'][0])}")
    return lines


def headline(report: dict[str, Any]) -> str:
    """In one line: how much, how long, for how much money."""
    number = report["counts"]["upload"]
    if not number:
        return "nothing to send"
    minutes = report["minutes_to_index"]
    parts = [
        f"{count(number, 'file')} to send, {size(report['bytes_to_send'])},"
        f" {minutes:,.{0 if minutes >= 100 else 1}f} minutes",
        time_text(report),
        cost_text(report["cost"]),
    ]
    return " · ".join(parts)


def time_text(report: dict[str, Any]) -> str:
    """How long sending takes, and why that is said."""
    rate, source = report["rate"]["bytes_per_s"], report["rate"]["source"]
    if report["estimated_s"] is None:
        return "time not known yet: nothing was sent so far"
    pace = f"at {size(rate)}/s" if rate else ""
    seen = ", as the last uploads went" if source == "last uploads" else ""
    return " ".join(filter(None, ["about", span(report["estimated_s"]), pace])) + seen


def cost_text(cost: dict[str, Any]) -> str:
    """The sum, with the day of its prices."""
    if cost["amount"] is None:
        return "no price set"
    return f"about {cost['amount']:,.2f} {cost['currency']} (prices of {cost['as_of']})"


def cap_line(cap: dict[str, Any]) -> str:
    """How the plan fits into a cap."""
    line: str = cap["text"]
    if cap["more_periods"]:
        period = cap["cap"].rpartition("_")[2]
        line += f"; this plan goes on for {count(cap['more_periods'], f'more {period}')}"
    elif cap["more_periods"] is None:
        line += "; nothing goes through"
    if cap["too_large_files"]:
        number = cap["too_large_files"]
        line += f"; {count(number, 'file')} alone {'needs' if number == 1 else 'need'} more: held until it is raised"
    return line


def _cost_lines(report: dict[str, Any]) -> list[str]:
    """What the sum is made of, and how many calls."""
    if not report["counts"]["upload"]:
        return []
    lines = []
    for line in report["cost"]["lines"]:
        quantity = f"{line['quantity']:,.1f} {line['unit']}"
        if line["amount"] is None:
            lines.append(f"{line['what']}: {quantity}, no price set")
        else:
            lines.append(f"{line['what']}: {quantity} × {line['price']:g} = {line['amount']:,.2f}")
    calls = f"{report['calls']:,} calls to the platform, {count(report['chunks'], 'chunk')} to its storage"
    return [*lines, f"about {calls}"]


def _others(report: dict[str, Any]) -> str:
    counts = report["counts"]
    parts = [f"{counts['link']:,} known already", f"{counts['reject']:,} rejected", f"{counts['nothing']:,} done"]
    if counts["wait"]:
        parts.append(f"{counts['wait']:,} still being written")
    return ", ".join(parts)


def _waiting_lines(waiting: dict[str, int]) -> list[str]:
    parts = []
    if waiting["at_platform"]:
        parts.append(f"{waiting['at_platform']:,} sent, with the platform still at work or texts to come")
    if waiting["held_by_caps"]:
        parts.append(f"{waiting['held_by_caps']:,} held by a cap")
    if waiting["to_be_retried"]:
        parts.append(f"{waiting['to_be_retried']:,} to be tried again")
    return [f"waiting: {'; '.join(parts)}"] if parts else []


def _file_lines(files: list[dict[str, Any]]) -> list[str]:
    widest = max((len(size(file["size_bytes"])) for file in files), default=0)
    return [
        f"  {_WORDS[file['action']]:<6}  {size(file['size_bytes']).rjust(widest)}  {shown(file['path'])}"
        f"  {shown(file['reason'])}"
        for file in files
    ]


def _more(number: int) -> list[str]:
    return [f"  … and {number:,} more: tlsync plan -v"] if number > 0 else []
