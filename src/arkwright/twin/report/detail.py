"""How much of a run the page carries: everything of a small one, the largest jobs of a large one.

A page is to stay below 10 MB and to open at once. What is left out is left out by job, the jobs
with the least GPU-time first, so that every job shown is whole; time lines and heat maps are
counted from all of them in either case.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from arkwright.twin.report.tally import Tally
from arkwright.twin.report.told import Ints, Told

ATTEMPTS_MAX = 100_000
PAIRS_MAX = 800_000
"""Of a page: attempts, and nodes of attempts; several runs share them."""
OUTAGES_MAX = 150_000
NODE_CELLS_MAX = 3_000_000
"""Cells of the heat maps by node, in a page: only runs that are not exact have one."""
_NODE_BINS = (24, 240)


class Detail(Struct, frozen=True, eq=False, kw_only=True):
    """What the page carries of one run."""

    is_exact: bool
    """Every job and attempt is there, those that never started too."""
    jobs: Ints
    """Rows of the job table, rising."""
    attempts: npt.NDArray[np.bool_]
    """[n_attempts]."""
    gpu_time_share: float
    """Of all that was held, what the attempts shown held."""
    outages: npt.NDArray[np.bool_]
    """[n_outages]: the longest."""
    node_bins: int
    """Of a heat map by node; 0 where the attempts tell all."""


def detail(told: Told, tally: Tally, n_runs: int) -> Detail:
    """What fits, where `n_runs` share a page."""
    attempts, outages = told.record.attempts, told.record.outages
    n_attempts, n_pairs = len(attempts.job), len(attempts.node)
    run_ms = attempts.end_ms - attempts.start_ms
    kept_outages = _longest(outages.until_ms - outages.from_ms, OUTAGES_MAX // n_runs)
    # Waiting jobs cost a page less than attempts do, but a page of nothing else is no use either.
    small = n_attempts <= ATTEMPTS_MAX // n_runs and n_pairs <= PAIRS_MAX // n_runs
    if small and len(told.jobs) <= 2 * ATTEMPTS_MAX // n_runs:
        return Detail(
            is_exact=True,
            jobs=np.arange(len(told.jobs)),
            attempts=np.ones(n_attempts, dtype=np.bool_),
            gpu_time_share=1.0,
            outages=kept_outages,
            node_bins=0,
        )
    gpu_time = tally.gpu_milli.astype(np.float64) * run_ms
    shown = _largest(told, gpu_time, n_runs)
    keeps = shown[attempts.job]
    nodes = len(told.record.places.path)
    bins = int(np.clip(NODE_CELLS_MAX // (n_runs * max(nodes, 1)), *_NODE_BINS))
    return Detail(
        is_exact=False,
        jobs=np.flatnonzero(shown),
        attempts=keeps,
        gpu_time_share=float(gpu_time[keeps].sum() / max(gpu_time.sum(), 1.0)),
        outages=kept_outages,
        node_bins=bins,
    )


def _largest(told: Told, gpu_time: npt.NDArray[np.float64], n_runs: int) -> npt.NDArray[np.bool_]:
    """[n_jobs]: the jobs of most GPU-time whose attempts and nodes together fit."""
    attempts, n_jobs = told.record.attempts, len(told.jobs)
    total = np.bincount(attempts.job, gpu_time, minlength=n_jobs)
    pairs = np.bincount(attempts.job, np.diff(attempts.node_first), minlength=n_jobs)
    count = np.bincount(attempts.job, minlength=n_jobs)
    order = np.argsort(-total, kind="stable")
    fits = (np.cumsum(count[order]) <= ATTEMPTS_MAX // n_runs) & (
        np.cumsum(pairs[order]) <= PAIRS_MAX // n_runs
    )
    shown = np.zeros(n_jobs, dtype=np.bool_)
    shown[order[fits & (count[order] > 0)]] = True
    return shown


def _longest(length_ms: Ints, most: int) -> npt.NDArray[np.bool_]:
    kept = np.ones(len(length_ms), dtype=np.bool_)
    if len(length_ms) > most:
        kept[np.argsort(-length_ms, kind="stable")[most:]] = False
    return kept
