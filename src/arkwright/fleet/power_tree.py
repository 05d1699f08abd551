"""The power tree as capacity rows: the row a node hangs on, the watts a job is expected to draw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from arkwright import sched
from arkwright.design import Node, PowerLimit
from arkwright.jobs.spec import JobSpec
from arkwright.units import MILLI

_LISTED_MAX = 12


def ordered(limits: Sequence[PowerLimit]) -> tuple[PowerLimit, ...]:
    """Every place after the one above it; by path otherwise."""
    by_path = {limit.path: limit for limit in limits}

    def line(limit: PowerLimit) -> tuple[str, ...]:
        above = by_path.get(limit.parent or "")
        return (*(line(above) if above else ()), limit.path)

    return tuple(sorted(limits, key=line))


def row_of_rack(row_of: Mapping[str, int], limits: Sequence[PowerLimit]) -> dict[str, int]:
    """Row of each rack that hangs on a place its own path does not name; of two the lower."""
    return {rack: row_of[limit.path] for limit in limits for rack in limit.racks}


def rows(row_of: Mapping[str, int], limits: Sequence[PowerLimit]) -> sched.Rows:
    """One row per limit in their order, under its parent or the nearest place above."""
    return sched.Rows(
        [_above(row_of, limit) for limit in limits],
        [sched.UNLIMITED if limit.limit_w is None else limit.limit_w for limit in limits],
    )


def row_of(row_of_power: Mapping[str, int], of_rack: Mapping[str, int], node: Node) -> int:
    """The lowest row above `node`; none for a node without a figure: nothing virtual has watts."""
    if node.power_kw_max is None:
        return sched.NONE
    rack = node.path.rpartition("/")[0]
    return of_rack[rack] if rack in of_rack else _nearest(row_of_power, node.path)


def listed(places: Iterable[str]) -> str:
    """The first places of a tree by name, for a message: a large factory has hundreds."""
    paths = list(places)
    more = f", … ({len(paths):,} in all)" if len(paths) > _LISTED_MAX else ""
    return ", ".join(paths[:_LISTED_MAX]) + more or "none"


def gpu_kw_max(nodes: Sequence[Node]) -> dict[str, float]:
    """Per GPU type, the most that one GPU of it draws with its share of its node."""
    most: dict[str, float] = {}
    for node in nodes:
        if node.power_kw_max is not None and node.gpus:
            most[node.gpu_type] = max(most.get(node.gpu_type, 0.0), node.power_kw_max / node.gpus)
    return most


def watts(gpu_kw: Mapping[str, float], spec: JobSpec) -> int:
    """Expected watts on one node of the gang: what the job says, else the catalogue's maximum.

    A GPU counts with its share of the rack. What the job says is rounded up. The catalogue's figure
    is that of the hungriest GPU it may get, rounded down: a full rack at its maker's maximum must
    fit a limit of just that. A job without GPUs counts nothing.
    """
    gpus = spec.resources.gpus_per_node
    if spec.power is not None and spec.power.watts_per_gpu is not None:
        return math.ceil(spec.power.watts_per_gpu * gpus)
    if spec.resources.gpu_type is not None:
        return math.floor(gpu_kw.get(spec.resources.gpu_type, 0.0) * MILLI * gpus)
    return math.floor(max(gpu_kw.values(), default=0.0) * MILLI * gpus)


def _above(row_of_power: Mapping[str, int], limit: PowerLimit) -> int:
    if limit.parent is not None:
        return row_of_power[limit.parent]
    return _nearest(row_of_power, limit.path.rpartition("/")[0])


def _nearest(row_of_power: Mapping[str, int], path: str) -> int:
    while path and path not in row_of_power:
        path = path.rpartition("/")[0]
    return row_of_power.get(path, sched.NONE)
