"""Constraint: the calendar. Limits that rows will have, respected before they come.

A step says: from `at_ms` on the row's limit is another. A job may start only if every step during
its expected run finds room for it, beside all that is expected to hold the row then. Between two
steps expected use only falls, so looking at the steps is looking at the whole run.

A step whose time has come and whose `row_limit` event has not still binds, when it is lower; a rise
counts from its event on. Reserving an amount for a project is two steps, down and up again, on a
row that everybody else's rows hang on.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import order, together, tree
from arkwright.sched.codes import BIG, LIMIT_AHEAD, WATTS
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State


def admit(state: State, step_left: Ints, after_ms: int, end_ms: int, left: Ints) -> bool:
    """Lower `left` to what the steps in `(after_ms, end_ms)` leave; whether there are any."""
    found = False
    for step in range(state.step_count[0]):
        if after_ms < state.step_at_ms[step] < end_ms and step_left[step] < BIG:
            row = state.step_row[step]
            left[row] = min(left[row], step_left[step])
            found = True
    return found


def refuses(
    state: State, cls: int, step_left: Ints, step_within: Ints, after_ms: int, end_ms: int
) -> bool:
    """Whether a quota row at a step in `(after_ms, end_ms)` has no room for a job of the class."""
    for step in range(state.step_count[0]):
        if after_ms < state.step_at_ms[step] < end_ms and step_left[step] < BIG:
            asked = asked_at(state, cls, step, step_within)
            if asked > 0 and asked > step_left[step]:
                return True
    return False


def asked_at(state: State, cls: int, step: int, step_within: Ints) -> int:
    """What a job of the class would add to the step's row, a quota, when the step comes."""
    target = state.step_row[step]
    if state.row_measure[target] == WATTS:
        return 0
    asked = _arriving(state, state.class_row[cls], tree.demand(state, cls), step, step_within)
    group = cls
    while group >= 0:
        theirs = together.type_milli(state, cls, group)
        asked += _arriving(state, state.class_type_row[group], theirs, step, step_within)
        group = state.class_more[group]
    return asked


def apply(state: State, row: int, at_ms: int, limit: int) -> None:
    """Put a step in its place; there is none of this row and time, and there is room."""
    step = state.step_count[0]
    state.step_count[0] = step + 1
    while step > 0 and (
        state.step_at_ms[step - 1] > at_ms
        or (state.step_at_ms[step - 1] == at_ms and state.step_row[step - 1] > row)
    ):
        _move(state, step - 1, step)
        step -= 1
    state.step_at_ms[step] = at_ms
    state.step_row[step] = row
    state.step_limit[step] = limit


def forget(state: State, row: int, from_ms: int, to_ms: int) -> int:
    """Take out the row's steps of `[from_ms, to_ms]`; how many there were."""
    kept = 0
    count = state.step_count[0]
    for step in range(count):
        if state.step_row[step] != row or not from_ms <= state.step_at_ms[step] <= to_ms:
            _move(state, step, kept)
            kept += 1
    state.step_count[0] = kept
    return int(count - kept)


def version(state: State) -> int:
    """Moves with everything that could alter a decision: no refusal by the calendar is kept."""
    return int(state.change_count[0])


def foresee(state: State, now_ms: int, used: Ints, step_left: Ints, step_within: Ints) -> None:
    """Write what each step's row has left then, when running jobs end as expected.

    And, rows by rows, how much of what it keeps each row has left then (`tree`).
    """
    n_rows = len(used)
    used[:] = state.row_used
    job = order.first(state, state.active_root[0])
    for step in range(state.step_count[0]):
        at_ms = state.step_at_ms[step]
        while job >= 0 and max(state.job_key_first[job], now_ms + 1) <= at_ms:
            _release(state, job, used)
            job = order.following(state, job)
        step_left[step] = BIG
        if state.step_limit[step] >= 0:
            step_left[step] = state.step_limit[step] - used[state.step_row[step]]
        within = step_within[step * n_rows : (step + 1) * n_rows]
        within[:] = np.maximum(state.row_kept - used, 0)


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
            if state.row_measure[state.step_row[step]] == WATTS:
                step_left[step] -= _watts_at(state, cls, nodes, state.step_row[step])
            else:
                step_left[step] -= asked_at(state, cls, step, step_within)
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
        row = state.step_row[step]
        limit = state.step_limit[step]
        is_lower = limit >= 0 and (limits[row] < 0 or limit < limits[row])
        if is_lower or state.step_at_ms[step] > now_ms:
            limits[row] = limit


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
    tightest = -1
    for step in range(int(state.step_count[0])):
        if state.step_row[step] != row or state.step_at_ms[step] >= end_ms:
            continue
        if tightest < 0 or step_left[step] < step_left[tightest]:
            tightest = step
    if tightest < 0:
        return None
    limit, at_ms = int(state.step_limit[tightest]), int(state.step_at_ms[tightest])
    used = limit - int(step_left[tightest])
    return Reason(LIMIT_AHEAD, asked, row=row, used=used, limit=limit, at_ms=at_ms)


def explain_quota(
    state: State, cls: int, step_left: Ints, step_within: Ints, end_ms: int
) -> Reason | None:
    """LIMIT_AHEAD: of the quota rows that refuse the class before `end_ms`, the lowest one's
    tightest step; of equals the first."""
    refusing: list[tuple[int, int, int]] = []
    for step in range(int(state.step_count[0])):
        if state.step_at_ms[step] >= end_ms or step_left[step] >= BIG:
            continue
        asked = asked_at(state, cls, step, step_within)
        if asked > 0 and asked > step_left[step]:
            refusing.append((-int(state.step_row[step]), int(step_left[step]), step))
    if not refusing:
        return None
    _, left, step = min(refusing)
    row, limit = int(state.step_row[step]), int(state.step_limit[step])
    asked, at_ms = asked_at(state, cls, step, step_within), int(state.step_at_ms[step])
    return Reason(LIMIT_AHEAD, asked, row=row, used=limit - left, limit=limit, at_ms=at_ms)


def _release(state: State, job: int, used: Ints) -> None:
    cls = state.job_class[job]
    first = state.job_slot[job]
    tree.apply(state, cls, used, -1)
    while cls >= 0:
        if state.class_watts[cls] != 0:
            for place in range(state.class_nodes[cls]):
                row = state.node_row[state.slot_node[first + place]]
                while row >= 0:
                    used[row] -= state.class_watts[cls]
                    row = state.row_parent[row]
        first += state.class_nodes[cls]
        cls = state.class_more[cls]


def _arriving(state: State, row: int, asked: int, step: int, step_within: Ints) -> int:
    """What of a charge on the row comes to the step's row through what rows on the way keep."""
    target = state.step_row[step]
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
    state.step_at_ms[to] = state.step_at_ms[step]
    state.step_row[to] = state.step_row[step]
    state.step_limit[to] = state.step_limit[step]
