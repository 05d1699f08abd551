"""The quick form: a trace on a bare pool of GPUs, no scenario."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, structs

from arkwright.errors import InputError
from arkwright.twin.fitting import fitting
from arkwright.twin.interrupt import Listened, submitted
from arkwright.twin.kernels import kernels_for
from arkwright.twin.outcome import Outcome
from arkwright.twin.run import run
from arkwright.twin.setting import of_pool
from arkwright.twin.workload.read import read_jobs
from arkwright.twin.workload.table import JobTable, gpu_jobs


class Quick(Struct, frozen=True, kw_only=True):
    """What is asked of it."""

    gpus: int
    gpus_per_node: int = 8
    ordering: str = "fifo"
    backfill: str = "easy"
    is_together: bool = False
    """Under easy: all ends of an instant before a decision, not a decision after each of them."""


def quick_run(
    trace: Path,
    asked: Quick,
    kernels_folder: Path,
    progress: Callable[[float], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Outcome:
    """Run the jobs of `trace` until all are over. InputError for what cannot be read or run.

    A job without a time limit is planned with the time it takes. Under `easy` a decision follows
    every single end and submission, as in the simulators that other figures come from.
    """
    setting = of_pool(asked.gpus, asked.gpus_per_node, asked.ordering, asked.backfill)
    reading = read_jobs(trace)
    jobs, notes = _of_gpus(reading.table)
    jobs, misfits = fitting(setting, jobs)
    if not len(jobs):
        said = f"; {misfits}" if misfits else ""
        raise InputError(f"simulating {trace.name}: it has no job for {asked.gpus} GPUs{said}")
    notes = [*notes, misfits] if misfits else notes
    dropped = [f"dropped {tally}: {reason}" for reason, tally in reading.dropped.items()]
    one_by_one = asked.backfill == "easy" and not asked.is_together
    began = int(jobs.submit_ms[0])
    told = Listened(progress)
    record = run(
        setting,
        jobs,
        began,
        None,
        kernels=kernels_for(len(jobs), kernels_folder, notice),
        progress=told,
        one_by_one=one_by_one,
    )
    return Outcome(
        name=f"{asked.ordering}, {asked.backfill}",
        factory=f"pool of {asked.gpus} GPUs, {asked.gpus_per_node} per node",
        policy=_policy(asked),
        seed=0,
        jobs=submitted(jobs, record),
        record=record,
        is_complete=not told.is_interrupted,
        modelled=("scheduling",),
        notes=(*dropped, *notes),
    )


def _policy(asked: Quick) -> dict[str, Any]:
    instants = {"instants": "together" if asked.is_together or asked.backfill != "easy" else "each"}
    return {"ordering": asked.ordering, "backfill": asked.backfill} | instants


def _of_gpus(table: JobTable) -> tuple[JobTable, list[str]]:
    jobs = gpu_jobs(table)
    left = len(table) - len(jobs)
    notes = [f"{left:,} jobs without a GPU are left out"] if left else []
    untold = jobs.estimate_ms < 0
    if untold.any() and not untold.all():
        notes.append(
            f"{int(untold.sum()):,} jobs without a time limit: planned as long as they ran"
        )
    # What the trace observed of nodes is of its own cluster, not of this pool.
    return (
        structs.replace(
            jobs,
            estimate_ms=np.where(untold, jobs.run_ms, jobs.estimate_ms),
            nodes=np.zeros_like(jobs.nodes),
        ),
        notes,
    )
