"""`tlsync unmount`: end a mount of the tree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, print_table
from tlsync.cli.wiring import absolute
from tlsync.errors import ConfigError

if TYPE_CHECKING:
    from tlsync.mirror.mount import Mounted

_STATES = {"alive": "", "dead": "its process died", "silent": "it does not answer"}


@click.command("unmount")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option("--all", "is_all", is_flag=True, help="End all mounts of tlsync.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, folders: tuple[Path, ...], is_all: bool, is_json: bool) -> int:
    """End the mounts at FOLDERS, also those whose process died. Without FOLDERS it lists what is mounted."""
    from tlsync.mirror import mount

    del options
    found = mount.mounts()
    targets = [one.folder for one in found] if is_all else [mount.place_of(folder) for folder in absolute(folders)]
    failures = []
    for target in targets:
        try:
            mount.unmount(target)
        except ConfigError as error:
            failures.append(error)
    left = mount.mounts() if targets else found
    if is_json:
        gone = [str(target) for target in targets if target not in {one.folder for one in left}]
        print_json({"v": 1, "unmounted": gone, "mounts": [_entry(one) for one in left]})
    elif not targets:
        print_table([(str(one.folder), _STATES[one.state]) for one in left])
        if not left:
            note("nothing of tlsync is mounted")
    if failures:
        if len(failures) == 1:
            raise failures[0]
        raise ConfigError("\n".join(error.message for error in failures), hint=failures[0].hint)
    return 0


def _entry(mounted: Mounted) -> dict[str, object]:
    return {"folder": str(mounted.folder), "alive": mounted.state == "alive", "state": mounted.state}
