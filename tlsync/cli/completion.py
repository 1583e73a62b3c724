"""`tlsync completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> int:
    """Print the completion script for a shell.

    bash: put it into ~/.local/share/bash-completion/completions/tlsync; zsh: into a file named _tlsync in a folder of
    $fpath; fish: into ~/.config/fish/completions/tlsync.fish. Then open a new shell.
    """
    from tlsync.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None, "click knows all of _SHELLS"
    # Its own `source` asks the bash of this machine for its version first; the script is the same.
    click.echo(ShellComplete.source(found(cli, {}, "tlsync", "_TLSYNC_COMPLETE")))
    return 0
