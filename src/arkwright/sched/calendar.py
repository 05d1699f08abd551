"""Constraint: the calendar. Limits that rows will have, and what they will keep, respected before.

A step says: from `at_ms` on the row's limit is another (LIMIT_STEP), or a quota row keeps another
amount for itself (KEPT_STEP: a capacity contract begins or ends). A job may start only if every
step during its expected run finds room for it, beside all that is expected to hold the row then. A
limit binds in its own row. What a row keeps counts as used in the rows above it, so its step binds
in all of those. Between two steps expected use only falls, so looking at the steps is looking at
the whole run. Steps of one instant come together.

A step whose time has come and whose event (`row_limit`, `guarantee`) has not still binds, when it
is stricter: a lower limit, more that is kept. Relief counts from its event on.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import order, together, tree
from arkwright.sched.codes import (
    BIG,
    CONTRACT_AHEAD,
    KEPT_STEP,
    LIMIT_AHEAD,
    LIMIT_STEP,
    WATTS,
)
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State


def admit(state: State, step_left: Ints, after_ms: int, end_ms: int, left: Ints) -> bool:
    """Lower `left` to what the steps in `(after_ms, end_ms)` leave; whether any could refuse."""
    found = False
    n_rows = len(state.row_limit)
    for step in range(state.step_count[0]):
        if state.step_at_ms[step] >= end_ms:
            break
        if state.step_at_ms[step] <= after_ms:
            continue
        row = state.step_row[step]
        if state.step_kind[step] == KEPT_STEP:
            found = True
        elif step_left[step * n_rows + row] < BIG:
            left[row] = min(left[row], step_left[step * n_rows + row])
            found = True
    return found


def refuses(
    state: State, cls: int, step_left: Ints, step_within: Ints, after_ms: int, end_ms: int
) -> bool:
    """Whether a quota row at a step in `(after_ms, end_ms)` has no room for a job of the class."""
    for step in range(state.step_count[0]):
        if state.step_at_ms[step] >= end_ms:
            break
        if state.step_at_ms[step] <= after_ms:
            continue
        if _refuses_from(state, state.class_row[cls], cls, step, step_left, step_within):
            return True
        group = cls
        while group >= 0:
            row = state.class_type_row[group]
            if _refuses_from(state, row, cls, step, step_left, step_within):
                return True
            group = state.class_more[group]
    return False


def asked_at(state: State, cls: int, step: int, target: int, step_within: Ints) -> int:
    """What a job of the class would add to the row `target`, a quota, when the step comes."""
    if state.row_measure[target] == WATTS:
        return 0
    asked = tree.demand(state, cls)
    asked = _arriving(state, state.class_row[cls], asked, step, target, step_within)
    group = cls
    while group >= 0:
        theirs = together.type_milli(state, cls, group)
        asked += _arriving(state, state.class_type_row[group], theirs, step, target, step_within)
        group = state.class_more[group]
    return asked


def apply(state: State, kind: int, row: int, at_ms: int, value: int, guarantee: int) -> None:
    """Put a step in its place; there is none of this kind, row and time, and there is room.

    `value`: the limit, or what the row will keep; `guarantee`: of which guarantee, else NONE.
    """
    step = state.step_count[0]
    state.step_count[0] = step + 1
    while step > 0 and _comes_after(state, step - 1, at_ms, row, kind):
        _move(state, step - 1, step)
        step -= 1
    state.step_kind[step] = kind
    state.step_at_ms[step] = at_ms
    state.step_row[step] = row
    state.step_limit[step] = value
    state.step_guarantee[step] = guarantee


def forget(state: State, kind: int, row: int, from_ms: int, to_ms: int) -> int:
    """Take out the row's steps of the kind in `[from_ms, to_ms]`; how many there were."""
    kept = 0
    count = state.step_count[0]
    for step in range(count):
        is_its = state.step_row[step] == row and state.step_kind[step] == kind
        if not is_its or not from_ms <= state.step_at_ms[step] <= to_ms:
            _move(state, step, kept)
            kept += 1
    state.step_count[0] = kept
    return int(count - kept)


def version(state: State) -> int:
    """Moves with everything that could alter a decision: no refusal by the calendar is kept."""
    return int(state.change_count[0])


def foresee(
    state: State,
    now_ms: int,
    used: Ints,
    limits: Ints,
    kept: Ints,
    step_left: Ints,
    step_within: Ints,
) -> None:
    """Write what the rows that each step binds have left then, when running jobs end as expected.

    And, rows by rows, how much of what it keeps each row has left then (`tree`).
    """
    used[:] = state.row_used
    limits[:] = state.row_limit
    kept[:] = state.row_kept
    job = order.first(state, state.active_root[0])
    step = 0
    while step < state.step_count[0]:
        first = step
        at_ms = state.step_at_ms[first]
        while job >= 0 and max(state.job_key_first[job], now_ms + 1) <= at_ms:
            _release(state, job, used, kept)
            job = order.following(state, job)
        while step < state.step_count[0] and state.step_at_ms[step] == at_ms:
            if state.step_kind[step] == KEPT_STEP:
                _keep(state, now_ms, step, used, kept)
            else:
                _limit(state, now_ms, step, limits)
            step += 1
        for come in range(first, step):
            _foresee_step(state, come, used, limits, kept, step_left, step_within)


def spend(
    state: State,
    cls: int,
    nodes: Ints,
    step_left: Ints,
    step_within: Ints,
    from_ms: int,
    end_ms: int,
) -> None:
    """A job of the class will hold these nodes through the steps in `[from_ms, end_ms)`."""
    for step in range(state.step_count[0]):
        if from_ms <= state.step_at_ms[step] < end_ms:
            row = state.step_row[step]
            if state.row_measure[row] == WATTS:
                step_left[step * len(state.row_limit) + row] -= _watts_at(state, cls, nodes, row)
            else:
                _spend_left(state, cls, step, step_left, step_within)
            _spend_within(state, state.class_row[cls], tree.demand(state, cls), step, step_within)
            group = cls
            while group >= 0:
                theirs = together.type_milli(state, cls, group)
                _spend_within(state, state.class_type_row[group], theirs, step, step_within)
                group = state.class_more[group]


def limits_at(state: State, now_ms: int, at_ms: int, limits: Ints) -> None:
    """Write the limits that rows have at `at_ms`, later than now."""
    limits[:] = state.row_limit
    for step in range(state.step_count[0]):
        if state.step_at_ms[step] > at_ms:
            break
        if state.step_kind[step] == LIMIT_STEP:
            _limit(state, now_ms, step, limits)


def keep_until(
    state: State, now_ms: int, after_ms: int, at_ms: int, used: Ints, kept: Ints
) -> None:
    """Let the steps of `(after_ms, at_ms]` come in `kept`, and in what rows above have `used`."""
    for step in range(state.step_count[0]):
        is_due = after_ms < state.step_at_ms[step] <= at_ms
        if is_due and state.step_kind[step] == KEPT_STEP:
            _keep(state, now_ms, step, used, kept)


def least_kept(state: State) -> Ints:
    """[n_rows]: the least that each row keeps from now on: what refuses a job beside that refuses
    it for good."""
    least = state.row_kept.copy()
    for step in range(int(state.step_count[0])):
        if state.step_kind[step] == KEPT_STEP:
            row = state.step_row[step]
            least[row] = min(least[row], state.step_limit[step])
    return least


def next_at(state: State, after_ms: int) -> int:
    """When the first step after `after_ms` comes; BIG for never."""
    for step in range(state.step_count[0]):
        if state.step_at_ms[step] > after_ms:
            return int(state.step_at_ms[step])
    return BIG


def last_before(state: State, after_ms: int, end_ms: int) -> int:
    """When the last step in `(after_ms, end_ms)` comes; `after_ms` when there is none."""
    last = after_ms
    for step in range(state.step_count[0]):
        if last < state.step_at_ms[step] < end_ms:
            last = state.step_at_ms[step]
    return int(last)


def explain(state: State, step_left: Ints, row: int, asked: int, end_ms: int) -> Reason | None:
    """LIMIT_AHEAD: the step that leaves the row least before `end_ms`; of equals the first."""
    left = step_left.reshape(-1, len(state.row_limit))[:, row]
    tightest = -1
    for step in range(int(state.step_count[0])):
        if state.step_row[step] != row or state.step_at_ms[step] >= end_ms:
            continue
        if tightest < 0 or left[step] < left[tightest]:
            tightest = step
    if tightest < 0:
        return None
    limit, at_ms = int(state.step_limit[tightest]), int(state.step_at_ms[tightest])
    used = limit - int(left[tightest])
    return Reason(LIMIT_AHEAD, asked, row=row, used=used, limit=limit, at_ms=at_ms)


def explain_quota(
    state: State, cls: int, step_left: Ints, step_within: Ints, end_ms: int
) -> Reason | None:
    """Of the quota rows that refuse the class before `end_ms`, the lowest one's tightest step; of
    equals the one that keeps most, then the first.

    LIMIT_AHEAD where it is a limit; CONTRACT_AHEAD where it is what another row will keep.
    """
    refusing: list[tuple[int, int, int, int]] = []
    left_at = step_left.reshape(-1, len(state.row_limit))
    for step in range(int(state.step_count[0])):
        if state.step_at_ms[step] >= end_ms:
            continue
        keeps = int(state.step_limit[step]) if state.step_kind[step] == KEPT_STEP else 0
        for row in np.flatnonzero(left_at[step] < BIG).tolist():
            asked = asked_at(state, cls, step, row, step_within)
            if asked > 0 and asked > left_at[step, row]:
                refusing.append((-row, int(left_at[step, row]), -keeps, step))
    if not refusing:
        return None
    above, left, _, step = min(refusing)
    row, limit = int(state.step_row[step]), int(state.step_limit[step])
    asked, at_ms = asked_at(state, cls, step, -above, step_within), int(state.step_at_ms[step])
    if state.step_kind[step] == KEPT_STEP:
        free = max(left, 0)
        return Reason(CONTRACT_AHEAD, asked, free, row=row, limit=limit, at_ms=at_ms)
    return Reason(LIMIT_AHEAD, asked, row=row, used=limit - left, limit=limit, at_ms=at_ms)


def _refuses_from(
    state: State, row: int, cls: int, step: int, step_left: Ints, step_within: Ints
) -> bool:
    """Whether, when the step comes, the row or one above it has no room for a job of the class."""
    n_rows = len(state.row_limit)
    while row >= 0:
        left = step_left[step * n_rows + row]
        if left < BIG:
            asked = asked_at(state, cls, step, row, step_within)
            if asked > 0 and asked > left:
                return True
        row = state.row_parent[row]
    return False


def _comes_after(state: State, step: int, at_ms: int, row: int, kind: int) -> bool:
    if state.step_at_ms[step] != at_ms:
        return bool(state.step_at_ms[step] > at_ms)
    if state.step_row[step] != row:
        return bool(state.step_row[step] > row)
    return bool(state.step_kind[step] > kind)


def _limit(state: State, now_ms: int, step: int, limits: Ints) -> None:
    row = state.step_row[step]
    limit = state.step_limit[step]
    is_lower = limit >= 0 and (limits[row] < 0 or limit < limits[row])
    if is_lower or state.step_at_ms[step] > now_ms:
        limits[row] = limit


def _keep(state: State, now_ms: int, step: int, used: Ints, kept: Ints) -> None:
    row = state.step_row[step]
    value = state.step_limit[step]
    if value > kept[row] or state.step_at_ms[step] > now_ms:
        tree.keep(state, row, value, used, kept)


def _foresee_step(
    state: State,
    step: int,
    used: Ints,
    limits: Ints,
    kept: Ints,
    step_left: Ints,
    step_within: Ints,
) -> None:
    n_rows = len(used)
    left = step_left[step * n_rows : (step + 1) * n_rows]
    left[:] = BIG
    row = state.step_row[step]
    if state.step_kind[step] == KEPT_STEP:
        row = state.row_parent[row]
        while row >= 0:
            if limits[row] >= 0:
                left[row] = limits[row] - used[row]
            row = state.row_parent[row]
    elif state.step_limit[step] >= 0:
        left[row] = state.step_limit[step] - used[row]
    within = step_within[step * n_rows : (step + 1) * n_rows]
    within[:] = np.maximum(kept - used, 0)


def _spend_left(state: State, cls: int, step: int, step_left: Ints, step_within: Ints) -> None:
    """In the quota rows that the step binds."""
    n_rows = len(state.row_limit)
    if state.step_kind[step] == LIMIT_STEP:
        row = state.step_row[step]
        step_left[step * n_rows + row] -= asked_at(state, cls, step, row, step_within)
        return
    row = state.row_parent[state.step_row[step]]
    while row >= 0:
        step_left[step * n_rows + row] -= asked_at(state, cls, step, row, step_within)
        row = state.row_parent[row]


def _release(state: State, job: int, used: Ints, kept: Ints) -> None:
    cls = state.job_class[job]
    first = state.job_slot[job]
    tree.apply(state, cls, used, kept, -1)
    while cls >= 0:
        if state.class_watts[cls] != 0:
            for place in range(state.class_nodes[cls]):
                row = state.node_row[state.slot_node[first + place]]
                while row >= 0:
                    used[row] -= state.class_watts[cls]
                    row = state.row_parent[row]
        first += state.class_nodes[cls]
        cls = state.class_more[cls]


def _arriving(state: State, row: int, asked: int, step: int, target: int, step_within: Ints) -> int:
    """What of a charge on the row comes to `target` through what rows on the way keep then."""
    n_rows = len(state.row_limit)
    while row >= 0 and row != target:
        asked -= min(asked, step_within[step * n_rows + row])
        row = state.row_parent[row]
    return int(asked) if row >= 0 else 0


def _spend_within(state: State, row: int, asked: int, step: int, step_within: Ints) -> None:
    n_rows = len(state.row_limit)
    while row >= 0 and asked > 0:
        taken = min(asked, step_within[step * n_rows + row])
        step_within[step * n_rows + row] -= taken
        asked -= taken
        row = state.row_parent[row]


def _watts_at(state: State, cls: int, nodes: Ints, target: int) -> int:
    """What a job of the class on `nodes` counts for in a row above them."""
    asked = 0
    for place in range(len(nodes)):
        if _is_under(state, state.node_row[nodes[place]], target):
            asked += state.class_watts[together.group_at(state, cls, place)]
    return int(asked)


def _is_under(state: State, row: int, target: int) -> bool:
    while row >= 0 and row != target:
        row = state.row_parent[row]
    return bool(row >= 0)


def _move(state: State, step: int, to: int) -> None:
    state.step_kind[to] = state.step_kind[step]
    state.step_at_ms[to] = state.step_at_ms[step]
    state.step_row[to] = state.step_row[step]
    state.step_limit[to] = state.step_limit[step]
    state.step_guarantee[to] = state.step_guarantee[step]
