"""`sinfo`, answered by Arkwright: a partition is a site."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from arkwright.cli.connection import connect
from arkwright.cli.slurm.layout import Column, Field, columns_of, shown
from arkwright.cli.slurm.states import node_state
from arkwright.cli.slurm.words import SlurmCommand, listed, read, said, table
from arkwright.errors import InputError
from arkwright.hostlist import expand, hostlist

OPTIONS = table(
    "sinfo",
    "format/o Format/O nodes/n partition/p sort/S states/t iterate/i clusters/M",
    "all/a dead/d exact/e noheader/h hide long/l Node/N responding/r list-reasons/R summarize/s "
    "reservation/T verbose/v help usage",
)
BY_PARTITION = "%9P %.5a %.10l %.6D %.6t %N"
BY_PARTITION_LONG = "%9P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %N"
BY_NODE = "%N %.6D %.9P %6t"
BY_NODE_LONG = "%N %.6D %.9P %.11T %.4c %.8m %.8d %.6w %.8f %20E"
REASONS = "%20E %9u %19H %N"
SUMMARY = "%9P %.5a %.10l %.16F %N"


@click.command(cls=SlurmCommand, short_help="List nodes by site and state")
def sinfo(words: Sequence[str] = ()) -> None:
    """List nodes by partition (here: site) and state: sinfo [-N] [-o FORMAT] [-h] [-p SITE]."""
    options, rest = read(words, OPTIONS)
    if rest:
        raise InputError(f"sinfo: {rest[0]}: give nodes with -n, partitions with -p")
    if "Format" in options:
        raise InputError("sinfo: --Format is not known here; use -o, for example '%P %D %t %N'")
    columns = columns_of(options.get("format") or os.environ.get("SINFO_FORMAT") or _form(options))
    with connect(None) as client:
        nodes = [_node(node) for node in client.nodes()["items"]]
    rows = _grouped(_wanted(nodes, options), columns, is_by_node="Node" in options)
    for line in shown(rows, columns, FIELDS, head="noheader" not in options):
        click.echo(line)


def _form(options: Mapping[str, str]) -> str:
    is_long = "long" in options
    if "list-reasons" in options:
        return REASONS
    if "summarize" in options:
        return SUMMARY
    if "Node" in options:
        return BY_NODE_LONG if is_long else BY_NODE
    return BY_PARTITION_LONG if is_long else BY_PARTITION


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    short, long = node_state(node)
    name = str(node["path"]).rpartition("/")[2]
    return {**node, "name": name, "short": short, "long": long}


def _wanted(nodes: Sequence[dict[str, Any]], options: Mapping[str, str]) -> list[dict[str, Any]]:
    names = set(expand(options.get("nodes", "")))
    sites, states = set(listed(options.get("partition"))), set(listed(options.get("states")))
    return [
        node
        for node in nodes
        if (not names or node["name"] in names)
        and (not sites or node["site"] in sites)
        and (not states or {node["short"], node["long"]} & states)
        and ("list-reasons" not in options or node["state"] != "up")
        and ("dead" not in options or node["state"] == "down")
    ]


def _grouped(
    nodes: Sequence[dict[str, Any]], columns: Sequence[Column], *, is_by_node: bool
) -> list[list[dict[str, Any]]]:
    """Nodes that look the same in every column but their names share a line."""
    apart = [FIELDS[c.letter] for c in columns if c.letter in FIELDS and c.letter not in _COUNTED]
    if is_by_node:
        return [[node] for node in sorted(nodes, key=lambda node: str(node["name"]))]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for node in nodes:
        groups.setdefault(tuple(str(field.value([node])) for field in apart), []).append(node)
    return list(groups.values())


_COUNTED = set("DNnFAC")
"""Fields that are of all nodes of a line together."""


def _used(nodes: Sequence[Mapping[str, Any]]) -> str:
    """Nodes allocated, idle, other and all, as `%F` has them."""
    busy = sum(node["short"] in ("alloc", "mix", "drng") for node in nodes)
    idle = sum(node["short"] == "idle" for node in nodes)
    return f"{busy}/{idle}/{len(nodes) - busy - idle}/{len(nodes)}"


def _gres(nodes: Sequence[Mapping[str, Any]]) -> str:
    node = nodes[0]
    return f"gpu:{node['gpu_type']}:{node['gpus']}" if node["gpus"] else "(null)"


FIELDS = {
    "P": Field("PARTITION", lambda nodes: nodes[0]["site"]),
    "R": Field("PARTITION", lambda nodes: nodes[0]["site"]),
    "a": Field("AVAIL", lambda _nodes: "up"),
    "l": Field("TIMELIMIT", lambda _nodes: "infinite"),
    "s": Field("JOB_SIZE", lambda _nodes: "1-infinite"),
    "r": Field("ROOT", lambda _nodes: "no"),
    "h": Field("OVERSUBS", lambda _nodes: "NO"),
    "g": Field("GROUPS", lambda _nodes: "all"),
    "D": Field("NODES", len),
    "F": Field("NODES(A/I/O/T)", _used),
    "A": Field("NODES(A/I)", lambda nodes: "/".join(_used(nodes).split("/")[:2])),
    "t": Field("STATE", lambda nodes: nodes[0]["short"]),
    "T": Field("STATE", lambda nodes: nodes[0]["long"]),
    "N": Field("NODELIST", lambda nodes: hostlist([node["name"] for node in nodes])),
    "n": Field("HOSTNAMES", lambda nodes: hostlist([node["name"] for node in nodes])),
    "c": Field("CPUS", lambda nodes: f"{nodes[0]['cpus']:g}"),
    "m": Field("MEMORY", lambda nodes: nodes[0]["memory_mib"]),
    "d": Field("TMP_DISK", lambda _nodes: 0),
    "w": Field("WEIGHT", lambda _nodes: 1),
    "f": Field("AVAIL_FEATURES", lambda _nodes: "(null)"),
    "G": Field("GRES", _gres),
    "E": Field("REASON", lambda nodes: said(nodes[0]["reason"] or "none")),
    "u": Field("USER", lambda _nodes: "Unknown"),
    "H": Field("TIMESTAMP", lambda _nodes: "Unknown"),
}
