"""One scheduling cycle, kernel: order, head, backfill.

Jobs are tried by (priority, submit_ms, seq, index). The first that cannot start now but could when
running jobs end is the head: it gets a reservation, and later jobs start only beside it. A job that
could not start even after every running job has ended (its nodes are down, its quota is cut) holds
nothing and is passed over.

A job with a claim may use nodes that others of its class may not, so it is tried by itself at its
place in the order; once it has started, the cycle begins anew, for what it barred is open to those
before it. After the starts, `evict` looks who is told to stop for those still waiting.

Jobs of one class differ only in order and duration, so a class is given up at the first refusal
that duration cannot cure: the cost is that of the starts and of the classes, not of the queue.
"""

from __future__ import annotations

from arkwright.sched import claims, constraints, evict, order, placement, reservation, transitions
from arkwright.sched.codes import BIG, BLOCKED_BY_NODES, BLOCKED_BY_NOTHING, GREEDY, STRICT
from arkwright.sched.state import Ints, State
from arkwright.sched.work import CLOSED, HEAD, LONGEST_MS, SHADOW_MS, TRIED, Work


def decide(state: State, work: Work, now_ms: int, mode: int, out: Ints) -> int:
    """Start what may start now; writes the jobs to `out` in order and returns how many."""
    work.result[HEAD] = -1
    work.result[SHADOW_MS] = -1
    work.told[:] = 0
    if _nothing_moved(state, now_ms, mode):
        return 0
    started = 0
    while True:
        claims_before = state.claim_count[0]
        _open_classes(state, work, now_ms)
        started = _start_in_order(state, work, now_ms, mode, out, started)
        if state.claim_count[0] == claims_before:
            break
    state.claim_asking[0] = -1
    told = evict.evict(state, work, now_ms, mode)
    _remember(state, now_ms, mode, started + told + work.told[TRIED])
    return started


def _open_classes(state: State, work: Work, now_ms: int) -> None:
    """Every queue from its first job on, and no head."""
    work.result[HEAD] = -1
    work.result[SHADOW_MS] = -1
    work.node_rank[:] = 0
    constraints.foresee_rows(state, now_ms, work.row_used, work.step_left)
    for cls in range(state.class_count[0]):
        work.class_within_ms[cls] = BIG
        work.class_candidate[cls] = order.first(state, state.class_root[cls])


def _start_in_order(
    state: State, work: Work, now_ms: int, mode: int, out: Ints, started: int
) -> int:
    """Try the queues in order; how many jobs have started in this cycle so far.

    Comes back as soon as a job with a claim has started: what it barred is open to those before it.
    """
    claimants = claims.waiting(state)
    claimants_tried = 0
    while True:
        job = _next_candidate(state, work)
        if claimants_tried < len(claimants):
            claimant = claimants[claimants_tried]
            if job < 0 or job == claimant or order.before(state, claimant, job):
                job = claimant
                claimants_tried += 1
        if job < 0:
            break
        cls = state.job_class[job]
        is_of_class = bool(work.class_candidate[cls] == job)
        has_claim = bool(state.job_victims[job] >= 0)
        state.claim_asking[0] = job
        end_ms = now_ms + state.job_duration_ms[job]
        outlasts = work.result[HEAD] >= 0 and end_ms > work.result[SHADOW_MS]
        if outlasts:
            admitted = _fits_beside(state, work, cls, job, end_ms)
        else:
            admitted = _fits_now(state, work, cls, job, end_ms)
        if admitted:
            nodes = work.chosen[: state.class_nodes[cls]]
            transitions.start(state, job, now_ms, nodes, work.chosen[:0])
            constraints.spend_ahead(state, cls, nodes, work.step_left, 0, end_ms)
            if work.result[HEAD] >= 0:
                reservation.started_beside(state, work, job, outlasts)
            out[started] = job
            started += 1
            if has_claim:
                break
        else:
            if is_of_class:
                _shorten_class(state, work, cls, now_ms, end_ms, outlasts)
            if work.result[HEAD] < 0 and mode != GREEDY:
                _try_head(state, work, job, now_ms)
                if work.result[HEAD] >= 0 and mode == STRICT:
                    break
        if is_of_class:
            _advance_class(state, work, cls)
    return started


def _next_candidate(state: State, work: Work) -> int:
    best = -1
    for cls in range(state.class_count[0]):
        job = work.class_candidate[cls]
        if job >= 0 and (best < 0 or order.before(state, job, best)):
            best = job
    return best


def _fits_now(state: State, work: Work, cls: int, job: int, end_ms: int) -> bool:
    """Place the job of the class in what is free; remembers what refused it for any duration."""
    if _still_blocked(state, cls, job):
        return False
    blocked_by = constraints.admit_job(state, cls, state.row_used)
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    if blocked_by < 0 and not placement.place_now(state, work, cls, job):
        blocked_by = BLOCKED_BY_NODES
    state.class_blocked_by[cls] = blocked_by
    if blocked_by != BLOCKED_BY_NOTHING:
        state.class_blocked_version[cls] = constraints.version(state, blocked_by)
        return False
    if not constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left):
        return True
    if not constraints.admit_beside(state, cls, work.row_left):
        return False
    return placement.place_now(state, work, cls, job)


def _fits_beside(state: State, work: Work, cls: int, job: int, end_ms: int) -> bool:
    """Place the job of the class that outlasts the shadow time: in what the head does not need."""
    if _still_blocked(state, cls, job):
        return False
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    constraints.row_room_beside(work.row_spare, work.row_left)
    constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    if not constraints.admit_beside(state, cls, work.row_left):
        return False
    return placement.place_beside(state, work, cls, job)


def _still_blocked(state: State, cls: int, job: int) -> bool:
    """Whether what refused the class still does; never to a job with a claim, which may use nodes
    that the rest of its class may not."""
    blocked_by = state.class_blocked_by[cls]
    if blocked_by == BLOCKED_BY_NOTHING:
        return False
    if state.class_blocked_version[cls] == constraints.version(state, blocked_by):
        return bool(state.job_victims[job] < 0)
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

    What refuses it for its duration is the shadow time or an announced limit, and refuses all that
    end after the last of them before its end. Only those that end by then are tried again.
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

    Time alone can matter only when a running job reaches its estimate or an announced limit its
    time: before that every expected end keeps its place, and less time is left before the shadow
    time and before each limit than there was.
    """
    memo = state.cycle_memo
    if memo[0] != state.change_count[0] or memo[3] != mode:
        return False
    return bool(now_ms == memo[1] or (now_ms > memo[1] and now_ms + 1 < memo[2]))


def _remember(state: State, now_ms: int, mode: int, done: int) -> None:
    """`done`: what the cycle did or, since time alone can change its outcome, looked for."""
    memo = state.cycle_memo
    memo[0] = -1
    if done > 0:
        return
    job = order.first_after(state, state.active_root[0], now_ms)
    memo[0] = state.change_count[0]
    memo[1] = now_ms
    memo[2] = constraints.next_change_at(state, now_ms)
    if job >= 0:
        memo[2] = min(memo[2], state.job_key_first[job])
    memo[3] = mode
