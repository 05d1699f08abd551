"""A run of the twin: a table of jobs through the scheduler, in virtual time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from arkwright import sched
from arkwright.fleet import lowering
from arkwright.jobs.spec import Level
from arkwright.sched import codes
from arkwright.sched.advance import ACTUAL_MS, AT_MS, FORWARD_COLUMNS, INDEX, KIND, VALUES
from arkwright.sched.attempts import AT_PACE
from arkwright.sched.forward import AttemptLog, Lasting, Run
from arkwright.twin.demand import Demand, demand_of
from arkwright.twin.failures import forward_rows, node_events
from arkwright.twin.record import Attempts, Ending, Ints, Outages, Record
from arkwright.twin.setting import Setting
from arkwright.twin.workload.table import JobTable, Outcome

Progress = Callable[[float], None]

STRIDES: Final = 400
"""How often a run tells how far it is, where anybody wants to know."""

_ENDINGS: Final = {
    Outcome.FAILED: Ending.FAILED,
    Outcome.CANCELLED: Ending.CANCELLED,
    Outcome.TIMEOUT: Ending.TIMEOUT,
}


class Saving(NamedTuple):
    """Per job [ms]: how often it saves its progress (0 never), and what a restart takes."""

    period_ms: Ints
    restart_ms: Ints


class Conditions(NamedTuple):
    """What happens to the factory and its jobs beside their coming and going."""

    outages: Outages | None = None
    saving: Saving | None = None
    pace: Mapping[Level, float] | None = None
    """What a gang that needs a domain of this level takes of the time it takes side by side."""
    events: Ints | None = None
    """More rows for the scheduler, as `sched.forward` takes them: limits, drains, windows."""


def run(
    setting: Setting,
    jobs: JobTable,
    from_ms: int,
    until_ms: int | None = None,
    conditions: Conditions | None = None,
    kernels: sched.Kernels = sched.INTERPRETED,
    progress: Progress | None = None,
    one_by_one: bool = False,
) -> Record:
    """Every job of the table from its submission on; `until_ms` None: until all are over.

    A job lasts what the table says it ran, is planned with what its user asked for, and waits
    again when it loses a node. Interrupted (KeyboardInterrupt), it gives the record so far.
    """
    conditions = conditions or Conditions()
    demand = demand_of(setting, jobs)
    made = Run(
        demand.state,
        _events(demand, jobs, conditions),
        from_ms,
        backfill=lowering.backfill_of(setting.policy),
        kernels=kernels,
        one_by_one=one_by_one,
        lasting=_lasting(conditions),
    )
    reached_ms = from_ms
    try:
        strides = 1 if progress is None else STRIDES
        for reached_ms in _strides(made, jobs, from_ms, until_ms, strides):
            if progress is not None:
                progress(_share(made, jobs, from_ms, until_ms, reached_ms))
    except KeyboardInterrupt:
        until_ms = reached_ms
    end_ms = max(reached_ms, from_ms) if until_ms is None else until_ms
    attempts = _attempts(made.log(end_ms), jobs)
    return Record(
        from_ms=from_ms,
        until_ms=end_ms,
        places=setting.places,
        attempts=attempts,
        outages=_until(conditions.outages, from_ms, end_ms),
        decisions=decisions_sha256(attempts),
    )


def decisions_sha256(attempts: Attempts) -> str:
    """Of who started when on which nodes, in order: little-endian int64, column after column."""
    digest = hashlib.sha256()
    for column in (attempts.job, attempts.start_ms, attempts.node_first, attempts.node):
        digest.update(np.ascontiguousarray(column, "<i8").tobytes())
    return digest.hexdigest()


def _strides(
    made: Run, jobs: JobTable, from_ms: int, until_ms: int | None, strides: int
) -> Iterator[int]:
    """Run to the end, and say after each stride how far."""
    span_ms = jobs.span_ms if until_ms is None else until_ms - from_ms
    stride_ms = codes.BIG >> 1 if strides == 1 else max(span_ms // strides, 1)
    last_ms = codes.BIG if until_ms is None else until_ms
    while made.next_ms <= last_ms and made.next_ms != codes.BIG:
        stop_ms = min(max(made.next_ms, from_ms) + stride_ms, last_ms)
        made.through(stop_ms)
        yield made.reached_ms if until_ms is None else stop_ms


def _share(made: Run, jobs: JobTable, from_ms: int, until_ms: int | None, reached_ms: int) -> float:
    if until_ms is None:
        return min(made.starts / max(len(jobs), 1), 1.0)
    return (reached_ms - from_ms) / max(until_ms - from_ms, 1)


def _lasting(conditions: Conditions) -> Lasting:
    pace = None
    if conditions.pace:
        levels = [conditions.pace.get(level) for level in lowering.LEVELS]
        filled, at = [], 1.0
        for factor in levels:
            at = at if factor is None else factor
            filled.append(round(at * AT_PACE))
        pace = np.array([*filled, filled[-1]], np.int64)
    if conditions.saving is None:
        return Lasting(pace_milli=pace)
    return Lasting(conditions.saving.period_ms, conditions.saving.restart_ms, pace)


def _events(demand: Demand, jobs: JobTable, conditions: Conditions) -> Ints:
    """By time; at one instant nodes back, nodes out, what else happens, then jobs."""
    tables = []
    if conditions.outages is not None:
        until_ms = int(conditions.outages.until_ms.max(initial=0)) + 1
        tables.append(forward_rows(node_events(conditions.outages, until_ms)))
    if conditions.events is not None:
        tables.append(conditions.events)
    submitted = _submissions(demand, jobs)
    if not tables:
        return submitted
    others = np.concatenate(tables)
    others = others[np.argsort(others[:, AT_MS], kind="stable")]
    places = np.searchsorted(jobs.submit_ms, others[:, AT_MS], side="left")
    return np.insert(submitted, places, others, axis=0)


def _submissions(demand: Demand, jobs: JobTable) -> Ints:
    rows = np.zeros((len(jobs), FORWARD_COLUMNS), np.int64)
    rows[:, AT_MS] = jobs.submit_ms
    rows[:, KIND] = codes.SUBMIT
    rows[:, INDEX] = demand.job_class
    rows[:, VALUES] = demand.order_key
    rows[:, VALUES + 1] = demand.lasts_ms
    rows[:, VALUES + 2] = jobs.submit_ms
    rows[:, VALUES + 3] = codes.NONE
    rows[:, ACTUAL_MS] = np.maximum(jobs.run_ms, 1)
    return rows


def _attempts(log: AttemptLog, jobs: JobTable) -> Attempts:
    """The log with what the table says of jobs that ended by themselves."""
    told = np.full(len(Outcome), int(Ending.COMPLETED), np.int64)
    for outcome, ending in _ENDINGS.items():
        told[outcome] = ending
    by_itself = told[jobs.outcome[log.job].astype(np.int64)]
    counts = np.diff(log.node_first)
    return Attempts(
        job=log.job,
        start_ms=log.start_ms,
        end_ms=log.end_ms,
        ending=np.where(log.ending == Ending.COMPLETED, by_itself, log.ending),
        lost_ms=log.lost_ms,
        node_first=log.node_first,
        node=log.node,
        gpu_milli=np.repeat(log.gpu_milli, counts),
    )


def _until(outages: Outages | None, from_ms: int, end_ms: int) -> Outages:
    if outages is None:
        none = np.zeros(0, np.int64)
        return Outages(node=none, from_ms=none, until_ms=none, cause=none, failure=none, causes=[])
    is_in = (outages.from_ms < end_ms) & (outages.until_ms > from_ms)
    return Outages(
        node=outages.node[is_in],
        from_ms=np.maximum(outages.from_ms[is_in], from_ms),
        until_ms=np.minimum(outages.until_ms[is_in], end_ms),
        cause=outages.cause[is_in],
        failure=outages.failure[is_in],
        causes=outages.causes,
    )
