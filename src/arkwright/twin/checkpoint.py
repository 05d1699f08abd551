"""Checkpoints: what they cost a job that runs, and what they save of one that stops.

A job works for an interval, writes for the cost, works again; it writes nothing after its last
piece of work. What an attempt after the first needs to restart comes before all that and is not
counted here: take it off first.

The four functions on single integers use nothing but integer arithmetic, so that a compiled kernel
can take them as they are; those that end in `_all` are the same over arrays.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta

from arkwright.catalog import parts
from arkwright.catalog.failures import checkpoint_figures
from arkwright.factory.section import Section
from arkwright.physics.reliability import daly_interval_s, goodput, mttf_h
from arkwright.twin.record import Ints
from arkwright.twin.streams import Floats
from arkwright.units import MS_PER_S, S_PER_HOUR, Gigabytes, GigabytesPerSecond, Seconds

_MTTF_S_MAX = 1e15
"""Longer is as long: where nothing ever fails the best interval would be infinite."""


def wall_ms(work_ms: int, interval_ms: int, cost_ms: int) -> int:
    """Time that `work_ms` of work takes with its checkpoints; `interval_ms` 0 writes none.

    10 of work, every 4, at 1: 4 + 1 + 4 + 1 + 2 = 12. 8 of work: 4 + 1 + 4 = 9.
    """
    if interval_ms <= 0 or work_ms <= 0:
        return max(work_ms, 0)
    return work_ms + (work_ms - 1) // interval_ms * cost_ms


def done_ms(ran_ms: int, interval_ms: int, cost_ms: int) -> int:
    """Work done after `ran_ms`, saved or not."""
    if interval_ms <= 0 or ran_ms <= 0:
        return max(ran_ms, 0)
    period_ms = interval_ms + cost_ms
    return ran_ms // period_ms * interval_ms + min(ran_ms % period_ms, interval_ms)


def saved_ms(ran_ms: int, interval_ms: int, cost_ms: int) -> int:
    """Of the work done after `ran_ms`, what is in checkpoints that were written to their end.

    Every 4, at 1: 0 until 5, then 4 until 10, then 8.
    """
    if interval_ms <= 0 or ran_ms <= 0:
        return 0
    return ran_ms // (interval_ms + cost_ms) * interval_ms


def lost_ms(ran_ms: int, interval_ms: int, cost_ms: int) -> int:
    """Time since the last checkpoint was written, all of which a stop costs: work and writing.

    `ran_ms` = saved + writes that count x `cost_ms` + this.
    """
    if interval_ms <= 0 or ran_ms <= 0:
        return max(ran_ms, 0)
    return ran_ms % (interval_ms + cost_ms)


def wall_ms_all(work_ms: Ints, interval_ms: Ints, cost_ms: Ints) -> Ints:
    """`wall_ms` of every row."""
    step = np.maximum(interval_ms, 1)
    writes = np.where(interval_ms > 0, (np.maximum(work_ms, 1) - 1) // step, 0)
    return np.maximum(work_ms, 0) + writes * cost_ms


def done_ms_all(ran_ms: Ints, interval_ms: Ints, cost_ms: Ints) -> Ints:
    """`done_ms` of every row."""
    ran = np.maximum(ran_ms, 0)
    period = np.maximum(interval_ms + cost_ms, 1)
    done = ran // period * interval_ms + np.minimum(ran % period, interval_ms)
    return np.where(interval_ms > 0, done, ran)


def saved_ms_all(ran_ms: Ints, interval_ms: Ints, cost_ms: Ints) -> Ints:
    """`saved_ms` of every row."""
    period = np.maximum(interval_ms + cost_ms, 1)
    return np.where(interval_ms > 0, np.maximum(ran_ms, 0) // period * interval_ms, 0)


def lost_ms_all(ran_ms: Ints, interval_ms: Ints, cost_ms: Ints) -> Ints:
    """`lost_ms` of every row."""
    ran = np.maximum(ran_ms, 0)
    period = np.maximum(interval_ms + cost_ms, 1)
    return np.where(interval_ms > 0, ran % period, ran)


class Checkpoints(Section, frozen=True, kw_only=True):
    """How jobs save their progress. What is left out is taken from the catalogue."""

    enabled: bool = True
    """Off: a job that stops begins anew."""
    interval: Annotated[Seconds, Meta(gt=0)] | None = None
    """Work between two checkpoints; none takes the best for the job's size (Daly 2006)."""
    cost: Seconds | None = None
    """Time that the job stands still to write one; none takes size over bandwidth."""
    size_per_gpu: Gigabytes | None = None
    bandwidth: Annotated[GigabytesPerSecond, Meta(gt=0)] | None = None
    """At which one job can write; none takes the published guideline's share of its GPUs."""
    restart: Seconds | None = None
    """From the start of an attempt after the first until it makes progress."""


class JobCheckpoints(NamedTuple):
    """Per job, in the order it was asked: shapes (n_jobs,)."""

    interval_ms: Ints
    """0: none are written."""
    cost_ms: Ints
    restart_ms: Ints
    overhead: Floats
    """Time over work of a job that nothing stops, long runs: 1 + cost / interval."""
    goodput_expected: Floats
    """Share of its time on nodes that becomes lasting progress (`physics.reliability.goodput`)."""

    @property
    def period_ms(self) -> Ints:
        """Of a job's run, from one saved state to the next: what the scheduler's `Lasting` asks.

        There a job lasts `wall_ms_all` of its work, and a stop leaves it what the periods that
        ended do not hold. 0: it never saves.
        """
        return np.where(self.interval_ms > 0, self.interval_ms + self.cost_ms, 0)


def job_checkpoints(
    asked: Checkpoints, nodes: Ints, gpus: Ints, per_1000_node_days: float | Floats
) -> JobCheckpoints:
    """Checkpoints of jobs that hold so many nodes and GPUs, at the failures of one such node.

    An interval is at least its cost: where a job fails sooner than it can write, nothing helps.
    """
    cost_s = _cost_s(asked, np.asarray(gpus, np.float64))
    restart_s = _figure("restart") if asked.restart is None else asked.restart
    mttf_s = np.asarray(mttf_h(np.maximum(nodes, 1), per_1000_node_days)) * S_PER_HOUR
    if not asked.enabled:
        zero = np.zeros(len(cost_s), np.int64)
        restart = np.full(len(cost_s), round(restart_s * MS_PER_S))
        return JobCheckpoints(zero, zero, restart, np.ones(len(zero)), np.full(len(zero), np.nan))
    if asked.interval is None:
        best_s = np.asarray(daly_interval_s(cost_s, np.minimum(mttf_s, _MTTF_S_MAX)))
        interval_s = np.maximum(best_s, np.maximum(cost_s, 1.0))
    else:
        interval_s = np.full(len(cost_s), asked.interval)
    interval_ms = np.maximum(np.rint(interval_s * MS_PER_S), 1).astype(np.int64)
    cost_ms = np.rint(cost_s * MS_PER_S).astype(np.int64)
    share = goodput(interval_ms / MS_PER_S, cost_ms / MS_PER_S, restart_s, mttf_s)
    return JobCheckpoints(
        interval_ms=interval_ms,
        cost_ms=cost_ms,
        restart_ms=np.full(len(cost_s), round(restart_s * MS_PER_S)),
        overhead=1.0 + cost_ms / interval_ms,
        goodput_expected=np.asarray(share),
    )


def _cost_s(asked: Checkpoints, gpus: Floats) -> Floats:
    if asked.cost is not None:
        return np.full(len(gpus), asked.cost)
    size_gb = _figure("size_gb_per_gpu") if asked.size_per_gpu is None else asked.size_per_gpu
    if asked.bandwidth is not None:
        return gpus * size_gb / asked.bandwidth
    guideline = parts.storage_rate("better")
    return np.full(len(gpus), size_gb * guideline.gpus / guideline.write_gb_s)


def _figure(name: str) -> float:
    return checkpoint_figures()[name].value
