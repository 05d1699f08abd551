"""From a cluster's description to the inventory of a factory file, and what was left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from arkwright import catalog
from arkwright.engines.nvml import catalogue_name
from arkwright.engines.slurm.description import Description, NodeLine, Topology
from arkwright.errors import InputError
from arkwright.factory import Inventory, InventoryPool, NodeGroup, Switch
from arkwright.hostlist import hostlist
from arkwright.units import MIB


class Listed(NamedTuple):
    """An inventory and what to know of it."""

    inventory: Inventory
    notes: tuple[str, ...]


def inventory_of(found: Description, systems: Mapping[str, str] | None = None) -> Listed:
    """The inventory of the cluster, which keeps every node, GPU, CPU, partition, switch and block.

    `systems` says what nodes are in the catalogue, by the type of their GPUs as Slurm has it, under
    `` of all with GPUs. Without it a feature that is a catalogue name says it, as in files that
    Arkwright wrote; else it stays open. InputError for a system that nobody knows or whose number
    of GPUs is another.
    """
    chosen = systems or {}
    for name in chosen.values():
        catalog.system(name)
    names = {node.name for node in found.nodes}
    groups: dict[NodeGroup, list[str]] = {}
    for node in found.nodes:
        groups.setdefault(_group(node, chosen), []).append(node.name)
    notes = list(found.notes)
    pools = {
        line.name: InventoryPool(
            nodes=_list(line.nodes),
            is_default=line.is_default,
            time_limit_max=line.time_limit_max_s,
            time_limit_default=line.time_limit_default_s,
            tier=line.tier,
        )
        for line in found.partitions
    }
    inventory = Inventory(
        nodes=tuple(_named(group, members) for group, members in groups.items()),
        pools=pools,
        switches=_switches(found.topology, names, notes),
        blocks=_blocks(found.topology, names, notes),
        block_sizes=found.topology.block_sizes,
    )
    notes += _said_of_nodes(found, groups)
    return Listed(inventory, tuple(notes))


def _group(node: NodeLine, systems: Mapping[str, str]) -> NodeGroup:
    """What the node has in common with others; without names. Frozen structs with dicts have no
    hash, so amounts go in as they are and groups are told apart by their text."""
    return _Group(
        names="-",
        cpus=float(node.cpus),
        memory=node.memory_mib * MIB / 1e9,
        gpus=node.gpus,
        gpu_type=_catalogue_type(node),
        gres=node.gres,
        features=node.features,
        weight=node.weight,
        system=_system(node, systems),
    )


class _Group(NodeGroup, frozen=True, kw_only=True):
    """A group as a key."""

    def __hash__(self) -> int:
        return hash((self.cpus, self.memory, self.features, self.weight, self.system))


def _named(group: NodeGroup, members: Sequence[str]) -> NodeGroup:
    fields = {name: getattr(group, name) for name in NodeGroup.__struct_fields__}
    return NodeGroup(**{**fields, "names": hostlist(members)})


def _catalogue_type(node: NodeLine) -> str | None:
    """What the GPUs are in the catalogue, where their type says it in other words."""
    if len(node.gpus) != 1:
        return None
    (kind,) = node.gpus
    name = catalogue_name(kind)
    return name if name != kind and name in catalog.gpus() else None


def _system(node: NodeLine, systems: Mapping[str, str]) -> str | None:
    gpus = sum(node.gpus.values())
    if not gpus:
        return None
    asked = [systems[kind] for kind in [*node.gpus, ""] if kind in systems]
    if asked:
        expected = catalog.system(asked[0]).gpus_per_node
        if expected != gpus:
            raise InputError(
                f"node {node.name} has {gpus} GPUs, and {asked[0]} has {expected}; name another "
                "system, or one for this type of GPU only: --system TYPE=SYSTEM"
            )
        return asked[0]
    for feature in node.features:
        system = catalog.systems().get(feature)
        if system is not None and system.gpus_per_node == gpus:
            return feature
    return None


def _switches(topology: Topology, names: set[str], notes: list[str]) -> dict[str, Switch]:
    """Switches with the nodes that are there; one without anything below it is left out."""
    found: dict[str, Switch] = {}
    kept: dict[str, tuple[str, ...]] = {}
    hung: set[str] = set()
    twice = 0
    for name, line in topology.switches.items():
        mine = tuple(node for node in line.nodes if node in names and node not in hung)
        twice += sum(node in hung for node in line.nodes)
        hung |= set(mine)
        kept[name] = mine
    alive = {name for name, nodes in kept.items() if nodes}
    while True:
        more = {
            name
            for name, line in topology.switches.items()
            if name not in alive and any(below in alive for below in line.switches)
        }
        if not more:
            break
        alive |= more
    for name, line in topology.switches.items():
        if kept[name]:
            found[name] = Switch(nodes=hostlist(kept[name]))
        elif name in alive:
            found[name] = Switch(switches=hostlist([s for s in line.switches if s in alive]))
    empty = len(topology.switches) - len(found)
    if empty:
        notes.append(f"{empty:,} switches have no node of this cluster below them: left out")
    if twice:
        notes.append(f"{twice:,} nodes hang on several leaf switches: each counts with its first")
    return found


def _blocks(topology: Topology, names: set[str], notes: list[str]) -> dict[str, str]:
    found = {
        name: hostlist(mine)
        for name, nodes in topology.blocks.items()
        if (mine := [node for node in nodes if node in names])
    }
    empty = len(topology.blocks) - len(found)
    if empty:
        notes.append(f"{empty:,} blocks have no node of this cluster: left out")
    return found


def _said_of_nodes(found: Description, groups: Mapping[NodeGroup, Sequence[str]]) -> Iterable[str]:
    """What the scheduler cannot take as it is."""
    mixed = sum(len(members) for group, members in groups.items() if len(group.gpus) > 1)
    if mixed:
        yield (
            f"{mixed:,} nodes have GPUs of several types: their number is kept, and the scheduler "
            "counts them as of the type there are most of"
        )
    unknown = {
        kind
        for group in groups
        if group.system is None
        for kind in group.gpus
        if (group.gpu_type or kind) not in catalog.gpus()
    }
    if unknown:
        yield (
            f"the catalogue has no GPU called {', '.join(sorted(unknown))}: nothing is reckoned of "
            "what those nodes draw; --system TYPE=SYSTEM says what they are"
        )
    others = {name for node in found.nodes for name in node.gres}
    if others:
        yield (
            f"{', '.join(sorted(others))}: kept in the file; the scheduler counts GPUs, CPUs and "
            "memory only"
        )
    inside = {name for line in found.partitions for name in line.nodes}
    alone = sum(node.name not in inside for node in found.nodes)
    if alone:
        yield f"{alone:,} nodes are in no partition: in the file, and offered to nobody"
    down = [line.name for line in found.partitions if not line.state.upper().startswith("UP")]
    if down:
        yield f"partitions {', '.join(down)} are not UP now: the file does not say so"


def _list(names: Sequence[str]) -> str | None:
    return hostlist(names) if names else None
