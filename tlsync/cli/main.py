"""The `tlsync` command: global options, subcommands loaded when they are called, errors to exit codes."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tlsync import __version__
from tlsync.cli.examples import example_of
from tlsync.errors import (
    AlreadyRunning,
    ApiError,
    CatalogError,
    ConfigError,
    Gone,
    Interrupted,
    NotFound,
    NotRunning,
    NotYet,
    QuotaExceeded,
    TlsyncError,
    Unauthorized,
    UnknownPath,
)

_COMMANDS = {
    "init": "tlsync.cli.init",
    "auth": "tlsync.cli.auth",
    "doctor": "tlsync.cli.doctor",
    "service": "tlsync.cli.service",
    "run": "tlsync.cli.run",
    "sync": "tlsync.cli.sync",
    "plan": "tlsync.cli.plan",
    "pause": "tlsync.cli.pause",
    "resume": "tlsync.cli.resume",
    "retry": "tlsync.cli.retry",
    "status": "tlsync.cli.status",
    "ls": "tlsync.cli.ls",
    "show": "tlsync.cli.show",
    "why": "tlsync.cli.why",
    "search": "tlsync.cli.search",
    "cat": "tlsync.cli.cat",
    "mirror": "tlsync.cli.mirror",
    "mount": "tlsync.cli.mount",
    "unmount": "tlsync.cli.unmount",
    "entity": "tlsync.cli.entity",
    "analyze": "tlsync.cli.analyze",
    "verify": "tlsync.cli.verify",
    "rebuild": "tlsync.cli.rebuild",
    "forget": "tlsync.cli.forget",
    "remote": "tlsync.cli.remote",
    "api": "tlsync.cli.api",
    "sandbox": "tlsync.cli.sandbox",
    "demo": "tlsync.cli.demo",
    "completion": "tlsync.cli.completion",
}
"""In the order of `--help`. Each module holds a click command named `command`."""


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """What stands before the subcommand."""

    config: Path | None = None
    profile: str | None = None
    verbosity: int = 0
    log_format: str = "text"


class LazyGroup(click.Group):
    """Imports a subcommand's module when it is asked for: `tlsync --version` imports nothing heavy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        found: click.Command = importlib.import_module(module).command
        found.epilog = found.epilog or example_of(cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:  # click looks among loaded commands for what was meant
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (TLSYNC_CONFIG).")
@click.option("--profile", metavar="NAME", help="Settings config.NAME.toml with a state folder of its own.")
@click.option("-v", "--verbose", count=True, help="Say more; twice for every request.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="How log lines look.")
@click.version_option(__version__, message="tlsync %(version)s")
@click.pass_context
def cli(
    context: click.Context, config: Path | None, profile: str | None, verbose: int, quiet: bool, log_format: str
) -> None:
    """Keep folders of footage in step with the TwelveLabs platform.

    tlsync uploads new clips once, has them indexed, writes what the platform understood beside each clip,
    and finds moments by search.
    """
    context.obj = GlobalOptions(config, profile, -1 if quiet else verbose, log_format)


def exit_code(error: TlsyncError) -> int:
    """The one table of exit codes for errors; README explains them."""
    if isinstance(error, ConfigError):
        return 2
    if isinstance(error, NotFound | UnknownPath) and not isinstance(error, Gone):
        return 4
    if isinstance(error, Unauthorized):
        return 6
    if isinstance(error, QuotaExceeded):
        return 7
    if isinstance(error, NotRunning):
        return 11
    if isinstance(error, AlreadyRunning):
        return 12
    if isinstance(error, Interrupted):
        return 130
    if isinstance(error, ApiError | CatalogError | NotYet) and error.is_temporary:
        return 5
    return 1


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(arguments, prog_name="tlsync", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except TlsyncError as error:
        _print_error(error, is_json="--json" in arguments)
        sys.exit(exit_code(error))
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        from tlsync.terminal_text import printable

        # It quotes arguments, which a shell may have made from file names.
        vars(error)["message"] = printable(error.message)
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to say, and nobody to say it to.
        sys.stderr.close()
        sys.exit(0)


def _print_error(error: TlsyncError, *, is_json: bool) -> None:
    from tlsync.logs import redact
    from tlsync.terminal_text import printable

    if is_json:
        body: dict[str, Any] = {"code": error.code, "message": redact(str(error)), "hint": error.hint}
        click.echo(json.dumps({"v": 1, "error": body}), err=True)
        return
    lines = [printable(redact(line)) for line in str(error).splitlines()]
    click.echo("\n".join(f"tlsync: {line}" for line in lines), err=True)
    if error.hint:
        click.echo(f"  → {printable(error.hint)}", err=True)
