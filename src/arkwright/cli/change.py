"""`arkwright cancel`, `hold`, `release`: what a user may do to jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import client_options, complete_job, connect, short_id
from arkwright.cli.ps import counts
from arkwright.cli.show import many, paint, show_json

if TYPE_CHECKING:
    from arkwright.client import Client

_jobs = click.argument(
    "jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job
)


_all = click.option(
    "--all", "is_all", is_flag=True, help="Every job of that name, not only the newest."
)


@click.command(short_help="End jobs")
@_jobs
@_all
@click.option("--reason", default="", help="Kept in the log.")
@client_options
def cancel(
    jobs: Sequence[str], is_all: bool, reason: str, factory: str | None, is_json: bool
) -> None:
    """End jobs: SIGTERM, then, after the job's grace, SIGKILL.

    Of an array, JOB_3 is one task and 'JOB_[1-5]' some of them.
    """

    def end(client: Client, job: str) -> dict[str, Any]:
        return client.cancel(job, reason=reason)

    _change(jobs, factory, is_json, end, is_all=is_all)


@click.command(short_help="Keep waiting jobs from starting")
@_jobs
@_all
@client_options
def hold(jobs: Sequence[str], is_all: bool, factory: str | None, is_json: bool) -> None:
    """Keep waiting jobs from starting."""
    _change(jobs, factory, is_json, lambda client, job: client.hold(job), is_all=is_all)


@click.command(short_help="Let held jobs start")
@_jobs
@_all
@client_options
def release(jobs: Sequence[str], is_all: bool, factory: str | None, is_json: bool) -> None:
    """Let held jobs start."""
    _change(jobs, factory, is_json, lambda client, job: client.release(job), is_all=is_all)


def _every(client: Client, names: Sequence[str]) -> list[str]:
    """Ids of the active jobs of these names; what is no active job's name stays as it is."""
    found = {name: [name] for name in names}
    for job in client.jobs(arrays=True):
        ids = found.get(job["name"])
        if ids is not None:
            found[job["name"]] = [*(each for each in ids if each != job["name"]), job["id"]]
    return [job for ids in found.values() for job in ids]


def _change(
    jobs: Sequence[str],
    factory: str | None,
    is_json: bool,
    action: Callable[[Client, str], dict[str, Any]],
    *,
    is_all: bool,
) -> None:
    """Do it to every job that allows it; the others are named and the exit code is 2."""
    from arkwright.client import Refused

    changed, refused = [], 0
    with connect(factory) as client:
        for job in _every(client, jobs) if is_all else jobs:
            try:
                changed.append(action(client, job))
            except Refused as error:
                click.echo(f"arkwright: {error}", err=True)
                refused = error.exit_code
    if is_json and changed:
        show_json(changed[0] if len(jobs) == 1 else many("jobs", changed))
    elif not is_json:
        for job_now in changed:
            state, array = job_now["state"], job_now.get("array")
            tasks = f" ({counts(array)})" if array else ""
            name = f"{short_id(job_now['id'])} {job_now['name']}"
            click.echo(f"{name}: {paint(state, state)}{tasks}")
    click.get_current_context().exit(refused)
