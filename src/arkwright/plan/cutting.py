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
from arkwright.plan.rollout import Bools, Floats
from arkwright.plan.solution import relative_gap

TOWARDS = 0.3
"""Share of the master's optimum in the schedule that cuts are taken at."""
BETWEEN = (0.2, 0.4, 0.6, 0.8)
"""Such shares that are looked at in the first rounds, where there was a plan before them."""
NEAR = 1e-5
"""Relative gap from which on cuts are taken at the optimum itself: between, they do too little."""
ROUNDS_MAX = 400
PLAN_SHARE = 0.1
"""Of the gap asked for, what the cuts around a plan may leave."""
INTERIOR_MIN = 5_000
"""Columns from which a master that has no basis is solved by interior point with crossover: on a
tree, simplex from nothing takes ten times as long, and near a basis a tenth."""
SIMPLEX_SHARE = 0.25
"""Iterations, by columns of such a master, after which the basis was not near: interior
point starts from nothing. A count and no time, so that the same programme has the same plan."""


class Cutting:
    """What a run of rounds has reached."""

    def __init__(self, master: Master, relaxed: bool) -> None:
        self.master, self.relaxed = master, relaxed
        self.best: Outcome | None = None
        self.values: Floats | None = None
        """Columns of the best schedule; of the last that broke a rule, while there is no best."""
        self.bound = float("inf")
        self.last: Outcome | None = None
        self.broken: set[str] = set()
        self.straight = True
        self.rounds = 0

    @property
    def value(self) -> float:
        """Of the best."""
        return -float("inf") if self.best is None else self.best.value

    def price(self, optimum: float, columns: Floats) -> None:
        """Play a schedule on the way to the master's optimum through every outcome."""
        master, layout = self.master, self.master.columns
        moved = self.bound - optimum > 1e-9 * abs(optimum)
        self.bound = min(self.bound, optimum)
        outer = columns[: len(layout.lower)]
        near = relative_gap(self.value, self.bound) < NEAR
        self.straight = self.best is None or self.rounds < 2 or near or not moved
        at = outer
        if not self.straight and self.values is not None:
            at = mixed(outer, self.values, TOWARDS)
        found = evaluate(master.rollout, master.futures, layout.schedule(at))
        self.broken = {rule for rule, _ in master.broken(found)}
        holds = self.broken <= {"R11"} if self.relaxed else not self.broken
        known = self.values if self.best is not None and self.rounds < 2 else None
        if holds and found.value > self.value:
            self.best, self.values = found, at
        elif self.values is None:
            self.values = at
        if known is not None:
            self._between(outer, known)
        self.last = found
        self.rounds += 1

    def _between(self, outer: Floats, known: Floats) -> None:
        """What a plan is worth is concave: between an optimum and a plan it may be worth more."""
        master, layout = self.master, self.master.columns
        for share in BETWEEN:
            at = mixed(outer, known, share)
            found = evaluate(master.rollout, master.futures, layout.schedule(at))
            if found.value > self.value and not master.broken(found):
                self.best, self.values = found, at

    def reached(self, gap: float, floor: float) -> bool:
        """Bound and value are as near as asked, or what is left is not wanted."""
        if relative_gap(self.value, self.bound) <= gap or self.bound < floor:
            return True
        # Exact but for whether a quarter has debt service, which is yes or no: no cut says it.
        exact = self.last is not None and relative_gap(self.last.value, self.bound) <= gap
        return self.straight and exact and self.broken == {"R11"}


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
    run = Cutting(master, relaxed)
    known = search.best if search.value >= search.policy_value else search.policy
    if relaxed and known is not None:
        run.best, run.values = known, master.columns.values(known.schedule)
    for _ in range(ROUNDS_MAX):
        optimum = optimise(master, search, until)
        if optimum is None:
            break
        run.price(*optimum)
        if relaxed:
            search.take_policy(run.best, run.bound)
            if relative_gap(run.value, run.bound) <= 3 * gap:
                master.hold()
        late = until is not None and search.clock() >= until
        if run.reached(gap, floor) or late or search.over() or run.last is None:
            break
        master.cut(run.last)
        master.drop_idle()
    return run if run.last is not None else None


def around(
    master: Master,
    search: Search,
    items: Bools,
    sums: Floats,
    *,
    service: Floats | None = None,
    floor: float = -float("inf"),
) -> Cutting | None:
    """`converge` with the running sums (I, M) of some items held, which are free again afterwards.

    `service` (T,) says which quarters have debt service, where that is a decision (R11).
    """
    due = master.columns.in_service
    master.fix(sums, items)
    if service is not None:
        master.fix_columns(due, np.minimum(service, master.upper[due]))
    reached = converge(master, search, gap=PLAN_SHARE * search.gap, floor=floor, relaxed=False)
    master.fix(None, items)
    master.free_columns(due)
    return reached


def optimise(
    master: Master, search: Search, until: float | None = None
) -> tuple[float, Floats] | None:
    """(optimum, columns) of the master as a linear programme; None if it has none."""
    highs = master.highs
    search.watch(highs, until)
    _run(master)
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        values = np.array(highs.getSolution().col_value)
        return float(highs.getInfo().objective_function_value), values
    if infeasible(master):
        return None
    if search.over() or (until is not None and search.clock() >= until):
        return None
    highs.clearSolver()  # a bad basis: once more from scratch
    _run(master)
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    values = np.array(highs.getSolution().col_value)
    return float(highs.getInfo().objective_function_value), values


def _run(master: Master) -> None:
    """Simplex from the last basis; interior point, crossover and simplex where there is none."""
    highs = master.highs
    if master.width < INTERIOR_MIN:
        highs.run()
        return
    if highs.getBasis().valid:
        highs.setOptionValue("solver", "simplex")
        highs.setOptionValue("simplex_iteration_limit", int(SIMPLEX_SHARE * master.width))
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kIterationLimit:
            return
        highs.clearSolver()
    highs.setOptionValue("solver", "ipx")
    highs.setOptionValue("simplex_iteration_limit", highspy.kHighsIInf)
    highs.run()


def infeasible(master: Master) -> bool:
    """The last optimum was none because no schedule keeps the rules and what is fixed."""
    return master.highs.getModelStatus() in (
        highspy.HighsModelStatus.kInfeasible,
        highspy.HighsModelStatus.kUnboundedOrInfeasible,
    )


def no_plan() -> InfeasibleError:
    """What to say when the rules leave nothing."""
    return InfeasibleError("planning the roll-out: no plan keeps every rule in every outcome")
