"""A setting: one factory, or a bare pool of GPUs, as the scheduler sees it before any job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from arkwright import sched
from arkwright.design import Node, PowerLimit, inventory_nodes, power_limits
from arkwright.design.whole import Design
from arkwright.errors import InputError
from arkwright.factory import Factory
from arkwright.fleet import assembly, lowering
from arkwright.fleet.lowering import FleetPolicy, Names
from arkwright.fleet.quota_tree import ProjectQuota
from arkwright.twin.record import Ints, Places
from arkwright.units import MILLI

POOL: Final = "pool"
"""Site, hall, row and rack of a bare pool, and the project of its jobs."""


class Setting(NamedTuple):
    """What jobs can run on: idle, of no class and no job."""

    state: sched.State
    places: Places
    names: Names
    policy: FleetPolicy
    nodes: tuple[Node, ...]
    """In the order of the state's."""


def of_factory(factory: Factory, built: Design) -> Setting:
    """The factory as designed (`design.whole`), with its quotas, its power tree and its policy."""
    row_of_rack = {
        path: f"{site.network.floor.halls[hall].path}/row {row}"
        for site in built.sites
        for path, hall, row in zip(
            site.network.floor.racks,
            site.network.floor.hall.tolist(),
            site.network.floor.row.tolist(),
            strict=True,
        )
    }
    return of_nodes(
        (*built.blueprint.nodes, *inventory_nodes(factory)),
        tuple(assembly.project_quotas(factory)),
        assembly.fleet_policy(factory),
        power_limits(factory, built),
        row_of_rack,
    )


def of_pool(
    gpus: int, gpus_per_node: int = 8, ordering: str = "fifo", backfill: str = "easy"
) -> Setting:
    """Nodes that differ in nothing, with no quota and no limit of power; no place is nearer.

    With one GPU a node it is a flat pool, held as one node that has them all: the same starts.
    InputError where the GPUs are no whole nodes.
    """
    if gpus < 1 or gpus_per_node < 1 or gpus % gpus_per_node:
        raise InputError(
            f"simulate: {gpus} GPUs on nodes of {gpus_per_node} are no whole number of nodes; "
            f"give a multiple of {gpus_per_node}, or --gpus-per-node 1 for a flat pool"
        )
    each, count = (gpus, 1) if gpus_per_node == 1 else (gpus_per_node, gpus // gpus_per_node)
    width = len(str(count - 1))
    nodes = tuple(_pool_node(f"n{index:0{width}d}", each) for index in range(count))
    policy = FleetPolicy(ordering=ordering, backfill=backfill)
    return of_nodes(nodes, (ProjectQuota(path=POOL, gpus_limit=None),), policy, ())


def of_nodes(
    nodes: tuple[Node, ...],
    quotas: tuple[ProjectQuota, ...],
    policy: FleetPolicy,
    power: tuple[PowerLimit, ...],
    row_of_rack: Mapping[str, str] | None = None,
) -> Setting:
    """Any nodes, under these quotas, this policy and this power tree.

    A rack that `row_of_rack` does not know stands in the one row of its hall.
    """
    names = lowering.names_of(nodes, quotas, power, policy.preemption.enabled)
    state = lowering.empty_state(names, policy)
    return Setting(state, places_of(names.nodes, row_of_rack), names, policy, names.nodes)


def _pool_node(tray: str, gpus: int) -> Node:
    rack = f"{POOL}/{POOL}/{POOL}"
    return Node(
        path=f"{rack}/{tray}",
        site=POOL,
        hall=f"{POOL}/{POOL}",
        rack=rack,
        tray=tray,
        system="",
        gpus=gpus,
        gpu_type="gpu",
        is_virtual=False,
        cpus=0,
        memory_mib=0,
        power_kw_max=None,
        domains=(f"{rack}/{tray}", *[POOL] * (len(lowering.LEVELS) - 1)),
    )


def places_of(nodes: tuple[Node, ...], row_of_rack: Mapping[str, str] | None = None) -> Places:
    """Where each of the nodes stands, in their order. Rows as in `of_nodes`."""
    row_of_rack = row_of_rack or {}
    sites, site = _numbered([node.site for node in nodes])
    # A node names its hall and rack within what is around them; two sites may both have an h1.
    rack_of = [node.path.rpartition("/")[0] for node in nodes]
    hall_of = [path.rpartition("/")[0] for path in rack_of]
    halls, hall = _numbered(hall_of)
    rows, row = _numbered(
        [row_of_rack.get(r, f"{h}/row 1") for r, h in zip(rack_of, hall_of, strict=True)]
    )
    racks, rack = _numbered(rack_of)
    gpu_types, gpu_type = _numbered([node.gpu_type for node in nodes])
    return Places(
        path=[node.path for node in nodes],
        site=site,
        hall=hall,
        row=row,
        rack=rack,
        gpus=np.array([node.gpus for node in nodes], np.int64),
        gpu_type=gpu_type,
        sites=sites,
        halls=halls,
        rows=rows,
        racks=racks,
        gpu_types=gpu_types,
    )


def _numbered(names: list[str]) -> tuple[list[str], Ints]:
    seen: dict[str, int] = {}
    numbers = np.array([seen.setdefault(name, len(seen)) for name in names], np.int64)
    return list(seen), numbers


def gpus_of_node(setting: Setting) -> int:
    """Whole GPUs of the largest node."""
    return int(setting.state.node_gpu_milli_total.max(initial=0)) // MILLI
