"""The bare event loop, kernel: ends, then events, then one cycle, at each instant that has any.

Or, one by one, a cycle after every single end and event: what simulators do that handle one event
at a time, kept to compare with them.

Nothing here allocates per event. Ends stand in a binary heap ordered by (time, job); an entry whose
job has meanwhile ended or started anew is stale and dropped when it comes up. A job told to stop
for another is gone when its grace is over and waits again, with what it had not saved to do.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from arkwright.sched import constraints, decide, transitions
from arkwright.sched.codes import BIG, PREEMPT, RUNNING, STARTING, STOPPING
from arkwright.sched.state import Ints, State
from arkwright.sched.work import NOTICE_COLUMNS, NOTICE_JOB, NOTICE_KIND, NOTICES, Work

# Columns of the event table.
AT_MS: Final = 0
KIND: Final = 1
INDEX: Final = 2
VALUES: Final = 3
ACTUAL_MS: Final = 8
FORWARD_COLUMNS: Final = 9

# Places in `Trip.stop`.
WATCHED_LEFT: Final = 0
CYCLES_LEFT: Final = 1
REACHED_MS: Final = 2
STOP_FIELDS: Final = 3


class Trip(NamedTuple):
    """Arrays of one run forward."""

    actual_ms: Ints
    """[n_jobs]: how long each job really lasts from its next start, or the one it runs from; filled
    for jobs to come as they are submitted."""
    end_count: Ints
    end_at_ms: Ints
    end_job: Ints
    """[1], [n_ends], [n_ends]: the heap."""
    decided: Ints
    """[n_jobs]: jobs started in one cycle."""
    start_job: Ints
    start_at_ms: Ints
    """[n_ends]: every start, in order."""
    watched: Ints
    """[n_jobs]: 1 for a job whose start is waited for, until it has started."""
    one_by_one: Ints
    """[1]: 0: all of an instant, then one cycle; 1: a cycle after each end and each event."""
    stop: Ints
    """[3]: watched jobs that have not started (-1: run to the end), cycles that may still be run,
    and, written here, the last instant looked at."""


def advance(
    state: State, work: Work, events: Ints, trip: Trip, now_ms: int, until_ms: int, mode: int
) -> int:
    """Run from `now_ms` through `until_ms`: the number of starts, or -1 - row of a bad event.

    Ends early once every watched job has started, or the cycles it may run are used up.
    """
    _push_active(state, trip, now_ms)
    starts = 0
    row = 0
    at_ms = now_ms
    while at_ms <= until_ms:
        ended = _end_due(state, trip, at_ms)
        upto = _due(events, row, at_ms)
        if trip.one_by_one[0] != 0:
            upto = row if ended > 0 else min(upto, row + 1)
        while row < upto:
            if not _take_event(state, trip, events[row]):
                return -1 - row
            row += 1
        started = decide.decide(state, work, at_ms, mode, trip.decided)
        for place in range(started):
            job = trip.decided[place]
            trip.start_job[starts] = job
            trip.start_at_ms[starts] = at_ms
            starts += 1
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
    return starts


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
    job = state.job_count[0]
    refused = transitions.change(
        state, event[KIND], event[AT_MS], event[INDEX], event[VALUES:ACTUAL_MS]
    )
    if refused == 0 and state.job_count[0] > job:
        trip.actual_ms[job] = event[ACTUAL_MS]
    if refused == 0 and event[KIND] == PREEMPT:
        _push(trip, _grace_end(state, event[INDEX]), event[INDEX])
    return bool(refused == 0)


def _end_first(state: State, trip: Trip) -> int:
    """Take the first entry off the heap; 1 when a job ends with it, 0 when it was stale."""
    at_ms = trip.end_at_ms[0]
    job = trip.end_job[0]
    _pop(trip)
    if not _is_active(state, job):
        return 0
    if state.job_start_ms[job] + trip.actual_ms[job] <= at_ms:
        transitions.end(state, job, at_ms)
        return 1
    if state.job_told[job] != 0 and _grace_end(state, job) <= at_ms:
        # What it had saved need not be done again.
        done_ms = state.job_saved_ms[job] - state.job_start_ms[job]
        trip.actual_ms[job] = max(trip.actual_ms[job] - done_ms, 1)
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
