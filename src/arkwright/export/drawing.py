"""Fabrics as graphs in the DOT language: groups of nodes, groups of leaves, spines, cores.

A line carries the number of its cables, so that a fabric of any size is one readable picture and no
cable is lost; the cable schedule has them one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from arkwright.catalog import parts
from arkwright.design.fabric import layout
from arkwright.design.fabric.build import FabricPlan
from arkwright.design.fabric.schedule import Tier
from arkwright.design.network import SiteNetwork

_LEAF = re.compile(r"(.*?)(?:-p\d+)?-leaf-(\d+)")


def fabric_dot(site: SiteNetwork, fabric: FabricPlan) -> str:
    """One fabric of one site; cables of all planes together."""
    table = site.schedule
    mine = table.fabric == table.fabrics.index(fabric.name)
    ends = np.unique(np.concatenate([table.a[mine], table.b[mine]])).tolist()
    leaves = _leaf_groups(site, fabric, ends)
    # Who hangs on a leaf is drawn with its group.
    leaf_group = np.zeros(len(table.devices.path), dtype=np.int64)
    leaf_group[list(leaves)] = list(leaves.values())
    hanging = mine & (table.tier == Tier.NODE_LEAF)
    np.maximum.at(leaf_group, table.a[hanging], leaf_group[table.b[hanging]])
    group = {end: _group(site, fabric, end, int(leaf_group[end])) for end in ends}
    codes = list(dict.fromkeys(group.values()))
    index = np.zeros(len(table.devices.path), dtype=np.int64)
    index[ends] = [codes.index(group[end]) for end in ends]
    pairs = index[table.a[mine]] * len(codes) + index[table.b[mine]]
    found, counts = np.unique(pairs, return_counts=True)
    sizes = np.bincount(index[ends], minlength=len(codes)).tolist()
    title = f"{site.site} {fabric.name}"
    lines = [
        f'graph "{title}" {{',
        f'  label="{title}: {_part(fabric)}"; rankdir=BT; ranksep=2; fontname=sans;',
    ]
    lines += ["  node [shape=box, style=rounded, fontname=sans]; edge [fontname=sans];"]
    for code, size in zip(codes, sizes, strict=True):
        lines.append(f'  "{code}" [label="{_label(code, size)}"];')
    for pair, count in zip(found.tolist(), counts.tolist(), strict=True):
        lower, upper = divmod(pair, len(codes))
        lines.append(f'  "{codes[lower]}" -- "{codes[upper]}" [label="{count:,}"];')
    return "\n".join([*lines, "}"]) + "\n"


def fabric_dots(sites: Sequence[SiteNetwork]) -> Mapping[str, str]:
    """Every fabric of every site, by file name."""
    return {
        f"{site.site}-{fabric.name}.dot": fabric_dot(site, fabric)
        for site in sites
        for fabric in site.fabrics
    }


def _leaf_groups(site: SiteNetwork, fabric: FabricPlan, ends: Sequence[int]) -> dict[int, int]:
    """The group, from 1, of every leaf among `ends`."""
    if fabric.ask is None:
        return {}
    rails, found = layout(fabric.ask).rails, {}
    for end in ends:
        leaf = _LEAF.fullmatch(_name(site, end))
        if leaf is not None and leaf[1] == fabric.name:
            found[end] = (int(leaf[2]) - 1) // rails + 1
    return found


def _group(site: SiteNetwork, fabric: FabricPlan, end: int, leaf_group: int) -> str:
    name = _name(site, end)
    if fabric.ask is None:
        return f"{fabric.name} switches" if name.startswith((fabric.name, "oob")) else "managed"
    own = re.fullmatch(rf"{re.escape(fabric.name)}(-p\d+)?-(leaf|spine|core)-\d+", name)
    if own is not None:
        return f"leaves {leaf_group}" if own[2] == "leaf" else f"{own[2]}s"
    if "-manager-" in name and not leaf_group:
        return "managers"
    kind = "nodes" if end < site.nodes else "others"
    return f"{kind} {leaf_group}" if leaf_group else kind


def _name(site: SiteNetwork, end: int) -> str:
    return site.schedule.devices.path[end].rpartition("/")[2]


def _label(code: str, size: int) -> str:
    return f"{code}\\n{size:,}"


def _part(fabric: FabricPlan) -> str:
    return parts.switch(fabric.switch).title
