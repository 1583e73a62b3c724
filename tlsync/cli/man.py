"""`tlsync man`: the man pages, made from the help of the commands."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from tlsync import __version__
from tlsync.errors import TlsyncError, UnknownPath


@click.command("man")
@click.argument("name", metavar="[COMMAND]", required=False)
@click.option(
    "--write",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write all pages there, for example to ~/.local/share/man/man1.",
)
def command(name: str | None, folder: Path | None) -> int:
    """Show the man page of tlsync or of one of its commands; where no terminal is, print it as roff."""
    from tlsync.cli.main import cli
    from tlsync.cli.manpages import pages

    made = pages(cli, __version__, _date())
    if folder is not None:
        _write(folder, made)
        click.echo(f"{len(made)} pages written to {folder}; to read one: man {folder / 'tlsync.1'}")
        return 0
    file = f"tlsync-{name}.1" if name else "tlsync.1"
    if file not in made:
        near = difflib.get_close_matches(f"tlsync-{name}.1", made, n=1)
        meant = f"did you mean {near[0].removeprefix('tlsync-').removesuffix('.1')}? " if near else ""
        raise UnknownPath(f"{name}: there is no such command", hint=f"{meant}tlsync --help lists them")
    reader = shutil.which("man")
    if reader is None or not sys.stdout.isatty():
        click.echo(made[file], nl=False)
        return 0
    with tempfile.TemporaryDirectory(prefix="tlsync-man-") as place:
        _write(Path(place), {file: made[file]})
        return subprocess.call([reader, str(Path(place, file))])


def _write(folder: Path, made: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in made.items():
            (folder / file).write_text(text, "ascii")
    except OSError as error:
        raise TlsyncError(f"{folder}: can't be written: {error.strerror}", hint="name another folder") from error


def _date() -> str:
    """The day on the pages: today, or what a build wants it to be."""
    stamp = os.environ.get("SOURCE_DATE_EPOCH", "")
    made_at = datetime.fromtimestamp(int(stamp), UTC) if stamp.isdecimal() else datetime.now(UTC)
    return f"{made_at:%Y-%m-%d}"
