"""What knowing, waiting and choosing are worth, each as the difference of two plans.

| | with | without |
|---|---|---|
| EVPI | every outcome known beforehand | the plan |
| VSS | the plan | the plan for the mean outcome, whatever happens |
| waiting | decisions on the tree | the same outcomes, all decided beforehand |
| an option | may be taken | may not |

A plan is known between its value and its bound, so a difference is known between two numbers.
(Birge and Louveaux, "Introduction to Stochastic Programming", chapter 4, for EVPI and VSS.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from msgspec import Struct

from arkwright.plan.breach import Breach
from arkwright.plan.checker import check
from arkwright.plan.futures import Futures
from arkwright.plan.information import averaged, blind, everywhere, only
from arkwright.plan.outcome import evaluate, tail_weight
from arkwright.plan.rollout import Rollout
from arkwright.plan.schedule import Schedule


class Solved(Protocol):
    """What a solver says."""

    @property
    def schedule(self) -> Schedule:
        """The plan."""

    @property
    def value(self) -> float:
        """What it is worth, M."""

    @property
    def bound(self) -> float:
        """No plan is worth more."""


Solve = Callable[[Rollout, Futures], Solved]
"""`solve` with its gap, limit and clock already given."""


class Plan(Struct, frozen=True, kw_only=True, eq=False):
    """One of the plans compared."""

    name: str
    value: float
    bound: float
    schedule: Schedule | None = None
    """None for plans of single outcomes."""


class Worth(Struct, frozen=True, kw_only=True, eq=False):
    """A difference of two plans, M of NPV as the plan weighs it."""

    name: str
    having: Plan
    lacking: Plan
    value: float
    """Of the plans that were found; infinite where the other plan breaks a rule."""
    low: float
    """What it is at least, from the bounds; never below 0 where theory says so."""
    high: float
    words: str
    breaches: tuple[Breach, ...] = ()
    """Rules that the plan without breaks."""


def perfect_information(
    rollout: Rollout, futures: Futures, solve: Solve, plan: Solved | None = None
) -> Worth:
    """EVPI: the most that any forecast can be worth. `plan`: already solved, of `futures`.

    Each outcome is solved by itself: NPVs that are each at their best have the best mean and the
    best tail. Cover (R11) then holds in each outcome rather than in the mean, which understates it.
    """
    found = plan or solve(rollout, futures)
    each = [solve(rollout, only(futures, w)) for w in range(len(futures.probability))]
    knowing = Plan(
        name="every outcome known beforehand",
        value=_weighed(rollout, futures, [one.value for one in each]),
        bound=_weighed(rollout, futures, [one.bound for one in each]),
    )
    return _worth(
        "perfect information (EVPI)",
        knowing,
        _plan("one plan", found),
        rollout.currency,
        "Knowing every outcome beforehand would be worth",
    )


def stochastic_solution(
    rollout: Rollout, futures: Futures, solve: Solve, plan: Solved | None = None
) -> Worth:
    """VSS: what it is worth to plan for all outcomes and not for their mean.

    Infinite where the plan for the mean outcome breaks a rule in some outcome; which, is said.
    """
    found = plan or solve(rollout, futures)
    expected = solve(rollout, averaged(futures))
    schedule = everywhere(expected.schedule, futures)
    breaches = tuple(check(rollout, futures, schedule))
    value = -np.inf if breaches else evaluate(rollout, futures, schedule).value
    lacking = Plan(
        name="the plan for the mean outcome", value=value, bound=value, schedule=schedule
    )
    worth = _worth(
        "planning for all outcomes (VSS)",
        _plan("the plan for all outcomes", found),
        lacking,
        rollout.currency,
        "Planning for all outcomes rather than for their mean is worth",
    )
    if not breaches:
        return worth
    broken = "; ".join(breach.words for breach in breaches)
    words = (
        "The plan for the mean outcome cannot be carried out, so that no number says what planning "
        f"for all outcomes is worth: {broken}"
    )
    return _with(worth, words, breaches)


def waiting(rollout: Rollout, futures: Futures, solve: Solve, plan: Solved | None = None) -> Worth:
    """What it is worth to decide on the tree, as things become known, and not all beforehand.

    What was decided beforehand can be followed on the tree too, so it is the plan there where the
    solver found no better one.
    """
    found = plan or solve(rollout, futures)
    beforehand = solve(rollout, blind(futures))
    knowing = _plan("deciding as things become known", found)
    if found.value < beforehand.value:
        knowing = Plan(
            name="deciding as things become known (no better plan was found there)",
            value=beforehand.value,
            bound=max(found.bound, beforehand.value),
            schedule=everywhere(beforehand.schedule, futures),
        )
    return _worth(
        "waiting",
        knowing,
        _plan("deciding everything beforehand", beforehand),
        rollout.currency,
        "Deciding as things become known is worth",
    )


def option(
    name: str,
    having: Rollout,
    lacking: Rollout,
    futures: Futures,
    solve: Solve,
    plan: Solved | None = None,
) -> Worth:
    """What a choice is worth: `lacking` is `having` without it (`options.without`).

    The price of the choice is not in it where neither roll-out pays one: it is the most to pay.
    """
    found = plan or solve(having, futures)
    return _worth(
        f"the option {name}",
        _plan(f"with {name}", found),
        _plan(f"without {name}", solve(lacking, futures)),
        having.currency,
        f"Being able to take {name} is worth",
    )


def _weighed(rollout: Rollout, futures: Futures, npv: list[float]) -> float:
    """(1 - weight) mean + weight CVaR of one NPV an outcome."""
    values = np.array(npv)
    tail = float(tail_weight(values, futures.probability, rollout.tail) @ values)
    mean = float(futures.probability @ values)
    return (1 - rollout.risk_weight) * mean + rollout.risk_weight * tail


def _plan(name: str, found: Solved) -> Plan:
    return Plan(name=name, value=found.value, bound=found.bound, schedule=found.schedule)


def _worth(name: str, having: Plan, lacking: Plan, currency: str, said: str) -> Worth:
    value = having.value - lacking.value
    low, high = max(0.0, having.value - lacking.bound), having.bound - lacking.value
    words = (
        f"{said} {value:.4g} M {currency}: {having.value:.4g} M {having.name}, "
        f"{lacking.value:.4g} M {lacking.name}"
    )
    if np.isfinite(high) and high - low > 1e-6 * max(1.0, abs(high)):
        words += f"; proven between {low:.4g} M and {high:.4g} M"
    return Worth(
        name=name, having=having, lacking=lacking, value=value, low=low, high=high, words=words
    )


def _with(worth: Worth, words: str, breaches: tuple[Breach, ...]) -> Worth:
    return Worth(
        name=worth.name,
        having=worth.having,
        lacking=worth.lacking,
        value=worth.value,
        low=0.0,
        high=worth.high,
        words=words,
        breaches=breaches,
    )
