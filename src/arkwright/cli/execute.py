"""`arkwright exec`: a command beside a running job."""

from __future__ import annotations

import click

from arkwright.cli.after_dashes import AfterDashes, command_after_dashes
from arkwright.cli.connection import client_options, complete_job, connect
from arkwright.cli.show import show_json


@click.command("exec", cls=AfterDashes, short_help="Run a command beside a running job")
@click.argument("job", nargs=-1, metavar="JOB -- COMMAND ...", shell_complete=complete_job)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, max=600, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="The command is stopped after this.",
)
@client_options
@click.pass_context
def execute(
    ctx: click.Context, job: tuple[str, ...], timeout: float, factory: str | None, is_json: bool
) -> None:
    """Run a command beside a running job, on its first node, in its environment.

    Its output is shown when it has ended, at most 1 MiB of it; it has no input. Exits with the
    command's exit code, 124 when it was stopped at --timeout.
    """
    command = command_after_dashes(ctx)
    if not job:
        raise click.UsageError("name the job: JOB -- COMMAND", ctx)
    if command is None or len(job) > 1:
        said = " ".join(job[1:]) or "COMMAND"
        raise click.UsageError(f"put -- before the command: {job[0]} -- {said}", ctx)
    with connect(factory) as client:
        result = client.execute(job[0], command, timeout_s=timeout)
    if is_json:
        show_json(result)
    else:
        click.echo(result["output"], nl=False)
        if result.get("is_cut"):
            click.echo("arkwright: the output was longer: only its first MiB is shown", err=True)
        if result.get("is_timed_out"):
            click.echo(f"arkwright: the command was stopped after {timeout:g} s", err=True)
    ctx.exit(int(result["exit_code"]) & 255)
