"""Where every node hangs in the compute fabric, as it is wired: what schedulers want to know.

One tree for each system of each site, for nodes of different systems share no compute fabric. The
lowest tier is the leaf group: the nodes whose NICs end on the same leaves, rail by rail. Trees of
schedulers know one parent only, so a group stands for its rails.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct

from arkwright import catalog
from arkwright.catalog import System
from arkwright.design import LEVELS, Blueprint, Node
from arkwright.design.fabric import layout
from arkwright.design.fabric.build import FabricPlan, Role
from arkwright.design.fabric.wiring import node_groups
from arkwright.design.network import Network
from arkwright.export.names import checked, host_name
from arkwright.jobs.spec import Level

_SCALE_UP = LEVELS.index(Level.SCALE_UP)


class FabricTree(Struct, frozen=True, kw_only=True):
    """The nodes of one system at one site: columns of one length, in the blueprint's order."""

    site: str
    system: str
    nodes: tuple[Node, ...]
    names: tuple[str, ...]
    """Host names."""
    tiers: tuple[tuple[str, ...], ...]
    """Per tier, the closest first: the name of each node's switch or group of switches."""
    domain: tuple[str, ...]
    """Name of each node's scale-up domain; its own name where it is alone in it."""
    domain_nodes: int
    """Nodes that the system has in a scale-up domain."""

    @property
    def blocks(self) -> list[tuple[str, tuple[str, ...]]]:
        """Name and nodes of what is nearest: scale-up domains, or leaf groups where nodes are
        alone in theirs."""
        return grouped(self.domain if self.domain_nodes > 1 else self.tiers[0], self.names)


def fabric_trees(plan: Blueprint, network: Network) -> tuple[FabricTree, ...]:
    """A tree for each system of each site of `network`, in file order."""
    trees = []
    for found in network.sites:
        nodes = [node for node in plan.nodes if node.site == found.site]
        for fabric in found.fabrics:
            if fabric.role is Role.COMPUTE:
                mine = tuple(node for node in nodes if node.system == fabric.system)
                trees.append(_tree(found.site, fabric, mine))
    return tuple(trees)


def grouped(keys: Sequence[str], values: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Values by their keys, in order of first appearance."""
    found: dict[str, list[str]] = {}
    for key, value in zip(keys, values, strict=True):
        found.setdefault(key, []).append(value)
    return [(key, tuple(members)) for key, members in found.items()]


def by_site(trees: Sequence[FabricTree]) -> list[tuple[str, list[FabricTree]]]:
    """Trees of each site; a scheduler runs one site."""
    return [(site, list(mine)) for site, mine in groupby(trees, key=lambda tree: tree.site)]


def domain_nodes(system: System) -> int:
    """Nodes of `system` in one scale-up domain, at least one."""
    return max(1, system.scaleup_gpus // system.gpus_per_node)


def _tree(site: str, fabric: FabricPlan, nodes: tuple[Node, ...]) -> FabricTree:
    """Nodes of a cluster are wired in the blueprint's order."""
    label = f"{host_name(site)}-{fabric.name}"
    plane = layout(fabric.ask) if fabric.ask else None
    leaf = spine = [0] * len(nodes)
    if plane is not None:
        leaf, spine = (column.tolist() for column in node_groups(plane, len(nodes)))
    tiers = [tuple(f"{label}-leaves-{group + 1:03d}" for group in leaf)]
    depth = plane.tiers if plane is not None else 1
    if depth > 1:
        tiers.append(tuple(f"{label}-spines-{group + 1:03d}" for group in spine))
    if depth > 2:
        tiers.append((f"{label}-cores",) * len(nodes))
    for tier in tiers:
        checked(max(tier, key=len))
    return FabricTree(
        site=site,
        system=fabric.system,
        nodes=nodes,
        names=tuple(host_name(node.path) for node in nodes),
        tiers=tuple(tiers),
        domain=tuple(host_name(node.domains[_SCALE_UP]) for node in nodes),
        domain_nodes=domain_nodes(catalog.system(fabric.system)),
    )
