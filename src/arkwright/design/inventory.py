"""Nodes of a site's inventory, in the same form as nodes on paper.

A node's path is `site/<hall>/<rack>/<its own name>`: the rack is its block, else its leaf switch,
the hall the switch above that leaf, so that near nodes have near paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from arkwright import catalog
from arkwright.design.blueprint import Node
from arkwright.design.engine_nodes import kw_max_of
from arkwright.factory import Factory, Inventory, NodeGroup
from arkwright.hostlist import expand
from arkwright.units import MIB

NO_GPU = "none"
"""The GPU type of a node without any."""
_RACK, _HALL = "rack", "hall"


class Place(NamedTuple):
    """Where a node hangs; empty names for what the cluster does not say."""

    block: str = ""
    chain: tuple[str, ...] = ()
    """Switches above it, the leaf first."""


def inventory_nodes(factory: Factory) -> tuple[Node, ...]:
    """Nodes of every inventory, in file order."""
    return tuple(
        node
        for name, site in factory.sites.items()
        if site.inventory is not None
        for node in nodes_of_inventory(name, site.inventory)
    )


def nodes_of_inventory(site: str, inventory: Inventory) -> tuple[Node, ...]:
    """The nodes of one inventory. What a node draws at most is the catalogue's figure for its
    system, or an estimate from the type of its GPUs; None where the catalogue knows neither."""
    places = places_of(inventory)
    pools: dict[str, list[str]] = {}
    for pool, row in inventory.pools.items():
        for name in expand(row.nodes or ""):
            pools.setdefault(name, []).append(pool)
    return tuple(
        _node(site, name, group, places.get(name, Place()), tuple(pools.get(name, ())))
        for group in inventory.nodes
        for name in expand(group.names)
    )


def places_of(inventory: Inventory) -> dict[str, Place]:
    """Block and switches of the nodes that have any. Leaves that share a block count as one leaf,
    named after the first, for levels of a topology nest."""
    above = {
        below: name
        for name, switch in inventory.switches.items()
        for below in expand(switch.switches or "")
    }
    leaf = {
        node: name
        for name, switch in inventory.switches.items()
        for node in expand(switch.nodes or "")
    }
    block = {node: name for name, nodes in inventory.blocks.items() for node in expand(nodes)}
    first = _joined(leaf, block)
    return {
        node: Place(block.get(node, ""), _chain(first.get(leaf.get(node, ""), ""), above))
        for node in {**leaf, **block}
    }


def _joined(leaf: Mapping[str, str], block: Mapping[str, str]) -> dict[str, str]:
    """Of every leaf the one it counts with: the first of those that share blocks with it."""
    head = {name: name for name in leaf.values()}

    def top(name: str) -> str:
        while head[name] != name:
            name = head[name]
        return name

    first_of_block: dict[str, str] = {}
    for node, name in leaf.items():
        if node in block:
            one, other = top(first_of_block.setdefault(block[node], name)), top(name)
            head[other] = one
    return {name: top(name) for name in head}


def _chain(leaf: str, above: Mapping[str, str]) -> tuple[str, ...]:
    chain = []
    at: str | None = leaf or None
    while at is not None:
        chain.append(at)
        at = above.get(at)
    return tuple(chain)


def _node(site: str, name: str, group: NodeGroup, place: Place, pools: tuple[str, ...]) -> Node:
    chain = place.chain
    leaf, spine = chain[0] if chain else "", chain[1] if len(chain) > 1 else ""
    top = chain[-1] if len(chain) > 2 else spine
    rack, hall = place.block or leaf or _RACK, spine or _HALL
    path = f"{site}/{hall}/{rack}/{name}"
    rack_path, spine_path = f"{site}/{hall}/{rack}", f"{site}/{hall}"
    leaf_path = f"{spine_path}/{leaf}" if leaf else spine_path
    kind = main_type(group)
    return Node(
        path=path,
        site=site,
        hall=hall,
        rack=rack,
        tray=name,
        system=group.system or "",
        gpus=sum(group.gpus.values()),
        gpu_type=kind,
        is_virtual=False,
        cpus=group.cpus,
        memory_mib=round(group.memory * 1e9 / MIB),
        power_kw_max=_kw_max(group, kind),
        domains=(
            rack_path if place.block and not _is_alone(group) else path,
            rack_path,
            leaf_path,
            spine_path,
            f"{site}/{top or _HALL}",
            site,
        ),
        pools=pools,
        features=group.features,
    )


def main_type(group: NodeGroup) -> str:
    """The GPU type that the scheduler counts the node's GPUs as: the one it has most of."""
    if not group.gpus:
        return NO_GPU
    return group.gpu_type or max(group.gpus, key=lambda name: group.gpus[name])


def _is_alone(group: NodeGroup) -> bool:
    """Whether the system is known and its node a scale-up domain by itself."""
    system = catalog.systems().get(group.system or "")
    return system is not None and system.scaleup_gpus <= system.gpus_per_node


def _kw_max(group: NodeGroup, kind: str) -> float | None:
    system = catalog.systems().get(group.system or "")
    if system is not None:
        return system.node_power_kw_max
    return kw_max_of(kind, sum(group.gpus.values()))
