"""`arkwright when`: when a job starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from arkwright.cli.connection import client_options, complete_job, connect
from arkwright.cli.forecast_text import band, basis, by_deadline, change_text, instant, sentence
from arkwright.cli.show import paint, show_json, table

_HEADERS = ("START", "CHANGE")


@click.command(short_help="When a job starts, or would")
@click.argument("job", metavar="JOB | FILE", shell_complete=complete_job)
@click.option("--next", "is_next", is_flag=True, help="Also what it could ask to start sooner.")
@client_options
def when(job: str, is_next: bool, factory: str | None, is_json: bool) -> None:
    """Say when a job starts, with a band; of a job FILE, when it would if submitted now.

    The live scheduler is run forward on a copy, each job lasting what finished jobs of its kind
    did. Jobs that are submitted later are not guessed.
    """
    spec = _spec(job)
    if spec is not None and is_next:
        raise click.UsageError("--next goes with a job that is submitted; a FILE is not")
    with connect(factory) as client:
        found = client.when(job, alternatives=is_next) if spec is None else client.when_new(spec)
    if is_json:
        show_json(found)
        return
    show_forecast(found)


def _spec(name: str) -> dict[str, Any] | None:
    """The job in the file, where there is one of that name; a directory is none."""
    if not Path(name).is_file():
        return None
    from arkwright.cli.job_file import checked, from_file
    from arkwright.cli.submit import with_begin, with_default_project

    return checked(with_begin(with_default_project(from_file(name).spec)))


def show_forecast(found: Mapping[str, Any]) -> None:
    """When a job starts, and what it could ask to start sooner, as a person reads it."""
    forecast = found["forecast"]
    state = forecast["state"]
    click.echo(f"{found['job_id'] or found['name']}: {paint(state, state)}")
    click.echo(f"  {sentence(forecast)}")
    if state != "active":
        for line in (band(forecast), basis(forecast), by_deadline(forecast)):
            if line:
                click.echo(f"  {line}")
    rows = [
        (instant(one["start_ms"], forecast["now_ms"]), change_text(one["change"]))
        for one in found["alternatives"]
    ]
    if rows:
        click.echo("")
        click.echo(table(_HEADERS, rows))
