"""The command `arkwright`: its verbs, loaded when used, and how errors become exit codes."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence

import click

from arkwright import __version__
from arkwright.errors import ArkwrightError

VERBS: dict[str, str] = {
    "check": "arkwright.cli.check:check",
    "design": "arkwright.cli.design:design",
    "fabric": "arkwright.cli.fabric:fabric",
    "report": "arkwright.cli.report:report",
    "plan": "arkwright.cli.plan:plan",
    "simulate": "arkwright.cli.simulate:simulate",
    "export": "arkwright.cli.export:export",
    "import": "arkwright.cli.import_file:import_file",
    "up": "arkwright.cli.up:up",
    "down": "arkwright.cli.down:down",
    "submit": "arkwright.cli.submit:submit",
    "exec": "arkwright.cli.execute:execute",
    "ps": "arkwright.cli.ps:ps",
    "why": "arkwright.cli.why:why",
    "when": "arkwright.cli.when:when",
    "whatif": "arkwright.cli.whatif:whatif",
    "replay": "arkwright.cli.replay:replay",
    "drift": "arkwright.cli.drift:drift",
    "observe": "arkwright.cli.observe:observe",
    "logs": "arkwright.cli.logs:logs",
    "cancel": "arkwright.cli.change:cancel",
    "hold": "arkwright.cli.change:hold",
    "release": "arkwright.cli.change:release",
    "nodes": "arkwright.cli.nodes:nodes",
    "power": "arkwright.cli.power:power",
    "quota": "arkwright.cli.quota:quota",
    "reserve": "arkwright.cli.reserve:reserve",
    "events": "arkwright.cli.events:events",
    "cost": "arkwright.cli.cost:cost",
    "admin": "arkwright.cli.admin:admin",
    "demo": "arkwright.cli.demo:demo",
    "slurm": "arkwright.cli.slurm:slurm",
    "completion": "arkwright.cli.completion:completion",
}
"""Verb → module and name of its click command, in the order `--help` shows them."""

NOT_YET = (
    *("estimate", "fit"),
    *("top",),
)
"""Verbs that are planned; asked for, they say so."""

INTERRUPTED = 130
"""What a shell gives for a program ended by Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors go to stderr, in one sentence."""
    try:
        result = cli.main(
            args=None if argv is None else list(argv),
            prog_name="arkwright",
            standalone_mode=False,
        )
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.UsageError as error:
        name = error.ctx.command_path if error.ctx else "arkwright"
        message = error.format_message().rstrip(".?")
        click.echo(f"{name}: {message}; see `{name} --help`", err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"arkwright: {error.format_message()}", err=True)
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except ArkwrightError as error:
        click.echo(f"arkwright: {error}", err=True)
        return error.exit_code
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"arkwright: {place}{error.strerror or error}", err=True)
        return 1
    return result if isinstance(result, int) else 0


class LazyGroup(click.Group):
    """A group that imports a verb's module when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in table order."""
        return [verb for verb in VERBS if self.get_command(ctx, verb) is not None]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a verb that does not exist is answered with the nearest that does."""
        verb = args[0]
        if verb in NOT_YET:
            raise click.UsageError(f"not yet: {verb} is planned and not there", ctx)
        if verb not in VERBS and not verb.startswith("-"):
            near = difflib.get_close_matches(verb, VERBS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"there is no verb {verb!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command; None where there is no such verb."""
        target = VERBS.get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        command = getattr(importlib.import_module(module), name, None)
        return command if isinstance(command, click.Command) else None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="arkwright %(version)s")
def cli() -> None:
    """Design, simulate, plan and run an AI factory from one file.

    A job is named by its id, the end of its id, or its name (the newest job of that name).
    Exit codes: 0 done, 1 failure, 2 wrong input; with --wait also 100 job failed, 101 not
    finished, 102 not found, 103 cancelled.
    """
