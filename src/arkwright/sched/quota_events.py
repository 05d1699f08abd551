"""What events about quotas do to the state, kernel: guarantees now and to come, budget periods, use
not seen."""

from __future__ import annotations

from arkwright.sched import budget, calendar, constraints
from arkwright.sched.codes import (
    BIG,
    GPU_MILLI,
    GPU_MS,
    GUARANTEE,
    KEPT_STEP,
    PERIOD,
    PLEDGE,
    REFUSED_INDEX,
    REFUSED_VALUE,
    UNPLEDGE,
)
from arkwright.sched.state import Ints, State


def change(state: State, kind: int, at_ms: int, row: int, values: Ints) -> int:
    """A new period of a budget row (`values`: its end), another guarantee (it, and what of it is
    kept), the same from a time on (that before it) or no longer to come (that alone), or use that
    was not seen (milli-GPU, end_ms)."""
    if row < 0 or row >= len(state.row_limit):
        return REFUSED_INDEX
    if state.row_measure[row] != (GPU_MS if kind == PERIOD else GPU_MILLI):
        return REFUSED_VALUE
    if kind == PERIOD:
        if values[0] < -1 or values[0] >= BIG:
            return REFUSED_VALUE
        budget.renew(state, row, at_ms, values[0])
    elif kind == GUARANTEE:
        if values[0] < -1 or values[0] >= BIG or values[1] < 0 or values[1] > max(values[0], 0):
            return REFUSED_VALUE
        constraints.guarantee(state, row, values[0], values[1])
        calendar.forget(state, KEPT_STEP, row, 0, at_ms)
    elif kind == PLEDGE:
        if values[1] < -1 or values[1] >= BIG or values[2] < 0 or values[2] > max(values[1], 0):
            return REFUSED_VALUE
        if values[0] < 0 or values[0] >= BIG:
            return REFUSED_VALUE
        calendar.forget(state, KEPT_STEP, row, values[0], values[0])
        calendar.apply(state, KEPT_STEP, row, values[0], values[2], values[1])
    elif kind == UNPLEDGE:
        if calendar.forget(state, KEPT_STEP, row, values[0], values[0]) == 0:
            return REFUSED_VALUE
    else:
        if values[0] < 0 or values[0] >= BIG or values[1] < at_ms or values[1] >= BIG:
            return REFUSED_VALUE
        constraints.count_use(state, row, values[0], at_ms, values[1])
    state.change_count[0] += 1
    return 0
