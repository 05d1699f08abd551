"""Cutting planes until the master says no more than what its schedules are worth.

Each round solves the master, takes cuts at a schedule, and has a bound (the master's optimum) and a
value (the schedule's, played through all outcomes). Cuts are not taken at the optimum, which jumps,
but between it and the best schedule so far (in-out separation, Ben-Ameur and Neto 2007): on the
benchmark it needs a third of the rounds.
"""

from __future__ import annotations

import highspy
import numpy as np

from arkwright.errors import InfeasibleError
from arkwright.plan.master import Master
from arkwright.plan.outcome import Outcome, evaluate
from arkwright.plan.progress import Search, mixed
from arkwright.plan.rollout import Floats
from arkwright.plan.solution import relative_gap

TOWARDS = 0.3
"""Share of the master's optimum in the schedule that cuts are taken at."""
NEAR = 1e-5
"""Relative gap from which on cuts are taken at the optimum itself: between, they do too little."""
ROUNDS_MAX = 400


class Cutting:
    """What a run of rounds has reached."""

    def __init__(
        self, best: Outcome | None, values: Floats | None, bound: float, last: Outcome
    ) -> None:
        self.best, self.values, self.bound, self.last = best, values, bound, last


def converge(
    master: Master,
    search: Search,
    *,
    gap: float,
    floor: float = -float("inf"),
    relaxed: bool = True,
    until: float | None = None,
) -> Cutting | None:
    """Rounds until bound and best value are within `gap`, or the bound is below `floor`.

    Args:
        master: columns that were fixed stay so.
        search: told after every round; stops it.
        gap: relative.
        floor: what is worth less is not wanted: give up below.
        relaxed: nothing is fixed, so that the bound holds for every plan and values are policies.
        until: clock time to stop at.

    Returns:
        None if the master is infeasible, or the time was over before its first optimum.
    """
    rollout, futures, layout = master.rollout, master.futures, master.columns
    n = len(layout.lower)
    best: Outcome | None = None
    inner: Floats | None = None
    bound = float("inf")
    out: Cutting | None = None
    for round_ in range(ROUNDS_MAX):
        optimum = optimise(master, search, until)
        if optimum is None:
            return out
        moved, bound = bound - optimum[0] > 1e-9 * abs(bound), min(bound, optimum[0])
        outer = optimum[1][:n]
        if relaxed:
            search.lower_bound_to(bound)
        near = relative_gap(-float("inf") if best is None else best.value, bound) < NEAR
        straight = best is None or round_ < 2 or near or not moved
        at = outer if straight or inner is None else mixed(outer, inner, TOWARDS)
        found = evaluate(rollout, futures, layout.schedule(at))
        broken = {rule for rule, _ in master.broken(found)}
        holds = broken <= {"R11"} if relaxed else not broken
        better = holds and (best is None or found.value > best.value)
        if better:
            best, inner = found, at
        elif inner is None:
            inner = at
        out = Cutting(best, inner, bound, found)
        if relaxed:
            if best is not None and best.value > search.policy_value:
                search.policy = best
            search.tell()
        value = -float("inf") if best is None else best.value
        if relaxed and relative_gap(value, bound) <= 3 * gap:
            master.hold()
        if relative_gap(value, bound) <= gap or bound < floor or search.over():
            break
        if straight and broken == {"R11"} and relative_gap(found.value, bound) <= gap:
            break  # exact but for whether a quarter has debt service, which is yes or no
        if until is not None and search.clock() >= until:
            break
        master.cut(found)
        master.drop_idle()
    return out


def optimise(
    master: Master, search: Search, until: float | None = None
) -> tuple[float, Floats] | None:
    """(optimum, columns) of the master as a linear programme; None if it has none."""
    highs = master.highs
    search.watch(highs, until)
    highs.run()
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        values = np.array(highs.getSolution().col_value)
        return float(highs.getInfo().objective_function_value), values
    if status in (
        highspy.HighsModelStatus.kInfeasible,
        highspy.HighsModelStatus.kUnboundedOrInfeasible,
    ):
        return None
    if search.over() or (until is not None and search.clock() >= until):
        return None
    highs.clearSolver()  # a bad basis: once more from scratch
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    values = np.array(highs.getSolution().col_value)
    return float(highs.getInfo().objective_function_value), values


def no_plan() -> InfeasibleError:
    """What to say when the rules leave nothing."""
    return InfeasibleError("planning the roll-out: no plan keeps every rule in every outcome")
