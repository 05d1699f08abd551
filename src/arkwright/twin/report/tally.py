"""What a record says once it is counted: GPUs held, spans of waiting, GPUs that were out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from arkwright.twin.record import Attempts, Ending
from arkwright.twin.report.steps import Steps, summed
from arkwright.twin.report.told import Ints, Told

NEVER = -1
"""In `Tally.wait_ms`: the job never started."""
AGAIN = (Ending.NODE_FAILED, Ending.PREEMPTED, Ending.MOVED)
"""Endings after which a job waits again."""


class Spans(Struct, frozen=True, eq=False):
    """Jobs waiting: a row for every stretch, of one job."""

    job: Ints
    from_ms: Ints
    until_ms: Ints


class Tally(Struct, frozen=True, eq=False, kw_only=True):
    """One run, counted."""

    gpu_milli: Ints
    """[n_attempts]: milli-GPU held."""
    waiting: Spans
    wait_ms: Ints
    """[n_jobs]: from submission to the first start; NEVER where there was none."""
    waits_at_end: npt.NDArray[np.bool_]
    """[n_jobs]: not running, and not done, when the run ended."""
    held: Steps
    """Milli-GPU held by jobs."""
    out: Steps
    """Milli-GPU of nodes that took no work."""
    queue: Steps
    """Jobs waiting."""
    queue_gpus: Steps
    """Milli-GPU that they ask for."""
    capacity_milli: int


def tally(told: Told) -> Tally:
    """Counts `told`'s record. Arrays all the way: a million attempts take about a second."""
    record = told.record
    attempts, outages, places = record.attempts, record.outages, record.places
    span = (record.from_ms, record.until_ms)
    gpu_milli = _held_by(attempts)
    waiting, wait_ms, waits_at_end = _waits(told)
    ones = np.ones(len(waiting.job), dtype=np.int64)
    asked = told.jobs.gpus_milli[waiting.job]
    node_milli = places.gpus * 1000
    return Tally(
        gpu_milli=gpu_milli,
        waiting=waiting,
        wait_ms=wait_ms,
        waits_at_end=waits_at_end,
        held=summed(attempts.start_ms, attempts.end_ms, gpu_milli, *span),
        out=summed(outages.from_ms, outages.until_ms, node_milli[outages.node], *span),
        queue=summed(waiting.from_ms, waiting.until_ms, ones, *span),
        queue_gpus=summed(waiting.from_ms, waiting.until_ms, asked, *span),
        capacity_milli=int(node_milli.sum()),
    )


def _held_by(attempts: Attempts) -> Ints:
    total = np.append(0, np.cumsum(attempts.gpu_milli))
    held: Ints = total[attempts.node_first[1:]] - total[attempts.node_first[:-1]]
    return held


def _waits(told: Told) -> tuple[Spans, Ints, npt.NDArray[np.bool_]]:
    """Before its first attempt, and from every ending that puts it back until the next start."""
    jobs, attempts, until = told.jobs, told.record.attempts, told.record.until_ms
    order = np.argsort(attempts.job, kind="stable")
    job, start = attempts.job[order], attempts.start_ms[order]
    end, ending = attempts.end_ms[order], attempts.ending[order]
    is_first = np.append(True, job[1:] != job[:-1])[: len(job)]
    is_last = np.append(is_first[1:], True)[: len(job)]

    wait_ms = np.full(len(jobs), NEVER, dtype=np.int64)
    wait_ms[job[is_first]] = start[is_first] - jobs.submit_ms[job[is_first]]
    never = np.flatnonzero((wait_ms == NEVER) & ~_withdrawn(told))
    again = np.flatnonzero(~is_last)
    back = np.flatnonzero(is_last & np.isin(ending, AGAIN))

    waits_at_end = np.zeros(len(jobs), dtype=np.bool_)
    waits_at_end[never] = True
    waits_at_end[job[back]] = True
    spans = Spans(
        np.concatenate([job[is_first], never, job[again], job[back]]),
        np.concatenate(
            [jobs.submit_ms[job[is_first]], jobs.submit_ms[never], end[again], end[back]]
        ),
        np.concatenate(
            [
                start[is_first],
                np.full(len(never), until),
                start[again + 1],
                np.full(len(back), until),
            ]
        ),
    )
    return spans, wait_ms, waits_at_end


def _withdrawn(told: Told) -> npt.NDArray[np.bool_]:
    outcome = told.jobs.outcome
    codes = [code for code, name in enumerate(outcome.names) if name.lower() == "cancelled"]
    return np.isin(outcome.codes, codes)
