"""Why a gang that has enough nodes still does not fit: its segments, or its rails.

Both are judged by placing, so the numbers are what placing finds: the largest gang of the same form
that would fit here and now.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arkwright.sched import constraints, gpus, placement, rails, segments
from arkwright.sched.codes import BIG, LIMIT_AHEAD, NEVER_SEGMENTS, RAILS, SEGMENTS, UP, WATTS
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State
from arkwright.sched.work import workspace


def explain(state: State, cls: int, row_left: Ints) -> Reason | None:
    """SEGMENTS or RAILS when the form keeps the class out of what is free and `row_left` allows."""
    if not (segments.required(state, cls) or rails.asked(state, cls)) or _fits(
        state, cls, row_left
    ):
        return None
    wanted = int(state.class_nodes[cls])
    most = most_of(wanted - 1, lambda nodes: _fits(_with(state, cls, nodes=nodes), cls, row_left))
    aligned = rails.asked(state, cls)
    if aligned and (
        not segments.required(state, cls) or _fits(_with(state, cls, rails=0), cls, row_left)
    ):
        return Reason(RAILS, wanted, most, limit=int(state.class_gpu_milli[cls]))
    size = segments.size_of(state, cls)
    level = int(state.class_segment_level[cls])
    return Reason(SEGMENTS, -(-wanted // size), most // size, level=level, limit=size)


def never(state: State, cls: int) -> tuple[Reason, int] | None:
    """NEVER_SEGMENTS when an empty factory with every node up does not hold the segments either,
    and the largest gang in such segments that it does hold."""
    empty = idle(state)
    left = _room(empty)
    reason = explain(empty, cls, left)
    if reason is None:
        return None
    wanted = int(state.class_nodes[cls])
    most = most_of(wanted - 1, lambda nodes: _fits(_with(empty, cls, nodes=nodes), cls, left))
    return reason._replace(code=NEVER_SEGMENTS), most


def explain_now(state: State, cls: int) -> Reason | None:
    """`explain` with what the rows have now."""
    return explain(state, cls, _room(state))


def explain_ahead(state: State, cls: int, left: Ints, end_ms: int) -> Reason | None:
    """LIMIT_AHEAD when rows that announced limits leave so much in `left` keep the form out."""
    if explain(state, cls, left) is None:
        return None
    steps = range(int(state.step_count[0]))
    rows = [int(state.step_row[step]) for step in steps if state.step_at_ms[step] < end_ms]
    watts = [row for row in rows if state.row_measure[row] == WATTS and left[row] < BIG]
    if not watts:
        return None
    row = min(watts, key=lambda each: (int(left[each]), each))
    asked = int(state.class_nodes[cls] * state.class_watts[cls])
    return Reason(LIMIT_AHEAD, asked, row=row)


def _fits(state: State, cls: int, row_left: Ints) -> bool:
    work = workspace(state)
    work.row_left[:] = row_left
    return placement.place_now(state, work, cls, 0)


def _with(state: State, cls: int, **fields: int) -> State:
    """The state with another shape for the class."""
    changed = {}
    for name, value in fields.items():
        column = getattr(state, f"class_{name}").copy()
        column[cls] = value
        changed[f"class_{name}"] = column
    return state._replace(**changed)


def idle(state: State, is_up: bool = True) -> State:
    """The factory with every node up (else those that are up now) and no job."""
    return state._replace(
        node_state=np.full_like(state.node_state, UP) if is_up else state.node_state,
        node_gpu_milli_free=state.node_gpu_milli_total,
        node_cpu_milli_free=state.node_cpu_milli_total,
        node_memory_mib_free=state.node_memory_mib_total,
        gpu_milli_free=np.full_like(state.gpu_milli_free, gpus.WHOLE_MILLI),
        row_used=np.zeros_like(state.row_used),
    )


def _room(state: State) -> Ints:
    left = np.zeros_like(state.row_used)
    constraints.row_room(state, state.row_used, state.row_limit, left)
    return left


def most_of(limit: int, holds: Callable[[int], bool]) -> int:
    """The largest count in 1..limit for which `holds`, which holds below it as well; 0: none."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
