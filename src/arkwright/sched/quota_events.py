"""What events about quotas do to the state, kernel: guarantees, budget periods, use not seen."""

from __future__ import annotations

from arkwright.sched import budget, constraints
from arkwright.sched.codes import (
    BIG,
    GPU_MILLI,
    GPU_MS,
    GUARANTEE,
    PERIOD,
    REFUSED_INDEX,
    REFUSED_VALUE,
)
from arkwright.sched.state import Ints, State


def change(state: State, kind: int, at_ms: int, row: int, values: Ints) -> int:
    """A new period of a budget row (`values`: its end), another guarantee (it, and what of it is
    kept), or use that was not seen (milli-GPU, end_ms)."""
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
    else:
        if values[0] < 0 or values[0] >= BIG or values[1] < at_ms or values[1] >= BIG:
            return REFUSED_VALUE
        constraints.count_use(state, row, values[0], at_ms, values[1])
    state.change_count[0] += 1
    return 0
