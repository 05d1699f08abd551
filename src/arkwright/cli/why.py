"""`arkwright why`: what a job waits for."""

from __future__ import annotations

from pathlib import Path

import click

from arkwright.cli.connection import client_options, connect, job_argument
from arkwright.cli.show import paint, show_json


@click.command(short_help="Why a job waits, and what would start it")
@job_argument
@click.option(
    "--save",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the scheduler's state, for `arkwright replay FILE`; owners only.",
)
@client_options
def why(job: str, save: Path | None, factory: str | None, is_json: bool) -> None:
    """Say why a job waits, with numbers, and the smallest change that would start it."""
    with connect(factory) as client:
        found = client.why(job)
        if save is not None:
            save.write_bytes(client.snapshot(found["job_id"]))
            click.echo(f"saved to {save}: arkwright replay {save}", err=True)
    if is_json:
        show_json(found)
        return
    reason, state = found["reason"], found["state"]
    click.echo(f"{found['job_id']}: {paint(state, state)} [{reason['code']}]")
    click.echo(f"  {reason['message']}")
    if reason["change"]:
        click.echo(f"  smallest change: {reason['change']}")
