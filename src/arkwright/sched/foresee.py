"""What will start when: a state run forward on copies until the jobs asked about have started.

Each ride is one way the future could go: a few changes first, then how long every job really lasts.
Rides of one call share the state, so that a caller in another process sends it once.

A ride is exact as far as it goes: the same cycles as `forward`. Where it runs out of cycles, the
jobs still waiting get an estimate instead, marked as one: the work ahead of the job in the order
over the GPUs in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from arkwright.errors import InternalError
from arkwright.sched import codes, event, tree
from arkwright.sched._jit import INTERPRETED, Kernels
from arkwright.sched.attempts import CYCLES_LEFT, REACHED_MS, WATCHED_LEFT, Trip
from arkwright.sched.event import Event
from arkwright.sched.forward import attempts_max, timetable, trip_of, with_announced
from arkwright.sched.gang import Gang, class_of
from arkwright.sched.mutate import apply
from arkwright.sched.state import Ints, State, copy, shape_of
from arkwright.sched.work import workspace

MS_PER_S = 1000
MILLI = 1000


class Horizon(NamedTuple):
    """How far ahead a ride looks: through an instant, and at most so many cycles."""

    until_ms: int
    cycles: int


class Ride(NamedTuple):
    """One future: changes made now, then how long each job lasts, and whose start is wanted."""

    actual_ms: Ints
    """[jobs after the changes]: from a job's start to its end."""
    watched: Ints
    """Indices of queued jobs; the ride ends when all of them have started."""
    changes: tuple[Event, ...] = ()
    later: tuple[Event, ...] = ()
    """What will happen in between, by time; any kind but CLASS, START and SUBMIT. What the state's
    calendar announces comes true besides."""


class Foreseen(NamedTuple):
    """What a ride saw."""

    start_ms: Ints
    """[watched]: when each starts; -1: not by the horizon, or not at all as things are."""
    is_estimate: Ints
    """[watched]: 1 where the ride ended before the job started and `start_ms` is estimated."""
    reached_ms: int
    """The last instant the ride looked at."""
    cycles: int
    """Cycles it took."""


def foresee(
    state: State,
    now_ms: int,
    rides: Sequence[Ride],
    horizon: Horizon,
    backfill: int = codes.EASY,
    kernels: Kernels = INTERPRETED,
) -> list[Foreseen]:
    """Run every ride from `now_ms` on a copy of `state`; `state` is not changed.

    A running job that should be over by `now_ms` ends at `now_ms`. Jobs that arrive later are not
    known and not guessed.
    """
    return [_ride(state, now_ms, ride, horizon, backfill, kernels) for ride in rides]


def most_nodes_now(
    state: State, now_ms: int, job: int, backfill: int = codes.EASY, kernels: Kernels = INTERPRETED
) -> int:
    """The largest gang, smaller than asked, as which the queued job would start now; 0: none, and
    for a gang of different nodes, of which nobody says which group may be smaller."""
    shape = shape_of(state, int(state.job_class[job]))
    if shape.more != codes.NONE:
        return 0
    low, high = 0, shape.nodes - 1
    while low < high:
        middle = (low + high + 1) // 2
        gang = Gang(shape._replace(nodes=middle, larger=codes.NONE))
        smaller = reshaped(state, job, now_ms, gang)
        if _starts_now(state, now_ms, smaller, backfill, kernels):
            low = middle
        else:
            high = middle - 1
    return low


def reshaped(
    state: State,
    job: int,
    now_ms: int,
    gang: Gang,
    duration_ms: int | None = None,
    priority: int | None = None,
) -> tuple[Event, ...]:
    """Events that make a waiting job ask for another gang at its old place in the order.

    The job leaves and a new one comes: its index is the one after the last. None keeps what it has.
    """
    cls, classes = class_of(state, gang, now_ms)
    lasts_ms = int(state.job_duration_ms[job]) if duration_ms is None else duration_ms
    rank = int(state.job_priority[job]) if priority is None else priority
    order = int(state.job_submit_ms[job]), int(state.job_seq[job])
    return (event.end(now_ms, job), *classes, event.submit(now_ms, cls, lasts_ms, rank, *order))


def changed(state: State, changes: Sequence[Event]) -> State:
    """A copy of the state after the changes."""
    state = copy(state)
    for change in changes:
        state = apply(state, change)
    return state


def _ride(
    state: State, now_ms: int, ride: Ride, horizon: Horizon, backfill: int, kernels: Kernels
) -> Foreseen:
    state = changed(state, ride.changes)
    known = int(state.job_count[0])
    if len(ride.actual_ms) != known:
        raise InternalError(f"foresee: {len(ride.actual_ms)} durations for {known} jobs")
    if np.any(state.job_state[ride.watched] != codes.QUEUED):
        raise InternalError("foresee: a watched job is not queued")
    n_jobs = len(state.job_state)
    trip = trip_of(n_jobs, attempts_max(state))
    trip.actual_ms[:known] = ride.actual_ms
    trip.watched[ride.watched] = 1
    trip.stop[WATCHED_LEFT] = len(ride.watched)
    trip.stop[CYCLES_LEFT] = horizon.cycles
    coming = timetable((event, 0) for event in ride.later)
    coming = with_announced(state, coming, now_ms)
    work = workspace(state)
    starts = kernels.advance(state, work, coming, trip, now_ms, horizon.until_ms, backfill)
    if starts < 0:
        raise InternalError(f"foresee: event {-1 - starts} refused: {coming[-1 - starts].tolist()}")
    start_ms = np.full(n_jobs, -1, np.int64)
    # A job may start more than once; the last written stays, and that is to be its first start.
    start_ms[trip.start_job[:starts][::-1]] = trip.start_at_ms[:starts][::-1]
    seen = start_ms[ride.watched]
    is_estimate = np.zeros(len(seen), np.int64)
    if trip.stop[CYCLES_LEFT] == 0:
        late = seen < 0
        seen[late] = _estimates(state, trip)[ride.watched[late]]
        is_estimate[late & (seen >= 0)] = 1
    reached_ms, left = int(trip.stop[REACHED_MS]), int(trip.stop[CYCLES_LEFT])
    return Foreseen(seen, is_estimate, reached_ms, horizon.cycles - left)


def _estimates(state: State, trip: Trip) -> Ints:
    """Of every job that still waits: the instant by which all work ahead of it has begun.

    GPU-seconds ahead of it in the order, over the GPUs in use; -1 where nothing runs. Backfill is
    left out, so small jobs start sooner than this says.
    """
    found = np.full(len(state.job_state), -1, np.int64)
    busy = int((state.node_gpu_milli_total - state.node_gpu_milli_free).sum()) // MILLI
    if busy == 0:
        return found
    waiting = np.flatnonzero(state.job_state == codes.QUEUED)
    keys = (
        state.job_seq[waiting],
        state.job_submit_ms[waiting],
        -state.job_priority[waiting],
    )
    waiting = waiting[np.lexsort((waiting, *keys))]
    cls = state.job_class[waiting]
    asked = [tree.demand(state, each) for each in range(int(state.class_count[0]))]
    gpus = -(-np.array(asked, np.int64)[cls] // MILLI)
    work_s = gpus * -(-trip.actual_ms[waiting] // MS_PER_S)
    ahead_s = np.cumsum(work_s) - work_s
    found[waiting] = trip.stop[REACHED_MS] + ahead_s * MS_PER_S // busy
    return found


def _starts_now(
    state: State, now_ms: int, changes: tuple[Event, ...], backfill: int, kernels: Kernels
) -> bool:
    """Whether the job that the last change submits starts in the cycle of `now_ms`."""
    job = int(state.job_count[0])
    ride = Ride(np.full(job + 1, codes.BIG >> 1, np.int64), np.array([job]), changes)
    seen = _ride(state, now_ms, ride, Horizon(now_ms, 1), backfill, kernels)
    return bool(seen.start_ms[0] >= 0 and not seen.is_estimate[0])
