"""Constraint: windows. Nodes that are kept for one row's jobs, or for nobody, in a time to come.

A window says: in `[from_ms, until_ms)` the node is for jobs whose capacity row is `row` or lies
below it; -1 keeps it for nobody (maintenance). One entry stands for one node; those of one
reservation share a number. A job may take a node only if no window of others touches its expected
run: what is refused to a long job is still free to one that is over in time. Jobs that run on the
node when the window opens, or when it is made, are left alone.
"""

from __future__ import annotations

from arkwright.sched.codes import BIG, GPU_MILLI, RESERVED_WINDOW
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State


def admit(
    state: State, cls: int, nodes: Ints, count: int, from_ms: int, end_ms: int, barred: Ints
) -> int:
    """Keep of `nodes[:count]` those no window of others touches in `[from_ms, end_ms)`; how many.

    `barred` is scratch [n_nodes], all zero before and after.
    """
    found = False
    for entry in range(state.window_count[0]):
        if touches(state, cls, entry, from_ms, end_ms):
            barred[state.window_node[entry]] = 1
            found = True
    if not found:
        return count
    kept = 0
    for place in range(count):
        node = nodes[place]
        if barred[node] == 0:
            nodes[kept] = node
            kept += 1
    for entry in range(state.window_count[0]):
        barred[state.window_node[entry]] = 0
    return kept


def touches(state: State, cls: int, entry: int, from_ms: int, end_ms: int) -> bool:
    """Whether the window keeps its node from a job of the class that runs in `[from_ms, end_ms)`.

    An empty run touches nothing.
    """
    if state.window_from_ms[entry] >= end_ms or state.window_until_ms[entry] <= from_ms:
        return False
    return bool(from_ms < end_ms and not _is_owner(state, cls, state.window_row[entry]))


def touches_any(state: State, cls: int, from_ms: int, end_ms: int) -> bool:
    """Whether there is a window that keeps some node from such a job."""
    for entry in range(state.window_count[0]):
        if touches(state, cls, entry, from_ms, end_ms):
            return True
    return False


def is_wrong(state: State, node: int, window: int, from_ms: int, until_ms: int, row: int) -> bool:
    """Whether there can be no such entry: a value is out of range, or the window has the node."""
    if window < 0 or from_ms < 0 or from_ms >= until_ms or until_ms >= BIG:
        return True
    if row < -1 or row >= len(state.row_limit):
        return True
    if row >= 0 and state.row_measure[row] != GPU_MILLI:
        return True
    for entry in range(state.window_count[0]):
        if state.window_id[entry] == window and state.window_node[entry] == node:
            return True
    return False


def apply(state: State, node: int, window: int, from_ms: int, until_ms: int, row: int) -> None:
    """Keep the node; there is room, and `is_wrong` has said no."""
    entry = state.window_count[0]
    state.window_count[0] = entry + 1
    state.window_node[entry] = node
    state.window_id[entry] = window
    state.window_from_ms[entry] = from_ms
    state.window_until_ms[entry] = until_ms
    state.window_row[entry] = row


def forget(state: State, window: int, at_ms: int) -> int:
    """Take out the window, and entries whose time is over at `at_ms`; how many it had."""
    kept = 0
    found = 0
    for entry in range(state.window_count[0]):
        if state.window_id[entry] == window:
            found += 1
        elif state.window_until_ms[entry] > at_ms:
            _move(state, entry, kept)
            kept += 1
    state.window_count[0] = kept
    return found


def version(state: State) -> int:
    """Moves with everything that could alter a decision: no refusal by a window is kept."""
    return int(state.change_count[0])


def next_at(state: State, after_ms: int) -> int:
    """When after `after_ms` a window next opens or ends; BIG for never."""
    found = BIG
    for entry in range(state.window_count[0]):
        if state.window_from_ms[entry] > after_ms:
            found = min(found, state.window_from_ms[entry])
        elif state.window_until_ms[entry] > after_ms:
            found = min(found, state.window_until_ms[entry])
    return int(found)


def next_end(state: State, after_ms: int) -> int:
    """When after `after_ms` a window next ends; BIG for never."""
    found = BIG
    for entry in range(state.window_count[0]):
        if state.window_until_ms[entry] > after_ms:
            found = min(found, state.window_until_ms[entry])
    return int(found)


def last_before(state: State, after_ms: int, end_ms: int) -> int:
    """When the last window that opens in `(after_ms, end_ms)` does; `after_ms` for none."""
    last = after_ms
    for entry in range(state.window_count[0]):
        if last < state.window_from_ms[entry] < end_ms:
            last = state.window_from_ms[entry]
    return int(last)


def explain(
    state: State, cls: int, nodes: Ints, asked: int, from_ms: int, end_ms: int
) -> Reason | None:
    """RESERVED_WINDOW: of the windows that keep some of `nodes`, the one that keeps most of them.

    Of equals the one that opens first, then the one made first. None when there is none.
    """
    wanted = set(nodes.tolist())
    kept: dict[int, tuple[int, int]] = {}
    for entry in range(int(state.window_count[0])):
        if int(state.window_node[entry]) in wanted and touches(state, cls, entry, from_ms, end_ms):
            window = int(state.window_id[entry])
            count = kept[window][0] if window in kept else 0
            kept[window] = (count + 1, kept[window][1] if window in kept else entry)
    if not kept:
        return None

    def weight(window: int) -> tuple[int, int, int]:
        count, entry = kept[window]
        return (-count, int(state.window_from_ms[entry]), entry)

    window = min(kept, key=weight)
    count, entry = kept[window]
    return Reason(
        RESERVED_WINDOW,
        asked,
        len(wanted) - count,
        row=int(state.window_row[entry]),
        at_ms=int(state.window_from_ms[entry]),
        until_ms=int(state.window_until_ms[entry]),
        window=window,
    )


def _is_owner(state: State, cls: int, owner: int) -> bool:
    row = state.class_row[cls]
    while row >= 0 and row != owner:
        row = state.row_parent[row]
    return bool(row >= 0)


def _move(state: State, entry: int, to: int) -> None:
    state.window_node[to] = state.window_node[entry]
    state.window_id[to] = state.window_id[entry]
    state.window_from_ms[to] = state.window_from_ms[entry]
    state.window_until_ms[to] = state.window_until_ms[entry]
    state.window_row[to] = state.window_row[entry]
