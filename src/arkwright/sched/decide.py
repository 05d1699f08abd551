"""One scheduling cycle, kernel: order, head, backfill.

Jobs are tried by (priority, submit_ms, seq, index). The first that cannot start now but could when
running jobs end is the head: it gets a reservation, and later jobs start only beside it. A job that
could not start even after every running job has ended (its nodes are down, its quota is cut) holds
nothing and is passed over.

Jobs of one class differ only in order and duration, so a class is given up at the first refusal
that duration cannot cure: the cost is that of the starts and of the classes, not of the queue.
"""

from __future__ import annotations

from arkwright.sched import conservative, constraints, order, placement, reservation, transitions
from arkwright.sched.codes import (
    BIG,
    BLOCKED_BY_NODES,
    BLOCKED_BY_NOTHING,
    CONSERVATIVE,
    GREEDY,
    STRICT,
)
from arkwright.sched.state import Ints, State
from arkwright.sched.work import CLOSED, HEAD, LONGEST_MS, SHADOW_MS, Work


def decide(state: State, work: Work, now_ms: int, mode: int, out: Ints) -> int:
    """Start what may start now; writes the jobs to `out` in order and returns how many."""
    work.result[HEAD] = -1
    work.result[SHADOW_MS] = -1
    if _nothing_moved(state, now_ms, mode):
        return 0
    if mode == CONSERVATIVE:
        planned = conservative.start_planned(state, work, now_ms, out, work.fit[:0], -1)
        _remember(state, now_ms, mode, planned)
        return planned
    work.node_rank[:] = 0
    constraints.foresee_rows(state, now_ms, work.row_used, work.step_left)
    for cls in range(state.class_count[0]):
        work.class_within_ms[cls] = BIG
        work.class_candidate[cls] = order.first(state, state.class_root[cls])
    started = 0
    while True:
        job = order.first_of(state, work.class_candidate[: state.class_count[0]])
        if job < 0:
            break
        cls = state.job_class[job]
        end_ms = now_ms + state.job_duration_ms[job]
        outlasts = work.result[HEAD] >= 0 and end_ms > work.result[SHADOW_MS]
        if outlasts:
            admitted = _fits_beside(state, work, cls, job, now_ms, end_ms)
        else:
            admitted = _fits_now(state, work, cls, job, now_ms, end_ms)
        if admitted:
            nodes = work.chosen[: state.class_nodes[cls]]
            transitions.start(state, job, now_ms, nodes, work.chosen[:0])
            constraints.spend_ahead(state, cls, nodes, work.step_left, 0, end_ms)
            if work.result[HEAD] >= 0:
                reservation.started_beside(state, work, job, outlasts)
            out[started] = job
            started += 1
        else:
            _shorten_class(state, work, cls, now_ms, end_ms, outlasts)
            if work.result[HEAD] < 0 and mode != GREEDY:
                _try_head(state, work, job, now_ms)
                if work.result[HEAD] >= 0 and mode == STRICT:
                    break
        _advance_class(state, work, cls)
    _remember(state, now_ms, mode, started)
    return started


def _fits_now(state: State, work: Work, cls: int, job: int, now_ms: int, end_ms: int) -> bool:
    """Place the job of the class in what is free; remembers what refused it for any duration."""
    if _still_blocked(state, cls):
        return False
    work.run_ms[:] = 0
    blocked_by = constraints.admit_job(state, cls, state.row_used)
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    if blocked_by < 0 and not placement.place_now(state, work, cls, job):
        blocked_by = BLOCKED_BY_NODES
    state.class_blocked_by[cls] = blocked_by
    if blocked_by != BLOCKED_BY_NOTHING:
        state.class_blocked_version[cls] = constraints.version(state, blocked_by)
        return False
    lowered = constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    if not lowered and not constraints.keeps_some(state, cls, now_ms, end_ms):
        return True
    _will_run(work, now_ms, end_ms)
    if not constraints.admit_beside(state, cls, work.row_left):
        return False
    return placement.place_now(state, work, cls, job)


def _fits_beside(state: State, work: Work, cls: int, job: int, now_ms: int, end_ms: int) -> bool:
    """Place the job of the class that outlasts the shadow time: in what the head does not need."""
    if _still_blocked(state, cls):
        return False
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    constraints.row_room_beside(work.row_spare, work.row_left)
    constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    if not constraints.admit_beside(state, cls, work.row_left):
        return False
    _will_run(work, now_ms, end_ms)
    return placement.place_beside(state, work, cls, job)


def _will_run(work: Work, from_ms: int, end_ms: int) -> None:
    work.run_ms[0] = from_ms
    work.run_ms[1] = end_ms


def _still_blocked(state: State, cls: int) -> bool:
    blocked_by = state.class_blocked_by[cls]
    if blocked_by == BLOCKED_BY_NOTHING:
        return False
    if state.class_blocked_version[cls] == constraints.version(state, blocked_by):
        return True
    state.class_blocked_by[cls] = BLOCKED_BY_NOTHING
    return False


def _try_head(state: State, work: Work, job: int, now_ms: int) -> None:
    lasts_ms = state.job_duration_ms[job]
    shadow_ms = reservation.reserve(state, work, job, now_ms, lasts_ms)
    if shadow_ms >= 0:
        work.result[HEAD] = job
        work.result[SHADOW_MS] = shadow_ms
    else:
        work.node_rank[:] = 0
        cls = state.job_class[job]
        if work.result[LONGEST_MS] > max(work.class_within_ms[cls], 0):
            work.class_within_ms[cls] = work.result[LONGEST_MS]


def _shorten_class(
    state: State, work: Work, cls: int, now_ms: int, end_ms: int, outlasts: bool
) -> None:
    """A job of the class that would end at `end_ms` was refused: which of its class may still try?

    What refuses it for its duration is the shadow time, an announced limit or a window, and refuses
    all that end after the last of them before its end. Only those that end by then are tried again.
    """
    work.class_within_ms[cls] = CLOSED
    if state.class_blocked_by[cls] != BLOCKED_BY_NOTHING:
        return
    by_ms = constraints.last_change_before(state, now_ms, end_ms)
    if outlasts:
        by_ms = max(by_ms, work.result[SHADOW_MS])
    if by_ms > now_ms:
        work.class_within_ms[cls] = by_ms - now_ms


def _advance_class(state: State, work: Work, cls: int) -> None:
    within_ms = work.class_within_ms[cls]
    if within_ms == CLOSED:
        work.class_candidate[cls] = -1
    else:
        work.class_candidate[cls] = order.first_within(state, state.class_root[cls], within_ms)


def _nothing_moved(state: State, now_ms: int, mode: int) -> bool:
    """Whether the last cycle did nothing and would do nothing again.

    Time alone can matter only when a running job reaches its estimate, an announced limit its time
    or a window its end: before that every expected end keeps its place, and less time is left
    before the shadow time and before each limit than there was.
    """
    memo = state.cycle_memo
    if memo[0] != state.change_count[0] or memo[3] != mode:
        return False
    return bool(now_ms == memo[1] or (now_ms > memo[1] and now_ms + 1 < memo[2]))


def _remember(state: State, now_ms: int, mode: int, started: int) -> None:
    memo = state.cycle_memo
    memo[0] = -1
    if started > 0:
        return
    change_ms = constraints.next_change_at(state, now_ms)
    job = order.first(state, state.active_root[0])
    moves = change_ms < BIG or mode == CONSERVATIVE
    if moves and job >= 0 and state.job_key_first[job] <= now_ms:
        # What waits for an overdue job moves with time, and may come to lie across another thing.
        return
    job = order.first_after(state, state.active_root[0], now_ms)
    memo[0] = state.change_count[0]
    memo[1] = now_ms
    memo[2] = change_ms
    if job >= 0:
        memo[2] = min(memo[2], state.job_key_first[job])
    memo[3] = mode
