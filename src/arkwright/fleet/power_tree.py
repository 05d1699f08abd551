"""The power tree as capacity rows: the row a node hangs on, the watts a job is expected to draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from arkwright import sched
from arkwright.design import Node, PowerLimit
from arkwright.jobs.spec import JobSpec
from arkwright.units import MILLI


def rows(row_of: Mapping[str, int], limits: Sequence[PowerLimit]) -> sched.Rows:
    """One row per limit in order of path, under the nearest place above that has one."""
    return sched.Rows(
        [_nearest(row_of, limit.path.rpartition("/")[0]) for limit in limits],
        [sched.UNLIMITED if limit.limit_w is None else limit.limit_w for limit in limits],
    )


def row_of(row_of_power: Mapping[str, int], node: Node) -> int:
    """The lowest row above `node`; none for a node an engine found: nothing virtual has watts."""
    return sched.NONE if node.power_kw_max is None else _nearest(row_of_power, node.path)


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


def _nearest(row_of_power: Mapping[str, int], path: str) -> int:
    while path and path not in row_of_power:
        path = path.rpartition("/")[0]
    return row_of_power.get(path, sched.NONE)
