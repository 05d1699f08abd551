"""The cluster's nodes as those above the port know them: paths, GPUs, and what keeps them from use.

A path is chosen once, when its node is first seen, and kept: it must not change because a switch
was renamed, or because the topology could not be read one day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from arkwright.design.inventory import places_of
from arkwright.engines.nvml import catalogue_name
from arkwright.engines.port import NodeCondition, NodeFacts
from arkwright.engines.slurm import text
from arkwright.engines.slurm.commands import CommandTransport
from arkwright.engines.slurm.description import Description, NodeLine
from arkwright.engines.slurm.description_inventory import inventory_of
from arkwright.engines.slurm.description_scontrol import topology_lines
from arkwright.engines.slurm.records import SlurmNode
from arkwright.engines.slurm.states import condition_of

Places = Callable[[Sequence[SlurmNode]], Mapping[str, tuple[str, str]]]
"""From nodes to the hall and rack of each, by name. Raises EngineError."""
NO_PLACE = ("hall", "rack")
VIRTUAL = "virtual"


def belongs(node: SlurmNode, partition: str | None) -> bool:
    """Whether Arkwright may use the node at all."""
    if partition is not None and partition not in node.partitions:
        return False
    return "FUTURE" not in node.states


def paths(
    site: str, nodes: Iterable[SlurmNode], known: Mapping[str, str], places: Places
) -> dict[str, str]:
    """By name the path of every node: the one it has, else `site/hall/rack/name`."""
    new = [node for node in nodes if node.name not in known]
    found = places(new) if new else {}
    return dict(known) | {
        node.name: "/".join((site, *found.get(node.name, NO_PLACE), node.name)) for node in new
    }


def places_of_nodes(nodes: Sequence[SlurmNode]) -> dict[str, tuple[str, str]]:
    """From what each node says of itself, `default:spine:leaf3`: the block or leaf switch, and
    the switch above it."""
    return {node.name: _place(node) for node in nodes}


def _place(node: SlurmNode) -> tuple[str, str]:
    first = node.topology.partition(",")[0]
    parts = [part for part in first.replace(".", ":").split(":")[1:] if part != node.name and part]
    rack = parts[-1] if parts else NO_PLACE[1]
    return (parts[-2] if len(parts) > 1 else NO_PLACE[0]), rack


def places_by_commands(commands: CommandTransport) -> Places:
    """From `scontrol show topology`, by the rule of inventories (`design.inventory`)."""

    def places(nodes: Sequence[SlurmNode]) -> dict[str, tuple[str, str]]:
        topology = topology_lines(commands.topology())
        lines = tuple(NodeLine(name=node.name) for node in nodes)
        listed = inventory_of(Description(nodes=lines, topology=topology)).inventory
        found = {}
        for name, place in places_of(listed).items():
            leaf = place.chain[0] if place.chain else ""
            hall = place.chain[1] if len(place.chain) > 1 else NO_PLACE[0]
            found[name] = (hall, place.block or leaf or NO_PLACE[1])
        return found

    return places


def facts_of(node: SlurmNode, path: str) -> NodeFacts:
    """One node for the port."""
    gres, count = text.gpus(node.gres)
    return NodeFacts(
        path=path,
        gpus=count,
        gpu_type=gpu_type(gres) if count else VIRTUAL,
        is_virtual=False,
        cpus=float(node.cpus),
        memory_mib=node.memory_mib,
        pools=node.partitions,
        features=tuple(filter(None, node.features.split(","))),
    )


def gpu_type(gres: str) -> str:
    """Catalogue name of GPUs by their GRES, `gpu:h100`; `gpu` where it has no type."""
    kind = gres.partition(":")[2]
    name = catalogue_name(kind) if kind else "unknown"
    return kind or "gpu" if name == "unknown" else name


def conditions(
    nodes: Iterable[SlurmNode],
    names: Mapping[str, str],
    held: Mapping[str, tuple[int, bool]],
    *,
    in_reservation: bool,
) -> tuple[NodeCondition, ...]:
    """Every node's state, `names` giving paths. `held` has, by node, how many GPUs jobs of
    Arkwright's hold there, and that some job of its is there at all: what Slurm counts beyond that
    is others', and a node of which others hold a part counts as occupied."""
    found = []
    for node in nodes:
        if node.name not in names:
            continue
        state, why = condition_of(node, in_reservation=in_reservation)
        if state == "up" and (others := occupied(node, *held.get(node.name, (0, False)))):
            state, why = "draining", others
        found.append(NodeCondition(path=names[node.name], state=state, reason=why))
    return tuple(found)


def occupied(node: SlurmNode, gpus_ours: int, is_ours: bool) -> str:
    """What others hold of a node, in words; nothing where they hold nothing."""
    if node.gpus_used > gpus_ours:
        many = node.gpus_used - gpus_ours
        return f"in use by others in Slurm ({many} GPU{'s' if many > 1 else ''})"
    if node.cpus_used and not is_ours:
        return f"in use by others in Slurm ({node.cpus_used} CPUs)"
    return ""
