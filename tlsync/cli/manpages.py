"""Man pages made from the help of the commands. Pure: commands in, texts out."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tlsync.cli.roff import bold, entry, escaped, example, macro, paragraphs

EXIT_CODES = {
    0: "fine",
    1: "failed",
    2: "usage, or a mistake in the settings",
    3: "some files failed (or a file named on the command line was not taken, or a folder was away)",
    4: "not found",
    5: "temporary; trying again may help",
    6: "no key, or it is refused",
    7: "account or quota",
    8: "a cap of the settings was reached",
    11: "the service is not running",
    12: "another tlsync works with the same state folder",
    130: "interrupted",
}
_ENVIRONMENT = {
    "TWELVE_LABS_API_KEY, TWELVELABS_API_KEY": "The API key. Else it is taken from the key file of the settings, or"
    " from where tlsync auth login kept it.",
    "TWELVELABS_BASE_URL": "The address of the platform; wins over the settings.",
    "TLSYNC_CONFIG": "The settings file, where --config names none.",
    "TLSYNC_STATE_DIR": "The state folder; wins over the settings.",
    "NO_COLOR": "If it is set, nothing is printed in colour.",
}
_FILES = {
    "~/.config/tlsync/config.toml": "The settings; on macOS in ~/Library/Application Support/tlsync.",
    "~/.local/share/tlsync/": "The state folder: the catalog, the lock, sidecars of read-only folders, the log.",
    "clip.mp4.tlsync.json": "The sidecar of clip.mp4, beside it.",
    ".tlsyncignore": "In any watched folder: patterns of what is not taken, as in .gitignore.",
}
_MOST_SUBCOMMANDS = 20
"""A group with more of them gets a list instead of a section for each."""


def pages(cli: click.Group, version: str, date: str) -> dict[str, str]:
    """All pages by the names of their files: `tlsync.1`, `tlsync-sync.1`, …"""
    top = click.Context(cli, info_name="tlsync", **cli.context_settings)
    commands = dict(_subcommands(cli, top))
    found = {"tlsync.1": _page(cli, top, "tlsync", version, date, _overview(commands, cli, top))}
    for name, command in commands.items():
        context = click.Context(command, info_name=name, parent=top)
        found[f"tlsync-{name}.1"] = _page(command, context, f"tlsync-{name}", version, date, _details(command, context))
    return found


def _page(
    command: click.Command, context: click.Context, title: str, version: str, date: str, middle: list[str]
) -> str:
    summary = command.get_short_help_str(200).rstrip(".")
    lines = [
        '.\\" Made by tlsync man from the help of the commands.',
        f'{macro("TH", title.upper(), "1")} "{date}" {macro("", f"tlsync {version}", "tlsync")[2:]}',
        ".SH NAME",
        f"{escaped(title)} \\- {escaped(summary[:1].lower() + summary[1:])}",
        ".SH SYNOPSIS",
        _synopsis(command, context),
        ".SH DESCRIPTION",
        *paragraphs(_help(command)),
        ".SH OPTIONS",
        *_options(command, context),
        *middle,
        ".SH EXIT STATUS",
        *(line for code, text in EXIT_CODES.items() for line in entry(str(code), text)),
    ]
    is_top = context.parent is None
    if is_top:
        lines += [".SH ENVIRONMENT", *(line for name, text in _ENVIRONMENT.items() for line in entry(name, text))]
        lines += [".SH FILES", *(line for name, text in _FILES.items() for line in entry(name, text))]
    else:
        lines += [".SH ENVIRONMENT AND FILES", "See", macro("BR", "tlsync", "(1).")]
    return "\n".join([*lines, *_see_also(command, context)]) + "\n"


def _overview(commands: dict[str, click.Command], cli: click.Group, context: click.Context) -> list[str]:
    """The commands, on the page of the program."""
    lines = [".SH COMMANDS"]
    for name, command in commands.items():
        lines += [".TP", f"{bold(name)}", escaped(command.get_short_help_str(200))]
    return lines


def _details(command: click.Command, context: click.Context) -> list[str]:
    """Subcommands and examples, on the page of a command."""
    lines: list[str] = []
    examples = _examples(command)
    subcommands = list(_subcommands(command, context))
    if subcommands:
        lines.append(".SH COMMANDS")
    for name, below in subcommands:
        if len(subcommands) > _MOST_SUBCOMMANDS:
            lines += entry(name, below.get_short_help_str(200))
            continue
        below_context = click.Context(below, info_name=name, parent=context)
        lines += [macro("SS", below_context.command_path), _synopsis(below, below_context), ".PP"]
        lines += [*paragraphs(_help(below)), *_options(below, below_context, is_whole=False)]
        examples += _examples(below)
    if examples:
        lines += [".SH EXAMPLES", *example(examples)]
    return lines


def _subcommands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield name, below


def _synopsis(command: click.Command, context: click.Context) -> str:
    pieces = " ".join(command.collect_usage_pieces(context))
    return f"{bold(context.command_path)} {escaped(pieces)}"


def _options(command: click.Command, context: click.Context, *, is_whole: bool = True) -> list[str]:
    """The options; not whole: without --help, which all have."""
    lines: list[str] = []
    for parameter in command.get_params(context) if is_whole else command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            lines += entry(*record)
    return lines


def _help(command: click.Command) -> str:
    return (command.help or "").replace("\f", "")


def _examples(command: click.Command) -> list[str]:
    """Commands at the end of a help: the indented lines."""
    return [line.strip() for line in (command.epilog or "").splitlines() if line.startswith("  ")]


def _see_also(command: click.Command, context: click.Context) -> list[str]:
    top = context.find_root().command
    assert isinstance(top, click.Group)
    names = ["tlsync", *(f"tlsync-{name}" for name in top.list_commands(context.find_root()))]
    others = [name for name in names if name != "-".join(context.command_path.split())]
    return [
        ".SH SEE ALSO",
        *(macro("BR", name, "(1)," if name != others[-1] else "(1)") for name in others),
    ]
