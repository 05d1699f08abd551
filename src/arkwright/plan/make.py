"""A case planned: solved, answered, and solved again for what is asked beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from arkwright.plan.answers.bands import quantile
from arkwright.plan.answers.frontier import Found, Point, frontier
from arkwright.plan.answers.knowing import Knowing, knowing
from arkwright.plan.answers.prices import shadows
from arkwright.plan.answers.tornado import Bar, tornado
from arkwright.plan.answers.whole import Answers, Proof, answered
from arkwright.plan.breach import Breach
from arkwright.plan.case import Case
from arkwright.plan.checker import Use, check
from arkwright.plan.futures import Futures, branches
from arkwright.plan.outcome import Outcome, evaluate
from arkwright.plan.phases import Phase, phases
from arkwright.plan.rollout import Rollout
from arkwright.plan.solution import Progress, Solution, relative_gap
from arkwright.plan.solve import solve

STOPPED = {
    "gap": "stopped at the gap asked for",
    "time": "stopped at the time limit",
    "interrupted": "interrupted",
    "exhausted": "nothing was left to try",
}


class Effort(Struct, frozen=True, kw_only=True):
    """What a plan may take."""

    clock: Callable[[], float]
    """Seconds that only grow."""
    gap: float
    limit_s: float
    told: Callable[[Progress], None] | None = None


class Planned(Struct, frozen=True, kw_only=True, eq=False):
    """A plan with all it says, and what another one can start from."""

    case: Case
    solution: Solution
    answers: Answers


def planned(
    case: Case,
    effort: Effort,
    *,
    warm: Solution | None = None,
    with_frontier: bool = False,
    with_value: bool = False,
    with_tornado: bool = False,
) -> Planned:
    """Plan `case`; raises as `solve`. `warm` is an earlier plan, as there.

    What is interrupted beside the plan itself is left out.
    """
    begun = effort.clock()
    solution = _solved(case, effort, warm)
    seconds = effort.clock() - begun
    is_early = solution.stopped == "time" and seconds < effort.limit_s
    points: tuple[Point, ...] = ()
    known: tuple[Knowing, ...] = ()
    bars: tuple[Bar, ...] | None = None
    if solution.stopped != "interrupted":
        with suppress(KeyboardInterrupt):
            if with_frontier:
                points, solution = _frontier(case, effort, solution)
            known = _knowing(case, effort, solution) if with_value else ()
            bars = _tornado(case, effort, solution) if with_tornado else None
    proof = Proof(
        gap=solution.gap,
        bound=solution.bound,
        stopped=STOPPED["exhausted" if is_early else solution.stopped],
        seconds=seconds,
    )
    found = answered(
        case.rollout,
        case.futures,
        solution.outcome,
        proof,
        said=case.said,
        shadows=shadows(case.rollout, case.futures, solution.prices),
        breaches=_checked(case, solution.outcome),
        frontier=points,
        knowing=known,
        bars=bars,
    )
    return Planned(case=case, solution=solution, answers=found)


def _frontier(case: Case, effort: Effort, solution: Solution) -> tuple[tuple[Point, ...], Solution]:
    """The points, and the plan: the better one, where another weight's is better for its own."""

    def again(changed: Rollout) -> Found:
        other = _again(changed, case.futures, effort, effort.limit_s, solution)
        return Found(schedule=other.schedule, bound=other.bound)

    own = Found(schedule=solution.schedule, bound=solution.bound)
    points, kept = frontier(case.rollout, case.futures, again, own=own)
    if kept is None or kept is solution.schedule:
        return points, solution
    outcome = evaluate(case.rollout, case.futures, kept)
    gap = relative_gap(outcome.value, solution.bound)
    better = replace(solution, schedule=kept, outcome=outcome, value=outcome.value, gap=gap)
    return points, better


def _knowing(case: Case, effort: Effort, solution: Solution) -> tuple[Knowing, ...]:
    """Every outcome by itself gets its part of the time that a plan may take."""
    each_s = effort.limit_s / len(case.futures.probability)

    def again(rollout: Rollout, futures: Futures) -> Solution:
        return _again(rollout, futures, effort, effort.limit_s)

    def one(rollout: Rollout, futures: Futures) -> Solution:
        return _again(rollout, futures, effort, each_s)

    return knowing(case.rollout, case.futures, again, one, solution)


def _tornado(case: Case, effort: Effort, solution: Solution) -> tuple[Bar, ...]:
    def again(rollout: Rollout, futures: Futures) -> float:
        return _again(rollout, futures, effort, effort.limit_s, solution).value

    return tornado(case.rollout, case.futures, solution.schedule, again)


def _again(
    rollout: Rollout,
    futures: Futures,
    effort: Effort,
    limit_s: float,
    warm: Solution | None = None,
) -> Solution:
    """Another plan; KeyboardInterrupt where it was interrupted: a part of it says nothing."""
    found = solve(
        rollout, futures, clock=effort.clock, gap=effort.gap, limit_s=limit_s, told=effort.told,
        warm=warm,
    )  # fmt: skip
    if found.stopped == "interrupted":
        raise KeyboardInterrupt
    return found


def _checked(case: Case, outcome: Outcome) -> tuple[Breach, ...]:
    """Every rule from its formula, without anything of the solver's."""
    use = Use(running_mw=outcome.active, served=outcome.served)
    return tuple(check(case.rollout, case.futures, outcome.schedule, use=use))


def _solved(case: Case, effort: Effort, warm: Solution | None) -> Solution:
    return solve(
        case.rollout,
        case.futures,
        clock=effort.clock,
        gap=effort.gap,
        limit_s=effort.limit_s,
        told=effort.told,
        warm=warm,
    )


def dated(found: Planned) -> tuple[Phase, ...]:
    """The plan's phases as factory files: with every promise kept, or, where decisions depend on
    what happens, in the outcome whose worth is the median."""
    case, schedule = found.case, found.solution.schedule
    if not branches(case.futures):
        return phases(case.build, schedule)
    npv, probability = found.solution.outcome.npv, case.futures.probability
    middle = quantile(npv, probability, 0.5)
    return phases(case.build, schedule, case.futures, int(np.argmin(np.abs(npv - middle))))
