"""Run a state forward through time without a Python object per event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from arkwright.errors import InternalError
from arkwright.sched import codes
from arkwright.sched._jit import INTERPRETED, Kernels
from arkwright.sched.advance import (
    ACTUAL_MS,
    AT_MS,
    CYCLES_LEFT,
    FORWARD_COLUMNS,
    INDEX,
    KIND,
    STOP_FIELDS,
    VALUES,
    WATCHED_LEFT,
    Trip,
)
from arkwright.sched.event import Event
from arkwright.sched.eviction import ENABLED, EVICTIONS_MAX, MOVES_MAX
from arkwright.sched.state import Ints, State, grown
from arkwright.sched.work import workspace


class Course(NamedTuple):
    """What happened: the state at the end, and every start in order."""

    state: State
    start_job: Ints
    start_at_ms: Ints


def forward(
    state: State,
    events: Ints,
    now_ms: int,
    until_ms: int,
    actual_ms: Ints | None = None,
    backfill: int = codes.EASY,
    kernels: Kernels = INTERPRETED,
    one_by_one: bool = False,
) -> Course:
    """Run `state` (which is changed) from `now_ms` through `until_ms`, both included.

    `events`: int64[n, FORWARD_COLUMNS] ordered by time (`timetable`), any kind but CLASS,
    START and CLAIM.
    `actual_ms`: int64[jobs in the state], how long each really lasts from its start; the estimate
    when not given. Limits and guarantees that the state has announced come true at their times;
    one announced by an event needs its ROW_LIMIT, or GUARANTEE, among the events. A job that is
    told to stop for another lasts its grace at most, waits again, and then lasts what it had not
    saved; all its starts are told. At one instant: ends by job index, then events in their order,
    then a cycle; with `one_by_one` a cycle after each of them, as simulators do that handle one
    event at a time.
    """
    if events.shape[1:] != (FORWARD_COLUMNS,) or bool(np.any(np.diff(events[:, AT_MS]) < 0)):
        raise InternalError("forward: events need FORWARD_COLUMNS columns, ordered by time")
    events = with_announced(state, events, now_ms)
    known = int(state.job_count[0])
    submits = events[events[:, KIND] == codes.SUBMIT]
    classes = submits[:, INDEX]
    if len(classes) and not (classes.min() >= 0 and classes.max() < state.class_count[0]):
        raise InternalError("forward: a job of a class that the state does not have")
    slots = int(state.class_slots[classes].sum())
    announced = int(np.isin(events[:, KIND], (codes.ANNOUNCE, codes.PLEDGE)).sum())
    reserved = int((events[:, KIND] == codes.RESERVE).sum())
    state = grown(state, 0, len(submits), slots, announced, reserved)
    n_jobs = len(state.job_state)
    again = np.isin(events[:, KIND], (codes.REQUEUE, codes.PREEMPT))
    trip = trip_of(n_jobs, attempts_max(state) + 2 * int(again.sum()))
    trip.one_by_one[0] = int(one_by_one)
    trip.actual_ms[:known] = state.job_duration_ms[:known] if actual_ms is None else actual_ms
    starts = kernels.advance(state, workspace(state), events, trip, now_ms, until_ms, backfill)
    if starts < 0:
        raise InternalError(f"forward: event {-1 - starts} refused: {events[-1 - starts].tolist()}")
    return Course(state, trip.start_job[:starts].copy(), trip.start_at_ms[:starts].copy())


def with_announced(state: State, events: Ints, now_ms: int) -> Ints:
    """The events with what the calendar announces made so at its time, after what is there."""
    steps = range(int(state.step_count[0]))
    coming = [step for step in steps if state.step_at_ms[step] >= now_ms]
    if not coming:
        return events
    made = np.zeros((len(coming), FORWARD_COLUMNS), np.int64)
    made[:, KIND] = codes.ROW_LIMIT
    made[:, AT_MS] = state.step_at_ms[coming]
    made[:, INDEX] = state.step_row[coming]
    made[:, VALUES] = state.step_limit[coming]
    is_kept = state.step_kind[coming] == codes.KEPT_STEP
    made[is_kept, KIND] = codes.GUARANTEE
    made[is_kept, VALUES] = state.step_guarantee[coming][is_kept]
    made[is_kept, VALUES + 1] = state.step_limit[coming][is_kept]
    both = np.concatenate([events, made])
    return both[np.argsort(both[:, AT_MS], kind="stable")]


def timetable(events: Iterable[tuple[Event, int]]) -> Ints:
    """The table `forward` wants: each event with its job's actual duration, 0 for no SUBMIT."""
    rows = list(events)
    table = np.zeros((len(rows), FORWARD_COLUMNS), np.int64)
    for row, (event, actual) in enumerate(rows):
        table[row, KIND], table[row, AT_MS], table[row, INDEX] = event[:3]
        table[row, VALUES : VALUES + len(event.values)] = event.values
        table[row, ACTUAL_MS] = actual
    return table


def attempts_max(state: State) -> int:
    """How many ends a run may see at most: told to stop or not, of each attempt a job may make."""
    times = int(state.eviction[EVICTIONS_MAX] + state.eviction[MOVES_MAX])
    return len(state.job_state) * (1 + 2 * times * int(state.eviction[ENABLED]))


def trip_of(n_jobs: int, n_ends: int) -> Trip:
    """Arrays for one run to its end: nothing is watched, cycles are not counted."""
    sizes: dict[str, Any] = dict.fromkeys(Trip._fields, n_ends)
    sizes |= {"actual_ms": n_jobs, "decided": n_jobs, "watched": n_jobs}
    sizes |= {"end_count": 1, "one_by_one": 1, "stop": STOP_FIELDS}
    trip = Trip(*[np.zeros(sizes[name], np.int64) for name in Trip._fields])
    trip.stop[WATCHED_LEFT] = -1
    trip.stop[CYCLES_LEFT] = codes.BIG
    return trip
