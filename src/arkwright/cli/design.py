"""`arkwright design`: what a factory file becomes."""

from __future__ import annotations

from pathlib import Path

import click

from arkwright.cli.connection import json_option
from arkwright.cli.show import API_VERSION, show_json, table


@click.command(short_help="Show what a factory file becomes: racks, power, topology")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def design(file: Path, is_json: bool) -> None:
    """Turn a factory file into halls, racks, nodes, topology and power.

    Every figure names its basis, and everything assumed its source.
    """
    from arkwright import design as room
    from arkwright import factory

    plan = room.blueprint(factory.load(file))
    if is_json:
        import msgspec

        built = msgspec.to_builtins(plan)
        show_json({"api_version": API_VERSION, "kind": "blueprint"} | built)
        return
    rows = [(line.label, line.value, line.basis) for line in room.summary(plan)]
    # Labels are indented by depth, so the table keeps its first column as it is.
    click.echo(table(("WHAT", "VALUE", "BASIS OR SOURCE"), rows))
    for finding in plan.findings:
        source = f" ({finding.source})" if finding.source else ""
        click.echo(f"{finding.severity.value}: {finding.where}: {finding.text}{source}")
