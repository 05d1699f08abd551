"""A trace whose pools (virtual clusters, groups) share nothing: each runs alone, told together.

The rules, as papers on these traces have them: a pool is nodes of one size that nobody else uses. A
job smaller than a node takes its share of one, a larger one whole nodes. Nothing fails, nobody is
told to stop, and with durations known the scheduler plans with what each job will truly take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec import Struct, structs

from arkwright import sched
from arkwright.errors import InputError
from arkwright.twin.record import Ints
from arkwright.twin.run import run
from arkwright.twin.setting import of_pool
from arkwright.twin.workload.table import JobTable, take
from arkwright.units import MILLI


class Pools(Struct, frozen=True, kw_only=True):
    """Who has how many nodes."""

    nodes: Mapping[str, int]
    """By the pool's name, each at least 1."""
    gpus_per_node: int = 8

    @property
    def gpus(self) -> int:
        """Of all pools."""
        return sum(self.nodes.values()) * self.gpus_per_node


class Kept(NamedTuple):
    """What of a trace can run under these rules, and what was left out."""

    jobs: JobTable
    dropped: dict[str, int]
    """Jobs by reason, reasons without any left out."""


class Replay(NamedTuple):
    """Of each job of the table, [n_jobs]."""

    start_ms: Ints
    held_gpu_milli: Ints
    """On all its nodes together: a job of 12 GPUs holds 16 where nodes have 8."""


def replay(
    jobs: JobTable,
    pools: Pools,
    ordering: str = "fifo",
    backfill: str = "easy",
    kernels: sched.Kernels = sched.INTERPRETED,
) -> Replay:
    """Run every pool until all its jobs are over; `ordering`, `backfill` as in a factory's policy.

    `jobs` must be what `kept` gives: InputError for one that its pool could never start.
    """
    left_out = kept(jobs, pools).dropped
    if left_out:
        raise InputError(f"replay by pool: {_told(left_out)}; leave these out with `kept`")
    start_ms = np.zeros(len(jobs), np.int64)
    held_gpu_milli = np.zeros(len(jobs), np.int64)
    for name, nodes in pools.nodes.items():
        rows = np.flatnonzero(_pool_of_job(jobs, (name,)) == 0)
        if not len(rows):
            continue
        setting = of_pool(nodes * pools.gpus_per_node, pools.gpus_per_node, ordering, backfill)
        part = take(jobs, rows)
        attempts = run(setting, part, int(part.submit_ms[0]), kernels=kernels).attempts
        held = np.add.reduceat(attempts.gpu_milli, attempts.node_first[:-1])
        start_ms[rows[attempts.job]] = attempts.start_ms
        held_gpu_milli[rows[attempts.job]] = held
    return Replay(start_ms, held_gpu_milli)


def kept(jobs: JobTable, pools: Pools, durations_known: bool = True) -> Kept:
    """The jobs that ask for GPUs, in a pool of known size, no more than it has.

    How many nodes they had where they ran is left out: the pool's nodes say it. `durations_known`
    replaces the limits that users asked for by the true durations.
    """
    sizes = np.array([*pools.nodes.values(), 0], np.int64) * pools.gpus_per_node * MILLI
    pool = _pool_of_job(jobs, tuple(pools.nodes))
    asks_none = jobs.gpus_milli <= 0
    is_unknown = ~asks_none & (pool < 0)
    node_milli = pools.gpus_per_node * MILLI
    whole = -(-jobs.gpus_milli // node_milli) * node_milli
    needed = np.where(jobs.gpus_milli > node_milli, whole, jobs.gpus_milli)
    is_too_large = ~asks_none & ~is_unknown & (needed > sizes[pool])
    counts = {
        "without a GPU": int(asks_none.sum()),
        "in a pool of unknown size": int(is_unknown.sum()),
        "larger than their pool": int(is_too_large.sum()),
    }
    fitting = take(jobs, ~(asks_none | is_unknown | is_too_large))
    fitting = structs.replace(
        fitting,
        nodes=np.zeros(len(fitting), np.int64),
        estimate_ms=fitting.run_ms.copy() if durations_known else fitting.estimate_ms,
    )
    return Kept(fitting, {reason: count for reason, count in counts.items() if count})


def pools_for_load(jobs: JobTable, load: float, gpus_per_node: int = 8) -> Pools:
    """Pools just so large that the jobs of each offer at most `load` of it, and each fits in.

    Offered: GPU time of its jobs over the span from the first submission of the table to the last.
    InputError where the load is not above 0 or the table spans no time.
    """
    if not load > 0 or jobs.span_ms == 0:
        raise InputError(f"pools for a load of {load:g}: it must be above 0, on jobs over a span")
    nodes = {}
    for name in jobs.pool.names:
        part = take(jobs, _pool_of_job(jobs, (name,)) == 0)
        if not len(part):
            continue
        asked = float((part.gpus_milli.astype(np.float64) * part.run_ms).sum()) / MILLI
        enough = int(np.ceil(asked / (load * jobs.span_ms * gpus_per_node)))
        largest = -(-int(part.gpus_milli.max()) // (gpus_per_node * MILLI))
        nodes[name] = max(enough, largest, 1)
    return Pools(nodes=nodes, gpus_per_node=gpus_per_node)


def _pool_of_job(jobs: JobTable, names: tuple[str, ...]) -> Ints:
    """Index into `names` of each job's pool, -1 where it is of none of them."""
    number = {name: index for index, name in enumerate(names)}
    # The last entry is what a job without a label, -1, picks.
    known = np.array([*(number.get(name, -1) for name in jobs.pool.names), -1], np.int64)
    picked: Ints = known[jobs.pool.codes]
    return picked


def _told(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} jobs {reason}" for reason, count in dropped.items())
