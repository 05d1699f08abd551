"""`arkwright nodes`: the nodes, and taking them out of service and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from arkwright.cli.connection import client_options, complete_node, connect, short_id
from arkwright.cli.show import gpus, moment, show_json, table

MIB_PER_GIB = 1024
_HEADERS = ("NODE", "STATE", "GPUS", "FREE", "TYPE", "CPUS", "MEMORY", "JOBS", "REASON")


@click.group(invoke_without_command=True, short_help="List nodes; drain or resume one")
@client_options
@click.pass_context
def nodes(ctx: click.Context, factory: str | None, is_json: bool) -> None:
    """List nodes with what is free on them; drain one, or resume it."""
    if ctx.invoked_subcommand is not None:
        return
    with connect(factory) as client:
        found = client.nodes()
    if is_json:
        show_json(found)
        return
    rows = [_row(node) for node in found["items"]]
    click.echo(table(_HEADERS, rows, right=("GPUS", "FREE", "CPUS", "MEMORY")))


@nodes.command()
@click.argument("path", metavar="NODE", shell_complete=complete_node)
@click.option("--reason", default="", help="Kept in the log and shown with the node.")
@client_options
def drain(path: str, reason: str, factory: str | None, is_json: bool) -> None:
    """Keep new work off a node; what runs on it goes on."""
    with connect(factory) as client:
        _show(client.drain(path, reason=reason), is_json)


@nodes.command()
@click.argument("path", metavar="NODE", shell_complete=complete_node)
@click.option("--reason", default="", help="Kept in the log.")
@client_options
def resume(path: str, reason: str, factory: str | None, is_json: bool) -> None:
    """Return a drained or lost node to service."""
    with connect(factory) as client:
        _show(client.resume(path, reason=reason), is_json)


def _show(node: Mapping[str, Any], is_json: bool) -> None:
    if is_json:
        show_json(node)
    else:
        click.echo(f"{node['path']}: {node['state']}")


def _row(node: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        node["path"],
        node["state"],
        gpus(node["gpus"], is_virtual=node["is_virtual"]),
        f"{node['gpus_free']:g}",
        node["gpu_type"],
        f"{node['cpus']:g}",
        f"{node['memory_mib'] / MIB_PER_GIB:.1f} GiB",
        ", ".join(short_id(job) for job in node["jobs"]),
        _reason(node),
    )


def _reason(node: Mapping[str, Any]) -> str:
    since_ms = node.get("unreachable_since_ms")
    away = f"out of reach since {moment(since_ms)}" if since_ms else ""
    return "; ".join(said for said in (away, node["reason"]) if said)
