"""`scancel`, answered by Arkwright."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import connect
from arkwright.cli.slurm.states import job_state, wanted_states
from arkwright.cli.slurm.words import SlurmCommand, listed, read, table
from arkwright.errors import InputError

if TYPE_CHECKING:
    from arkwright.client import Client

OPTIONS = table(
    "scancel",
    "account/A jobname/n name partition/p qos/q reservation/R signal/s state/t user/u wckey "
    "nodelist/w clusters/M",
    "batch/b ctld full/f hurry/H interactive/i me quiet/Q verbose/v help usage",
)
_REFUSED = {
    "signal": "signals are sent by `arkwright exec JOB -- kill …`, or asked for with --signal",
    "batch": "only whole jobs are ended",
    "interactive": "leave -i out: nothing is asked back",
}


@click.command(cls=SlurmCommand, short_help="End jobs")
@click.pass_context
def scancel(ctx: click.Context, /, words: Sequence[str] = ()) -> None:
    """End jobs: scancel JOB..., or all that -u USER, -n NAME, -t STATE choose among active ones."""
    options, jobs = read(words, OPTIONS)
    for name, advice in _REFUSED.items():
        if name in options:
            raise InputError(f"scancel: --{name}: {advice}")
    from arkwright.client import Refused

    code = 0
    with connect(None) as client:
        ids = [part for job in jobs for part in listed(job)]
        if not ids:
            ids = _chosen(client, options)
        for job_id in ids:
            try:
                client.cancel(job_id)
            except Refused as error:
                if "quiet" not in options:
                    text = f"scancel: error: Kill job error on job id {job_id}: {error}"
                    click.echo(text, err=True)
                code = 1
    ctx.exit(code)


def _chosen(client: Client, options: Mapping[str, str]) -> list[str]:
    """Ids of the active jobs that every option given fits."""
    choosing = {"account", "jobname", "name", "partition", "state", "user", "me"} & set(options)
    if not choosing:
        raise InputError("scancel: name jobs, or choose them with -u, -n, -t, -A or --me")
    try:
        states = wanted_states(options.get("state", ""))
    except ValueError as error:
        raise InputError(f"scancel: {error}") from None
    users = {*listed(options.get("user")), *([os.environ.get("USER", "")] * ("me" in options))}
    names = {*listed(options.get("jobname")), *listed(options.get("name"))}
    projects = set(listed(options.get("account")))
    jobs = list(client.jobs())
    if "me" in options and len({job["user"] for job in jobs}) == 1:
        users = set()  # whoever is alone here is "me", whatever the machine calls him

    def fits(job: Mapping[str, Any]) -> bool:
        return (
            (not users or job["user"] in users)
            and (not names or job["name"] in names)
            and (not projects or job["project"] in projects)
            and (not states or job_state(job)[0] in states)
        )

    return [str(job["id"]) for job in jobs if fits(job)]
