"""`arkwright down`: stop the server; its jobs go on unless they are to stop too."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import client_options
from arkwright.cli.show import API_VERSION, count, show_json
from arkwright.errors import ServerError

if TYPE_CHECKING:
    from arkwright.client import Client

STOP_S = 30.0
JOBS_S = 120.0
POLL_S = 0.1
PLACED = ("starting", "running", "stopping")


@click.command(short_help="Stop the server; jobs go on")
@click.option("--stop-jobs", is_flag=True, help="Cancel every job, waiting or running, first.")
@client_options
def down(stop_jobs: bool, factory: str | None, is_json: bool) -> None:
    """Stop the server. What runs goes on, and the next `arkwright up` adopts it."""
    from arkwright.cli import server_process
    from arkwright.client import locate

    if factory is None and (url := os.environ.get("ARKWRIGHT_URL")):
        raise click.UsageError(
            f"ARKWRIGHT_URL names {url}, and down stops servers of this machine only; "
            "unset it, or name the factory with --factory"
        )
    paths = locate(factory=factory)
    record = server_process.live(paths)
    if record is None:
        # Left behind by a server that was killed; nobody must take its pid for ours.
        paths.server_json.unlink(missing_ok=True)
        _show(f"factory {paths.factory}: no server is running", is_json, paths.factory, None)
        return
    going_on = _jobs(factory or paths.factory, stop_jobs)
    if not server_process.stop(record.pid, STOP_S):
        raise ServerError(
            f"the server of factory {paths.factory} (pid {record.pid}) does not stop within "
            f"{STOP_S:g} s; see {paths.server_log}, or end it with `kill -9 {record.pid}`: "
            "nothing that was accepted is lost"
        )
    # A server that was killed on its way out leaves its record; nobody must take it for a live one.
    paths.server_json.unlink(missing_ok=True)
    message = f"factory {paths.factory} is down"
    if going_on:
        verb, them = ("goes", "it") if going_on == 1 else ("go", "them")
        message += f"; {count(going_on, 'job')} {verb} on: the next `arkwright up` adopts {them}"
    _show(message, is_json, paths.factory, going_on)


def _jobs(factory: str, stop_jobs: bool) -> int | None:
    """How many jobs will go on running; None when the server cannot say."""
    from arkwright.client import Client

    try:
        with Client.discover(factory=factory) as client:
            if stop_jobs:
                _stop_jobs(client)
            return sum(1 for _ in client.jobs(states=PLACED))
    except ServerError:
        if stop_jobs:
            raise
        return None


def _stop_jobs(client: Client) -> None:
    """Cancel what waits before what runs, so that nothing starts on what is set free."""
    from arkwright.client import Refused

    jobs = list(client.jobs())
    for job in sorted(jobs, key=lambda job: job["state"] in PLACED):
        try:
            client.cancel(job["id"], reason="arkwright down --stop-jobs")
        except Refused as error:
            if error.status != 409:  # 409: it ended by itself meanwhile
                raise
    until = time.monotonic() + JOBS_S
    told = {job["id"] for job in jobs}
    while left := sum(job["id"] in told for job in client.jobs()):
        if time.monotonic() >= until:
            raise ServerError(
                f"{count(left, 'job')} did not stop within {JOBS_S:g} s, so the server stays; "
                "see `arkwright ps`"
            )
        time.sleep(POLL_S)


def _show(message: str, is_json: bool, factory: str, going_on: int | None) -> None:
    if not is_json:
        click.echo(message)
        return
    body: dict[str, Any] = {"api_version": API_VERSION, "kind": "down", "factory": factory}
    show_json(body | {"jobs_going_on": going_on})
