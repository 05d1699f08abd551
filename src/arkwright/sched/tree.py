"""Constraint: the capacity tree. A job counts on its row and on every row above it.

One table serves every limit that adds up. The rows here are quota in milli-GPU, organisation over
project; the rows above nodes, which count watts, are a forest of their own in it (`power`).
"""

from __future__ import annotations

from arkwright.sched.codes import BIG, BLOCKED_BY_NOTHING, NEVER_QUOTA, QUOTA
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State


def admit(state: State, cls: int, used: Ints) -> int:
    """The lowest row that has no room for a job of the class on top of `used`; -1 when all do."""
    asked = demand(state, cls)
    row = state.class_row[cls]
    while row >= 0:
        if state.row_limit[row] >= 0 and used[row] + asked > state.row_limit[row]:
            return int(row)
        row = state.row_parent[row]
    return BLOCKED_BY_NOTHING


def admit_beside(state: State, cls: int, spare: Ints) -> bool:
    """Whether a job of the class leaves every row what is set aside in it."""
    asked = demand(state, cls)
    row = state.class_row[cls]
    while row >= 0:
        if asked > spare[row]:
            return False
        row = state.row_parent[row]
    return True


def set_aside(state: State, cls: int, used: Ints, limits: Ints, spare: Ints) -> None:
    """What every row has left beside a job of the class on top of `used`; BIG where none bounds."""
    spare[:] = BIG
    asked = demand(state, cls)
    row = state.class_row[cls]
    while row >= 0:
        if limits[row] >= 0:
            spare[row] = limits[row] - used[row] - asked
        row = state.row_parent[row]


def apply(state: State, cls: int, used: Ints, sign: int) -> None:
    """Charge (`sign` 1) or give back (-1) one job of the class in `used`."""
    asked = sign * demand(state, cls)
    row = state.class_row[cls]
    while row >= 0:
        used[row] += asked
        row = state.row_parent[row]


def freed(state: State, cls: int) -> None:
    """A job of the class has given its share of the rows back."""
    row = state.class_row[cls]
    while row >= 0:
        state.row_version[row] += 1
        lower_ceiling(state, row)
        row = state.row_parent[row]


def limit(state: State, row: int, value: int) -> None:
    """The row's limit changes; what already runs may exceed a lower one until it ends."""
    state.row_limit[row] = value
    state.row_ceiling[row] = state.row_used[row]
    state.row_version[row] += 1
    lower_ceiling(state, row)


def version(state: State, row: int) -> int:
    """Moves whenever a class refused by the row might now be admitted."""
    return int(state.row_version[row])


def demand(state: State, cls: int) -> int:
    """What one job of the class counts for in its rows [milli-GPU]."""
    return int(state.class_nodes[cls] * state.class_gpu_milli[cls])


def explain(state: State, cls: int, used: Ints) -> Reason | None:
    """QUOTA when a row is full, NEVER_QUOTA when its limit is below the demand of the job alone."""
    row = admit(state, cls, used)
    if row < 0:
        return None
    asked = demand(state, cls)
    bound = int(state.row_limit[row])
    code = NEVER_QUOTA if asked > bound else QUOTA
    return Reason(code, asked, row=int(row), used=int(used[row]), limit=bound)


def lower_ceiling(state: State, row: int) -> None:
    """A limit that was cut below what ran binds more as jobs end, until it holds."""
    ceiling = state.row_limit[row]
    if ceiling >= 0 and state.row_used[row] > ceiling:
        ceiling = state.row_used[row]
    state.row_ceiling[row] = ceiling
