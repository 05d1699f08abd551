"""What a job was given, node by node: the body of `job_started`."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright.design import Node
from arkwright.jobs.spec import JobSpec
from arkwright.units import gigabytes_to_mib


class GroupPlacement(Struct, frozen=True, kw_only=True):
    """What each of the next `nodes` nodes gives to an attempt of a gang of different nodes."""

    name: str
    nodes: int
    gpus_per_node: float
    cpus_per_node: float
    memory_per_node_mib: int


class JobPlacement(Struct, frozen=True, kw_only=True):
    """Where an attempt was placed and what each node gives it: the body of `job_started`.

    Of a gang of groups `gpu_type` and what a node gives are those of the first.
    """

    site: str
    nodes: tuple[str, ...]
    gpus: float
    """All GPUs of the gang."""
    gpu_type: str
    is_virtual: bool
    gpus_per_node: float
    cpus_per_node: float
    memory_per_node_mib: int
    gpu_indexes: tuple[int, ...] = ()
    """For a fraction, which GPU of each node serves it, counted from 0; for an aligned gang the
    first of its GPUs there; empty for other whole GPUs."""
    groups: tuple[GroupPlacement, ...] = ()
    """In the order of `nodes`; empty for a gang of equal nodes."""


def groups_of(spec: JobSpec, nodes: Sequence[Node]) -> tuple[GroupPlacement, ...]:
    """What each group of the gang gets on its nodes; nothing for a gang of equal nodes."""
    found, first = [], 0
    for group in spec.groups:
        theirs, resources = nodes[first : first + group.nodes], group.resources
        cpus = resources.cpus_per_node or cpu_share(theirs, resources.gpus_per_node)
        found.append(
            GroupPlacement(
                name=group.name,
                nodes=group.nodes,
                gpus_per_node=resources.gpus_per_node,
                cpus_per_node=cpus,
                memory_per_node_mib=gigabytes_to_mib(resources.memory_per_node),
            )
        )
        first += group.nodes
    return tuple(found)


def cpu_share(nodes: Sequence[Node], gpus_per_node: float) -> float:
    """The share of a node's CPUs that goes with its share of the GPUs; the least over the gang."""
    return min(
        node.cpus * gpus_per_node / node.gpus if node.gpus and gpus_per_node else node.cpus
        for node in nodes
    )
