"""`arkwright cancel`, `hold`, `release`: what a user may do to jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import client_options, complete_job, connect, short_id
from arkwright.cli.show import many, paint, show_json

if TYPE_CHECKING:
    from arkwright.client import Client

_jobs = click.argument(
    "jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job
)


@click.command(short_help="End jobs")
@_jobs
@click.option("--reason", default="", help="Kept in the log.")
@client_options
def cancel(jobs: Sequence[str], reason: str, factory: str | None, is_json: bool) -> None:
    """End jobs: SIGTERM, then, after the job's grace, SIGKILL."""
    _change(jobs, factory, is_json, lambda client, job: client.cancel(job, reason=reason))


@click.command(short_help="Keep waiting jobs from starting")
@_jobs
@client_options
def hold(jobs: Sequence[str], factory: str | None, is_json: bool) -> None:
    """Keep waiting jobs from starting."""
    _change(jobs, factory, is_json, lambda client, job: client.hold(job))


@click.command(short_help="Let held jobs start")
@_jobs
@client_options
def release(jobs: Sequence[str], factory: str | None, is_json: bool) -> None:
    """Let held jobs start."""
    _change(jobs, factory, is_json, lambda client, job: client.release(job))


def _change(
    jobs: Sequence[str],
    factory: str | None,
    is_json: bool,
    action: Callable[[Client, str], dict[str, Any]],
) -> None:
    """Do it to every job that allows it; the others are named and the exit code is 2."""
    from arkwright.client import Refused

    changed, refused = [], 0
    with connect(factory) as client:
        for job in jobs:
            try:
                changed.append(action(client, job))
            except Refused as error:
                click.echo(f"arkwright: {error}", err=True)
                refused = error.exit_code
    if is_json and changed:
        show_json(changed[0] if len(jobs) == 1 else many("jobs", changed))
    elif not is_json:
        for job_now in changed:
            state = job_now["state"]
            click.echo(f"{short_id(job_now['id'])} {job_now['name']}: {paint(state, state)}")
    click.get_current_context().exit(refused)
