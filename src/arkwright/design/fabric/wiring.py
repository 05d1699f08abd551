"""Every link of one plane: which port below goes to which port above. The rule of `size`, drawn.

Switches, nodes and ports count from 0. A leaf has its ports down first, then its uplinks; a spine
its ports for leaves in the lower half, then its uplinks. Leaves are numbered by group of nodes,
then by rail, so that nodes added at the end add leaves at the end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arkwright.design.fabric.size import Layout

Ints = NDArray[np.int32]


class Ends(NamedTuple):
    """Links of one tier: arrays of one length, one entry a link."""

    a: Ints
    """The lower end: node, leaf or spine."""
    a_port: Ints
    b: Ints
    b_port: Ints


def node_leaf(plane: Layout, nodes: int, nics: int) -> Ends:
    """NIC i of every node of a group ends on the leaf of its rail, at its node's place."""
    node = np.repeat(np.arange(nodes, dtype=np.int32), nics)
    nic = np.tile(np.arange(nics, dtype=np.int32), nodes)
    leaf = (node // plane.down) * plane.rails + nic // plane.nics_per_rail
    # Rails that share a leaf lie one after the other on its ports.
    port = (nic % plane.nics_per_rail) * min(nodes, plane.down) + node % plane.down
    return Ends(node, nic, leaf.astype(np.int32), port.astype(np.int32))


def node_groups(plane: Layout, nodes: int) -> tuple[Ints, Ints]:
    """Leaf group and spine group of every node [n_nodes]: how near two nodes are on one rail.

    Nodes of one leaf group are one switch apart, of one spine group three, of others five.
    """
    leaf_group = np.arange(nodes, dtype=np.int32) // plane.down
    spine_group = np.zeros_like(leaf_group)
    if plane.tiers == 3:
        spine_group = leaf_group // plane.leaves_per_group
    return leaf_group, spine_group


def leaf_spine(plane: Layout) -> Ends:
    """Every leaf has as many links to each spine of its group; empty with one tier."""
    leaf = np.repeat(np.arange(plane.leaf if plane.up else 0, dtype=np.int32), plane.up)
    uplink = np.tile(np.arange(plane.up, dtype=np.int32), plane.leaf)
    spines = max(1, plane.spines_per_group)
    each = plane.up // spines
    group, place = np.zeros_like(leaf), leaf
    if plane.tiers == 3:
        rail, position = leaf % plane.rails, leaf // plane.rails
        group = rail * plane.groups_per_rail + position // plane.leaves_per_group
        place = position % plane.leaves_per_group
    spine = group * spines + uplink % spines
    return Ends(leaf, plane.down + uplink, spine, place * each + uplink // spines)


def spine_core(plane: Layout, radix: int) -> Ends:
    """Every spine has as many links to each core of its core group; empty below three tiers."""
    spine = np.repeat(np.arange(plane.spine, dtype=np.int32), plane.spine_up)
    uplink = np.tile(np.arange(plane.spine_up, dtype=np.int32), plane.spine)
    core_groups, cores = max(1, plane.core_groups), max(1, plane.cores_per_group)
    per_group = max(1, plane.spines_per_group)
    group, place = spine // per_group, spine % per_group
    core = (place % core_groups) * cores + uplink % cores
    below = group * (per_group // core_groups) + place // core_groups
    port = below * (plane.spine_up // cores) + uplink // cores
    return Ends(spine, radix // 2 + uplink, core, port)


def free_leaf_ports(plane: Layout, nodes: int, nics: int, wanted: int) -> tuple[Ints, Ints]:
    """Leaf and port of the first `wanted` ports down that no NIC uses; fewer where there are."""
    used = np.zeros(plane.leaf * plane.down, dtype=bool)
    ends = node_leaf(plane, nodes, nics)
    used[ends.b * plane.down + ends.b_port] = True
    free = np.flatnonzero(~used)[:wanted].astype(np.int32)
    return free // plane.down, free % plane.down
