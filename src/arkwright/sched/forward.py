"""Run a state forward through time without a Python object per event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np

from arkwright.errors import InternalError
from arkwright.sched import codes
from arkwright.sched._jit import INTERPRETED, Kernels
from arkwright.sched.advance import (
    ACTUAL_MS,
    AT_MS,
    FAULT,
    FORWARD_COLUMNS,
    INDEX,
    KIND,
    VALUES,
)
from arkwright.sched.attempts import (
    CYCLES_LEFT,
    NEXT_MS,
    REACHED_MS,
    STARTS,
    STOP_FIELDS,
    UNDER_WAY,
    WATCHED_LEFT,
    Trip,
)
from arkwright.sched.event import Event
from arkwright.sched.eviction import ENABLED, EVICTIONS_MAX, MOVES_MAX
from arkwright.sched.state import Ints, State, grown, nodes_of
from arkwright.sched.work import workspace


class Course(NamedTuple):
    """What happened: the state at the end, and every start in order."""

    state: State
    start_job: Ints
    start_at_ms: Ints


class Lasting(NamedTuple):
    """How attempts last, beside what jobs are told to last; all of it may be left out."""

    period_ms: Ints | None = None
    restart_ms: Ints | None = None
    """[jobs]: those of the state, then those to come, by submission: each saves at the end of every
    period of its run (0 never); an attempt after the first takes the restart before it goes on."""
    pace_milli: Ints | None = None
    """[n_levels + 1]: what a gang within one domain of each level needs of its time [1/1000]; last
    what it needs that no one domain holds."""


class AttemptLog(NamedTuple):
    """Every attempt, in the order of starting: `ending` as in `attempts`, under way at the end."""

    job: Ints
    start_ms: Ints
    end_ms: Ints
    ending: Ints
    lost_ms: Ints
    node_first: Ints
    node: Ints
    gpu_milli: Ints
    """Held on each of the attempt's nodes; of a gang of different nodes, what its first group does.
    """


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
    run = Run(state, events, now_ms, actual_ms, backfill, kernels, one_by_one, keeps_log=False)
    run.through(until_ms)
    return run.course()


class Run:
    """A run forward that goes on in as many strides as its caller likes, with equal decisions.

    Parameters as those of `forward`. FAULT is one more kind of event: the node is down, and all
    that ran there waits again. With `keeps_log` it keeps the log of attempts.
    """

    def __init__(
        self,
        state: State,
        events: Ints,
        now_ms: int,
        actual_ms: Ints | None = None,
        backfill: int = codes.EASY,
        kernels: Kernels = INTERPRETED,
        one_by_one: bool = False,
        lasting: Lasting | None = None,
        keeps_log: bool = True,
    ) -> None:
        self._now_ms = now_ms
        self._backfill = backfill
        self._kernels = kernels
        self._events = _checked(state, with_announced(state, events, now_ms))
        known = int(state.job_count[0])
        self._state = _with_room(state, self._events)
        self._trip = _trip(self._state, self._events, lasting or Lasting(), keeps_log)
        self._trip.one_by_one[0] = int(one_by_one)
        self._trip.actual_ms[:known] = (
            state.job_duration_ms[:known] if actual_ms is None else actual_ms
        )
        if keeps_log:
            _log_under_way(self._state, self._trip)
        self._work = workspace(self._state)

    @property
    def next_ms(self) -> int:
        """The next instant at which something happens; `codes.BIG` when nothing ever will."""
        return int(self._trip.stop[NEXT_MS]) if self._has_begun else self._now_ms

    @property
    def reached_ms(self) -> int:
        """The last instant at which something happened."""
        return int(self._trip.stop[REACHED_MS])

    @property
    def starts(self) -> int:
        """Attempts so far."""
        return int(self._trip.stop[STARTS])

    @property
    def state(self) -> State:
        """The state as far as the run has come."""
        return self._state

    @property
    def _has_begun(self) -> bool:
        return bool(self._trip.stop[NEXT_MS] != 0)

    def through(self, until_ms: int) -> None:
        """Go on through `until_ms`. InternalError for an event that its state refuses."""
        found = self._kernels.advance(
            self._state,
            self._work,
            self._events,
            self._trip,
            self.next_ms,
            until_ms,
            self._backfill,
        )
        if found < 0:
            row = -1 - found
            raise InternalError(f"forward: event {row} refused: {self._events[row].tolist()}")

    def course(self) -> Course:
        """What happened so far."""
        starts = self.starts
        return Course(
            self._state,
            self._trip.start_job[:starts].copy(),
            self._trip.start_at_ms[:starts].copy(),
        )

    def log(self, until_ms: int) -> AttemptLog:
        """The attempts so far; those under way end at `until_ms` in it."""
        trip, starts = self._trip, self.starts
        first = trip.node_first[: starts + 1].copy()
        is_under_way = trip.ending[:starts] == UNDER_WAY
        return AttemptLog(
            job=trip.start_job[:starts].copy(),
            start_ms=trip.start_at_ms[:starts].copy(),
            end_ms=np.where(is_under_way, until_ms, trip.end_ms[:starts]),
            ending=trip.ending[:starts].copy(),
            lost_ms=trip.lost_ms[:starts].copy(),
            node_first=first,
            node=trip.node[: int(first[-1])].copy(),
            gpu_milli=self._state.class_gpu_milli[self._state.job_asked[trip.start_job[:starts]]],
        )


def _checked(state: State, events: Ints) -> Ints:
    if events.shape[1:] != (FORWARD_COLUMNS,) or bool(np.any(np.diff(events[:, AT_MS]) < 0)):
        raise InternalError("forward: events need FORWARD_COLUMNS columns, ordered by time")
    classes = events[events[:, KIND] == codes.SUBMIT, INDEX]
    if len(classes) and not (classes.min() >= 0 and classes.max() < state.class_count[0]):
        raise InternalError("forward: a job of a class that the state does not have")
    return np.ascontiguousarray(events)


def _with_room(state: State, events: Ints) -> State:
    """The state with room for all that the events bring."""
    kinds = events[:, KIND]
    classes = events[kinds == codes.SUBMIT, INDEX]
    slots = int(state.class_slots[classes].sum())
    announced = int(np.isin(kinds, (codes.ANNOUNCE, codes.PLEDGE)).sum())
    reserved = int((kinds == codes.RESERVE).sum())
    return grown(state, 0, len(classes), slots, announced, reserved)


def _trip(state: State, events: Ints, lasting: Lasting, keeps_log: bool) -> Trip:
    """The arrays of a run: what is never written takes no memory."""
    kinds = events[:, KIND]
    again = int(np.isin(kinds, (codes.REQUEUE, codes.PREEMPT)).sum())
    attempts_each, nodes_each = _most_per_fault(state)
    faults = int((kinds == FAULT).sum())
    n_jobs, n_ends = len(state.job_state), attempts_max(state) + 2 * again
    n_ends += attempts_each * faults
    trip = trip_of(n_jobs, n_ends)
    modelled: dict[str, Any] = {}
    if lasting.period_ms is not None and lasting.restart_ms is not None:
        modelled |= {"period_ms": _sized(lasting.period_ms, n_jobs)}
        modelled |= {"restart_ms": _sized(lasting.restart_ms, n_jobs)}
        modelled |= {"tries": np.zeros(n_jobs, np.int64)}
    if lasting.pace_milli is not None:
        modelled |= {"pace_milli": lasting.pace_milli, "job_pace_milli": np.zeros(n_jobs, np.int64)}
    if keeps_log:
        most = int(state.class_slots.max(initial=1))
        submitted = events[kinds == codes.SUBMIT, INDEX]
        known = state.job_asked[: int(state.job_count[0])]
        slots = int(state.class_slots[submitted].sum() + state.class_slots[known].sum())
        n_nodes = slots + nodes_each * faults + most * (n_ends - n_jobs - attempts_each * faults)
        modelled |= {name: np.zeros(n_ends, np.int64) for name in ("end_ms", "ending", "lost_ms")}
        modelled |= {"attempt": np.full(n_jobs, -1, np.int64)}
        # A class that takes nothing of a node leaves no trace there: then all jobs are looked at.
        known_by_amounts = len(state.node_state) if attempts_each < n_jobs else 0
        modelled |= {"node_job": np.full(known_by_amounts, -1, np.int64)}
        modelled |= {"node_first": np.zeros(n_ends + 1, np.int64)}
        modelled |= {"node": np.zeros(n_nodes, np.int64)}
    return trip._replace(**modelled)


def _log_under_way(state: State, trip: Trip) -> None:
    """The attempts that began before the run, by start, then by job."""
    count = int(state.job_count[0])
    is_in = state.job_state[:count]
    jobs = np.flatnonzero((is_in >= codes.STARTING) & (is_in <= codes.STOPPING))
    jobs = jobs[np.argsort(state.job_start_ms[jobs], kind="stable")]
    for place, job in enumerate(jobs.tolist()):
        nodes = nodes_of(state, job)
        first = int(trip.node_first[place])
        trip.start_job[place], trip.start_at_ms[place] = job, state.job_start_ms[job]
        trip.attempt[job], trip.ending[place] = place, UNDER_WAY
        trip.node[first : first + len(nodes)] = nodes
        trip.node_first[place + 1] = first + len(nodes)
    trip.stop[STARTS] = len(jobs)


def _sized(column: Ints, count: int) -> Ints:
    sized = np.zeros(count, np.int64)
    sized[: len(column)] = column
    return sized


def _most_per_fault(state: State) -> tuple[int, int]:
    """How many attempts one node can hold at most, and how many nodes these have."""
    count = int(state.class_count[0])
    if count == 0:
        return 0, 0
    gpu = state.class_gpu_milli[:count] / max(int(state.node_gpu_milli_total.max(initial=0)), 1)
    cpu = state.class_cpu_milli[:count] / max(int(state.node_cpu_milli_total.max(initial=0)), 1)
    share = np.maximum(gpu, cpu)
    if not share.all():
        return len(state.job_state), int(state.class_slots[:count].max()) * len(state.job_state)
    nodes = state.class_slots[:count] / share
    return int(np.ceil((1 / share).max())), int(np.ceil(nodes.max()))


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


MODELLED: Final = Trip._fields[Trip._fields.index("period_ms") :]
"""Arrays of a trip that are empty unless a run asks for more."""


def attempts_max(state: State) -> int:
    """How many ends a run may see at most: told to stop or not, of each attempt a job may make."""
    times = int(state.eviction[EVICTIONS_MAX] + state.eviction[MOVES_MAX])
    return len(state.job_state) * (1 + 2 * times * int(state.eviction[ENABLED]))


def trip_of(n_jobs: int, n_ends: int) -> Trip:
    """Arrays for one run to its end: nothing is watched, cycles are not counted."""
    sizes: dict[str, Any] = dict.fromkeys(Trip._fields, n_ends)
    sizes |= {"actual_ms": n_jobs, "decided": n_jobs, "watched": n_jobs}
    sizes |= {"end_count": 1, "one_by_one": 1, "stop": STOP_FIELDS}
    sizes |= dict.fromkeys(MODELLED, 0)
    trip = Trip(*[np.zeros(sizes[name], np.int64) for name in Trip._fields])
    trip.stop[WATCHED_LEFT] = -1
    trip.stop[CYCLES_LEFT] = codes.BIG
    return trip
