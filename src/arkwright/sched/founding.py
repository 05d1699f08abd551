"""How a state begins: columns of idle nodes and empty rows, from what a factory says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from arkwright.errors import InternalError
from arkwright.sched.codes import BIG, GPU_MILLI, GPU_MS, NONE, UNLIMITED, WATTS
from arkwright.sched.eviction import Eviction, eviction_column
from arkwright.sched.placing import Placing, placing_columns
from arkwright.sched.quota_columns import quota_columns
from arkwright.sched.state import Ints, IntsLike, State, jobless_columns, quick_columns

SITE_COUNT_MAX = 63
"""Sites share one int64 bitset whose sign bit is left alone."""
_AMOUNTS = ("gpu_milli", "cpu_milli", "memory_mib")


class Nodes(NamedTuple):
    """What `empty` wants to know of the nodes: one entry per node, `domain` one row per level."""

    domain: Sequence[IntsLike] | Ints
    pool: IntsLike
    gpu_type: IntsLike
    site: IntsLike
    gpu_milli: IntsLike
    cpu_milli: IntsLike
    memory_mib: IntsLike
    row: IntsLike = ()
    """Lowest capacity row above each node, -1 for none; empty when no node has one."""


class Rows(NamedTuple):
    """Capacity rows: index of the parent (-1 at a root, parents first), limit (-1 unlimited).

    Rows at or above a node's row count watts, rows named in `budget` GPU-milliseconds, all others
    milli-GPU. A column left empty stands for its default in every row.
    """

    parent: IntsLike = ()
    limit: IntsLike = ()
    guarantee: IntsLike = ()
    """-1 none."""
    kept: IntsLike = ()
    """Part of the guarantee that nobody else may borrow."""
    budget: IntsLike = ()
    """Row that counts the GPU time of this row's jobs, -1 none."""
    share: IntsLike = ()
    """Fair share beside the rows of the same parent, at least 1."""
    half_life_ms: int = 0
    """Above 0: jobs are ordered by fair share, and usage decays by half in this time."""


def empty(
    nodes: Nodes,
    rows: Rows | None = None,
    placing: Placing | None = None,
    eviction: Eviction | None = None,
) -> State:
    """State of a factory with every node up and no job. InternalError when arrays disagree."""
    rows = Rows() if rows is None else rows
    placing = Placing() if placing is None else placing
    n_nodes = len(nodes.pool)
    domain = np.array(nodes.domain, np.int64).reshape(len(nodes.domain), n_nodes)
    gpu, cpu, memory = (_column(nodes, name, n_nodes) for name in _AMOUNTS)
    parent, limit = np.array(rows.parent, np.int64), np.array(rows.limit, np.int64)
    _refuse_bad_domains(domain)
    _refuse_bad_rows(parent, limit)
    quota = quota_columns(*rows)
    site = _column(nodes, "site", n_nodes)
    node_row = _node_rows(nodes, n_nodes, len(parent))
    if n_nodes and int(site.max()) >= SITE_COUNT_MAX:
        raise InternalError(f"site index {int(site.max())}: a state holds sites 0..62")
    gpu_type = _column(nodes, "gpu_type", n_nodes)
    if n_nodes and int(gpu_type.max()) >= SITE_COUNT_MAX:
        raise InternalError(f"GPU type index {int(gpu_type.max())}: a state holds types 0..62")
    pool = _column(nodes, "pool", n_nodes)
    if n_nodes and not 0 <= int(pool.min()) <= int(pool.max()) < SITE_COUNT_MAX:
        raise InternalError(f"pool index {int(pool.max())}: a state holds pools 0..62")
    return State(
        node_domain=domain,
        node_pool=pool,
        node_gpu_type=gpu_type,
        node_site=site,
        node_gpu_milli_total=gpu,
        node_gpu_milli_free=gpu.copy(),
        node_cpu_milli_total=cpu,
        node_cpu_milli_free=cpu.copy(),
        node_memory_mib_total=memory,
        node_memory_mib_free=memory.copy(),
        node_state=np.zeros(n_nodes, np.int64),
        node_row=node_row,
        node_moves=np.zeros(n_nodes, np.int64),
        node_claim=np.full(n_nodes, -1, np.int64),
        eviction=eviction_column(eviction),
        node_largest=np.array([gpu.max(initial=0), cpu.max(initial=0)], np.int64),
        **placing_columns(gpu, placing),
        row_parent=parent,
        row_limit=limit,
        row_version=np.zeros(len(parent), np.int64),
        row_measure=_measures(node_row, parent, quota["row_budget"]),
        **quota,
        cycle_memo=np.full(5, -1, np.int64),
        **quick_columns(domain),
        **jobless_columns(),
    )


def _column(nodes: Nodes, name: str, n_nodes: int) -> Ints:
    column = np.array(getattr(nodes, name), np.int64)
    if column.shape != (n_nodes,):
        raise InternalError(
            f"nodes.{name} has shape {column.shape}; {n_nodes} nodes need ({n_nodes},)"
        )
    if name in _AMOUNTS and n_nodes and (column.min() < 0 or column.max() >= BIG):
        raise InternalError(f"nodes.{name} holds an amount outside 0..2^60")
    return column


def _node_rows(nodes: Nodes, n_nodes: int, n_rows: int) -> Ints:
    if len(nodes.row) == 0:
        return np.full(n_nodes, NONE, np.int64)
    rows = _column(nodes, "row", n_nodes)
    if n_nodes and not (rows.min() >= NONE and rows.max() < n_rows):
        raise InternalError(f"nodes.row holds an index outside -1..{n_rows - 1}")
    return rows


def _measures(node_row: Ints, parent: Ints, budget: Ints) -> Ints:
    measures = np.full(len(parent), GPU_MILLI, np.int64)
    measures[budget[budget >= 0]] = GPU_MS
    for row in sorted(set(node_row.tolist())):
        while row >= 0 and measures[row] != WATTS:
            measures[row] = WATTS
            row = int(parent[row])
    return measures


def _refuse_bad_domains(domain: Ints) -> None:
    """Levels must nest: a placement that fits a small domain must fit every larger one around."""
    if domain.size and domain.min() < 0:
        raise InternalError("node_domain holds a negative index; every node has a domain per level")
    for level in range(len(domain) - 1):
        around: dict[int, int] = {}
        for small, large in zip(domain[level].tolist(), domain[level + 1].tolist(), strict=True):
            if around.setdefault(small, large) != large:
                raise InternalError(
                    f"domain {small} of level {level} lies in two domains of level {level + 1} "
                    f"({around[small]} and {large}); levels must nest"
                )


def _refuse_bad_rows(parent: Ints, limit: Ints) -> None:
    if parent.shape != limit.shape:
        raise InternalError(f"{len(parent)} row parents but {len(limit)} row limits")
    for row, above in enumerate(parent.tolist()):
        if not -1 <= above < row:
            raise InternalError(f"row {row} has parent {above}; a parent comes before its rows")
    if limit.size and limit.min() < UNLIMITED:
        raise InternalError("a row limit below -1; use -1 for unlimited")
