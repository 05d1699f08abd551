"""`arkwright ps`: the jobs."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import client_options, connect, short_id
from arkwright.cli.show import age, gpus, many, show_json, show_json_line, table

if TYPE_CHECKING:
    from arkwright.client import Client

WATCH_S = 1.0
_HEADERS = ("ID", "NAME", "PROJECT", "STATE", "NODES", "GPUS", "ATTEMPT", "AGE", "REASON")
INDICES_MAX = 16
_CLEAR = "\x1b[H\x1b[2J"


@click.command(short_help="List jobs")
@click.option("-a", "--all", "is_all", is_flag=True, help="Also jobs that are over.")
@click.option("--state", "states", multiple=True, metavar="STATE", help="Only these; repeatable.")
@click.option("--tasks", "is_by_task", is_flag=True, help="Each task of an array by itself.")
@click.option("-w", "--watch", "is_watching", is_flag=True, help="Again every second.")
@client_options
def ps(
    is_all: bool,
    states: Sequence[str],
    is_by_task: bool,
    is_watching: bool,
    factory: str | None,
    is_json: bool,
) -> None:
    """List jobs in order of submission: those that wait or run, or --all.

    The tasks of an array are one line, which counts them by state.
    """
    wanted = [part for state in states for part in state.split(",") if part]
    with connect(factory) as client:
        while True:
            jobs = list(client.jobs(is_all=is_all, states=wanted, arrays=not is_by_task))
            if is_json:
                (show_json_line if is_watching else show_json)(many("jobs", jobs))
            else:
                _show(client, jobs, is_watching)
            if not is_watching:
                return
            time.sleep(WATCH_S)


def _show(client: Client, jobs: Sequence[Mapping[str, Any]], is_watching: bool) -> None:
    if is_watching and sys.stdout.isatty():
        click.echo(_CLEAR, nl=False)
    if not jobs:
        click.echo("no jobs" if is_watching else "no jobs; `arkwright ps --all` shows old ones")
        return
    sites = client.factory()["sites"]
    # A waiting job has no site yet: its GPUs are surely virtual only where all of them are.
    is_virtual = all(site["is_virtual"] for site in sites)
    now_ms = int(time.time() * 1000)
    rows = [_row(job, now_ms, is_virtual) for job in jobs]
    click.echo(table(_HEADERS, rows, right=("NODES", "GPUS", "ATTEMPT", "AGE")))


def _row(job: Mapping[str, Any], now_ms: int, is_virtual: bool) -> tuple[str, ...]:
    array = job.get("array")
    return (
        short_id(job["id"]) + (f"_[{bounded(array)}]" if array else ""),
        job["name"],
        job["project"],
        job["state"],
        str(job["nodes"]),
        gpus(job["gpus"], is_virtual=is_virtual),
        str(job["attempt"]),
        age(now_ms - job["submit_ms"]),
        _reason(job, now_ms),
    )


def _reason(job: Mapping[str, Any], now_ms: int) -> str:
    """What there is to say: of an array its counts, then why, then that nobody sees it now."""
    array, since_ms = job.get("array"), job.get("unreachable_since_ms")
    said = [counts(array)] if array else []
    said += [job["reason"]] if job["reason"] else []
    said += [f"its site is out of reach for {age(now_ms - since_ms)}"] if since_ms else []
    return "; ".join(said)


def counts(array: Mapping[str, Any]) -> str:
    """How many tasks are in each state."""
    return ", ".join(f"{count} {state}" for state, count in array["states"].items())


def bounded(array: Mapping[str, Any]) -> str:
    """Indices of an array and its bound, cut where they are many."""
    indices = str(array["indices"])
    shown = indices if len(indices) <= INDICES_MAX else indices[: INDICES_MAX - 1] + "…"
    return shown + (f"%{array['at_once']}" if array["at_once"] else "")
