"""Constraint: budgets. The GPU time that a quota row's jobs may use in a period.

A budget is a row that counts GPU-milliseconds. The whole expected time of a job counts when it
starts; what it did not use comes back when it ends, what it used beyond its estimate is added then.
A new period is an event: the row starts again at what running jobs are expected to use from then.

A budget refuses for a duration: a shorter job of the class may start. Nothing that runs gives GPU
time back by ending as expected, so a job beyond the budget can be promised nothing and holds
nothing; and the head's time is set aside from all who start before it, however short.
"""

from __future__ import annotations

from arkwright.sched import order, tree
from arkwright.sched.codes import BIG, BLOCKED_BY_NOTHING, BUDGET, UNLIMITED
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State

MILLI = 1000


def admit(state: State, cls: int, lasts_ms: int, owed: Ints) -> int:
    """The first budget on the way up without that much left beside `owed`; -1 when all have it."""
    asked = cost(tree.demand(state, cls), lasts_ms)
    row = state.class_row[cls]
    while row >= 0 and asked > 0:
        own = state.row_budget[row]
        if own >= 0 and asked > _left(state, own, owed):
            return int(own)
        row = state.row_parent[row]
    return BLOCKED_BY_NOTHING


def longest(state: State, cls: int, owed: Ints) -> int:
    """How long a job of the class may last within every budget [ms]; BIG when none bounds it."""
    found = BIG
    milli = tree.demand(state, cls)
    row = state.class_row[cls]
    while row >= 0 and milli > 0:
        own = state.row_budget[row]
        if own >= 0:
            found = min(found, lasting(milli, _left(state, own, owed)))
        row = state.row_parent[row]
    return int(found)


def set_aside(state: State, cls: int, lasts_ms: int, owed: Ints) -> None:
    """Add to `owed` what a job of the class will use."""
    asked = cost(tree.demand(state, cls), lasts_ms)
    row = state.class_row[cls]
    while row >= 0:
        if state.row_budget[row] >= 0:
            owed[state.row_budget[row]] += asked
        row = state.row_parent[row]


def apply(state: State, job: int) -> None:
    """The job, whose start is set, holds its expected GPU time."""
    row = state.class_row[state.job_class[job]]
    while row >= 0:
        own = state.row_budget[row]
        if own >= 0:
            state.row_used[own] += expected(state, job, own)
        row = state.row_parent[row]


def settle(state: State, job: int, at_ms: int) -> None:
    """The job is over: what it really used counts instead of what was expected."""
    row = state.class_row[state.job_class[job]]
    while row >= 0:
        own = state.row_budget[row]
        if own >= 0:
            state.row_used[own] -= expected(state, job, own)
            milli = tree.demand(state, state.job_class[job])
            _spend(state, own, milli, state.job_start_ms[job], at_ms)
            state.row_version[own] += 1
        row = state.row_parent[row]


def spent(state: State, row: int, milli: int, start_ms: int, end_ms: int) -> None:
    """Jobs of the row have held so many milli-GPU from one time to the other; they are over."""
    while row >= 0:
        own = state.row_budget[row]
        if own >= 0:
            _spend(state, own, milli, start_ms, end_ms)
        row = state.row_parent[row]


def renew(state: State, own: int, at_ms: int, end_ms: int) -> None:
    """A new period of the budget row begins, which will last until `end_ms` (-1 not known)."""
    state.row_period_end_ms[own] = end_ms
    state.row_period_ms[own] = at_ms
    state.row_settled[own] = 0
    state.row_used[own] = 0
    state.row_version[own] += 1
    job = order.first(state, state.active_root[0])
    while job >= 0:
        row = state.class_row[state.job_class[job]]
        while row >= 0:
            if state.row_budget[row] == own:
                state.row_used[own] += expected(state, job, own)
            row = state.row_parent[row]
        job = order.following(state, job)


def expected(state: State, job: int, own: int) -> int:
    """What a job that holds resources is expected to use in the budget's period in all."""
    from_ms = max(state.job_start_ms[job], state.row_period_ms[own])
    end_ms = state.job_start_ms[job] + state.job_duration_ms[job]
    return cost(tree.demand(state, state.job_class[job]), end_ms - from_ms)


def version(state: State, own: int) -> int:
    """Moves when the budget has more left than before."""
    return int(state.row_version[own])


def explain(state: State, cls: int, lasts_ms: int, owed: Ints) -> Reason | None:
    """BUDGET: row `row` has `used` of `limit` GPU-milliseconds, the job would use `asked`.

    `used` counts what is set aside; `free` is how long a job of the class may last at most [ms],
    and the period ends at `at_ms`.
    """
    own = admit(state, cls, lasts_ms, owed)
    if own < 0:
        return None
    asked, limit = cost(tree.demand(state, cls), lasts_ms), int(state.row_limit[own])
    used, end_ms = int(state.row_used[own] + owed[own]), int(state.row_period_end_ms[own])
    lasts_ms = longest(state, cls, owed)
    return Reason(BUDGET, asked, lasts_ms, row=own, used=used, limit=limit, at_ms=end_ms)


def cost(milli: int, lasts_ms: int) -> int:
    """GPU-milliseconds of so many milli-GPU for so long, rounded up; never beyond BIG."""
    if milli <= 0 or lasts_ms <= 0:
        return 0
    if lasts_ms <= BIG // milli:
        return int(-(-milli * lasts_ms // MILLI))
    gpus = -(-milli // MILLI)
    return int(gpus * lasts_ms) if lasts_ms <= BIG // gpus else BIG


def lasting(milli: int, left: int) -> int:
    """The longest time [ms] for which `cost` is at most `left`; 0 none."""
    if left <= 0:
        return 0
    exact = BIG // milli
    if left < BIG // MILLI and left * MILLI // milli <= exact:
        return int(left * MILLI // milli)
    return int(max(exact, min(left, BIG - 1) // -(-milli // MILLI)))


def _left(state: State, own: int, owed: Ints) -> int:
    if state.row_limit[own] == UNLIMITED:
        return BIG
    return int(state.row_limit[own] - state.row_used[own] - owed[own])


def _spend(state: State, own: int, milli: int, start_ms: int, end_ms: int) -> None:
    used = cost(milli, end_ms - max(start_ms, state.row_period_ms[own]))
    state.row_used[own] += used
    state.row_settled[own] += used
