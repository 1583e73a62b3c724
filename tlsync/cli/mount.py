"""`tlsync mount`: the index as a folder of the file system."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, shown
from tlsync.cli.viewing import opened_view
from tlsync.cli.wiring import absolute, settings_of
from tlsync.errors import ConfigError

_PATIENCE_S = 15.0


@click.command("mount")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--background", is_flag=True, help="Come back once it is mounted; tlsync unmount ends it.")
@click.pass_obj
def command(options: GlobalOptions, folder: Path, background: bool) -> int:
    """Show the index as a tree of files in FOLDER, an empty folder. Nothing in it can be written.

    It shows what the catalog knows at once, and asks the platform in the background. It ends with
    Ctrl-C, or with tlsync unmount FOLDER.
    """
    from tlsync.mirror import mount

    settings = settings_of(options, least_level=logging.WARNING)
    target = absolute((folder,))[0]
    mount.prepare(target)
    if background:
        return _in_background(options, target)
    with opened_view(settings) as view:
        note(f"the index is at {shown(target)}; end with Ctrl-C, or: tlsync unmount {shown(folder)}")
        mount.serve(view, target)
    return 0


def _in_background(options: GlobalOptions, target: Path) -> int:
    """The same command in a process of its own, which outlives this one."""
    from tlsync.mirror import mount

    command = [sys.executable, "-m", "tlsync"]
    if options.config is not None:
        command += ["--config", str(absolute((options.config,))[0])]
    if options.profile is not None:
        command += ["--profile", options.profile]
    process = subprocess.Popen(
        [*command, "mount", "--", str(target)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline_s = time.monotonic() + _PATIENCE_S
    while not any(found.folder == target and found.is_alive for found in mount.mounts()):
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            if time.monotonic() < deadline_s:
                continue
            process.terminate()
        said = process.stderr.read().decode("utf-8", "replace").strip() if process.stderr else ""
        raise ConfigError(f"{shown(target)}: the mount did not come about", hint=said.splitlines()[-1] if said else "")
    note(f"the index is at {shown(target)}; end with: tlsync unmount {shown(target)}")
    return 0
