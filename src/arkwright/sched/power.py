"""Constraint: power. A gang's watts count on every row above each of its nodes.

Rack, PDU, hall, utility feed are rows of the capacity table; `node_row` is the lowest one above a
node. All nodes of a gang draw the same, so a row has room for a whole number of them, and the sets
of nodes that fit all rows together are the independent sets of a laminar matroid (rows nest or are
apart). Taking nodes in any order, each if its rows still have room, therefore ends with as many as
can be taken at all (Edmonds 1971, matroids and the greedy algorithm): no search is needed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from arkwright.sched import moves, tree
from arkwright.sched.codes import BIG, POWER
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State


def room(state: State, used: Ints, limits: Ints, left: Ints) -> None:
    """Write to `left` what each row has on top of `used` under `limits`, BIG where unlimited."""
    for row in range(len(left)):
        left[row] = BIG
        if limits[row] >= 0:
            left[row] = limits[row] - used[row]


def room_beside(spare: Ints, left: Ints) -> None:
    """Lower `left` to what is set aside for others."""
    for row in range(len(left)):
        if spare[row] < left[row]:
            left[row] = spare[row]


def admit(state: State, cls: int, nodes: Ints, count: int, left: Ints) -> int:
    """Keep of `nodes[:count]` those with room for one node's share in every row above; how many."""
    watts = state.class_watts[cls]
    if watts == 0:
        return count
    kept = 0
    for place in range(count):
        if _refusing_row(state, nodes[place], watts, left) < 0:
            nodes[kept] = nodes[place]
            kept += 1
    return kept


def binds(state: State, cls: int, nodes: Ints, count: int, left: Ints, taken: Ints) -> bool:
    """Whether some gang of the class on `nodes[:count]` would exceed a row."""
    watts = state.class_watts[cls]
    if watts == 0:
        return False
    wanted = state.class_nodes[cls]
    for place in range(count):
        _charge(state, nodes[place], taken, 1)
    found = False
    for row in range(len(left)):
        if min(taken[row], wanted) * watts > left[row]:
            found = True
        taken[row] = 0
    return found


def take(
    state: State, cls: int, nodes: Ints, count: int, wanted: int, left: Ints, taken: Ints
) -> int:
    """Move to the front of `nodes[:count]` up to `wanted` that fit together; how many.

    The first in order go first; the number is the most that any choice could reach.
    """
    watts = state.class_watts[cls]
    kept = 0
    for place in range(count):
        node = nodes[place]
        if kept < wanted and _has_room(state, node, watts, left, taken):
            _charge(state, node, taken, watts)
            nodes[kept] = node
            kept += 1
    for place in range(kept):
        _charge(state, nodes[place], taken, -watts)
    return kept


def take_one(state: State, cls: int, node: int, left: Ints, taken: Ints) -> bool:
    """Take one node's share in `taken` if every row above has room for it; whether it had."""
    watts = state.class_watts[cls]
    if not _has_room(state, node, watts, left, taken):
        return False
    _charge(state, node, taken, watts)
    return True


def leave_one(state: State, cls: int, node: int, taken: Ints) -> None:
    """Give back in `taken` what `take_one` took."""
    _charge(state, node, taken, -state.class_watts[cls])


def set_aside(state: State, cls: int, nodes: Ints, used: Ints, limits: Ints, spare: Ints) -> None:
    """What the rows above `nodes` have left beside a job of the class there on top of `used`."""
    for place in range(len(nodes)):
        row = state.node_row[nodes[place]]
        while row >= 0:
            if limits[row] >= 0:
                if spare[row] == BIG:
                    spare[row] = limits[row] - used[row]
                spare[row] -= state.class_watts[cls]
            row = state.row_parent[row]


def apply(state: State, cls: int, nodes: Ints, used: Ints, sign: int) -> None:
    """Charge (`sign` 1) or give back (-1) a job of the class on `nodes`."""
    watts = state.class_watts[cls]
    if watts != 0:
        for place in range(len(nodes)):
            _charge(state, nodes[place], used, sign * watts)


def freed(state: State, cls: int, nodes: Ints) -> None:
    """A job of the class on `nodes` has given its share of the rows back."""
    if state.class_watts[cls] != 0:
        for place in range(len(nodes)):
            row = state.node_row[nodes[place]]
            while row >= 0:
                tree.lower_ceiling(state, row)
                row = state.row_parent[row]


def limited(state: State, row: int) -> None:
    """A row has another limit: what was refused for want of nodes may be admitted now."""
    state.node_version[0] += 1
    moves.row(state, row)


def version(state: State) -> int:
    """Moves whenever a class refused here might now be admitted: it was refused nodes."""
    return int(state.node_version[0])


def explain(
    state: State, cls: int, used: Ints, domains: Mapping[int, Ints], code: int = POWER
) -> Reason | None:
    """POWER (or NEVER_POWER, as `code` says) when no domain's nodes fit the rows on top of `used`.

    `domains`: per domain that may hold the gang, its nodes that would serve it. The reason names
    the row that refuses most nodes of the domain that comes closest; of equals the first.
    """
    wanted = int(state.class_nodes[cls])
    left, taken = np.zeros_like(used), np.zeros_like(used)
    room(state, used, state.row_limit, left)
    most, closest = -1, -1
    for domain, nodes in domains.items():
        count = take(state, cls, nodes.copy(), len(nodes), wanted, left, taken)
        if count > most:
            most, closest = count, domain
    if state.class_watts[cls] == 0 or most >= wanted or closest < 0:
        return None
    row = _tightest(state, cls, domains[closest], left)
    asked, limit = wanted * int(state.class_watts[cls]), int(state.row_limit[row])
    return Reason(code, asked, most, row=row, used=int(used[row]), limit=limit)


def _tightest(state: State, cls: int, nodes: Ints, left: Ints) -> int:
    """The row that refuses most of the nodes when they are taken in order."""
    watts = int(state.class_watts[cls])
    taken, refused = np.zeros_like(left), [0] * len(left)
    for node in nodes.tolist():
        row = _refusing_row(state, node, watts, left - taken)
        if row < 0:
            _charge(state, node, taken, watts)
        else:
            refused[row] += 1
    return refused.index(max(refused))


def _refusing_row(state: State, node: int, watts: int, left: Ints) -> int:
    row = state.node_row[node]
    while row >= 0 and watts <= left[row]:
        row = state.row_parent[row]
    return int(row)


def _has_room(state: State, node: int, watts: int, left: Ints, taken: Ints) -> bool:
    row = state.node_row[node]
    while row >= 0:
        if taken[row] + watts > left[row]:
            return False
        row = state.row_parent[row]
    return True


def _charge(state: State, node: int, amounts: Ints, amount: int) -> None:
    row = state.node_row[node]
    while row >= 0:
        amounts[row] += amount
        row = state.row_parent[row]
