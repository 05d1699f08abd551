"""Constraint: the capacity tree. A job counts on its row and on every row above it.

One table serves every limit that adds up. The rows here are quota in milli-GPU, organisation over
project, and a second forest of the same kind for the GPUs of one type; the rows above nodes, which
count watts, are a forest of their own in it (`power`).

A row counts in its parent with what it uses, but at least with what it keeps: the part of its
guarantee that it lends to nobody. So nobody else can take that part, and a job inside it asks
nothing of the rows above. What a row uses beyond its guarantee is borrowed.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import together
from arkwright.sched.codes import BIG, BLOCKED_BY_NOTHING, QUOTA, UNLIMITED
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State


def admit(state: State, cls: int, used: Ints, limits: Ints, kept: Ints) -> int:
    """The lowest row that has no room for a job of the class on top of `used`; -1 when all do.

    `limits` and `kept` are those of the instant that `used` is of, here and below.
    """
    asked = demand(state, cls)
    row = _refusing_row(state, state.class_row[cls], asked, used, limits, kept)
    group = cls
    while row < 0 and group >= 0:
        asked = together.type_milli(state, cls, group)
        row = _refusing_row(state, state.class_type_row[group], asked, used, limits, kept)
        group = state.class_more[group]
    return row


def apply(state: State, cls: int, used: Ints, kept: Ints, sign: int) -> None:
    """Charge (`sign` 1) or give back (-1) one job of the class in `used`."""
    _charge(state, state.class_row[cls], sign * demand(state, cls), used, kept)
    group = cls
    while group >= 0:
        asked = sign * together.type_milli(state, cls, group)
        _charge(state, state.class_type_row[group], asked, used, kept)
        group = state.class_more[group]


def freed(state: State, cls: int) -> None:
    """A job of the class has given its share of the rows back."""
    _freed_above(state, state.class_row[cls])
    group = cls
    while group >= 0:
        if group == cls or together.type_milli(state, cls, group) > 0:
            _freed_above(state, state.class_type_row[group])
        group = state.class_more[group]


def limit(state: State, row: int, value: int) -> None:
    """The row's limit changes; what already runs may exceed a lower one until it ends."""
    state.row_limit[row] = value
    state.row_version[row] += 1
    lower_ceiling(state, row)


def guarantee(state: State, row: int, value: int, kept: int) -> None:
    """The row has another guarantee, of which it keeps `kept` from borrowers."""
    state.row_guarantee[row] = value
    keep(state, row, kept, state.row_used, state.row_kept)
    _freed_above(state, row)


def keep(state: State, row: int, value: int, used: Ints, kept: Ints) -> None:
    """In `kept` the row keeps another amount, and the rows above count it in `used`."""
    old = max(used[row], kept[row])
    kept[row] = value
    moved = max(used[row], kept[row]) - old
    _charge(state, state.row_parent[row], moved, used, kept)


def borrowed(state: State, row: int) -> int:
    """What the row holds beyond its guarantee [its measure]; 0 for a row without one."""
    if state.row_guarantee[row] < 0:
        return 0
    return int(max(state.row_used[row] - state.row_guarantee[row], 0))


def version(state: State, row: int) -> int:
    """Moves whenever a class refused by the row might now be admitted."""
    return int(state.row_version[row])


def demand(state: State, cls: int) -> int:
    """What one job of the class counts for in its row [milli-GPU]."""
    if state.class_more[cls] >= 0:
        return together.gpu_milli(state, cls)
    return int(state.class_nodes[cls] * state.class_gpu_milli[cls])


def passed_on(row: int, asked: int, used: Ints, kept: Ints) -> int:
    """What a charge of `asked` on the row moves in its parent; for a return both are negative."""
    return int(max(used[row] + asked, kept[row]) - max(used[row], kept[row]))


def explain(state: State, cls: int, used: Ints) -> Reason | None:
    """QUOTA when a row is full.

    `asked` is what the row would be charged: less than the job asks where a row below keeps part of
    a guarantee.
    """
    row = admit(state, cls, used, state.row_limit, state.row_kept)
    if row < 0:
        return None
    asked = charged(state, cls, used, row)
    bound = int(state.row_limit[row])
    return Reason(QUOTA, asked, row=row, used=int(used[row]), limit=bound)


def idle(state: State) -> Ints:
    """What rows have used when no job runs: the parts that rows below them keep."""
    used = np.zeros_like(state.row_used)
    for row in reversed(range(len(used))):
        if state.row_parent[row] >= 0:
            used[state.row_parent[row]] += max(used[row], state.row_kept[row])
    return used


def most(state: State, cls: int, used: Ints) -> int:
    """The most that a job of the class could ask on top of `used` [milli-GPU]; BIG no bound."""
    rooms = []
    for lowest in (int(state.class_row[cls]), int(state.class_type_row[cls])):
        path, row = [], lowest
        while row >= 0:
            path.append(row)
            row = int(state.row_parent[row])
        room = BIG
        for row in reversed(path):
            room += max(int(state.row_kept[row] - used[row]), 0)
            if state.row_limit[row] != UNLIMITED:
                room = min(room, int(state.row_limit[row] - used[row]))
        rooms.append(min(room, BIG))
    return min(rooms)


def charged(state: State, cls: int, used: Ints, target: int) -> int:
    """What a job of the class would add to the row `target` on top of `used`."""
    asked = _arriving(state, state.class_row[cls], demand(state, cls), used, target)
    group = cls
    while group >= 0:
        theirs = together.type_milli(state, cls, group)
        asked += _arriving(state, state.class_type_row[group], theirs, used, target)
        group = int(state.class_more[group])
    return asked


def lower_ceiling(state: State, row: int) -> None:
    """A limit that was cut below what ran binds more as jobs end, until it holds."""
    ceiling = state.row_limit[row]
    if ceiling >= 0 and state.row_used[row] > ceiling:
        ceiling = state.row_used[row]
    state.row_ceiling[row] = ceiling


def _refusing_row(state: State, row: int, asked: int, used: Ints, limits: Ints, kept: Ints) -> int:
    while row >= 0 and asked > 0:
        if limits[row] != UNLIMITED and used[row] + asked > limits[row]:
            return int(row)
        asked = passed_on(row, asked, used, kept)
        row = state.row_parent[row]
    return BLOCKED_BY_NOTHING


def _charge(state: State, row: int, asked: int, used: Ints, kept: Ints) -> None:
    while row >= 0 and asked != 0:
        above = passed_on(row, asked, used, kept)
        used[row] += asked
        asked = above
        row = state.row_parent[row]


def _freed_above(state: State, row: int) -> None:
    while row >= 0:
        state.row_version[row] += 1
        lower_ceiling(state, row)
        row = state.row_parent[row]


def _arriving(state: State, row: int, asked: int, used: Ints, target: int) -> int:
    while row >= 0 and asked > 0:
        if row == target:
            return asked
        asked = passed_on(row, asked, used, state.row_kept)
        row = state.row_parent[row]
    return 0
