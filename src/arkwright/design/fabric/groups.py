"""Leaf group and spine group of every node of a site, as its compute fabrics are wired.

Halls of one system share a fabric, in file order. Topology levels nest, so what a group means to a
scheduler is cut to that shape: a group that reaches into two halls is a group in each, and a rack
whose nodes hang on two groups of leaves counts whole to that of its first node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from arkwright.catalog import parts
from arkwright.design.fabric.build import Role, compute_fabric, laid_out
from arkwright.design.fabric.size import Layout, layout
from arkwright.design.fabric.wiring import node_groups
from arkwright.errors import InputError
from arkwright.factory import Fabric

Ints = NDArray[np.int32]


class HallNodes(NamedTuple):
    """The nodes of one hall, which fill its racks in order."""

    path: str
    system: str
    nodes: int
    nodes_per_rack: int


class HallGroups(Struct, frozen=True, kw_only=True, eq=False):
    """Where the nodes of one hall hang: columns of one length [n_nodes]; groups from 0."""

    fabric: str
    """Name of the compute fabric."""
    tiers: int
    leaf: Ints
    spine: Ints
    racks_cut: int
    """Racks whose nodes hang on more than one group of leaves."""


def hall_groups(halls: Sequence[HallNodes], asked: Fabric) -> list[HallGroups]:
    """The groups of each hall of one site. InputError where a fabric cannot be built."""
    systems = list(dict.fromkeys(hall.system for hall in halls))
    found: dict[str, HallGroups] = {}
    for system in systems:
        mine = [hall for hall in halls if hall.system == system]
        nodes = sum(hall.nodes for hall in mine)
        plane = _plane(asked, system, nodes, mine[0].path)
        leaf, spine = node_groups(plane, nodes)
        name = fabric_name(Role.COMPUTE, cluster_name(system, systems))
        first = 0
        for hall in mine:
            last = first + hall.nodes
            groups = _groups(hall, name, plane.tiers, leaf[first:last], spine[first:last])
            found[hall.path] = groups
            first = last
    return [found[hall.path] for hall in halls]


def cluster_name(system: str, systems: Sequence[str]) -> str:
    """What ends the names of a cluster's fabrics: nothing where a site has one system."""
    return system if len(systems) > 1 else ""


def fabric_name(role: Role, cluster: str) -> str:
    """Name of a cluster's fabric, for example `compute` or `compute-dgx-h100`."""
    return f"{role.value}-{cluster}" if cluster else role.value


def _plane(asked: Fabric, system: str, nodes: int, where: str) -> Layout:
    """One plane of a compute fabric. InputError names a switch that would do, if there is one."""
    try:
        return laid_out(compute_fabric(asked, system, nodes, where).ask, where)
    except InputError as error:
        for switch in parts.switches():
            other = structs.replace(asked, switch=switch)
            try:
                layout(compute_fabric(other, system, nodes, where).ask)
            except InputError:
                continue
            raise InputError(f"{error}; fabric: {{switch: {switch}}} would do") from None
        raise


def _groups(hall: HallNodes, fabric: str, tiers: int, leaf: Ints, spine: Ints) -> HallGroups:
    node = np.arange(hall.nodes)
    rack = node // hall.nodes_per_rack
    of_first = rack * hall.nodes_per_rack
    cut = np.unique(rack[leaf != leaf[of_first]])
    return HallGroups(
        fabric=fabric,
        tiers=tiers,
        leaf=leaf[of_first],
        spine=spine[of_first],
        racks_cut=len(cut),
    )
