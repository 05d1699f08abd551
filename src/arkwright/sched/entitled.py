"""Who may be told to stop for whom, kernel: by tier, by priority, by guarantee; and who goes first.

A waiting job may take the place of a preemptible one of a less protected tier, or of its own tier
when its priority is higher by the policy's gap. And it may **reclaim**: while its quota is below
its guarantee, its own demand counted, it may take from rows outside that quota what they borrow.
Nobody is told within `run_min` of its start, nor once it has lost its place `evictions_max` times.

To be moved is another matter: only the tier counts, since the job goes on elsewhere.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import order, together, tree
from arkwright.sched.codes import BIG, EVICTED, MOVED, RUNNING, STARTING, STOPPING, TIERS
from arkwright.sched.eviction import (
    DEFRAGMENT,
    EVICTIONS_MAX,
    MOVES_MAX,
    PRIORITY_GAP,
    RUN_MIN_MS,
)
from arkwright.sched.state import Ints, State


def survey(state: State, now_ms: int, lowest: Ints, movable: Ints) -> None:
    """Per tier: the lowest priority of those who may lose their place (BIG none), and how many
    may be moved."""
    lowest[:] = BIG
    movable[:] = 0
    job = order.first(state, state.active_root[0])
    while job >= 0:
        tier = state.class_tier[state.job_class[job]]
        if _can_be_told(state, job, now_ms, EVICTED):
            lowest[tier] = min(lowest[tier], state.job_priority[job])
        if _can_be_told(state, job, now_ms, MOVED):
            movable[tier] += 1
        job = order.following(state, job)


def may_ask(state: State, job: int, lowest: Ints, movable: Ints) -> bool:
    """Whether there is anybody the waiting job may have told, by the survey."""
    cls = state.job_class[job]
    tier = state.class_tier[cls]
    anybody = False
    for other in range(TIERS):
        anybody = anybody or lowest[other] < BIG
        if other > tier and lowest[other] < BIG:
            return True
        if other >= tier and movable[other] > 0 and may_move(state, cls):
            return True
    if (
        lowest[tier] < BIG
        and lowest[tier] + state.eviction[PRIORITY_GAP] <= state.job_priority[job]
    ):
        return True
    return anybody and guaranteed_row(state, cls) >= 0


def may_move(state: State, cls: int) -> bool:
    """Whether a job of the class may have others moved: only a required level waits for shape, and
    of a gang of different nodes no one level says what shape it waits for."""
    if together.asked(state, cls):
        return False
    return bool(state.eviction[DEFRAGMENT] != 0 and state.class_level_required[cls] >= 0)


def ranked(state: State, job: int, now_ms: int, why: int) -> Ints:
    """The active jobs that may be told to stop for the waiting `job`, those to go first first."""
    row = guaranteed_row(state, state.job_class[job]) if why == EVICTED else -1
    count = 0
    other = order.first(state, state.active_root[0])
    while other >= 0:
        count += 1
        other = order.following(state, other)
    found = np.empty(count, np.int64)
    count = 0
    other = order.first(state, state.active_root[0])
    while other >= 0:
        if _can_be_told(state, other, now_ms, why) and _is_entitled(state, job, other, row, why):
            found[count] = other
            count += 1
        other = order.following(state, other)
    found = np.sort(found[:count])
    found = found[np.argsort(-state.job_start_ms[found], kind="mergesort")]
    lost = np.empty(count, np.int64)
    for place in range(count):
        lost[place] = lost_work(state, found[place], now_ms)
    found = found[np.argsort(lost, kind="mergesort")]
    return found[np.argsort(-state.class_tier[state.job_class[found]], kind="mergesort")]


def lost_work(state: State, job: int, now_ms: int) -> int:
    """Milli-GPU times ms since the job last saved what it did, bounded by BIG."""
    asked = tree.demand(state, state.job_class[job])
    since_ms = max(now_ms - state.job_saved_ms[job], 0)
    if asked > 0 and since_ms > BIG // asked:
        return BIG
    return int(asked * since_ms)


def guaranteed_row(state: State, cls: int) -> int:
    """The row whose guarantee covers one more job of the class, -1 none: the lowest that has one
    decides."""
    row = state.class_row[cls]
    while row >= 0 and state.row_guarantee[row] < 0:
        row = state.row_parent[row]
    asked = tree.demand(state, cls)
    if row >= 0 and state.row_used[row] + asked <= state.row_guarantee[row]:
        return int(row)
    return -1


def rows_without_stopping(state: State) -> Ints:
    """[n_rows]: what is used, less what those hold who stop already."""
    left = state.row_used.copy()
    job = order.first(state, state.active_root[0])
    while job >= 0:
        if state.job_state[job] == STOPPING:
            charge(state, job, left, -1)
        job = order.following(state, job)
    return left


def charge(state: State, job: int, rows: Ints, sign: int) -> None:
    """Add (`sign` 1) or take (-1) the job's demand in its quota rows."""
    tree.apply(state, state.job_class[job], rows, state.row_kept, sign)


def leaves_guarantee(state: State, job: int, other: int, rows: Ints, why: int) -> bool:
    """Whether `other` may go while its rows hold `rows`: whoever goes by reclaim only must leave
    every guaranteed row above it that is not the waiting job's as much as is guaranteed."""
    if why == MOVED or outranks(state, job, other):
        return True
    cls = state.job_class[other]
    asked = tree.demand(state, cls)
    row = state.class_row[cls]
    while row >= 0:
        if (
            state.row_guarantee[row] >= 0
            and not _is_above(state, row, state.class_row[state.job_class[job]])
            and rows[row] - asked < state.row_guarantee[row]
        ):
            return False
        row = state.row_parent[row]
    return True


def outranks(state: State, job: int, other: int) -> bool:
    """Whether the waiting job goes before the running one by tier, or by priority within it."""
    tier = state.class_tier[state.job_class[job]]
    theirs = state.class_tier[state.job_class[other]]
    if tier != theirs:
        return bool(tier < theirs)
    gap = state.eviction[PRIORITY_GAP]
    return bool(state.job_priority[job] >= state.job_priority[other] + gap)


def _can_be_told(state: State, job: int, now_ms: int, why: int) -> bool:
    if state.job_state[job] != STARTING and state.job_state[job] != RUNNING:
        return False
    if state.class_preemptible[state.job_class[job]] == 0:
        return False
    if now_ms - state.job_start_ms[job] < max(state.eviction[RUN_MIN_MS], 1):
        return False
    if why == MOVED:
        return bool(state.job_moves[job] < state.eviction[MOVES_MAX])
    return bool(state.job_evictions[job] < state.eviction[EVICTIONS_MAX])


def _is_entitled(state: State, job: int, other: int, row: int, why: int) -> bool:
    """`row`: what the waiting job reclaims for, or -1."""
    cls = state.job_class[other]
    if why == MOVED:
        return bool(state.class_tier[cls] >= state.class_tier[state.job_class[job]])
    if outranks(state, job, other):
        return True
    if row < 0 or state.class_row[cls] < 0 or tree.demand(state, cls) == 0:
        return False
    mine = state.class_row[state.job_class[job]]
    return not _is_above(state, row, state.class_row[cls]) and not _is_above(
        state, state.class_row[cls], mine
    )


def _is_above(state: State, row: int, below: int) -> bool:
    """Whether `row` is `below` or one of the rows above it."""
    while below >= 0 and below != row:
        below = state.row_parent[below]
    return bool(below >= 0)
