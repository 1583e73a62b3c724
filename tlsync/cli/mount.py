"""`tlsync mount`: the index as a folder of the file system."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, shown
from tlsync.cli.viewing import opened_view
from tlsync.cli.wiring import absolute, settings_of
from tlsync.config import Settings
from tlsync.errors import ConfigError

_PATIENCE_S = 30.0
_MOST_LOG_BYTES = 1 << 20


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
    target = mount.place_of(absolute((folder,))[0])
    mount.prepare(target)
    if background:
        return _in_background(options, settings, target)
    with opened_view(settings) as view:
        note(f"the index is at {shown(target)}; end with Ctrl-C, or: tlsync unmount {shlex.quote(shown(folder))}")
        mount.serve(view, target)
    return 0


def _in_background(options: GlobalOptions, settings: Settings, target: Path) -> int:
    """The same command in a process of its own, which outlives this one. What it has to say goes to a log."""
    from tlsync.mirror import mount

    command = [
        sys.executable,
        "-m",
        "tlsync",
        "--log-format",
        options.log_format or "text",
        *["-v"] * options.verbosity,
    ]
    if options.config is not None:
        command += ["--config", str(absolute((options.config,))[0])]
    if options.profile is not None:
        command += ["--profile", options.profile]
    log_file = _log_file(settings.state_dir)
    with log_file.open("a+b") as log:
        begin = log.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            [*command, "mount", "--", str(target)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
        deadline_s = time.monotonic() + _PATIENCE_S
        while not mount.is_alive(target):
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline_s:
                    continue
                process.terminate()
            log.seek(begin)
            said = log.read(_MOST_LOG_BYTES).decode("utf-8", "replace").splitlines()
            raise ConfigError(
                f"{shown(target)}: the mount did not come about" + (f": {said[0]}" if said else ""),
                hint=said[-1].removeprefix("  → ") if len(said) > 1 else f"see {log_file}",
            )
    note(f"the index is at {shown(target)}; end with: tlsync unmount {shlex.quote(shown(target))}")
    return 0


def _log_file(state_dir: Path) -> Path:
    """Where a mount in the background writes; begun anew when it is large. Several may write to it."""
    from tlsync.store.state_folder import prepare_state_folder

    prepare_state_folder(state_dir)
    path = state_dir / "mount.log"
    try:
        if path.exists() and path.stat().st_size > _MOST_LOG_BYTES:
            path.write_bytes(b"")
        path.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(f"{path}: can't be written: {error.strerror}", hint="look at state_dir") from error
    return path
