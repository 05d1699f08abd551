"""How long jobs waited: the few figures by which papers compare schedulers on a trace.

Bounded slowdown is that of Feitelson et al. ("Theory and Practice in Parallel Job Scheduling",
1997): (wait + run) / max(run, 10 s), at least 1, so that a job of a second does not decide a mean.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from arkwright.twin.record import Ints
from arkwright.twin.workload.table import NOT_TOLD, JobTable
from arkwright.units import MILLI, MS_PER_S

SLOWDOWN_RUN_S_MIN: Final = 10
"""Shorter runs count as this long, by the definition above."""


class Waiting(Struct, frozen=True, kw_only=True):
    """Means over the jobs that started; all 0 where none did."""

    jobs: int
    started: int
    waited: int
    """Of them, those that did not start in the millisecond of their submission."""
    wait_s_mean: float
    wait_s_p50: float
    wait_s_p90: float
    """The smallest wait that at least that share of them did not exceed."""
    completion_s_mean: float
    """From submission to end."""
    bounded_slowdown_mean: float
    utilisation: float
    """Share of all GPU time between the first submission and the last that jobs held."""


def waiting(jobs: JobTable, start_ms: Ints, held_gpu_milli: Ints, gpus: int) -> Waiting:
    """Of jobs that first started at `start_ms` [n_jobs], NOT_TOLD where one never did.

    `held_gpu_milli` [n_jobs] is what each held while it ran, `gpus` how many there were.
    """
    is_started = start_ms != NOT_TOLD
    start, submit = start_ms[is_started], jobs.submit_ms[is_started]
    run = jobs.run_ms[is_started]
    if not len(start):
        return Waiting(
            jobs=len(jobs), started=0, waited=0, wait_s_mean=0.0, wait_s_p50=0.0, wait_s_p90=0.0,
            completion_s_mean=0.0, bounded_slowdown_mean=0.0, utilisation=0.0,
        )  # fmt: skip
    wait_s = (start - submit) / MS_PER_S
    run_s = run / MS_PER_S
    slowdown = (wait_s + run_s) / np.maximum(run_s, SLOWDOWN_RUN_S_MIN)
    first_ms, last_ms = int(jobs.submit_ms[0]), int(jobs.submit_ms[-1])
    within_ms = np.minimum(start + run, last_ms) - np.clip(start, first_ms, last_ms)
    # In floats: thousandths of GPUs times milliseconds of a long trace pass 64 bits.
    held = float((held_gpu_milli[is_started] / MILLI * np.maximum(within_ms, 0)).sum())
    ordered = np.sort(wait_s)
    return Waiting(
        jobs=len(jobs),
        started=len(start),
        waited=int(np.count_nonzero(wait_s > 0)),
        wait_s_mean=float(wait_s.mean()),
        wait_s_p50=_rank(ordered, 50),
        wait_s_p90=_rank(ordered, 90),
        completion_s_mean=float((wait_s + run_s).mean()),
        bounded_slowdown_mean=float(np.maximum(slowdown, 1.0).mean()),
        utilisation=held / (gpus * (last_ms - first_ms)) if last_ms > first_ms else 0.0,
    )


def observed(jobs: JobTable, gpus: int) -> Waiting:
    """The same as the trace itself tells it, of the jobs whose start it tells."""
    return waiting(jobs, jobs.start_ms, jobs.gpus_milli, gpus)


def _rank(ordered: np.ndarray[tuple[int], np.dtype[np.float64]], percent: int) -> float:
    return float(ordered[-(-percent * len(ordered) // 100) - 1])
