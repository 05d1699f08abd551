"""Events: the only thing that changes a state. Each constructor is one kind.

An event is data: five fields of integers that the store keeps and replays. Times are milliseconds
since the Unix epoch, indexes are those of `State`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from arkwright.sched import codes
from arkwright.sched.state import Shape


class Event(NamedTuple):
    """One change. What `subject` and `values` mean is decided by `kind`; see the constructors."""

    kind: int
    at_ms: int
    subject: int = -1
    values: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()


def add_class(at_ms: int, shape: Shape) -> Event:
    """A new class of jobs; its index is `state.class_count[0]` before the event."""
    return Event(codes.CLASS, at_ms, -1, tuple(shape))


def submit(
    at_ms: int,
    class_index: int,
    duration_ms: int,
    priority: int = 0,
    submit_ms: int | None = None,
    seq: int | None = None,
    held: bool = False,
) -> Event:
    """A new job; its index is `state.job_count[0]` before the event.

    `duration_ms` is the expected one, at least 1. Jobs are ordered by priority (high first), then
    `submit_ms` (the event's time when not given), then `seq` (the job's index when not given).
    """
    asked_ms = at_ms if submit_ms is None else submit_ms
    order = -1 if seq is None else seq
    values = (priority, duration_ms, asked_ms, order, int(held))
    return Event(codes.SUBMIT, at_ms, class_index, values)


def start(at_ms: int, job: int, nodes: Iterable[int], gpus: Iterable[int] = ()) -> Event:
    """The decision to start a queued job on these nodes.

    `gpus`: for a fraction the GPU on each node, for an aligned gang the first of its GPUs there
    (`gpus_of`), so that the log does not depend on the rule that chose it, nor on jobs that are
    over; left out, the rule of the state's policy chooses.
    """
    shared = tuple(int(gpu) for gpu in gpus)
    return Event(codes.START, at_ms, job, shared, tuple(int(node) for node in nodes))


def run(at_ms: int, job: int) -> Event:
    """A starting job's ranks all run."""
    return Event(codes.RUN, at_ms, job)


def stop(at_ms: int, job: int) -> Event:
    """The job has been told to stop; it holds its resources until it ends."""
    return Event(codes.STOP, at_ms, job)


def end(at_ms: int, job: int) -> Event:
    """The job is over, for whatever cause; one that never started leaves the queue."""
    return Event(codes.END, at_ms, job)


def requeue(at_ms: int, job: int) -> Event:
    """The attempt is over and the job waits again, at its old place in the order."""
    return Event(codes.REQUEUE, at_ms, job)


def hold(at_ms: int, job: int) -> Event:
    """A queued job is set aside until released."""
    return Event(codes.HOLD, at_ms, job)


def release(at_ms: int, job: int) -> Event:
    """A held job waits again, at its old place in the order."""
    return Event(codes.RELEASE, at_ms, job)


def priority(at_ms: int, job: int, value: int) -> Event:
    """The job's priority becomes `value`; higher goes first."""
    return Event(codes.PRIORITY, at_ms, job, (value,))


def node_state(at_ms: int, node: int, state: int) -> Event:
    """The node is UP, DRAINING or DOWN. What runs on it is untouched: end or requeue it."""
    return Event(codes.NODE_STATE, at_ms, node, (state,))


def row_limit(at_ms: int, row: int, limit: int) -> Event:
    """A capacity row's limit becomes `limit` (-1 unlimited). What runs is untouched."""
    return Event(codes.ROW_LIMIT, at_ms, row, (limit,))


def announce(at_ms: int, row: int, from_ms: int, limit: int) -> Event:
    """From `from_ms` on the row's limit will be `limit`; decisions look ahead to it.

    The `row_limit` of that time makes it so and ends the announcement. One for the same time
    replaces this one.
    """
    return Event(codes.ANNOUNCE, at_ms, row, (from_ms, limit))


def guarantee(at_ms: int, row: int, value: int, kept: int) -> Event:
    """A quota row is guaranteed `value` milli-GPU (-1 none), of which it lends all but `kept`."""
    return Event(codes.GUARANTEE, at_ms, row, (value, kept))


def pledge(at_ms: int, row: int, from_ms: int, value: int, kept: int) -> Event:
    """From `from_ms` on a quota row will be guaranteed `value` milli-GPU, of which it keeps `kept`;
    decisions leave it that much then.

    The `guarantee` of that time makes it so and ends the pledge. One for the same time replaces
    this one.
    """
    return Event(codes.PLEDGE, at_ms, row, (from_ms, value, kept))


def unpledge(at_ms: int, row: int, from_ms: int) -> Event:
    """The guarantee pledged for `from_ms` will not come."""
    return Event(codes.UNPLEDGE, at_ms, row, (from_ms,))


def period(at_ms: int, row: int, end_ms: int = -1) -> Event:
    """A new period of a budget row begins: only GPU time from now on counts in it.

    `end_ms` is when it ends, for reasons to name; a new period begins by its own event.
    """
    return Event(codes.PERIOD, at_ms, row, (end_ms,))


def spent(start_ms: int, row: int, gpu_milli: int, end_ms: int) -> Event:
    """Jobs of a quota row that are over and not known here held `gpu_milli` until `end_ms`.

    They count in budgets and fair share as if they had been.
    """
    return Event(codes.SPENT, start_ms, row, (gpu_milli, end_ms))


def withdraw(at_ms: int, row: int, from_ms: int) -> Event:
    """The limit announced for `from_ms` will not come."""
    return Event(codes.WITHDRAW, at_ms, row, (from_ms,))


def reserve(
    at_ms: int, node: int, window: int, from_ms: int, until_ms: int, row: int = -1
) -> Event:
    """The node belongs to window number `window`: in `[from_ms, until_ms)` it is for jobs of `row`
    and below it, without one for nobody. A window of several nodes is one such event each."""
    return Event(codes.RESERVE, at_ms, node, (window, from_ms, until_ms, row))


def unreserve(at_ms: int, window: int) -> Event:
    """The window will not be, or is over: its nodes are for everybody."""
    return Event(codes.UNRESERVE, at_ms, window)


def claim(at_ms: int, job: int, nodes: Iterable[int]) -> Event:
    """Nobody but this queued job may start on these nodes, until it starts or leaves the queue.

    The jobs that make room for it are told by `preempt` events of the same instant.
    """
    return Event(codes.CLAIM, at_ms, job, (), tuple(int(node) for node in nodes))


def unclaim(at_ms: int, job: int) -> Event:
    """The claim is given up: all who stopped for it are gone and it still cannot start."""
    return Event(codes.UNCLAIM, at_ms, job)


def preempt(at_ms: int, job: int, claimant: int = -1, why: int = codes.EVICTED) -> Event:
    """The job has been told to stop for a claim, and is expected to end within its grace.

    `claimant`: whose claim, -1 when that is over by now. `why`: EVICTED, or
    MOVED where what it needs is free elsewhere.
    """
    return Event(codes.PREEMPT, at_ms, job, (claimant, why))


def saved(at_ms: int, job: int, saved_ms: int) -> Event:
    """What the running job had done by `saved_ms` is on disk: no stop can cost it."""
    return Event(codes.SAVED, at_ms, job, (saved_ms,))


def recalled(at_ms: int, job: int, evictions: int, moves: int) -> Event:
    """How often the job lost its place to others, or was moved, in attempts that are not in the
    log this state is built from."""
    return Event(codes.RECALLED, at_ms, job, (evictions, moves))
