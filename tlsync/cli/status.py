"""`tlsync status`: is the daemon there, where are the files, what goes wrong."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, print_table, shown, size
from tlsync.cli.pause import told_pause
from tlsync.cli.wiring import settings_of
from tlsync.clock import from_text, to_text
from tlsync.config import Settings
from tlsync.patience import answers_within
from tlsync.states import FileState
from tlsync.store.conditions import NO_ANSWER, Condition
from tlsync.store.pause import Pause, read
from tlsync.store.process_lock import RUN, holder
from tlsync.store.reader import CatalogReader

_WATCH_EVERY_S = 1.0
_LOOK_S = 0.3
_SILENT_AFTER = timedelta(seconds=30)
_SILENT = {"code": "silent", "hint": "its disk may be full or slow; if this stays so, start it again"}


@click.command("status")
@click.option("--watch", "is_watching", is_flag=True, help="Show it again every second.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, is_watching: bool, is_json: bool) -> int:
    """Show the daemon, the files by state, the folders, uploads under way, and failures."""
    settings = settings_of(options)
    while True:
        report = status_report(settings)
        if is_watching and not is_json:
            click.clear()
        print_json(report) if is_json else _print_text(report)
        if not is_watching:
            return 0
        time.sleep(_WATCH_EVERY_S)


def status_report(settings: Settings) -> dict[str, Any]:
    """The document of `status --json`."""
    with CatalogReader(settings.state_dir) as reader:
        now = datetime.now(UTC)
        is_running, pid, said = _daemon(settings.state_dir, reader, now)
        pause = _pause(settings.state_dir, said, now)
        rates = {transfer["path"]: transfer["bytes_per_s"] for transfer in said.get("transfers", ())}
        known = {root["path"]: root for root in reader.roots()}
        errors = [
            {"path": str(view.path), "code": view.error_code, "message": view.reason, "hint": view.hint}
            for view in reader.files(states=(FileState.FAILED,))
        ]
        errors[:0] = [{"path": None, **trouble} for trouble in said.get("troubles", ())]
        if is_running and said and now - from_text(said["beat_at"]) > _SILENT_AFTER:
            errors.insert(
                0, {"path": None, **_SILENT, "message": f"tlsync runs, and was last heard at {said['beat_at']}"}
            )
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
            "counts": reader.counts(),
            "roots": [
                _root_report(
                    known.get(str(root.path), {"path": str(root.path), "index": root.index}), found.get(root.path)
                )
                for root in settings.roots
            ],
            "transfers": [
                {**transfer, "bytes_per_s": rates.get(transfer["path"], 0)} for transfer in reader.transfers()
            ],
            "errors": errors,
        }


def _daemon(state_dir: Path, reader: CatalogReader, now: datetime) -> tuple[bool, int | None, dict[str, Any]]:
    """Whether a daemon lives, its process, and what it said of itself (nothing, if it does not live).

    The lock decides: the system takes it from a process that dies. A number of a process may be somebody else's by
    now, and a sign of life may be late, for example while the disk is full.
    """
    try:
        found = holder(state_dir)
    except OSError:  # not ours to open, or a volume without locks: then what it said lately has to do
        said = reader.daemon(now)
        is_running = said is not None and _is_alive(int(said["pid"]))
        return is_running, said["pid"] if said and is_running else None, said if said and is_running else {}
    said = reader.last_beat()
    if found is None or found.role not in (RUN, "") or (not found.role and said is None):
        return False, None, {}
    pid = found.pid or (said["pid"] if said else None)
    return True, pid, said if said and said["pid"] == pid else {}


def _pause(state_dir: Path, said: dict[str, Any], now: datetime) -> Pause | None:
    """The pause in force. A daemon that follows it knows its end better: the wall clock may have been set since."""
    try:
        pause = read(state_dir)
    except OSError:
        return None
    followed = said.get("pause") or {}
    if pause is not None and followed.get("key") == pause.key:
        return replace(pause, until=from_text(followed["until"])) if followed["until"] else pause
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


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _print_text(report: dict[str, Any]) -> None:
    daemon = report["daemon"]
    click.echo(f"tlsync is running (process {daemon['pid']})" if daemon["running"] else "tlsync is not running")
    if report["pause"]:
        until, now = report["pause"]["until"], datetime.now(UTC)
        click.echo(told_pause(Pause("", now, from_text(until) if until else None, report["pause"]["reason"]), now))
    counts = [(state, str(number)) for state, number in report["counts"].items() if number]
    if counts:
        click.echo()
        print_table([(number.rjust(6), state) for state, number in counts])
    if report["roots"]:
        click.echo()
        for root in report["roots"]:
            where = "online" if root["online"] else f"OFFLINE: {shown(root['trouble'] or 'the folder is not there')}"
            scanned = root["last_scan_at"] or "never scanned"
            click.echo(f"{shown(root['path'])}  {where}, {root['watching']}, index {root['index']}, scanned {scanned}")
            if root["note"]:
                click.echo(f"  {shown(root['note'])}")
    for transfer in report["transfers"]:
        share = 100 * transfer["bytes_done"] / max(1, transfer["bytes_total"])
        click.echo(
            f"sending {shown(transfer['path'])}: {share:.0f} % of {size(transfer['bytes_total'])},"
            f" {size(transfer['bytes_per_s'])}/s"
        )
    for error in report["errors"]:
        what = f"failed: {shown(error['path'])}" if error["path"] else "waiting"
        click.echo(f"{what}: {shown(error['message'])}")
        if error["hint"]:
            click.echo(f"  → {shown(error['hint'])}")
