"""`arkwright plan`: the roll-out over years."""

from __future__ import annotations

import click

from arkwright.cli.plan_audit import audit


@click.group(short_help="Decide a roll-out over years; audit a declared one")
def plan() -> None:
    """Roll-out over years: what to build where and when, and whether a declared plan can be true."""


plan.add_command(audit)
