"""`cycle`: one decision on one state."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.errors import InternalError
from arkwright.sched import codes, event
from arkwright.sched._jit import INTERPRETED, Kernels
from arkwright.sched.codes import CONSERVATIVE, EASY
from arkwright.sched.event import Event
from arkwright.sched.state import Ints, State, room
from arkwright.sched.work import NOTICE_COLUMNS, NOTICES, Work, workspace


class Notice(NamedTuple):
    """What a cycle decides besides starts. `kind` is CLAIM, UNCLAIM or PREEMPT."""

    kind: int
    job: int
    """Who claims, gives up, or is told to stop."""
    claimant: int = -1
    """For whom it is told to stop."""
    why: int = 0
    """EVICTED or MOVED."""


class Decisions(NamedTuple):
    """Of one cycle, in the order in which they are to be applied: starts, then notices."""

    starts: list[int]
    notices: list[Notice]


def decisions(
    state: State, now_ms: int, backfill: int = EASY, kernels: Kernels = INTERPRETED
) -> Decisions:
    """One cycle with all it decides. The state is changed (give a `copy`), exactly as by `apply`
    of a `start` for each start and of `notified` for each notice."""
    work, out = workspace(state), room(state)
    count = cycle_with(state, work, now_ms, out, backfill, kernels)
    return Decisions(out[:count].tolist(), notices_of(work))


def notices_of(work: Work) -> list[Notice]:
    """What the last cycle in these scratch arrays decided besides starts."""
    count = int(work.told[NOTICES])
    table = work.notice[: count * NOTICE_COLUMNS].reshape(count, NOTICE_COLUMNS)
    return [Notice(*row) for row in table.tolist()]


def notified(decided: State, at_ms: int, notice: Notice) -> Event:
    """The event that says the notice to another state; `decided` is the one the cycle changed."""
    if notice.kind == codes.CLAIM:
        return event.claim(at_ms, notice.job, claimed_by(decided, notice.job))
    if notice.kind == codes.UNCLAIM:
        return event.unclaim(at_ms, notice.job)
    return event.preempt(at_ms, notice.job, notice.claimant, notice.why)


def claimed_by(state: State, job: int) -> list[int]:
    """The nodes kept for the waiting job, ascending; empty without a claim."""
    return np.flatnonzero(state.node_claim == job).tolist()


def victims_of(state: State, job: int) -> list[int]:
    """The jobs that stop for the waiting job, by index."""
    count = int(state.job_count[0])
    return np.flatnonzero(state.job_claimant[:count] == job).tolist()


def cycle(
    state: State, now_ms: int, out: Ints, backfill: int = EASY, kernels: Kernels = INTERPRETED
) -> int:
    """Start on `state` all that may start now; returns how many jobs, written to `out` in order.

    The state is changed (give a `copy`), exactly as by `apply(start(now_ms, job, nodes))` for each
    job, whose nodes `nodes_of` then tells. `out` needs room for every queued job (`room`).
    """
    return cycle_with(state, workspace(state), now_ms, out, backfill, kernels)


def cycle_with(
    state: State,
    work: Work,
    now_ms: int,
    out: Ints,
    backfill: int = EASY,
    kernels: Kernels = INTERPRETED,
) -> int:
    """`cycle` in scratch arrays of the caller, who reads the head and its shadow time from them."""
    if len(out) < state.queued_count[0]:
        raise InternalError(
            f"cycle: room for {len(out)} decisions, {int(state.queued_count[0])} jobs are queued"
        )
    if not EASY <= backfill <= CONSERVATIVE:
        raise InternalError(f"cycle: backfill mode {backfill}; codes are 0..{CONSERVATIVE}")
    return int(kernels.decide(state, work, now_ms, backfill, out))
