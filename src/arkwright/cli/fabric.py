"""`arkwright fabric`: a calculator for network engineers, and an auditor of published tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from arkwright.cli.connection import json_option
from arkwright.cli.show import API_VERSION, count, many, show_json, table


@click.command(short_help="Switches and cables of a fabric; or audit a published table")
@click.option("--nodes", type=click.IntRange(min=1), help="Nodes to connect.")
@click.option("--nics-per-node", type=click.IntRange(min=1), help="NICs of a node in this fabric.")
@click.option("--radix", type=click.IntRange(min=4), help="Ports of a switch at one plane's speed.")
@click.option("--planes", type=click.IntRange(min=1), help="Planes; each NIC has a port in each.")
@click.option(
    "--oversubscription",
    type=click.FloatRange(min=1),
    default=1.0,
    show_default=True,
    help="Most bandwidth into a leaf over bandwidth out of it.",
)
@click.option(
    "--audit",
    "table_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="TABLE.csv",
    help="Check somebody's table of fabrics instead.",
)
@json_option
def fabric(
    nodes: int | None,
    nics_per_node: int | None,
    radix: int | None,
    planes: int | None,
    oversubscription: float,
    table_file: Path | None,
    is_json: bool,
) -> int:
    """Size a rail-optimised leaf-spine fabric of one, two or three tiers.

    Counts follow from the wiring alone: every NIC of one place on its rail, every leaf evenly on
    every spine. With --audit, rows of TABLE.csv (columns nodes, leaf, spine; also su, gpus, core,
    cables_node_leaf, cables_leaf_spine, cables_spine_core, radix, planes) are checked against
    conservation and against that rule; exit code 1 when something is misprinted.
    """
    if table_file is not None:
        if nodes is not None:
            raise click.UsageError("--audit checks a table: leave --nodes out")
        return _audit(table_file, nics_per_node, radix, planes or 1, oversubscription, is_json)
    missing = [
        name
        for name, value in (("nodes", nodes), ("nics-per-node", nics_per_node), ("radix", radix))
        if value is None
    ]
    if nodes is None or nics_per_node is None or radix is None:
        raise click.UsageError(f"missing {', '.join(f'--{name}' for name in missing)}")
    from arkwright.design.fabric import Ask, size

    ask = Ask(
        nodes=nodes,
        nics_per_node=nics_per_node,
        radix=radix,
        planes=planes or 1,
        oversubscription=oversubscription,
    )
    built = size(ask)
    if is_json:
        import msgspec

        found = msgspec.to_builtins(built)
        show_json({"api_version": API_VERSION, "kind": "fabric"} | found)
    else:
        click.echo(_in_words(ask, built))
    return 0


def _in_words(ask: Any, built: Any) -> str:
    cables = built.cables
    rows = [("leaf", f"{built.leaf:,}", f"{cables.node_leaf:,}", "node to leaf")]
    if built.tiers > 1:
        rows.append(("spine", f"{built.spine:,}", f"{cables.leaf_spine:,}", "leaf to spine"))
    if built.tiers > 2:
        rows.append(("core", f"{built.core:,}", f"{cables.spine_core:,}", "spine to core"))
    switches = "1 switch" if built.switches == 1 else f"{built.switches:,} switches"
    lines = [
        f"{count(built.tiers, 'tier')}, {count(built.planes, 'plane')}, {switches}",
        table(("TIER", "SWITCHES", "CABLES", "FROM AND TO"), rows, right=("SWITCHES", "CABLES")),
    ]
    if built.tiers > 1:
        lines.append(
            f"a leaf: {built.leaf_ports_down} ports down, {built.leaf_ports_up} up "
            f"({built.oversubscription:.4g} : 1); "
            f"{built.nodes_per_group} nodes share their leaves; "
            f"room for {built.ports_down_free // ask.planes // ask.nics_per_node:,} more nodes"
        )
    return "\n".join(lines)


def _audit(
    file: Path,
    nics_per_node: int | None,
    radix: int | None,
    planes: int,
    oversubscription: float,
    is_json: bool,
) -> int:
    from arkwright.design.fabric import Defaults, audit, published_rows

    rows = published_rows(file.read_text(encoding="utf-8-sig"), file.name)
    defaults = Defaults(
        nics_per_node=nics_per_node,
        radix=radix,
        planes=planes,
        oversubscription=oversubscription,
    )
    findings = audit(rows, defaults)
    wrong = [finding for finding in findings if finding.severity.value == "misprint"]
    if is_json:
        import msgspec

        show_json(many("fabric_audit", [msgspec.to_builtins(finding) for finding in findings]))
        return 1 if wrong else 0
    for found in findings:
        place = f"{file.name}:{found.line}: {found.row}"
        fix = f"; {found.fix}" if found in wrong else ""
        click.echo(f"{found.severity.value} {found.rule.value}: {place}: {found.text}{fix}")
    click.echo(f"{count(len(rows), 'row')}: {count(len(wrong), 'misprint')}")
    return 1 if wrong else 0
