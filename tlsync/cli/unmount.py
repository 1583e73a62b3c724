"""`tlsync unmount`: end a mount of the tree."""

from __future__ import annotations

from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, print_table
from tlsync.cli.wiring import absolute


@click.command("unmount")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option("--all", "is_all", is_flag=True, help="End all mounts of tlsync.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, folders: tuple[Path, ...], is_all: bool, is_json: bool) -> int:
    """End the mounts at FOLDERS, also those whose process died. Without FOLDERS it lists what is mounted."""
    from tlsync.mirror import mount

    del options
    targets = [found.folder for found in mount.mounts()] if is_all else absolute(folders)
    for target in targets:
        mount.unmount(target)
    left = mount.mounts()
    if is_json:
        listed = [{"folder": str(found.folder), "alive": found.is_alive} for found in left]
        print_json({"v": 1, "unmounted": [str(target) for target in targets], "mounts": listed})
    elif not targets:
        print_table([(str(found.folder), "" if found.is_alive else "its process died") for found in left])
    return 0
