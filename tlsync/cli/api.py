"""`tlsync api METHOD`: every method of the platform's reference as a command, made from the client's signatures."""

from __future__ import annotations

import sys
import typing
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, print_table
from tlsync.cli.wiring import platform_client, settings_of
from tlsync.terminal_text import printable

if TYPE_CHECKING:
    from tlsync.api.reference import Method


class MethodGroup(click.Group):
    """The methods as subcommands, each made when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from tlsync.api.reference import methods

        return list(methods())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from tlsync.api.reference import methods

        method = methods().get(cmd_name)
        return None if method is None else _command(method)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from tlsync.cli.api_parameters import near

        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            hint = near(args[0], self.list_commands(ctx)) or " See tlsync api --list."
            raise click.UsageError(f"There is no method {printable(args[0])!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group("api", cls=MethodGroup, invoke_without_command=True, subcommand_metavar="METHOD [--PARAMETER VALUE …]")
@click.option("--list", "is_list", is_flag=True, help="List all methods; so does naming none.")
@click.option("--json", "is_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def command(context: click.Context, is_list: bool, is_json: bool) -> None:
    """Call any method of the platform's API; its answer is printed as JSON.

    For example: tlsync api indexes.list --page-limit 10. See tlsync api METHOD --help for the parameters.
    """
    if is_list and context.invoked_subcommand is not None:
        raise click.UsageError("--list stands without a METHOD.", context)
    if context.invoked_subcommand is None:
        _print_methods(is_json=is_json)


def _command(method: Method) -> click.Command:
    """The command that calls one method."""
    from tlsync.cli.api_help import about, notes
    from tlsync.cli.api_parameters import options_of, take_json_body

    def take(context: click.Context, _: click.Parameter, text: str | None) -> None:
        take_json_body(method, context, text)

    def call(**values: Any) -> int:
        _call(method, values)
        return 0

    needs_consent = method.deletes or method.costs_money
    common = [
        click.Option(
            ["--json-body"],
            metavar="JSON|@FILE|-",
            is_eager=True,
            expose_value=False,
            callback=take,
            help="Parameters as a JSON object, from a file with @, from standard input with -. Options win over it.",
        ),
        click.Option(["--yes", "is_agreed"], is_flag=True, hidden=not needs_consent, help="Do not ask."),
        click.Option(["--json", "is_json"], is_flag=True, help="Also errors as JSON; answers always are."),
    ]
    if _has_pages(method):
        common.insert(0, click.Option(["--all", "is_all"], is_flag=True, help="All pages, joined."))
    return click.Command(
        method.name,
        callback=call,
        params=[*options_of(method), *common],
        help=about(method),
        short_help=method.summary,
        epilog="\n\n".join(notes(method)),
    )


def _call(method: Method, values: dict[str, Any]) -> None:
    from tlsync.api import SearchPages
    from tlsync.api.types import SearchResults
    from tlsync.cli.api_output import LastAnswer, print_answer
    from tlsync.cli.api_parameters import arguments_of

    arguments = arguments_of(method, values)
    _ask(method, arguments, is_agreed=values["is_agreed"])
    settings = settings_of(click.get_current_context().ensure_object(GlobalOptions), may_be_missing=True)
    last = LastAnswer()
    with platform_client(settings, on_answer=last.take) as client:
        call = method.bind(client)
        answer = call(**arguments)
        if isinstance(answer, SearchResults):
            answer = SearchPages(answer, lambda token: call(**{**arguments, "page_token": token}))
        print_answer(answer, last, is_all=values.get("is_all", False))


def _ask(method: Method, arguments: dict[str, Any], *, is_agreed: bool) -> None:
    """Let a call that deletes or costs money pass only if somebody agrees to it."""
    if is_agreed or not (method.deletes or method.costs_money):
        return
    what = "deletes" if method.deletes else "costs money"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{method.name} {what}, and there is no terminal to ask on: add --yes if that is meant.")
    note(method.summary)
    if not click.confirm(f"{method.verb} {method.route.path(arguments)} {what}. Go on?", err=True):
        note("nothing was sent")
        raise click.exceptions.Exit(1)


def _has_pages(method: Method) -> bool:
    """Whether the answer is one page of a list."""
    from tlsync.api import Pages, SearchPages, UploadStatusPages
    from tlsync.api.types import SearchResults

    kind = method.signature.return_annotation
    return (typing.get_origin(kind) or kind) in (Pages, UploadStatusPages, SearchPages, SearchResults)


def _print_methods(*, is_json: bool) -> None:
    from tlsync.api.reference import methods
    from tlsync.cli.api_help import marks
    from tlsync.cli.api_parameters import describe, options_of

    if not is_json:
        rows = [
            (name, f"{method.verb} {method.template}", ", ".join(marks(method))) for name, method in methods().items()
        ]
        print_table(rows, header=("METHOD", "CALLS", ""))
        return
    described = [
        {
            "name": name,
            "verb": method.verb,
            "path": method.template,
            "summary": method.summary,
            "in_reference": method.in_reference,
            "deletes": method.deletes,
            "costs_money": method.costs_money,
            "lifetime": method.lifetime.value,
            "instead": method.instead or None,
            "parameters": [describe(option) for option in options_of(method)],
        }
        for name, method in methods().items()
    ]
    print_json({"v": 1, "methods": described})
