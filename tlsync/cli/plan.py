"""`tlsync plan`: what a sync would send and reject, how long that takes, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown
from tlsync.cli.wiring import absolute, settings_of
from tlsync.errors import UnknownPath
from tlsync.states import UNDER_WAY, FileState
from tlsync.store.reader import CatalogReader

if TYPE_CHECKING:
    from tlsync.config import Settings
    from tlsync.engine.planner import Planned

_EXAMPLES = 3


@click.command("plan")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("-v", "--verbose", "is_each", is_flag=True, help="Name each file.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON, with each file.")
@click.pass_obj
def command(options: GlobalOptions, paths: tuple[Path, ...], is_each: bool, is_json: bool) -> int:
    """Show what a sync would send, link or reject, how long it takes and what it costs.

    Nothing is sent or written; no key is needed. Time and money are estimates: see [prices] in the settings.
    """
    from tlsync.cli.plan_text import plan_lines
    from tlsync.engine.planner import Planner
    from tlsync.media.probe import Prober

    settings = settings_of(options)
    targets = absolute(paths)
    for target in targets:
        if not target.exists():
            raise UnknownPath(f"{shown(target)}: no such file or folder", hint="check the path")
    now = datetime.now(UTC)
    settings = _with_bandwidth_in_force(settings, now)
    with CatalogReader(settings.state_dir) as reader, Prober() as prober:
        planned = list(Planner(settings, reader, prober, now).plan(targets))
        report = plan_report(settings, reader, planned, targets, now)
    if is_json:
        print_json(report)
        return 0
    for root in report["offline_roots"]:
        note(f"{shown(root)}: not there, so nothing is planned for it")
    click.echo("\n".join(plan_lines(report, is_each=is_each or options.verbosity > 0)))
    return 0


def _with_bandwidth_in_force(settings: Settings, now: datetime) -> Settings:
    """What `tlsync bandwidth` set counts for a plan too."""
    from tlsync.store.bandwidth_override import in_force, override_file
    from tlsync.timetable import UNLIMITED

    try:
        override = override_file(settings.state_dir).find(now)
    except OSError:
        return settings  # the engine goes by the settings then as well
    timetable = in_force(settings.upload.bandwidth or UNLIMITED, override, now).timetable
    return settings._replace(upload=settings.upload._replace(bandwidth=timetable))


def plan_report(
    settings: Settings, reader: CatalogReader, planned: Sequence[Planned], targets: Sequence[Path], now: datetime
) -> dict[str, Any]:
    """The document of `plan --json`."""
    from tlsync.engine.cap_usage import caps_report
    from tlsync.engine.estimate import Estimator, Item
    from tlsync.local_days import day_of
    from tlsync.store.spending_reader import SpendingReader

    sent = [item for item in planned if item.action == "upload"]
    items = [Item(item.size_bytes, item.duration_s or 0.0) for item in sent]
    estimator = Estimator(settings, reader, now)
    estimate = estimator.estimate(items)
    caps = caps_report(settings, reader, now)
    if caps:
        used = SpendingReader(settings.state_dir).used(settings.prices.currency, day_of(now))
        caps = [cap | needs for cap, needs in zip(caps, estimator.caps(items, used), strict=True)]
    return {
        "v": 1,
        "files": [asdict(item) | {"path": str(item.path)} for item in planned],
        "counts": {
            action: sum(item.action == action for item in planned)
            for action in ("upload", "link", "nothing", "wait", "reject")
        },
        "bytes_to_send": sum(item.size_bytes for item in items),
        "minutes_to_index": round(sum(item.duration_s for item in items) / 60, 3),
        "offline_roots": [str(root.path) for root in settings.roots if not root.path.is_dir()],
        "calls": estimate.calls,
        "chunks": estimate.chunks,
        "estimated_s": None if estimate.time_s is None else round(estimate.time_s, 1),
        "rate": {
            "bytes_per_s": None if estimate.rate_bytes_per_s is None else round(estimate.rate_bytes_per_s),
            "source": estimate.rate_source,
        },
        "cost": asdict(estimate.cost),
        "caps": caps,
        "rejects": _grouped(planned),
        "waiting": _waiting(reader, targets),
    }


def _grouped(planned: Sequence[Planned]) -> list[dict[str, Any]]:
    """The rejected files by the kind of their reason, the most frequent first."""
    groups: dict[str, list[Planned]] = {}
    for item in planned:
        if item.action == "reject":
            groups.setdefault(item.kind, []).append(item)
    return [
        {"kind": kind, "files": len(items), "examples": [str(item.path) for item in items[:_EXAMPLES]]}
        for kind, items in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]


def _waiting(reader: CatalogReader, targets: Sequence[Path]) -> dict[str, int]:
    """Known files that are on their way, by what they wait for."""
    states = (*sorted(UNDER_WAY - {FileState.UPLOADING}), FileState.IDENTIFIED, FileState.UPLOADING, FileState.FAILED)
    scopes: Sequence[Path | None] = targets or [None]
    views = [view for below in scopes for view in reader.files(below, states=states)]
    held = sum(view.error_code == "cap_reached" and view.state != FileState.FAILED for view in views)
    retries = sum(view.state == FileState.FAILED and view.retry_at is not None for view in views)
    at_platform = sum(view.state in UNDER_WAY - {FileState.UPLOADING} for view in views)
    return {"at_platform": at_platform, "held_by_caps": held, "to_be_retried": retries}
