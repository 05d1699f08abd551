"""`arkwright completion`: the script that lets a shell complete verbs, options, jobs and nodes."""

from __future__ import annotations

import click

VARIABLE = "_ARKWRIGHT_COMPLETE"
"""The variable through which the shell asks; click's rule for a program named `arkwright`."""


@click.command(short_help="Print the completion script of a shell")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash  eval "$(arkwright completion bash)"           in ~/.bashrc
    zsh   eval "$(arkwright completion zsh)"            in ~/.zshrc
    fish  arkwright completion fish | source            in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "the choices are click's own shells"
    script = kind(ctx.find_root().command, {}, "arkwright", VARIABLE)
    click.echo(script.source_template % script.source_vars())
