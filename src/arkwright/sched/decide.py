"""One scheduling cycle, kernel: order, head, backfill.

Jobs are tried by (priority, submit_ms, seq, index). The first that cannot start now but could when
running jobs end is the head: it gets a reservation, and later jobs start only beside it. A job that
could not start even after every running job has ended (its nodes are down, its quota is cut) holds
nothing and is passed over.

Jobs of one class differ only in order and duration, so a class is given up at the first refusal
that duration cannot cure: the cost is that of the starts and of the classes, not of the queue.
"""

from __future__ import annotations

from arkwright.sched import constraints, order, placement, reservation, transitions
from arkwright.sched.codes import BIG, BLOCKED_BY_NODES, BLOCKED_BY_NOTHING, GREEDY, STRICT
from arkwright.sched.state import Ints, State
from arkwright.sched.work import CLOSED, HEAD, OPEN, SHADOW_MS, SHORT_ONLY, Work


def decide(state: State, work: Work, now_ms: int, mode: int, out: Ints) -> int:
    """Start what may start now; writes the jobs to `out` in order and returns how many."""
    work.result[HEAD] = -1
    work.result[SHADOW_MS] = -1
    if _nothing_moved(state, now_ms, mode):
        return 0
    work.node_rank[:] = 0
    for cls in range(state.class_count[0]):
        work.class_status[cls] = OPEN
        work.class_candidate[cls] = order.first(state, state.class_root[cls])
    started = 0
    while True:
        job = _next_candidate(state, work)
        if job < 0:
            break
        cls = state.job_class[job]
        if work.result[HEAD] < 0:
            outlasts = False
            admitted = _fits_now(state, work, cls)
        else:
            outlasts = now_ms + state.job_duration_ms[job] > work.result[SHADOW_MS]
            admitted = _fits_beside(state, work, cls) if outlasts else _fits_now(state, work, cls)
        if admitted:
            wanted = state.class_nodes[cls]
            transitions.start(state, job, now_ms, work.chosen[:wanted])
            if work.result[HEAD] >= 0:
                reservation.started_beside(state, work, cls, outlasts)
            out[started] = job
            started += 1
        elif outlasts and state.class_blocked_by[cls] == BLOCKED_BY_NOTHING:
            work.class_status[cls] = SHORT_ONLY
        else:
            work.class_status[cls] = CLOSED
            if work.result[HEAD] < 0 and mode != GREEDY:
                _try_head(state, work, job, now_ms)
                if work.result[HEAD] >= 0 and mode == STRICT:
                    break
        _advance_class(state, work, cls, now_ms)
    _remember(state, now_ms, mode, started)
    return started


def _next_candidate(state: State, work: Work) -> int:
    best = -1
    for cls in range(state.class_count[0]):
        job = work.class_candidate[cls]
        if job >= 0 and (best < 0 or order.before(state, job, best)):
            best = job
    return best


def _fits_now(state: State, work: Work, cls: int) -> bool:
    """Place a job of the class in what is free; remembers what refused it, if anything did."""
    if _still_blocked(state, cls):
        return False
    blocked_by = constraints.admit_job(state, cls, state.row_used)
    constraints.row_room(state, cls, state.row_used, work.row_left)
    if blocked_by < 0 and not placement.place(
        state,
        work,
        cls,
        state.node_gpu_milli_free,
        state.node_cpu_milli_free,
        state.node_memory_mib_free,
    ):
        blocked_by = BLOCKED_BY_NODES
    state.class_blocked_by[cls] = blocked_by
    if blocked_by == BLOCKED_BY_NOTHING:
        return True
    state.class_blocked_version[cls] = constraints.version(state, blocked_by)
    return False


def _fits_beside(state: State, work: Work, cls: int) -> bool:
    """Place a job of the class that outlasts the shadow time: in what the head does not need."""
    if _still_blocked(state, cls):
        return False
    if constraints.admit_job(state, cls, state.row_used) >= 0:
        return False
    if not constraints.admit_beside(state, cls, work.row_spare):
        return False
    constraints.row_room(state, cls, state.row_used, work.row_left)
    constraints.row_room_beside(state, cls, work.row_spare, work.row_left)
    return placement.place(
        state,
        work,
        cls,
        work.beside_gpu_milli,
        work.beside_cpu_milli,
        work.beside_memory_mib,
    )


def _still_blocked(state: State, cls: int) -> bool:
    blocked_by = state.class_blocked_by[cls]
    if blocked_by == BLOCKED_BY_NOTHING:
        return False
    if state.class_blocked_version[cls] == constraints.version(state, blocked_by):
        return True
    state.class_blocked_by[cls] = BLOCKED_BY_NOTHING
    return False


def _try_head(state: State, work: Work, job: int, now_ms: int) -> None:
    shadow_ms = reservation.reserve(state, work, state.job_class[job], now_ms)
    if shadow_ms >= 0:
        work.result[HEAD] = job
        work.result[SHADOW_MS] = shadow_ms
    else:
        work.node_rank[:] = 0


def _advance_class(state: State, work: Work, cls: int, now_ms: int) -> None:
    root = state.class_root[cls]
    if work.class_status[cls] == CLOSED:
        work.class_candidate[cls] = -1
    elif work.class_status[cls] == SHORT_ONLY:
        duration_ms = work.result[SHADOW_MS] - now_ms
        work.class_candidate[cls] = order.first_within(state, root, duration_ms)
    else:
        work.class_candidate[cls] = order.first(state, root)


def _nothing_moved(state: State, now_ms: int, mode: int) -> bool:
    """Whether the last cycle did nothing and would do nothing again.

    Time alone can matter only when a running job reaches its estimate: before that every expected
    end keeps its place, and less time is left before the shadow time than there was.
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
    job = order.first_after(state, state.active_root[0], now_ms)
    memo[0] = state.change_count[0]
    memo[1] = now_ms
    memo[2] = state.job_key_first[job] if job >= 0 else BIG
    memo[3] = mode
