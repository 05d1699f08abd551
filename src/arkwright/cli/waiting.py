"""`--wait`: from jobs that are over, or not, to an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.ps import counts
from arkwright.cli.show import duration, many, paint, show_json
from arkwright.errors import ServerError

if TYPE_CHECKING:
    from arkwright.client import Client

FAILED, NOT_FINISHED, NOT_FOUND, CANCELLED = 100, 101, 102, 103


def wait_for(
    client: Client,
    ids: Sequence[str],
    timeout_s: float | None,
    *,
    said: str | None = None,
    is_json: bool = False,
) -> int:
    """Wait for every job, say how each ended, and return the exit code of the worst.

    `said` is printed first, here, so that from its first letter on Ctrl-C means "stop waiting".
    """
    from arkwright.client import Refused

    until = None if timeout_s is None else monotonic() + timeout_s
    jobs: list[dict[str, Any]] = []
    code = 0
    try:
        if said is not None:
            click.echo(said)
        for job_id in ids:
            left_s = None if until is None else max(0.0, until - monotonic())
            jobs.append(client.wait(job_id, timeout_s=left_s))
            if not is_json:
                click.echo(_ended(jobs[-1]))
    except KeyboardInterrupt:
        click.echo("arkwright: stopped waiting; what was submitted goes on", err=True)
        code = NOT_FINISHED
    except Refused as error:
        if error.status != 404:
            raise
        click.echo(f"arkwright: {error}", err=True)
        code = NOT_FOUND
    except ServerError as error:
        click.echo(f"arkwright: {error}; what was submitted is stored", err=True)
        code = NOT_FINISHED
    if is_json and jobs:
        show_json(jobs[0] if len(ids) == 1 else many("jobs", jobs))
    return code or exit_code([str(job["state"]) for job in jobs])


def exit_code(states: Sequence[str]) -> int:
    """0 when all succeeded; else failed before not finished before cancelled."""
    if "failed" in states:
        return FAILED
    if any(state not in ("succeeded", "cancelled") for state in states):
        return NOT_FINISHED
    return CANCELLED if "cancelled" in states else 0


def _ended(job: dict[str, Any]) -> str:
    state = paint(job["state"], job["state"])
    if job["end_ms"] is None:
        return f"{job['id']} is {state}: not finished"
    spent = duration(job["end_ms"] - job["submit_ms"])
    code = f", exit code {job['exit_code']}" if job["exit_code"] else ""
    reason = f": {job['reason']}" if job["state"] != "succeeded" and job["reason"] else ""
    array = job.get("array")
    tasks = f" ({counts(array)})" if array else ""
    return f"{job['id']} {state}{tasks} after {spent}{code}{reason}"
