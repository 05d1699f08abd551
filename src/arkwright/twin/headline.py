"""The few figures by which one run is compared with another."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from arkwright.twin.record import Attempts, Ending, Ints, Record
from arkwright.twin.streams import Floats
from arkwright.twin.workload.table import JobTable
from arkwright.units import MILLI, MS_PER_S, S_PER_HOUR

SLOWDOWN_RUN_S: Final = 10.0
"""Runs shorter than this count as this long in the bounded slowdown, else a job of a second that
waits a minute would outweigh all others (Feitelson et al., JSSPP 1997)."""


class Headline(Struct, frozen=True, kw_only=True):
    """What became of the jobs of a run. NaN where there is nothing to take a mean of."""

    jobs: int
    """Submitted before the run ended."""
    started: int
    never_started: int
    """Still waiting for their first start when the run ended: no mean or percentile below has
    them, so a policy that starves jobs looks better by these than it is."""
    completed: int
    attempts: int
    wait_s_mean: float
    wait_s_median: float
    wait_s_p90: float
    wait_s_p99: float
    """From submission to the first start, of the jobs that started. A percentile is the smallest
    wait that so many of them did not exceed."""
    slowdown_mean: float
    """Bounded slowdown of the jobs that completed: from submission to the last end, over the time
    on nodes or `SLOWDOWN_RUN_S` if that is longer; at least 1."""
    utilisation: float
    """GPU time held, over that of all GPUs from the start of the run to its end."""
    makespan_s: float
    """From the first submission to the last end, or to the end of the run where jobs are left."""
    gpu_hours: float
    """Held."""


UNITS: Final = {
    "wait_s_mean": "s", "wait_s_median": "s", "wait_s_p90": "s", "wait_s_p99": "s",
    "slowdown_mean": "1", "utilisation": "1", "makespan_s": "s", "gpu_hours": "GPU h",
    "jobs": "jobs", "started": "jobs", "never_started": "jobs", "completed": "jobs",
    "attempts": "attempts",
}  # fmt: skip


def headline(record: Record, jobs: JobTable) -> Headline:
    """The figures of `record`, whose attempts point into `jobs`."""
    attempts = record.attempts
    first, last, is_complete = spans(attempts, len(jobs))
    started = np.flatnonzero(first >= 0)
    waits = np.sort((first - jobs.submit_ms)[started]) / MS_PER_S
    held = held_milli(attempts) * (attempts.end_ms - attempts.start_ms)
    held_ms = float(held.sum(dtype=np.float64)) / MILLI
    span_ms = record.until_ms - record.from_ms
    capacity_ms = float(record.places.gpus.sum()) * span_ms
    submitted = jobs.submit_ms <= record.until_ms
    return Headline(
        jobs=int(submitted.sum()),
        started=len(started),
        never_started=int((submitted & (first < 0)).sum()),
        completed=int(is_complete.sum()),
        attempts=len(attempts.job),
        wait_s_mean=float(waits.mean()) if len(waits) else float("nan"),
        wait_s_median=rank(waits, 0.5),
        wait_s_p90=rank(waits, 0.9),
        wait_s_p99=rank(waits, 0.99),
        slowdown_mean=_slowdown(attempts, jobs, last, is_complete),
        utilisation=held_ms / capacity_ms if capacity_ms else float("nan"),
        makespan_s=_makespan_ms(record, jobs, last, is_complete, submitted) / MS_PER_S,
        gpu_hours=held_ms / (MS_PER_S * S_PER_HOUR),
    )


def spans(attempts: Attempts, n_jobs: int) -> tuple[Ints, Ints, np.ndarray]:
    """Of each job the first start and the last end [ms], -1 without one; and whether it is done.

    Attempts are in the order of starting, so the last one of a job says what became of it.
    """
    first, last = np.full(n_jobs, -1, np.int64), np.full(n_jobs, -1, np.int64)
    first[attempts.job[::-1]] = attempts.start_ms[::-1]
    last[attempts.job] = attempts.end_ms
    ending = np.full(n_jobs, -1, np.int64)
    ending[attempts.job] = attempts.ending
    over = (Ending.COMPLETED, Ending.FAILED, Ending.CANCELLED, Ending.TIMEOUT)
    return first, last, np.isin(ending, over)


def held_milli(attempts: Attempts) -> Ints:
    """[n_attempts]: milli-GPU held on all nodes together."""
    total = np.concatenate([[0], np.cumsum(attempts.gpu_milli)])
    return np.asarray(total[attempts.node_first[1:]] - total[attempts.node_first[:-1]])


def rank(ordered: Floats, share: float) -> float:
    """The smallest of the ascending values that at least `share` of them do not exceed."""
    if not len(ordered):
        return float("nan")
    return float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])


def _slowdown(attempts: Attempts, jobs: JobTable, last: Ints, is_complete: np.ndarray) -> float:
    ran = np.bincount(attempts.job, attempts.end_ms - attempts.start_ms, len(jobs)) / MS_PER_S
    there = (last - jobs.submit_ms) / MS_PER_S
    slowdown = np.maximum(there / np.maximum(ran, SLOWDOWN_RUN_S), 1.0)[is_complete]
    return float(slowdown.mean()) if len(slowdown) else float("nan")


def _makespan_ms(
    record: Record, jobs: JobTable, last: Ints, is_complete: np.ndarray, submitted: np.ndarray
) -> int:
    if not submitted.any():
        return 0
    is_over = bool(is_complete[submitted].all())
    end_ms = int(last[is_complete].max()) if is_over else record.until_ms
    return end_ms - int(jobs.submit_ms[submitted].min())
