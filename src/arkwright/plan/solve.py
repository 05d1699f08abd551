"""The best roll-out there is, and how much better one could be at most.

0. On a tree: the plan that is decided beforehand. It can be followed whatever becomes known, so a
   tree is never worth less.
1. The policy: tranches, halls and racks may be divided. Cutting planes find its optimum, which no
   plan can beat: the bound.
2. The plan: tranches and halls are rounded, the rest is optimised around them, single ones are
   moved, and branching and HiGHS go on until the best is within `gap` of the bound.
3. Racks are made whole, and loans and contracts fitted to them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arkwright.errors import InfeasibleError
from arkwright.plan.beforehand import beforehand, on_tree
from arkwright.plan.branching import branch
from arkwright.plan.cutting import Cutting, converge, infeasible, no_plan
from arkwright.plan.futures import Futures, branches
from arkwright.plan.integers import dive, improve, prove, round_policy, settle
from arkwright.plan.master import Master
from arkwright.plan.outcome import evaluate
from arkwright.plan.prices import prices
from arkwright.plan.progress import Search
from arkwright.plan.rollout import Rollout
from arkwright.plan.schedule import Schedule
from arkwright.plan.solution import Progress, Solution, relative_gap

POLICY_TIME = 0.45
"""Of the time, what the policy may take before whole numbers are looked for."""
DIVES = (0.35, 0.65)
"""Part of a hall or tranche from which a dive builds it: it asks again after every few."""
BEFOREHAND_TIME = 0.2
"""Of the time, what the plan decided beforehand may take on a tree."""
POLICY_TIME_TREE = 0.8
"""Of what is left then, what the policy may take: its first linear programme is nearly all of it,
and half of one is nothing."""
POLICY_TIME_WARM = 0.7
"""The same from an earlier plan, which is there to be taken as it is."""
POLICY_SHARE = 0.3
"""Of the gap asked for, what the cuts of the policy may leave."""
WARM_MAX = 12
"""Most schedules of an earlier solution that cuts are taken at."""
SMALL = 150
"""Whole numbers that branching decides faster than any search around a plan finds good ones."""


def solve(
    rollout: Rollout,
    futures: Futures,
    *,
    clock: Callable[[], float],
    gap: float = 0.01,
    limit_s: float = 60.0,
    told: Callable[[Progress], None] | None = None,
    warm: Solution | None = None,
    whole: bool = True,
) -> Solution:
    """Plan.

    Args:
        rollout: the programme.
        futures: its outcomes, in two stages or on a tree.
        clock: seconds that only grow; everything but the limit is the same at any speed.
        gap: relative, at which to stop.
        limit_s: seconds by `clock` after which to stop with the best so far.
        told: progress, several times a second; KeyboardInterrupt from it stops with the best so
            far.
        warm: an earlier solution: its cuts are taken anew at the schedules where they bound, and
            its plan is the first to beat. Not used where it decides about other things or slots.
        whole: racks are whole; else only tranches and halls are.

    Raises:
        InfeasibleError: no plan keeps every rule, or none was found in the time.
        ValueError: `futures` is no tree.
    """
    search = Search(gap=gap, limit_s=limit_s, clock=clock, told=told, whole=whole)
    master = Master(rollout, futures)
    warm = _warm(master, search, warm)
    known = _start(master, search, warm)
    share = POLICY_TIME
    if branches(futures):
        share = POLICY_TIME_TREE
    elif known is not None:
        share = POLICY_TIME_WARM
    until = search.clock() + share * search.left_s
    policy = None
    if not search.over():
        policy = converge(master, search, gap=gap * POLICY_SHARE, until=until)
    if policy is None and not search.over() and infeasible(master):
        raise no_plan()
    if policy is not None:
        search.points, search.prices = master.binding_points(), prices(master)
    if not search.over():
        _plan(master, search, policy, known)
    return _finished(master, search)


def _warm(master: Master, search: Search, warm: Solution | None) -> Solution | None:
    """Where to start: on a tree, from the plan decided beforehand."""
    rollout, futures = master.rollout, master.futures
    if warm is not None and not _same_things(master, warm):
        warm = None
    if not branches(futures):
        return warm
    quarters = futures.path.shape[1]
    if warm is not None and warm.schedule.starts.shape[1] != quarters:
        return warm
    if warm is None:
        warm = beforehand(
            lambda two_stages, told: solve(
                rollout,
                two_stages,
                clock=search.clock,
                gap=search.gap,
                limit_s=BEFOREHAND_TIME * search.left_s,
                told=told,
                whole=search.whole,
            ),
            futures,
            search,
        )
    return None if warm is None else on_tree(rollout, futures, warm)


def _same_things(master: Master, warm: Solution) -> bool:
    """Whether `warm` has the same tranches, places, generations, offers and facilities."""
    shapes = master.columns.shapes
    return all(getattr(warm.schedule, name).shape[:-1] == shape for name, shape in shapes.items())


def _start(master: Master, search: Search, warm: Solution | None) -> Schedule | None:
    """Cuts at what is decided when nothing is, and where an earlier solution had its own.

    Returns the plan of the earlier solution, if it is one in the same slots.
    """
    slots = master.columns.slots
    nothing = Schedule(
        **{name: np.zeros((*shape, slots)) for name, shape in master.columns.shapes.items()}
    )
    plans, cuts = [nothing], [nothing]
    if warm is not None and warm.schedule.starts.shape[1] == slots:
        # As the columns hold it: what may no longer be decided in a slot is decided in the next.
        layout = master.columns
        plans.append(layout.schedule(layout.values(warm.schedule)))
        cuts += warm.warm[:WARM_MAX]
        policy = evaluate(master.rollout, master.futures, warm.policy)
        if not master.broken(policy):
            search.take_policy(policy, search.bound)
    for plan in plans:
        found = evaluate(master.rollout, master.futures, plan)
        if not master.broken(found) and found.value > search.value:
            search.divisible = found
            search.offer(found)
    if len(plans) > 1:
        master.forget_mean()  # the earlier cuts say as much
    for plan in cuts:
        master.cut(evaluate(master.rollout, master.futures, plan))
    return plans[1] if len(plans) > 1 else None


def _plan(master: Master, search: Search, policy: Cutting | None, known: Schedule | None) -> None:
    """Whole tranches and halls, until the gap is proven or time is over."""
    layout = master.columns
    search.phase = "plan"
    if known is not None:
        settle(master, search, layout.sums(layout.values(known)).round())
    if not search.done and policy is not None and policy.values is not None:
        round_policy(master, search, policy.values)
    if layout.integral.sum() > SMALL:
        for up in DIVES:
            if not search.done:
                dive(master, search, up)
            master.forget_mean()
        improve(master, search)
    branch(master, search)
    prove(master, search)
    by = layout.by[layout.kind["racks"]]
    if search.whole and layout.integral.sum() + len(np.unique(by)) <= SMALL:
        search.phase = "whole racks"
        prove(master, search, racks=True)


def _finished(master: Master, search: Search) -> Solution:
    """What was reached."""
    if search.best is None and search.over():
        raise InfeasibleError(
            "planning the roll-out: no plan was found in the time given; more time may find one"
        )
    if search.best is None:
        raise no_plan()
    best = search.best
    gap = relative_gap(best.value, search.bound)
    why = "exhausted"
    if gap <= search.gap:
        why = "gap"
    elif search.over():
        why = "interrupted" if search.interrupted else "time"
    policy = search.policy or best
    return Solution(
        schedule=best.schedule,
        outcome=best,
        value=best.value,
        bound=search.bound,
        gap=gap,
        stopped=why,
        policy=policy.schedule,
        policy_value=policy.value,
        prices=search.prices,
        warm=search.points,
        history=tuple(search.history),
    )
