"""`tlsync status`: is the daemon there, where are the files, what goes wrong."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, print_table, shown, size
from tlsync.cli.wiring import settings_of
from tlsync.config import Settings
from tlsync.patience import answers_within
from tlsync.states import FileState
from tlsync.store.reader import CatalogReader
from tlsync.store.roots import NO_ANSWER, Condition

_WATCH_EVERY_S = 1.0
_LOOK_S = 0.3


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
        daemon = reader.daemon(datetime.now(UTC))
        is_running = daemon is not None and _is_alive(int(daemon["pid"]))
        rates = {
            transfer["path"]: transfer["bytes_per_s"] for transfer in (daemon or {}).get("transfers", ()) if is_running
        }
        known = {root["path"]: root for root in reader.roots()}
        errors = [
            {"path": str(view.path), "code": view.error_code, "message": view.reason, "hint": view.hint}
            for view in reader.files(states=(FileState.FAILED,))
        ]
        troubles = (daemon or {}).get("troubles", ()) if is_running else ()
        errors[:0] = [{"path": None, **trouble} for trouble in troubles]
        if reader.note:
            errors.insert(0, {"path": None, "code": "catalog", "message": reader.note, "hint": "free some space there"})
        found = {} if is_running else _look_at([root.path for root in settings.roots])
        return {
            "v": 1,
            "daemon": {
                "running": is_running,
                "pid": daemon["pid"] if daemon and is_running else None,
                "paused_until": None,
            },
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
        click.echo(f"failed: {shown(error['path'] or 'everything')}: {shown(error['message'])}")
        if error["hint"]:
            click.echo(f"  → {shown(error['hint'])}")
