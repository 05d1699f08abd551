"""`arkwright events`: the log, from which everything else follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from arkwright.cli.connection import client_options, complete_job, connect
from arkwright.cli.show import many, moment, paint, show_json, show_json_line

RECENT = 100


@click.command(short_help="Print the event log")
@click.argument("job", required=False, metavar="[JOB]", shell_complete=complete_job)
@click.option("-f", "--follow", "is_following", is_flag=True, help="Go on as it is written.")
@click.option(
    "--after",
    type=click.IntRange(min=0),
    metavar="SEQ",
    help=f"After this number; default the last {RECENT}, or all of one job.",
)
@client_options
def events(
    job: str | None, is_following: bool, after: int | None, factory: str | None, is_json: bool
) -> None:
    """Print the event log, of everything or of one job.

    With -f it never ends, and goes on where it was when the server has restarted. With -f --json
    it prints one event on each line.
    """
    with connect(factory) as client:
        if after is None:
            after = 0 if job else max(0, int(client.factory()["last_seq"]) - RECENT)
        found = client.events(job=job, after=after, watch=is_following)
        if is_json and not is_following:
            show_json(many("events", list(found)))
            return
        for event in found:
            if is_json:
                show_json_line(event)
            else:
                click.echo(_line(event))


def _line(event: Mapping[str, Any]) -> str:
    before, after = event["before"].get("state"), event["after"].get("state")
    change = ""
    if after:
        change = f"  {before} → {paint(after, after)}" if before else f"  → {paint(after, after)}"
    return (
        f"{event['seq']:>6}  {moment(event['at_ms'])}  {event['kind']:<18}  {event['subject']}"
        f"{change}  by {event['actor']}: {event['cause']}"
    )
