"""The `tlsync` command: global options, subcommands loaded when they are called, errors to exit codes."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from tlsync import __version__
from tlsync.cli.commands import COMMANDS, SECTIONS
from tlsync.cli.examples import example_of
from tlsync.errors import (
    AlreadyRunning,
    ApiError,
    CapReached,
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

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem


class GlobalOptions(NamedTuple):
    """What stands before the subcommand."""

    config: Path | None = None
    profile: str | None = None
    verbosity: int = 0
    log_format: Literal["text", "json"] | None = None


class LazyGroup(click.Group):
    """Imports a subcommand's module when it is called: a list of them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"tlsync.cli.{cmd_name}").command
        found.short_help = COMMANDS[cmd_name]
        found.epilog = found.epilog or example_of(cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for purpose, commands in SECTIONS.items():
            with formatter.section(purpose):
                formatter.write_dl([(name.ljust(widest), text) for name, text in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)  # click's group loads all commands

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:  # click looks among loaded commands for what was meant
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        return super().make_context(*arguments, **{"terminal_width": _help_width()} | extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader of our output went away (`| head`): nothing to say, nobody to say it to, and no failure.
            _let_go_of_output()
            return 0


def _help_width() -> int:
    """As click finds it out, without the rest of `shutil`, which takes longer to load than a page of help to print."""
    columns = os.environ.get("COLUMNS", "")
    if not columns.isdecimal() or not int(columns):
        try:
            columns = str(os.get_terminal_size(sys.__stdout__.fileno()).columns)  # type: ignore[union-attr]
        except (AttributeError, ValueError, OSError):
            columns = "80"
    return max(min(int(columns), 80) - 2, 50)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(dir_okay=False), help="Settings file (TLSYNC_CONFIG).")
@click.option("--profile", metavar="NAME", help="Settings config.NAME.toml with a state folder of its own.")
@click.option("-v", "--verbose", count=True, help="Say more; twice for every request.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
@click.option("--no-color", "is_plain", is_flag=True, help="No colours, as with NO_COLOR.")
@click.option("--log-format", type=click.Choice(["text", "json"]), help="How log lines look (text).")
@click.version_option(__version__, message="tlsync %(version)s")
@click.pass_context
def cli(
    context: click.Context,
    config: str | None,
    profile: str | None,
    verbose: int,
    quiet: bool,
    is_plain: bool,
    log_format: Literal["text", "json"] | None,
) -> None:
    """Keep folders of footage in step with the TwelveLabs platform.

    tlsync uploads new clips once, has them indexed, writes what the platform understood beside each clip,
    and finds moments by search.
    """
    from pathlib import Path

    if is_plain:
        os.environ["NO_COLOR"] = "1"  # whoever prints in colour looks there
    context.obj = GlobalOptions(None if config is None else Path(config), profile, -1 if quiet else verbose, log_format)


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
    if isinstance(error, CapReached):
        return 8
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
    if arguments is None:
        arguments = sys.argv[1:]
        gc.freeze()  # the process is ours, and what is loaded stays: no collection has to look at it, nor that at exit
        gc.set_threshold(10_000, 20, 20)  # a request alone makes hundreds of objects; few of them in cycles
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that can't be shown here must not end a command
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name="tlsync", standalone_mode=False)
        sys.stdout.flush()
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
        vars(error)["message"] = printable(error.message) + _meant(error)
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _let_go_of_output()
        sys.exit(0)
    except Exception:
        from tlsync.logs import set_up_if_needed

        # Nobody expected it: Python tells it by way of the log, which commands that only look have not started.
        set_up_if_needed()
        raise


def _meant(error: click.ClickException) -> str:
    """For a value that is none of those allowed, the nearest of them; click says so of commands and options only."""
    choice = getattr(getattr(error, "param", None), "type", None)
    value = error.message.split("'")[1:2]
    if not isinstance(error, click.BadParameter) or not isinstance(choice, click.Choice) or not value:
        return ""
    import difflib

    near = difflib.get_close_matches(value[0], [str(one) for one in choice.choices], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _let_go_of_output() -> None:
    """Python writes what is left over when it ends, and would complain that nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())


def _print_error(error: TlsyncError, *, is_json: bool) -> None:
    import json

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
