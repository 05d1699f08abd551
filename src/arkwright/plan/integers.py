"""Whole tranches and halls: rounding the policy, then searching around the best plan.

What is fixed to whole numbers leaves a linear programme over racks, contracts and loans, which the
same cutting planes solve. Single tranches and halls of the best plan are moved where that can gain;
last HiGHS is asked for all whole numbers. Each answer is priced in every outcome; its cuts stay.
"""

from __future__ import annotations

from typing import NamedTuple

import highspy
import numpy as np

from arkwright.plan.cutting import Cutting, around, optimise
from arkwright.plan.master import Master
from arkwright.plan.outcome import Outcome, evaluate
from arkwright.plan.progress import Search
from arkwright.plan.racks import whole_racks
from arkwright.plan.rollout import Bools, Floats
from arkwright.plan.solution import relative_gap

THRESHOLDS = (0.5, 0.3, 0.7)
"""Part of a hall or tranche from which rounding builds it."""


class Move(NamedTuple):
    """One tranche or hall begun in another slot, or once more, or not at all."""

    item: int
    leaves: int
    """Slot, -1 where one is added."""
    goes: int
    """Slot, -1 where one is dropped."""


def round_policy(master: Master, search: Search, values: Floats) -> None:
    """Round the running sums of a policy at several thresholds, and optimise around each."""
    layout = master.columns
    sums = layout.sums(np.append(values, np.zeros(master.width - len(values))))
    for threshold in THRESHOLDS:
        if search.done:
            return
        whole = np.floor(sums + (1 - threshold))
        settle(master, search, _in_order(master, whole))


def dive(master: Master, search: Search, up: float = 0.35, rounds: int = 8) -> None:
    """Fix the whole numbers a few at a time, nearest first, and solve again in between."""
    layout = master.columns
    items = layout.whole_items()
    columns = layout.of(items)
    free = np.ones(len(columns), dtype=bool)
    value = np.zeros(master.width)
    for n in range(rounds):
        reached = optimise(master, search)
        if reached is None:
            break
        at = reached[1][columns]
        whole = np.floor(at + 1 - up)
        far = np.abs(at - whole)
        far[~free] = np.inf
        count = -(-int(free.sum()) // (rounds - n))
        chosen = np.argsort(far, kind="stable")[:count]
        chosen = np.union1d(chosen, np.flatnonzero(far < 0.02)) if n else np.flatnonzero(far < 0.02)
        chosen = chosen[free[chosen]]
        value[columns[chosen]] = whole[chosen]
        free[chosen] = False
        some = columns[chosen].astype(np.int32)
        master.highs.changeColsBounds(len(some), some, whole[chosen], whole[chosen])
        found = evaluate(master.rollout, master.futures, layout.schedule(reached[1]))
        master.cut(found)
        if not free.any():
            break
    master.fix(None, items)
    if not free.any() and not search.over():
        settle(master, search, layout.sums(value))


def settle(
    master: Master,
    search: Search,
    sums: Floats,
    *,
    service: Floats | None = None,
    racks: bool = False,
) -> Cutting | None:
    """The best plan with these running sums of tranches and halls; offered if it is feasible.

    `service` (T,) says which quarters have debt service, where that is a decision (R11); with
    `racks`, those are held too.
    """
    layout, items = master.columns, master.columns.whole_items(racks)
    floor = search.value if racks else search.divisible_value
    reached = around(master, search, items, sums, service=service, floor=floor)
    if reached is not None and reached.best is not None:
        if racks:
            search.offer(reached.best)
        take(master, search, reached.best)
    elif (
        reached is not None
        and reached.last is not None
        and reached.bound > floor
        and service is None
        and (master.upper[layout.in_service] > 0).any()
    ):
        # Rounded without a word on debt service: as much of it as the rest came to.
        served = (reached.last.money.service.max(axis=0) > 1e-6).astype(float)
        return settle(master, search, sums, service=served)
    return reached


def take(master: Master, search: Search, found: Outcome) -> None:
    """A feasible plan with divisible racks: keep it if it is better, then make its racks whole."""
    if found.value <= search.divisible_value:
        return
    search.divisible = found
    if not search.whole:
        search.offer(found)
        return
    made = whole_racks(master, search, found)
    if made is not None:
        search.offer(made)


def _in_order(master: Master, sums: Floats) -> Floats:
    """No tranche before the one that it follows."""
    start = master.columns.kind["starts"].start
    out = sums.copy()
    for k, before in enumerate(master.rollout.power.tranche_before):
        if before >= 0:
            out[start + k] = np.minimum(out[start + k], out[start + before])
    return out


def improve(master: Master, search: Search) -> None:
    """Move, add and drop single halls and tranches while that can pay.

    With the whole numbers fixed, the master's reduced costs bound from above what any change of
    them can gain (its optimum is concave in them): changes are tried in that order, and those that
    cannot gain are not.
    """
    below = _below(master)
    tried: set[bytes] = set()
    while not search.done and search.divisible is not None:
        sums = _sums_of(master, search.divisible)
        found = _gains(master, search, sums, below)
        if found is None:
            return
        predicted, moves = found
        fresh = _in_turn(predicted, moves, 1e-3 * search.gap * abs(search.divisible_value))
        progressed = False
        for n in fresh:
            changed = _in_order(master, _moved(sums, moves[n], below))
            key = changed.tobytes()
            if key in tried:
                continue
            tried.add(key)
            before = search.divisible_value
            settle(master, search, changed)
            progressed = True
            if search.divisible_value > before or search.done:
                break
        if not progressed:
            return


def _in_turn(predicted: Floats, moves: list[Move], least: float) -> list[int]:
    """Moves that can gain, the most promising of every item and kind before its next."""
    turn: dict[tuple[int, bool, bool], int] = {}
    keyed: list[tuple[int, int, int]] = []
    for n in np.argsort(-predicted, kind="stable").tolist():
        if predicted[n] <= least:
            break
        item, leaves, goes = moves[n]
        kind = (item, leaves >= 0, goes >= 0)
        turn[kind] = turn.get(kind, -1) + 1
        keyed.append((turn[kind], len(keyed), n))
    return [n for _, _, n in sorted(keyed)]


def prove(master: Master, search: Search, *, racks: bool = False) -> None:
    """HiGHS over all whole numbers and all cuts, each answer priced, until the gap is proven.

    The dual bound of every run bounds all plans; the cuts of its answer keep it from coming again
    at more than it is worth. With `racks`, those are whole in it too.
    """
    layout = master.columns
    integral = _integral(master, racks)
    seen: set[bytes] = set()
    while not search.done:
        if not racks and relative_gap(search.divisible_value, search.bound) <= 0.5 * search.gap:
            return  # what is left is the racks'
        values = _answer(master, search, integral)
        if values is None or search.done:
            search.tell()
            return
        service, sums = values[layout.in_service].round(), layout.sums(values).round()
        settle(master, search, sums, service=service, racks=racks)
        search.tell()
        key = sums[layout.whole_items(racks)].tobytes() + service.tobytes()
        if key in seen:
            return  # its cuts say all that there is to say at this precision
        seen.add(key)


def _integral(master: Master, racks: bool) -> Bools:
    """(width,) columns that are whole."""
    layout = master.columns
    integral = np.append(layout.integral, np.zeros(master.width - len(layout.lower), dtype=bool))
    integral[layout.in_service] = master.upper[layout.in_service] > 0
    if racks:
        by = layout.by[layout.kind["racks"]]
        integral[by[by >= 0]] = True
    return integral


def _answer(master: Master, search: Search, integral: Bools) -> Floats | None:
    """The best columns that HiGHS finds in all cuts, from the best plan; its bound is taken."""
    layout = master.columns
    highs = master.programme(integral)
    for name, value in (("mip_rel_gap", 0.3 * search.gap), ("mip_abs_gap", 0.0)):
        highs.setOptionValue(name, value)
    best = search.best if search.whole else search.divisible
    if best is not None:
        whole = np.flatnonzero(integral)
        start = layout.values(best.schedule)[whole].round()
        start[whole >= layout.in_service[0]] = 1.0
        highs.setSolution(len(whole), whole.astype(np.int32), start)
    search.watch(highs)
    highs.run()
    status, info = highs.getModelStatus(), highs.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        search.lower_bound_to(search.divisible_value)
        return None
    if np.isfinite(info.mip_dual_bound):
        search.lower_bound_to(info.mip_dual_bound)
    values = np.array(highs.getSolution().col_value)
    found = np.isfinite(info.objective_function_value) and np.abs(values).any()
    return values if found else None


def _moved(sums: Floats, move: Move, below: Bools) -> Floats:
    """Running sums after a move."""
    item, leaves, goes = move
    out = sums.copy()
    if leaves >= 0:
        out[item] -= below[leaves]
    if goes >= 0:
        out[item] += below[goes]
    return out


def _gains(
    master: Master, search: Search, sums: Floats, below: Bools
) -> tuple[Floats, list[Move]] | None:
    """What each move could gain at most over the best plan, and the moves."""
    layout = master.columns
    items = layout.whole_items()
    master.fix(sums, items)
    reached = optimise(master, search)
    dual = np.array(master.highs.getSolution().col_dual)
    master.fix(None, items)
    if reached is None:
        return None
    slack = reached[0] - search.divisible_value
    before = np.where(layout.parent >= 0, sums[:, layout.parent], 0.0)
    begun = sums - before
    rows = np.flatnonzero(items)
    first = np.where(layout.parent >= 0, layout.by[:, layout.parent], -1) != layout.by
    rate = np.where(first & (layout.by >= 0), dual[layout.by], 0.0)[rows]
    add = rate @ below.T  # (X, M) of one more begun in the slot
    most = np.where(layout.by >= 0, master.upper[layout.by], 0.0)[rows]
    may = first[rows] & (sums[rows].max(axis=1, keepdims=True) + 1 <= most + 0.5)
    moves: list[Move] = []
    gains: list[float] = []
    for x, item in enumerate(rows.tolist()):
        for u in np.flatnonzero(begun[item] > 0.5).tolist():
            moves.append(Move(item, u, -1))
            gains.append(-add[x, u])
            for v in np.flatnonzero(first[item] & (below[:, u] | below[u])).tolist():
                if v != u:
                    moves.append(Move(item, u, v))
                    gains.append(add[x, v] - add[x, u])
        for v in np.flatnonzero(may[x]).tolist():
            moves.append(Move(item, -1, v))
            gains.append(add[x, v])
    return np.array(gains) + slack, moves


def _below(master: Master) -> Bools:
    """(M, M) whether the second slot is the first or follows it."""
    ancestor = master.columns.ancestor
    slots = len(ancestor)
    out = np.zeros((slots, slots), dtype=bool)
    for t in range(ancestor.shape[1]):
        some = ancestor[:, t] >= 0
        out[ancestor[some, t], np.flatnonzero(some)] = True
    return out


def _sums_of(master: Master, found: Outcome) -> Floats:
    layout = master.columns
    values = layout.values(found.schedule)
    return layout.sums(values).round(6)
