"""Where the GPU time of a run went: progress that lasts, work done twice, writing, restarting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.twin.checkpoint import JobCheckpoints
from arkwright.twin.record import Attempts, Ending, Ints, Outages, Record
from arkwright.twin.streams import Floats
from arkwright.units import MILLI, MS_PER_S, S_PER_HOUR

_MS_PER_HOUR = MS_PER_S * S_PER_HOUR
_HOURS_PER_DAY = 24


class Goodput(NamedTuple):
    """GPU-hours of a run and what follows from them.

    held = productive + lost_to_failures + lost_to_stops + writing + restarting, and
    capacity = held + out + idle.
    """

    capacity_gpu_h: float
    """GPUs times the length of the run."""
    held_gpu_h: float
    productive_gpu_h: float
    """What was still running when the run ended counts as progress."""
    lost_to_failures_gpu_h: float
    lost_to_stops_gpu_h: float
    """Lost where a job was preempted, moved, cancelled, failed or met its time limit."""
    writing_gpu_h: float
    restarting_gpu_h: float
    out_gpu_h: float
    """On nodes out of service."""
    interruptions: dict[str, int]
    """Attempts by `Ending`, those that ran to their end and those still running left out."""
    failures_by_cause: dict[str, int]
    """Failures that took at least one node out."""
    nodes_out_mean: float
    node_failed_per_1000_node_days: float
    """Attempts that a failure ended, per 1,000 days of nodes held; 0 where none were."""
    ettr: Floats
    """[n_started]: per job that started, productive time over time from its first start until its
    last end, waiting in between included; NaN for a job that took no time."""
    ettr_job: Ints
    """[n_started]: which jobs those are."""
    ettr_mean: float
    """Mean of them, weighted by GPU time held."""

    @property
    def goodput(self) -> float:
        """Productive over held; NaN where nothing was held."""
        return self.productive_gpu_h / self.held_gpu_h if self.held_gpu_h else float("nan")

    @property
    def idle_gpu_h(self) -> float:
        """In service and held by nobody."""
        return self.capacity_gpu_h - self.held_gpu_h - self.out_gpu_h


def goodput_of(record: Record, checkpoints: JobCheckpoints | None = None) -> Goodput:
    """Where the GPU time of `record` went.

    `checkpoints`: of its job table, row by row; without it writing and restarting count as
    progress. Jobs without GPUs weigh nothing.
    """
    attempts = record.attempts
    ran = attempts.end_ms - attempts.start_ms
    gpus = _per_attempt(attempts, attempts.gpu_milli) / MILLI
    restart, writing = _overheads(attempts, ran, checkpoints)
    lost = np.minimum(attempts.lost_ms, ran - restart - writing)
    productive = ran - restart - writing - lost
    failed = attempts.ending == Ending.NODE_FAILED
    job, ettr, weight = _ettr(attempts, productive, ran * gpus)
    nodes = np.diff(attempts.node_first)
    held_node_days = float((ran * nodes).sum()) / (_MS_PER_HOUR * _HOURS_PER_DAY)
    span_ms = record.until_ms - record.from_ms
    known = np.isfinite(ettr) & (weight > 0)
    return Goodput(
        capacity_gpu_h=_gpu_h(record.places.gpus.sum() * span_ms),
        held_gpu_h=_gpu_h((ran * gpus).sum()),
        productive_gpu_h=_gpu_h((productive * gpus).sum()),
        lost_to_failures_gpu_h=_gpu_h((lost * gpus)[failed].sum()),
        lost_to_stops_gpu_h=_gpu_h((lost * gpus)[~failed].sum()),
        writing_gpu_h=_gpu_h((writing * gpus).sum()),
        restarting_gpu_h=_gpu_h((restart * gpus).sum()),
        out_gpu_h=_gpu_h((_out_ms(record.outages) * record.places.gpus[record.outages.node]).sum()),
        interruptions=_interruptions(attempts.ending),
        failures_by_cause=_by_cause(record.outages),
        nodes_out_mean=float(_out_ms(record.outages).sum() / span_ms) if span_ms else 0.0,
        node_failed_per_1000_node_days=(
            1000.0 * int(failed.sum()) / held_node_days if held_node_days else 0.0
        ),
        ettr=ettr,
        ettr_job=job,
        ettr_mean=float(np.average(ettr[known], weights=weight[known]))
        if known.any()
        else float("nan"),
    )


def _overheads(
    attempts: Attempts, ran: Ints, checkpoints: JobCheckpoints | None
) -> tuple[Ints, Ints]:
    """Of each attempt, ms spent restarting and ms spent on checkpoints that were finished."""
    if checkpoints is None:
        return np.zeros_like(ran), np.zeros_like(ran)
    job = attempts.job
    restart = np.where(_is_again(job), np.minimum(checkpoints.restart_ms[job], ran), 0)
    interval, cost = checkpoints.interval_ms[job], checkpoints.cost_ms[job]
    writes = np.where(interval > 0, (ran - restart) // np.maximum(interval + cost, 1), 0)
    return restart, writes * cost


def _is_again(job: Ints) -> np.ndarray:
    """Whether each attempt, in the order of starting, is not the first of its job."""
    order = np.argsort(job, kind="stable")
    again = np.zeros(len(job), bool)
    again[order[1:]] = job[order[1:]] == job[order[:-1]]
    return again


def _ettr(attempts: Attempts, productive: Ints, held: Floats) -> tuple[Ints, Floats, Floats]:
    job, row = np.unique(attempts.job, return_inverse=True)
    first = np.full(len(job), np.iinfo(np.int64).max)
    last = np.full(len(job), np.iinfo(np.int64).min)
    np.minimum.at(first, row, attempts.start_ms)
    np.maximum.at(last, row, attempts.end_ms)
    done = np.bincount(row, productive, len(job))
    span = (last - first).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(span > 0, done / span, np.nan)
    weight = np.bincount(row, held, len(job)).astype(np.float64)
    return job, np.asarray(ratio, np.float64), weight


def _per_attempt(attempts: Attempts, values: Ints) -> Ints:
    """Sum over the nodes of each attempt."""
    total = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(total[attempts.node_first[1:]] - total[attempts.node_first[:-1]])


def _interruptions(ending: Ints) -> dict[str, int]:
    whole = (Ending.COMPLETED, Ending.RUNNING)
    stopped = [kind for kind in Ending if kind not in whole and (ending == kind).any()]
    return {kind.name.lower(): int((ending == kind).sum()) for kind in stopped}


def _by_cause(outages: Outages) -> dict[str, int]:
    _, first = np.unique(outages.failure, return_index=True)
    counts = np.bincount(outages.cause[first], minlength=len(outages.causes))
    return {name: int(count) for name, count in zip(outages.causes, counts, strict=True) if count}


def _out_ms(outages: Outages) -> Ints:
    return outages.until_ms - outages.from_ms


def _gpu_h(gpu_ms: float) -> float:
    return float(gpu_ms) / _MS_PER_HOUR
