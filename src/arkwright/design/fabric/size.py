"""How many switches and cables a fabric needs: a rail-optimised Clos of one, two or three tiers.

The wiring rule, from which every count follows (nothing here is fitted to a table):

- *Leaves.* A leaf gives `down` of its ports to nodes and `up` to the tier above. NICs of one place
  on their nodes form a rail; a rail of up to `down` nodes ends on one leaf, so its nodes are one
  hop apart. Where several rails fit on one leaf they share it. A last group that is not full is
  wired like a full one, its leaf-spine cables included: it can be filled later and routes alike.
- *Even wiring.* A switch that has u cables up to s switches has u / s to each of them, a whole
  number. So s divides u: of all divisors that give the upper tier enough ports, the smallest.
- *Two tiers* while every leaf can reach every spine: at most `radix` leaves.
- *Three tiers* beyond. The leaves of a rail and spines of their own form spine-leaf groups; a
  group has at most as many leaves as a spine has ports down (half of them). Cores connect the
  groups; cores and spines may fall into core groups, each spine in one of them, again wired evenly.
- *Planes.* A NIC with several ports has one in each plane. Planes are alike and not connected.

Terms are those of NVIDIA's IB cluster bring-up procedure (SU, SLG, CG). The rule gives every row of
the published DGX SuperPOD tables for H100, B200 and B300 (Spectrum-X); see `tests/design/fabric`.
"""

from __future__ import annotations

import math

from msgspec import Struct

from arkwright.errors import InputError

TIERS_MAX = 3


class Ask(Struct, frozen=True, kw_only=True):
    """What a fabric must connect, and the switch it is built of."""

    nodes: int
    nics_per_node: int
    radix: int
    """Ports of one switch at the speed of a NIC's port in one plane."""
    planes: int = 1
    oversubscription: float = 1.0
    """Most bandwidth into a leaf over bandwidth out of it upwards; 1 is non-blocking."""


class Cables(Struct, frozen=True, kw_only=True):
    """Cables by tier, each as wide as a NIC: with two planes it carries one link of each."""

    node_leaf: int
    leaf_spine: int
    spine_core: int


class FabricSize(Struct, frozen=True, kw_only=True):
    """Switches are summed over the planes."""

    tiers: int
    planes: int
    leaf: int
    spine: int
    core: int
    cables: Cables
    leaf_ports_down: int
    """Of one leaf, for nodes; the most that may be used."""
    leaf_ports_up: int
    nodes_per_group: int
    """Nodes that share their leaves: a scalable unit."""
    spine_groups: int
    """Spine-leaf groups of one plane; with two tiers all is one group."""
    oversubscription: float
    """Reached, on a leaf whose ports down are all in use."""
    ports_down_free: int
    """Of all leaves and planes: room for nodes to come."""

    @property
    def switches(self) -> int:
        """Switches of all tiers and planes."""
        return self.leaf + self.spine + self.core


class Layout(Struct, frozen=True, kw_only=True):
    """One plane, as the rule wires it: what `size` counts and `wiring` draws."""

    tiers: int
    down: int
    """Ports of a leaf for nodes."""
    up: int
    rails: int
    nics_per_rail: int
    """NICs of a node that end on one leaf; the last rail may have fewer."""
    rail_leaves: int
    """Leaves of a rail: the groups of nodes that share their leaves."""
    groups_per_rail: int
    """Spine-leaf groups; with two tiers one group holds all rails."""
    leaves_per_group: int
    spines_per_group: int
    spine_up: int
    core_groups: int
    cores_per_group: int

    @property
    def leaf(self) -> int:
        """Leaves of the plane."""
        return self.rails * self.rail_leaves

    @property
    def groups(self) -> int:
        """Spine-leaf groups of the plane; none with one tier."""
        return {1: 0, 2: 1, 3: self.rails * self.groups_per_rail}[self.tiers]

    @property
    def spine(self) -> int:
        """Spines of the plane."""
        return self.groups * self.spines_per_group

    @property
    def core(self) -> int:
        """Cores of the plane."""
        return self.core_groups * self.cores_per_group


def size(ask: Ask) -> FabricSize:
    """The smallest fabric by the rule above. InputError when no fabric of three tiers does."""
    plane = layout(ask)
    endpoints = ask.nodes * ask.nics_per_node
    if plane.tiers == 1:
        return _one_switch(ask, endpoints)
    return FabricSize(
        tiers=plane.tiers,
        planes=ask.planes,
        leaf=plane.leaf * ask.planes,
        spine=plane.spine * ask.planes,
        core=plane.core * ask.planes,
        cables=Cables(
            node_leaf=endpoints,
            leaf_spine=plane.leaf * plane.up,
            spine_core=plane.spine * plane.spine_up,
        ),
        leaf_ports_down=plane.down,
        leaf_ports_up=plane.up,
        nodes_per_group=plane.down if plane.rail_leaves > 1 else ask.nodes,
        spine_groups=plane.groups,
        oversubscription=plane.down / plane.up,
        ports_down_free=(plane.leaf * plane.down - endpoints) * ask.planes,
    )


def layout(ask: Ask) -> Layout:
    """One plane of the smallest fabric. InputError when no fabric of three tiers does."""
    _refuse_nonsense(ask)
    if ask.nodes * ask.nics_per_node <= ask.radix:
        return Layout(
            tiers=1,
            down=ask.radix,
            up=0,
            rails=1,
            nics_per_rail=ask.nics_per_node,
            rail_leaves=1,
            groups_per_rail=0,
            leaves_per_group=1,
            spines_per_group=0,
            spine_up=0,
            core_groups=0,
            cores_per_group=0,
        )
    down, up = _split(ask.radix, ask.oversubscription)
    rail_leaves = math.ceil(ask.nodes / down)
    nics_per_rail = max(1, down // ask.nodes)
    rails = math.ceil(ask.nics_per_node / nics_per_rail)
    if rails * rail_leaves > ask.radix:
        groups_per_rail, leaves, spines, cores = _three_tiers(ask, rails, rail_leaves, up)
        spine_up = leaves * up // spines
    else:
        groups_per_rail, leaves, spine_up, cores = 0, rails * rail_leaves, 0, (0, 0)
        spines = _spines(leaves * up, up, ask.radix)
    return Layout(
        tiers=3 if spine_up else 2,
        down=down,
        up=up,
        rails=rails,
        nics_per_rail=nics_per_rail,
        rail_leaves=rail_leaves,
        groups_per_rail=groups_per_rail,
        leaves_per_group=leaves,
        spines_per_group=spines,
        spine_up=spine_up,
        core_groups=cores[0],
        cores_per_group=cores[1],
    )


def nodes_max(ask: Ask) -> int:
    """The most nodes that three tiers connect: every rail has radix / rails groups, all full."""
    down, _ = _split(ask.radix, ask.oversubscription)
    groups = ask.radix // ask.nics_per_node
    return groups * _half(ask.radix) * down


def _one_switch(ask: Ask, endpoints: int) -> FabricSize:
    return FabricSize(
        tiers=1,
        planes=ask.planes,
        leaf=ask.planes,
        spine=0,
        core=0,
        cables=Cables(node_leaf=endpoints, leaf_spine=0, spine_core=0),
        leaf_ports_down=ask.radix,
        leaf_ports_up=0,
        nodes_per_group=ask.nodes,
        spine_groups=0,
        oversubscription=1.0,
        ports_down_free=(ask.radix - endpoints) * ask.planes,
    )


def _split(radix: int, oversubscription: float) -> tuple[int, int]:
    """Ports of a leaf down and up: as many down as the ratio allows, never above it."""
    up = math.ceil(radix / (1 + oversubscription))
    return min(radix - up, math.floor(up * oversubscription)), up


def _half(radix: int) -> int:
    """Ports of a spine downwards when there is a tier above it."""
    return radix // 2


def _spines(cables: int, up: int, ports: int) -> int:
    """Switches that take `cables` on `ports` each, wired evenly from switches with `up` each."""
    return next(s for s in _divisors(up) if s * ports >= cables)


def _three_tiers(
    ask: Ask, rails: int, rail_leaves: int, up: int
) -> tuple[int, int, int, tuple[int, int]]:
    """Spine-leaf groups of a rail, leaves and spines of a group, core groups and their cores."""
    spine_down = _half(ask.radix)
    groups_per_rail = math.ceil(rail_leaves / spine_down)
    leaves = math.ceil(rail_leaves / groups_per_rail)
    spines = _spines(leaves * up, up, spine_down)
    cores = _cores(rails * groups_per_rail, spines, leaves * up // spines, ask.radix)
    if cores is None:
        raise InputError(
            f"fabric of {ask.nodes:,} nodes with {ask.nics_per_node} NICs each: three tiers of "
            f"{ask.radix}-port switches connect at most {nodes_max(ask):,} nodes; use switches "
            "with more ports, more planes, or more oversubscription"
        )
    return groups_per_rail, leaves, spines, cores


def _cores(groups: int, spines: int, spine_up: int, radix: int) -> tuple[int, int] | None:
    """Fewest cores: the spines of a group fall into core groups, each wired evenly.

    Core groups and the cores of each; None where no number of cores has the ports.
    """
    found: tuple[int, int] | None = None
    for core_groups in _divisors(spines):
        cables = groups * (spines // core_groups) * spine_up
        for cores in _divisors(spine_up):
            fewer = found is None or core_groups * cores < found[0] * found[1]
            if cores * radix >= cables and fewer:
                found = (core_groups, cores)
    return found


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def _refuse_nonsense(ask: Ask) -> None:
    least = {"nodes": 1, "nics_per_node": 1, "radix": 4, "planes": 1, "oversubscription": 1}
    wrong = [
        f"{name} is {getattr(ask, name):g}; it must be at least {bound}"
        for name, bound in least.items()
        if not getattr(ask, name) >= bound
    ]
    if not wrong and _split(ask.radix, ask.oversubscription)[1] < 1:
        wrong = [f"oversubscription {ask.oversubscription:g} leaves no port upwards"]
    if not wrong and ask.oversubscription > ask.radix - 1:
        wrong = [f"oversubscription is {ask.oversubscription:g}; at most {ask.radix - 1}"]
    if wrong:
        raise InputError("fabric: " + "; ".join(wrong))
