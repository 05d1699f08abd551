"""Waits by the size of the job: how many had started within which time."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.twin.report.tally import NEVER, Tally
from arkwright.twin.report.told import Floats, Told

_BOUNDS_GPUS = (1, 8, 64, 512, 4096)
_ANY_MILLI = 10**15
_POINTS = 121
_LONGEST_H = 10_000.0


class WaitClass(Struct, frozen=True, eq=False, kw_only=True):
    """Jobs of one size."""

    rank: int
    """Classes in order: by size, then all jobs."""
    title: str
    gpus_milli: tuple[int, int]
    """Of more than the first, through the second."""
    count: int
    never: int
    """Of them, those that were still waiting for their first start when the run ended."""
    mean_h: float
    """Of those that started; 0 where none did."""
    p50_h: float
    p95_h: float
    """Of all: infinite where that many had not started."""
    hours: Floats
    """[n_points], rising evenly on a logarithmic scale; the first is 0."""
    share: Floats
    """[n_points]: of all jobs of the class, those that had waited at most `hours`."""


def wait_classes(told: Told, tally: Tally) -> tuple[WaitClass, ...]:
    """One for every size that occurs, smallest first, then one of all jobs together.

    A job that never started counts as one that waits longer than any time shown: leaving it out
    would make the policy that starves jobs look best.
    """
    jobs = told.jobs
    counted = (tally.wait_ms != NEVER) | tally.waits_at_end
    size = np.searchsorted(np.array(_BOUNDS_GPUS) * 1000, jobs.gpus_milli)
    wait_h = np.where(tally.wait_ms == NEVER, np.inf, tally.wait_ms / 3_600_000.0)
    found = [
        _class(k, _title(k), _sizes(k), wait_h[counted & (size == k)])
        for k in range(len(_BOUNDS_GPUS) + 1)
    ]
    whole = _class(len(found), "all jobs", (-1, _ANY_MILLI), wait_h[counted])
    return (*(one for one in found if one.count), whole)


def _class(rank: int, title: str, gpus_milli: tuple[int, int], wait_h: Floats) -> WaitClass:
    ordered = np.sort(wait_h)
    started = ordered[np.isfinite(ordered)]
    hours = np.append(0.0, np.geomspace(1 / 60, _LONGEST_H, _POINTS - 1))
    share = np.searchsorted(started, hours, side="right") / max(len(ordered), 1)
    return WaitClass(
        rank=rank,
        title=title,
        gpus_milli=gpus_milli,
        count=len(ordered),
        never=len(ordered) - len(started),
        mean_h=float(started.mean()) if len(started) else 0.0,
        p50_h=_rank(ordered, 0.50),
        p95_h=_rank(ordered, 0.95),
        hours=hours,
        share=share,
    )


def _rank(ordered: Floats, share: float) -> float:
    """The smallest wait that at least `share` of the jobs did not exceed."""
    if not len(ordered):
        return 0.0
    return float(ordered[max(0, int(np.ceil(share * len(ordered))) - 1)])


def _sizes(k: int) -> tuple[int, int]:
    bounds = (-1, *(1000 * gpus for gpus in _BOUNDS_GPUS), _ANY_MILLI)
    return bounds[k], bounds[k + 1]


def _title(k: int) -> str:
    if k == 0:
        return "up to 1 GPU"
    low = _BOUNDS_GPUS[k - 1] + 1
    if k == len(_BOUNDS_GPUS):
        return f"{low:,} GPUs and more"
    return f"{low:,} to {_BOUNDS_GPUS[k]:,} GPUs"
