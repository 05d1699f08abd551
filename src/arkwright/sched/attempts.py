"""How long attempts last, what an end costs, and the log of attempts of a run forward, kernel.

A job that comes to lose a node, or is stopped for another, waits again with what it had not saved
still to do: it saves at the end of every period of its run, and its next attempt first takes the
time of a restart. Where a gang is spread wider than one domain of a level it may run slower.
Each of these is off, and costs nothing, where its array of `Trip` is empty.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from arkwright.sched.codes import MOVED
from arkwright.sched.state import Ints, State

# Places in `Trip.stop`.
WATCHED_LEFT: Final = 0
CYCLES_LEFT: Final = 1
REACHED_MS: Final = 2
STARTS: Final = 3
NEXT_MS: Final = 4
ROW: Final = 5
HAS_BEGUN: Final = 6
STOP_FIELDS: Final = 7

# How attempts end (`Trip.ending`).
COMPLETED: Final = 0
NODE_LOST: Final = 4
STOPPED_FOR_ANOTHER: Final = 5
STOPPED_TO_MOVE: Final = 6
UNDER_WAY: Final = 7

AT_PACE: Final = 1000
"""Thousandths of the time a job needs with its nodes side by side."""


class Trip(NamedTuple):
    """Arrays of one run forward; those marked * may be empty, and what they model is off then."""

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
    """[n_ends]: every start, in order: the attempts."""
    watched: Ints
    """[n_jobs]: 1 for a job whose start is waited for, until it has started."""
    one_by_one: Ints
    """[1]: 0: all of an instant, then one cycle; 1: a cycle after each end and each event."""
    stop: Ints
    """[7]: watched jobs that have not started (-1: run to the end); cycles that may still be run;
    and, written here, the last instant looked at, the starts so far, the next instant to look at
    (BIG: none), the next row of the events, and whether the heap knows what ran at the beginning.
    """
    period_ms: Ints
    restart_ms: Ints
    """[n_jobs]*: it saves at the end of every period, 0 never; what an attempt after the first
    takes before it goes on."""
    tries: Ints
    """[n_jobs]*: attempts that are over."""
    pace_milli: Ints
    """[n_levels + 1]*: what a gang within one domain of the level needs of its time, at last one
    that no level holds whole."""
    job_pace_milli: Ints
    """[n_jobs]*: that of the attempt under way."""
    attempt: Ints
    """[n_jobs]*: the attempt under way, by its place among the starts."""
    end_ms: Ints
    ending: Ints
    lost_ms: Ints
    """[n_ends]*: when, how and at what cost each attempt ended."""
    node_first: Ints
    node: Ints
    """[n_ends + 1]*, [nodes of all]*: the nodes of the attempts."""
    node_job: Ints
    """[n_nodes]*: the job that started on the node last, -1 none."""


def begin(state: State, trip: Trip, job: int, at_ms: int) -> None:
    """The job has been started."""
    place = trip.stop[STARTS]
    trip.stop[STARTS] = place + 1
    trip.start_job[place] = job
    trip.start_at_ms[place] = at_ms
    if len(trip.pace_milli) > 0:
        _set_pace(state, trip, job)
    if len(trip.attempt) == 0:
        return
    trip.attempt[job] = place
    trip.ending[place] = UNDER_WAY
    first = trip.node_first[place]
    slot = state.job_slot[job]
    count = state.class_gang_nodes[state.job_class[job]]
    for at in range(count):
        node = state.slot_node[slot + at]
        trip.node[first + at] = node
        if len(trip.node_job) > 0:
            trip.node_job[node] = job
    trip.node_first[place + 1] = first + count


def complete(trip: Trip, job: int, at_ms: int) -> None:
    """The job has ended by itself."""
    _log_end(trip, job, at_ms, COMPLETED, 0)


def break_off(state: State, trip: Trip, job: int, at_ms: int, ending: int) -> None:
    """The attempt is about to end before its time; sets how long the next one lasts."""
    start_ms = state.job_start_ms[job]
    if len(trip.period_ms) == 0:
        saved_ms = state.job_saved_ms[job] - start_ms
        trip.actual_ms[job] = max(trip.actual_ms[job] - saved_ms, 1)
        _log_end(trip, job, at_ms, ending, at_ms - start_ms - saved_ms)
        return
    began_ms = trip.restart_ms[job] if trip.tries[job] > 0 else 0
    ran_ms = max(at_ms - start_ms - began_ms, 0)
    lost_ms = ran_ms
    if trip.period_ms[job] > 0:
        lost_ms = ran_ms % trip.period_ms[job]
    left_ms = max(trip.actual_ms[job] - began_ms - (ran_ms - lost_ms), 1)
    if len(trip.pace_milli) > 0:
        left_ms = max(left_ms * AT_PACE // trip.job_pace_milli[job], 1)
    trip.actual_ms[job] = left_ms + trip.restart_ms[job]
    trip.tries[job] += 1
    _log_end(trip, job, at_ms, ending, lost_ms)


def ending_of(told: int) -> int:
    """How an attempt ends that was told to stop for another."""
    return STOPPED_TO_MOVE if told == MOVED else STOPPED_FOR_ANOTHER


def _set_pace(state: State, trip: Trip, job: int) -> None:
    pace_milli = trip.pace_milli[_span(state, job)]
    trip.job_pace_milli[job] = pace_milli
    began_ms = 0
    if len(trip.period_ms) > 0 and trip.tries[job] > 0:
        began_ms = trip.restart_ms[job]
    work_ms = trip.actual_ms[job] - began_ms
    trip.actual_ms[job] = began_ms + max(work_ms * pace_milli // AT_PACE, 1)


def _span(state: State, job: int) -> int:
    """The smallest level of which one domain holds all nodes of the job; one more than the last
    where none does."""
    slot = state.job_slot[job]
    count = state.class_gang_nodes[state.job_class[job]]
    level = 0
    at = 1
    while level < len(state.node_domain) and at < count:
        here = state.node_domain[level, state.slot_node[slot + at]]
        if here == state.node_domain[level, state.slot_node[slot]]:
            at += 1
        else:
            level += 1
            at = 1
    return level


def _log_end(trip: Trip, job: int, at_ms: int, ending: int, lost_ms: int) -> None:
    if len(trip.attempt) == 0:
        return
    place = trip.attempt[job]
    if place >= 0:
        trip.end_ms[place] = at_ms
        trip.ending[place] = ending
        trip.lost_ms[place] = lost_ms
        trip.attempt[job] = -1
