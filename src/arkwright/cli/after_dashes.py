"""A click command that keeps what follows `--` apart: the user's own command line."""

from __future__ import annotations

import click

_KEY = "arkwright.after_dashes"


class AfterDashes(click.Command):
    """Everything after the first `--` is the user's command; `command_after_dashes` gives it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cut at the first `--`, then parse what is before it as usual."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[_KEY] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


def command_after_dashes(ctx: click.Context) -> tuple[str, ...] | None:
    """The user's command, or None where there was no `--`; raises UsageError for nothing after."""
    command: tuple[str, ...] | None = ctx.meta.get(_KEY)
    if command == ():
        raise click.UsageError("there is no command after --", ctx)
    return command
