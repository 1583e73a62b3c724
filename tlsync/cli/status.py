"""`tlsync status`: is the daemon there, where are the files, what goes wrong."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json
from tlsync.cli.span_option import Span
from tlsync.cli.status_text import status_lines
from tlsync.cli.wiring import settings_to_look
from tlsync.clock import from_text, to_text
from tlsync.errors import CatalogError
from tlsync.patience import answers_within
from tlsync.store.conditions import NO_ANSWER, Condition
from tlsync.store.past import failures, left_to_send, totals_since
from tlsync.store.pause import Pause, read
from tlsync.store.process_lock import RUN, holder
from tlsync.store.reader import CatalogReader

if TYPE_CHECKING:
    from tlsync.config import Settings

_LOOK_S = 0.3
_SILENT_AFTER = timedelta(seconds=30)
_SILENT = {"code": "silent", "hint": "its disk may be full or slow; if this stays so, start it again"}


@click.command("status")
@click.option("--watch", "is_watching", is_flag=True, help="Keep showing it until Ctrl-C.")
@click.option(
    "--interval", "every_s", type=Span(least_s=0.1), default="1s", help="How often --watch looks, at most (1s)."
)
@click.option("--no-color", "is_plain", is_flag=True, help="No colours, as with NO_COLOR.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON; with --watch a line for each change.")
@click.pass_obj
def command(options: GlobalOptions, is_watching: bool, every_s: float, is_plain: bool, is_json: bool) -> int:
    """Say whether tlsync runs, what it does, what is left, and what is wrong.

    With --watch, a view that is kept up to date; where no terminal is, a line for each change.
    """
    settings = settings_to_look(options)
    if is_watching:
        from tlsync.cli.dashboard import watch

        return watch(lambda: status_report(settings), every_s, is_json=is_json, has_color=not is_plain)
    report = status_report(settings)
    if is_json:
        print_json(report)
    else:
        click.echo("\n".join(status_lines(report, datetime.now(UTC))))
    return 0


def status_report(settings: Settings) -> dict[str, Any]:
    """The document of `status --json`."""
    with CatalogReader(settings.state_dir) as reader:
        now = datetime.now(UTC)
        is_running, pid, said, other_pid = _daemon(settings.state_dir, reader, now)
        pause = _pause(settings.state_dir, said, now)
        rates = {transfer["path"]: transfer["bytes_per_s"] for transfer in said.get("transfers", ())}
        known = {root["path"]: root for root in reader.roots()}
        errors = failures(reader)
        errors[:0] = [{"path": None, **trouble} for trouble in said.get("troubles", ())]
        if is_running and said and now - from_text(said["beat_at"]) > _SILENT_AFTER:
            errors.insert(
                0, {"path": None, **_SILENT, "message": f"tlsync runs, and was last heard at {said['beat_at']}"}
            )
        errors += [
            {"path": None, "code": "notice", "message": trouble, "hint": "tlsync notify test tries it now"}
            for trouble in reader.notice_troubles()
        ]
        if reader.note:
            errors.insert(0, {"path": None, "code": "catalog", "message": reader.note, "hint": "free some space there"})
        found = {} if is_running else _look_at([root.path for root in settings.roots])
        return {
            "v": 1,
            "daemon": {
                "running": is_running,
                "pid": pid,
                "paused_until": to_text(pause.until) if pause and pause.until else None,
            },
            "pause": pause and {"until": to_text(pause.until) if pause.until else None, "reason": pause.reason},
            "held": _held(settings, said, pause, now),
            "bandwidth": said.get("bandwidth"),
            "other_process": other_pid,
            "counts": reader.counts(),
            "left": left_to_send(reader),
            "today": totals_since(reader, _last_midnight(now)),
            "roots": [
                _root_report(
                    known.get(str(root.path), {"path": str(root.path), "index": root.index}), found.get(root.path)
                )
                for root in settings.roots
            ],
            "transfers": [
                {**transfer, "bytes_per_s": rates.get(transfer["path"], 0)} for transfer in reader.transfers()
            ],
            "bytes_per_s": said.get("bytes_per_s", 0),
            "errors": errors,
        } | ({"caps": caps} if (caps := _caps(settings, reader, now, errors)) else {})


def _held(settings: Settings, said: dict[str, Any], pause: Pause | None, now: datetime) -> list[dict[str, Any]]:
    """What holds uploads back; where nothing can, what would find it out is not even loaded."""
    if pause is None and settings.upload.hours is None and not said.get("held"):
        return []
    from tlsync.cli.held import held_report

    return held_report(settings, said, pause, now)


def _caps(
    settings: Settings, reader: CatalogReader, now: datetime, errors: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """How the caps stand; nothing is loaded for none. A ledger that can't be read is an error among the others."""
    if settings.caps == type(settings.caps)():
        return []
    from tlsync.engine.cap_usage import caps_report

    try:
        return caps_report(settings, reader, now)
    except CatalogError as error:
        errors.insert(0, {"path": None, "code": error.code, "message": error.message, "hint": error.hint})
        return []


def _daemon(
    state_dir: Path, reader: CatalogReader, now: datetime
) -> tuple[bool, int | None, dict[str, Any], int | None]:
    """Whether a daemon lives, its process, what it said of itself (nothing, if it does not live); and the process of
    another command that works with the catalog instead.

    The lock decides: the system takes it from a process that dies. A number of a process may be somebody else's by
    now, and a sign of life may be late, for example while the disk is full.
    """
    try:
        found = holder(state_dir)
    except OSError:  # not ours to open, or a volume without locks: then what it said lately has to do
        said = reader.daemon(now)
        is_running = said is not None and _is_alive(int(said["pid"]))
        return is_running, said["pid"] if said and is_running else None, said if said and is_running else {}, None
    said = reader.last_beat()
    if found is None or found.role not in (RUN, "") or (not found.role and said is None):
        return False, None, {}, found.pid if found else None
    pid = found.pid or (said["pid"] if said else None)
    return True, pid, said if said and said["pid"] == pid else {}, None


def _pause(state_dir: Path, said: dict[str, Any], now: datetime) -> Pause | None:
    """The pause in force. A daemon that follows it knows its end better: the wall clock may have been set since."""
    try:
        pause = read(state_dir)
    except OSError:
        return None
    followed = said.get("pause") or {}
    if pause is not None and followed.get("key") == pause.key:
        return pause._replace(until=from_text(followed["until"])) if followed["until"] else pause
    return None if pause is None or pause.left_s(now) == 0 else pause


def _root_report(root: dict[str, Any], found: Condition | None) -> dict[str, Any]:
    """A root's line.

    Args:
        found: What a look at its folder said; None while the daemon looks.
    """
    condition = found or root.get("condition", "offline")
    trouble = root.get("trouble", "") if found is None else NO_ANSWER if found == "hung" else ""
    return {
        "path": root["path"],
        "online": condition == "online",
        "condition": condition,
        "last_scan_at": root.get("last_scan_at"),
        "watching": root.get("watching", "polling"),
        "note": root.get("note", ""),
        "index": root["index"],
        "trouble": trouble,
    }


def _look_at(paths: list[Path]) -> dict[Path, Condition]:
    """Whether folders are there. A volume that hangs must not hold up the answer."""
    is_there = answers_within(_LOOK_S, Path.is_dir, paths)
    return {path: "online" if is_there.get(path) else "offline" if path in is_there else "hung" for path in paths}


def _last_midnight(now: datetime) -> datetime:
    """When the day of this machine began."""
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
