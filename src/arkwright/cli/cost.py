"""`arkwright cost`: a job's receipt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from arkwright.cli.connection import client_options, connect, job_argument
from arkwright.cli.show import duration, gpus, paint, show_json, table

MS_PER_HOUR = 3_600_000


@click.command(short_help="Print a job's receipt")
@job_argument
@client_options
def cost(job: str, factory: str | None, is_json: bool) -> None:
    """Print a job's receipt: GPU-hours, energy, carbon, money, each with how it was obtained."""
    with connect(factory) as client:
        receipt = client.cost(job)
    if is_json:
        show_json(receipt)
        return
    show_receipt(receipt)


def show_receipt(receipt: Mapping[str, Any]) -> None:
    """A receipt as a person reads it."""
    state = receipt["state"]
    so_far = "" if receipt["is_final"] else ", so far"
    click.echo(f"receipt of {receipt['name']} ({receipt['job_id']}), {paint(state, state)}{so_far}")
    click.echo(f"for {receipt['user']}, project {receipt['project']}")
    click.echo("")
    rows = [(line["label"], amount(line), line["unit"], line["how"]) for line in receipt["lines"]]
    click.echo(table(("WHAT", "AMOUNT", "UNIT", "HOW IT WAS OBTAINED"), rows, right=("AMOUNT",)))
    if receipt["attempts"]:
        click.echo("")
        attempts = [
            _attempt(attempt, is_virtual=receipt["is_virtual"]) for attempt in receipt["attempts"]
        ]
        headers = ("ATTEMPT", "NODES", "GPUS", "TIME", "OUTCOME")
        click.echo(table(headers, attempts, right=("NODES", "GPUS", "TIME")))


def amount(line: Mapping[str, Any]) -> str:
    """A value with four significant digits, or that it is not known."""
    value = line["value"]
    if value is None:
        return "not known"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _attempt(attempt: Mapping[str, Any], *, is_virtual: bool) -> tuple[str, ...]:
    return (
        attempt["id"],
        str(attempt["nodes"]),
        gpus(attempt["gpus"], is_virtual=is_virtual),
        duration(attempt["hours"] * MS_PER_HOUR),
        attempt["outcome"],
    )
