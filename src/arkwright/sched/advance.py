"""The bare event loop, kernel: ends, then events, then one cycle, at each instant that has any.

Or, one by one, a cycle after every single end and event: what simulators do that handle one event
at a time, kept to compare with them.

Nothing here allocates per event. Ends stand in a binary heap ordered by (time, job); an entry whose
job has meanwhile ended or started anew is stale and dropped when it comes up. A job told to stop
for another is gone when its grace is over and waits again, with what it had not saved to do.
"""

from __future__ import annotations

from typing import Final

from arkwright.sched import attempts, constraints, decide, order, transitions
from arkwright.sched.attempts import (
    CYCLES_LEFT,
    HAS_BEGUN,
    NEXT_MS,
    NODE_LOST,
    REACHED_MS,
    ROW,
    STARTS,
    WATCHED_LEFT,
    Trip,
)
from arkwright.sched.codes import BIG, DOWN, PREEMPT, RUNNING, STARTING, STOPPING
from arkwright.sched.state import Ints, State
from arkwright.sched.work import NOTICE_COLUMNS, NOTICE_JOB, NOTICE_KIND, NOTICES, Work

# Columns of the event table.
AT_MS: Final = 0
KIND: Final = 1
INDEX: Final = 2
VALUES: Final = 3
ACTUAL_MS: Final = 8
FORWARD_COLUMNS: Final = 9

FAULT: Final = 1000
"""Kind of an event that only a run forward knows: the node is down and all that ran there waits
again. In the live factory these are several events, each seen by itself."""


def advance(
    state: State, work: Work, events: Ints, trip: Trip, now_ms: int, until_ms: int, mode: int
) -> int:
    """Run from `now_ms` through `until_ms`: the number of starts, or -1 - row of a bad event.

    Ends early once every watched job has started, or the cycles it may run are used up. May be
    called again with the same trip to go on, from the instant in `NEXT_MS`.
    """
    if trip.stop[HAS_BEGUN] == 0:
        _push_active(state, trip, now_ms)
        trip.stop[HAS_BEGUN] = 1
    row = trip.stop[ROW]
    at_ms = now_ms
    while at_ms <= until_ms:
        ended = _end_due(state, trip, at_ms)
        upto = _due(events, row, at_ms)
        if trip.one_by_one[0] != 0:
            upto = row if ended > 0 else min(upto, row + 1)
        while row < upto:
            if not _take_event(state, trip, events[row]):
                return int(-1 - row)
            row += 1
        started = decide.decide(state, work, at_ms, mode, trip.decided)
        for place in range(started):
            job = trip.decided[place]
            attempts.begin(state, trip, job, at_ms)
            trip.stop[WATCHED_LEFT] -= trip.watched[job]
            trip.watched[job] = 0
            _push(trip, at_ms + trip.actual_ms[job], job)
        _push_told(state, work, trip)
        trip.stop[CYCLES_LEFT] -= 1
        trip.stop[REACHED_MS] = at_ms
        if trip.stop[WATCHED_LEFT] == 0 or trip.stop[CYCLES_LEFT] == 0:
            break
        at_ms = min(_next_at(trip, events, row, at_ms), constraints.next_opening_at(state, at_ms))
        if at_ms == BIG:
            break
    trip.stop[ROW] = row
    trip.stop[NEXT_MS] = at_ms
    return int(trip.stop[STARTS])


def _push_active(state: State, trip: Trip, now_ms: int) -> None:
    for job in range(state.job_count[0]):
        if _is_active(state, job):
            _push(trip, max(state.job_start_ms[job] + trip.actual_ms[job], now_ms), job)
            if state.job_told[job] != 0:
                _push(trip, max(_grace_end(state, job), now_ms), job)


def _push_told(state: State, work: Work, trip: Trip) -> None:
    """Who was told to stop in this cycle is gone when its grace is over, if not sooner."""
    for place in range(work.told[NOTICES]):
        first = place * NOTICE_COLUMNS
        if work.notice[first + NOTICE_KIND] == PREEMPT:
            job = work.notice[first + NOTICE_JOB]
            _push(trip, _grace_end(state, job), job)


def _grace_end(state: State, job: int) -> int:
    return int(state.job_told_ms[job] + state.class_grace_ms[state.job_class[job]])


def _is_active(state: State, job: int) -> bool:
    is_in = state.job_state[job]
    return bool(is_in in (STARTING, RUNNING, STOPPING))


def _end_due(state: State, trip: Trip, at_ms: int) -> int:
    """End the jobs that are over by `at_ms`, or one by one only the first; how many."""
    ended = 0
    while trip.end_count[0] > 0 and trip.end_at_ms[0] <= at_ms:
        if trip.one_by_one[0] != 0 and ended > 0:
            break
        ended += _end_first(state, trip)
    return ended


def _due(events: Ints, row: int, at_ms: int) -> int:
    """The first row from `row` on that is later than `at_ms`."""
    while row < len(events) and events[row, AT_MS] <= at_ms:
        row += 1
    return row


def _next_at(trip: Trip, events: Ints, row: int, at_ms: int) -> int:
    """When something ends or happens next, `at_ms` while one by one there is more of it."""
    next_ms = BIG
    if trip.end_count[0] > 0:
        next_ms = trip.end_at_ms[0]
    if row < len(events):
        next_ms = min(next_ms, events[row, AT_MS])
    return max(next_ms, at_ms)


def _take_event(state: State, trip: Trip, event: Ints) -> bool:
    if event[KIND] == FAULT:
        return _lose_node(state, trip, event[INDEX], event[AT_MS])
    job = state.job_count[0]
    refused = transitions.change(
        state, event[KIND], event[AT_MS], event[INDEX], event[VALUES:ACTUAL_MS]
    )
    if refused == 0 and state.job_count[0] > job:
        trip.actual_ms[job] = event[ACTUAL_MS]
    if refused == 0 and event[KIND] == PREEMPT:
        _push(trip, _grace_end(state, event[INDEX]), event[INDEX])
    return bool(refused == 0)


def _lose_node(state: State, trip: Trip, node: int, at_ms: int) -> bool:
    if transitions.set_node_state(state, node, DOWN) != 0:
        return False
    if (
        state.node_gpu_milli_free[node] == state.node_gpu_milli_total[node]
        and state.node_cpu_milli_free[node] == state.node_cpu_milli_total[node]
        and state.node_memory_mib_free[node] == state.node_memory_mib_total[node]
    ):
        return True
    count = _who_is_on(state, trip, node)
    for place in range(count):
        job = trip.decided[place]
        attempts.break_off(state, trip, job, at_ms, NODE_LOST)
        transitions.requeue(state, job, at_ms)
    return True


def _who_is_on(state: State, trip: Trip, node: int) -> int:
    """Write the jobs that hold some of the node to `decided`; how many."""
    if len(trip.node_job) > 0 and _has_alone(state, trip.node_job[node], node):
        trip.decided[0] = trip.node_job[node]
        return 1
    count = 0
    job = order.first(state, state.active_root[0])
    while job >= 0:
        if _holds(state, job, node):
            trip.decided[count] = job
            count += 1
        job = order.following(state, job)
    return count


def _has_alone(state: State, job: int, node: int) -> bool:
    """Whether the job has all that is taken of the node."""
    if job < 0 or not _is_active(state, job) or not _holds(state, job, node):
        return False
    cls = state.job_class[job]
    gpu = state.node_gpu_milli_free[node] + state.class_gpu_milli[cls]
    cpu = state.node_cpu_milli_free[node] + state.class_cpu_milli[cls]
    memory = state.node_memory_mib_free[node] + state.class_memory_mib[cls]
    return bool(
        state.class_more[cls] < 0
        and gpu == state.node_gpu_milli_total[node]
        and cpu == state.node_cpu_milli_total[node]
        and memory == state.node_memory_mib_total[node]
    )


def _holds(state: State, job: int, node: int) -> bool:
    first = state.job_slot[job]
    last = first + state.class_gang_nodes[state.job_class[job]]
    while first < last and state.slot_node[first] != node:
        first += 1
    return bool(first < last)


def _end_first(state: State, trip: Trip) -> int:
    """Take the first entry off the heap; 1 when a job ends with it, 0 when it was stale."""
    at_ms = trip.end_at_ms[0]
    job = trip.end_job[0]
    _pop(trip)
    if not _is_active(state, job):
        return 0
    if state.job_start_ms[job] + trip.actual_ms[job] <= at_ms:
        attempts.complete(trip, job, at_ms)
        transitions.end(state, job, at_ms)
        return 1
    if state.job_told[job] != 0 and _grace_end(state, job) <= at_ms:
        ending = attempts.ending_of(state.job_told[job])
        attempts.break_off(state, trip, job, at_ms, ending)
        transitions.requeue(state, job, at_ms)
        return 1
    return 0


def _push(trip: Trip, at_ms: int, job: int) -> None:
    place = trip.end_count[0]
    trip.end_count[0] = place + 1
    while place > 0:
        above = (place - 1) >> 1
        if not _earlier(at_ms, job, trip.end_at_ms[above], trip.end_job[above]):
            break
        trip.end_at_ms[place] = trip.end_at_ms[above]
        trip.end_job[place] = trip.end_job[above]
        place = above
    trip.end_at_ms[place] = at_ms
    trip.end_job[place] = job


def _pop(trip: Trip) -> None:
    count = trip.end_count[0] - 1
    trip.end_count[0] = count
    at_ms = trip.end_at_ms[count]
    job = trip.end_job[count]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and _earlier(
            trip.end_at_ms[below + 1],
            trip.end_job[below + 1],
            trip.end_at_ms[below],
            trip.end_job[below],
        ):
            below += 1
        if not _earlier(trip.end_at_ms[below], trip.end_job[below], at_ms, job):
            break
        trip.end_at_ms[place] = trip.end_at_ms[below]
        trip.end_job[place] = trip.end_job[below]
        place = below
    trip.end_at_ms[place] = at_ms
    trip.end_job[place] = job


def _earlier(at_ms: int, job: int, other_at_ms: int, other_job: int) -> bool:
    return at_ms < other_at_ms or (at_ms == other_at_ms and job < other_job)
