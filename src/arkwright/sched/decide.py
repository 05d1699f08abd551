"""One scheduling cycle, kernel: order, head, backfill.

Jobs are tried by (priority, submit_ms, seq, index). The first that cannot start now but could when
running jobs end is the head: it gets a reservation, and later jobs start only beside it. A job that
could not start even after every running job has ended (its nodes are down, its quota is cut) holds
nothing and is passed over.

A job with a claim may use nodes that others of its class may not, so it is tried by itself at its
place in the order; once it has started, the cycle begins anew, for what it barred is open to those
before it. After the starts, `evict` looks who is told to stop for those still waiting.

Jobs of one class differ only in order and duration, so a class is given up at the first refusal
that duration cannot cure: the cost is that of the starts and of the classes, not of the queue. Each
gang of different nodes is tried: what others take meanwhile can let its groups fit (`groups`).
"""

from __future__ import annotations

from typing import Final

from arkwright.sched import (
    claims,
    conservative,
    constraints,
    evict,
    gpus,
    groups,
    index,
    order,
    placement,
    reservation,
    share,
    together,
    transitions,
)
from arkwright.sched.codes import (
    BIG,
    BLOCKED_BY_NODES,
    BLOCKED_BY_NOTHING,
    CONSERVATIVE,
    GREEDY,
    RANDOM,
    STRICT,
)
from arkwright.sched.eviction import ENABLED
from arkwright.sched.state import Ints, State
from arkwright.sched.work import CLOSED, HEAD, LONGEST_MS, SHADOW_MS, TRIED, Work

# Instead of the job after this one in its class: the class goes on as its durations allow.
UNSET: Final = -2


def decide(state: State, work: Work, now_ms: int, mode: int, out: Ints) -> int:
    """Start what may start now; writes the jobs to `out` in order and returns how many."""
    work.result[HEAD] = -1
    work.result[SHADOW_MS] = -1
    work.told[:] = 0
    if state.queued_count[0] == 0 or _nothing_moved(state, now_ms, mode):
        return 0
    if mode == CONSERVATIVE:
        work.row_owed[:] = 0
        planned = conservative.start_planned(state, work, now_ms, out, work.fit[:0], -1)
        _remember(state, now_ms, mode, planned)
        return planned
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
    work.row_owed[:] = 0
    reservation.forget(work)
    reservation.look_ahead(state, work, now_ms)
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
        job = share.first_of(state, work.class_candidate[: state.class_count[0]])
        if claimants_tried < len(claimants):
            claimant = claimants[claimants_tried]
            if job < 0 or job == claimant or share.goes_before(state, claimant, job):
                job = claimant
                claimants_tried += 1
        if job < 0:
            break
        cls = state.job_class[job]
        is_of_class = bool(work.class_candidate[cls] == job)
        after = UNSET
        if is_of_class and (_draws_by_job(state, cls) or together.asked(state, cls)):
            after = order.following(state, job)
        has_claim = bool(state.job_victims[job] >= 0)
        state.claim_asking[0] = job
        end_ms = now_ms + state.job_duration_ms[job]
        outlasts = work.result[HEAD] >= 0 and end_ms > work.result[SHADOW_MS]
        if _fits(state, work, job, cls, now_ms, end_ms, outlasts):
            size = _largest(state, work, job, cls, now_ms, end_ms, outlasts)
            nodes = work.chosen[: state.class_gang_nodes[size]]
            transitions.start(state, job, now_ms, nodes, work.chosen[:0])
            constraints.spend_ahead(state, size, nodes, work.step_left, work.step_within, 0, end_ms)
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
        if after != UNSET and state.class_blocked_by[cls] == BLOCKED_BY_NOTHING:
            work.class_candidate[cls] = after
        elif is_of_class:
            _advance_class(state, work, cls)
    return started


def _draws_by_job(state: State, cls: int) -> bool:
    """Whether jobs of the class are offered different GPUs: one may fit beside the head where
    another does not, so each is tried."""
    return bool(state.policy[0] == RANDOM and gpus.is_fraction(state, cls))


def _fits(
    state: State, work: Work, job: int, cls: int, now_ms: int, end_ms: int, outlasts: bool
) -> bool:
    if outlasts:
        return _fits_beside(state, work, cls, job, now_ms, end_ms)
    return _fits_now(state, work, cls, job, now_ms, end_ms)


def _largest(
    state: State, work: Work, job: int, cls: int, now_ms: int, end_ms: int, outlasts: bool
) -> int:
    """The largest size of an elastic gang that fits, found upwards; its nodes are chosen.

    Of a gang of one size that is the class itself.
    """
    larger = state.class_larger[cls]
    while larger >= 0 and _fits(state, work, job, larger, now_ms, end_ms, outlasts):
        cls = larger
        larger = state.class_larger[cls]
    if larger >= 0:
        # The size that did not fit has left its traces in the scratch arrays.
        _fits(state, work, job, cls, now_ms, end_ms, outlasts)
    return int(cls)


def _fits_now(state: State, work: Work, cls: int, job: int, now_ms: int, end_ms: int) -> bool:
    """Place the job of the class in what is free; remembers what refused it for any duration."""
    if _still_blocked(state, cls, job):
        return False
    if together.asked(state, cls):
        return _fit_now(state, work, cls, job, now_ms, end_ms)
    work.run_ms[:] = 0
    if not constraints.admit_use(state, cls, state.job_duration_ms[job], work.row_owed):
        return False
    blocked_by = constraints.admit_job(state, cls, state.row_used)
    if blocked_by < 0 and not _place_now(state, work, cls, job):
        blocked_by = BLOCKED_BY_NODES
    state.class_blocked_by[cls] = blocked_by
    if blocked_by != BLOCKED_BY_NOTHING:
        state.class_blocked_version[cls] = constraints.version(state, blocked_by)
        return False
    keeps_some = constraints.keeps_some(state, cls, now_ms, end_ms)
    if state.step_count[0] == 0 and not keeps_some:
        return True
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    lowered = constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    if not lowered and not keeps_some:
        return True
    placement.will_run(work, now_ms, end_ms)
    if not constraints.admit_ahead(state, cls, work.step_left, work.step_within, -1, end_ms):
        return False
    return placement.place_now(state, work, cls, job)


def _fit_now(state: State, work: Work, cls: int, job: int, now_ms: int, end_ms: int) -> bool:
    """The same for a gang of groups: its nodes are looked for once, with all that bounds the run.

    Only a quota's refusal is remembered: with less free its groups may fit (see `groups`).
    """
    if not constraints.admit_use(state, cls, state.job_duration_ms[job], work.row_owed):
        return False
    blocked_by = constraints.admit_job(state, cls, state.row_used)
    if blocked_by >= 0:
        state.class_blocked_by[cls] = blocked_by
        state.class_blocked_version[cls] = constraints.version(state, blocked_by)
        return False
    if not constraints.admit_ahead(state, cls, work.step_left, work.step_within, -1, end_ms):
        return False
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    placement.will_run(work, now_ms, end_ms)
    return groups.place_now(state, work, cls, job)


def _place_now(state: State, work: Work, cls: int, job: int) -> bool:
    """From the sums where they say it all, else by walking the nodes: the same nodes."""
    found = placement.UNKNOWN
    if state.claim_count[0] == 0:
        found = placement.place_by_index(state, work, cls, job)
    if found != placement.UNKNOWN:
        return bool(found == placement.PLACED)
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    return placement.place_now(state, work, cls, job)


def _fits_beside(state: State, work: Work, cls: int, job: int, now_ms: int, end_ms: int) -> bool:
    """Place the job of the class that outlasts the shadow time: in what the head does not need."""
    if _still_blocked(state, cls, job) or not index.could_hold(state, work, cls):
        return False
    if not constraints.admit_use(state, cls, state.job_duration_ms[job], work.row_owed):
        return False
    if not placement.may_fit_beside(state, work, cls):
        return False
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    constraints.row_room_beside(work.row_spare, work.row_left)
    constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left)
    if constraints.admit_job(state, cls, state.row_used) >= 0:
        return False
    if not constraints.admit_then(
        state, cls, work.row_used, work.row_limit_then, work.row_kept_then
    ):
        return False
    if not constraints.admit_ahead(state, cls, work.step_left, work.step_within, -1, end_ms):
        return False
    placement.will_run(work, now_ms, end_ms)
    return groups.place_beside(state, work, cls, job)


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
        cls = state.job_class[job]
        if work.result[LONGEST_MS] > max(work.class_within_ms[cls], 0):
            work.class_within_ms[cls] = work.result[LONGEST_MS]


def _shorten_class(
    state: State, work: Work, cls: int, now_ms: int, end_ms: int, outlasts: bool
) -> None:
    """A job of the class that would end at `end_ms` was refused: which of its class may still try?

    What refuses it for its duration is the shadow time, an announced limit or a window, and refuses
    all that end after the last of them before its end. Only those that end by then are tried again.
    What is left of a budget refuses all that last longer.
    """
    work.class_within_ms[cls] = CLOSED
    if state.class_blocked_by[cls] != BLOCKED_BY_NOTHING:
        return
    longest_ms = constraints.longest_use(state, cls, work.row_owed)
    if now_ms + longest_ms < end_ms:
        if longest_ms > 0:
            work.class_within_ms[cls] = longest_ms
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


def _remember(state: State, now_ms: int, mode: int, done: int) -> None:
    """`done`: what the cycle did or, since time alone can change its outcome, looked for."""
    memo = state.cycle_memo
    memo[0] = -1
    if done > 0:
        return
    if state.eviction[ENABLED] != 0 and state.queued_count[0] > 0:
        # A job that runs long enough may be told to stop: time alone makes room.
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
