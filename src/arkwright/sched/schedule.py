"""`cycle`: one decision on one state."""

from __future__ import annotations

from arkwright.errors import InternalError
from arkwright.sched._jit import INTERPRETED, Kernels
from arkwright.sched.codes import CONSERVATIVE, EASY
from arkwright.sched.state import Ints, State
from arkwright.sched.work import Work, workspace


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
