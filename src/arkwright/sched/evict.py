"""Instead of whom, kernel: after the starts of a cycle, who is told to stop for whom still waits.

Waiting jobs are asked in the order of the queue, at most `tries` that may have anybody told. One
that fits without some running jobs gets a claim on its nodes and they are told to stop; from then
on it is an ordinary waiting job with nodes of its own (`claims`). Nobody is told for a job that
would start anyway before they were gone, nor beside a reservation on what is set aside there.

A class is given up at its first job for whom nobody can go: the others of it ask for no less and
have no better right.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import claims, constraints, entitled, order, reservation, share, victims
from arkwright.sched.codes import CLAIM, EVICTED, MOVED, PREEMPT, STRICT, TIERS, UNCLAIM
from arkwright.sched.eviction import ENABLED, TRIES
from arkwright.sched.state import State
from arkwright.sched.work import (
    HEAD,
    NOTICE_CLAIMANT,
    NOTICE_COLUMNS,
    NOTICE_JOB,
    NOTICE_KIND,
    NOTICE_WHY,
    NOTICES,
    TRIED,
    Work,
)


def evict(state: State, work: Work, now_ms: int, mode: int) -> int:
    """Claims and who is told to stop, written to `work.notice` and done in the state; how many."""
    work.told[:] = 0
    _give_up_claims(state, work)
    if state.eviction[ENABLED] == 0:
        return int(work.told[NOTICES])
    lowest = np.empty(TIERS, np.int64)
    movable = np.empty(TIERS, np.int64)
    entitled.survey(state, now_ms, lowest, movable)
    for cls in range(state.class_count[0]):
        work.class_candidate[cls] = order.first(state, state.class_root[cls])
    while work.told[TRIED] < state.eviction[TRIES]:
        job = share.first_of(state, work.class_candidate[: state.class_count[0]])
        if job < 0 or (mode == STRICT and _is_behind_head(state, work, job)):
            break
        cls = state.job_class[job]
        work.class_candidate[cls] = order.following(state, job)
        if state.job_victims[job] >= 0 or not _has_budget(state, work, job):
            continue
        if not entitled.may_ask(state, job, lowest, movable):
            work.class_candidate[cls] = -1
            continue
        work.told[TRIED] += 1
        if _make_room(state, work, job, now_ms):
            entitled.survey(state, now_ms, lowest, movable)
        else:
            work.class_candidate[cls] = -1
    state.claim_asking[0] = -1
    return int(work.told[NOTICES])


def _give_up_claims(state: State, work: Work) -> None:
    """All who stopped are gone, a cycle has tried, and the job still waits."""
    if state.claim_count[0] == 0:
        return
    jobs = claims.waiting(state)
    for place in range(len(jobs)):
        if state.job_victims[jobs[place]] == 0:
            claims.finish(state, jobs[place])
            _note(work, UNCLAIM, jobs[place], -1, 0)


def _has_budget(state: State, work: Work, job: int) -> bool:
    """Whether stopping others could help: GPU time that a budget lacks nobody gives back."""
    owed = work.row_owed
    if job == work.result[HEAD]:
        owed = np.zeros_like(owed)
    return constraints.admit_use(state, state.job_class[job], state.job_duration_ms[job], owed)


def _is_behind_head(state: State, work: Work, job: int) -> bool:
    head = work.result[HEAD]
    return bool(head >= 0 and head != job and share.goes_before(state, head, job))


def _make_room(state: State, work: Work, job: int, now_ms: int) -> bool:
    """Have others told to stop for the job, if that helps it; moving is asked before evicting."""
    state.claim_asking[0] = job
    if entitled.may_move(state, state.job_class[job]) and _tell(state, work, job, now_ms, MOVED):
        return True
    return _tell(state, work, job, now_ms, EVICTED)


def _tell(state: State, work: Work, job: int, now_ms: int, why: int) -> bool:
    told = np.empty(_count_active(state), np.int64)
    count = victims.find(state, work, job, now_ms, why, told)
    if count == 0:
        return False
    nodes = work.chosen[: state.class_gang_nodes[state.job_class[job]]].copy()
    grace_ms = victims.longest_grace(state, told, count)
    if not _waits_longer(state, work, job, now_ms, grace_ms):
        return False
    claims.begin(state, job, nodes)
    _note(work, CLAIM, job, -1, 0)
    for place in range(count):
        claims.preempt(state, told[place], now_ms, job, why)
        _note(work, PREEMPT, told[place], job, why)
    return True


def _waits_longer(state: State, work: Work, job: int, now_ms: int, grace_ms: int) -> bool:
    """Whether the job would not start within the grace if nobody were told.

    One millisecond from now is when jobs past their estimates are expected to end: no promise.
    """
    lasts_ms = state.job_duration_ms[job]
    # The replay works in what the head's reservation left there for those after this job.
    used = work.row_used.copy()
    limits = work.row_limit_then.copy()
    shadow_ms = reservation.shadow_at(state, work, job, now_ms, lasts_ms)
    work.row_used[:] = used
    work.row_limit_then[:] = limits
    return bool(shadow_ms == now_ms + 1 or shadow_ms > now_ms + grace_ms)


def _count_active(state: State) -> int:
    count = 0
    job = order.first(state, state.active_root[0])
    while job >= 0:
        count += 1
        job = order.following(state, job)
    return count


def _note(work: Work, kind: int, job: int, claimant: int, why: int) -> None:
    first = NOTICE_COLUMNS * work.told[NOTICES]
    work.notice[first + NOTICE_KIND] = kind
    work.notice[first + NOTICE_JOB] = job
    work.notice[first + NOTICE_CLAIMANT] = claimant
    work.notice[first + NOTICE_WHY] = why
    work.told[NOTICES] += 1
