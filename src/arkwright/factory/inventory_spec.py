"""Nodes that stand already, as a site's `inventory` lists them: names, sizes, pools and topology.

Halls say what to build; an inventory says what is there, in the cluster's own names, so that
nothing about it has to be designed or guessed.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from arkwright.factory.section import Section
from arkwright.units import Gigabytes, Seconds

HostList = Annotated[
    str,
    Meta(
        min_length=1,
        description="names of nodes or switches in short",
        examples=["gpu[001-016,018]"],
    ),
]
ClusterName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._:+-]{0,254}$")]
"""What a scheduler calls a partition, a switch, a block or a kind of resource."""
Amount = Annotated[int, Meta(ge=1, le=1_000_000)]


class NodeGroup(Section, frozen=True, kw_only=True):
    """Nodes that are alike."""

    names: HostList
    cpus: Annotated[float, Meta(gt=0, le=65536)]
    """As the scheduler counts them: cores or hardware threads."""
    memory: Gigabytes = 0.0
    gpus: dict[ClusterName, Amount] = field(default_factory=dict)
    """On each node, by the type the cluster gives them; `gpu` where it gives none."""
    gpu_type: str | None = None
    """What these GPUs are in the catalogue, for example h100; none takes the cluster's type."""
    gres: dict[ClusterName, Amount] = field(default_factory=dict)
    """Other resources on each node, for example shard: 16."""
    features: tuple[str, ...] = ()
    weight: Annotated[int, Meta(ge=0)] = 1
    """Slurm fills nodes of small weight first; Arkwright chooses by topology."""
    system: str | None = None
    """Catalogue name of the product, for example dgx-h100; none leaves it open."""


class InventoryPool(Section, frozen=True, kw_only=True):
    """Nodes offered together: a Slurm partition. Pools may overlap."""

    nodes: HostList | None = None
    """None: the pool has no nodes."""
    is_default: bool = False
    time_limit_max: Seconds | None = None
    time_limit_default: Seconds | None = None
    tier: Annotated[int, Meta(ge=0)] = 1
    """Jobs of a pool of a higher tier go first, whatever their priority."""


class Switch(Section, frozen=True, kw_only=True):
    """A switch, with the nodes or the switches below it."""

    nodes: HostList | None = None
    switches: HostList | None = None


class Inventory(Section, frozen=True, kw_only=True):
    """What a site has, as its scheduler describes it."""

    nodes: tuple[NodeGroup, ...]
    pools: dict[ClusterName, InventoryPool] = field(default_factory=dict)
    switches: dict[ClusterName, Switch] = field(default_factory=dict)
    """A tree; a node hangs on one leaf at most."""
    blocks: dict[ClusterName, HostList] = field(default_factory=dict)
    """Nodes that are nearest to each other: a scale-up domain, or a rack."""
    block_sizes: tuple[Amount, ...] = ()
    """Sizes that blocks are planned in; none: the smallest block, then doubled."""
