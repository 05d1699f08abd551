"""What a cluster's accounting tells of the last weeks, and what it teaches about jobs to come."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import structs

from arkwright.engines.slurm.description_inventory import inventory_of
from arkwright.engines.slurm.description_reading import Observed
from arkwright.fleet import ATTEMPTS_MAX, Finished, group_of
from arkwright.twin.observed.present import NO_LIMIT_S, type_names
from arkwright.twin.workload.read import read_accounting
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.table import JobTable, Labels, Outcome
from arkwright.units import MILLI, MS_PER_S


class Past(NamedTuple):
    """Jobs that ran between two instants, those still running included."""

    jobs: JobTable
    """`submit_ms` is when a job could first start; GPU types are the scheduler's names."""
    reading: Reading[JobTable]
    from_ms: int
    until_ms: int


def past_of(found: Observed) -> Past | None:
    """The accounting; None where there is none, or nothing ran."""
    if found.history.count("\n") < 2:
        return None
    reading = read_accounting(found.history, "sacct", found.now_ms)
    jobs = reading.table
    if not len(jobs):
        return None
    jobs = structs.replace(jobs, gpu_type=_renamed(found, jobs.gpu_type))
    # sacct gives what was there at any time since its -S: without that, the first end.
    since_ms = found.since_ms
    from_ms = int(jobs.end_ms[jobs.end_ms >= 0].min()) if since_ms is None else since_ms
    return Past(jobs, reading, min(from_ms, found.now_ms - 1), found.now_ms)


def lessons_of(past: Past | None) -> tuple[Finished, ...]:
    """Attempts that are over, oldest first, as `present` takes them. Those that somebody cancelled
    or that lost a node say nothing of how long such a job lasts."""
    if past is None:
        return ()
    jobs = past.jobs
    says = np.isin(jobs.outcome, (Outcome.COMPLETED, Outcome.FAILED, Outcome.TIMEOUT))
    rows = np.flatnonzero(says & (jobs.end_ms < past.until_ms))
    rows = rows[np.argsort(jobs.end_ms[rows], kind="stable")][-ATTEMPTS_MAX:]
    limit_ms = np.where(jobs.estimate_ms > 0, jobs.estimate_ms, NO_LIMIT_S * MS_PER_S)
    return tuple(
        Finished(
            group_of(
                jobs.project.of(row) or "", jobs.user.of(row) or "", jobs.gpus_milli[row] / MILLI
            ),
            int(limit_ms[row]),
            int(jobs.run_ms[row]),
        )
        for row in rows.tolist()
    )


def _renamed(found: Observed, types: Labels) -> Labels:
    """Slurm's types in the scheduler's words; a type no node is counted as is not told."""
    known = type_names(inventory_of(found.cluster).inventory)
    names = list(dict.fromkeys(known.values()))
    table = [names.index(known[name]) if name in known else -1 for name in types.names]
    return Labels(np.array([*table, -1], np.int32)[types.codes], tuple(names))
