"""How far the rental price, or the demand, may fall before the plan is worth nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from arkwright.plan.answers import changed
from arkwright.plan.answers.funnel import in_use
from arkwright.plan.answers.overbuild import compute
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome, evaluate
from arkwright.plan.rollout import HOURS_PER_QUARTER, Rollout
from arkwright.plan.schedule import Schedule

_STEPS = 40
_FACTOR_MAX = 64.0
_CLOSE = 1e-6


class BreakEven(Struct, frozen=True, kw_only=True):
    """Of the schedule as it is; None where no factor up to 64 gives an expected NPV of 0."""

    price_factor: float | None
    """On every rental price."""
    price_mean: float
    """Currency per H100-equivalent hour sold, as expected."""
    price: float | None
    """The same at break-even."""
    demand_factor: float | None
    """On every demand; None also where no demand, however small, loses money or however large
    earns it."""
    utilisation_mean: float
    """Compute in use over compute that stands."""
    utilisation: float | None
    """The same at break-even demand."""


def break_even(
    rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome
) -> BreakEven:
    """NPV is piecewise linear and convex in the factor on the price, and rises with it."""

    def at(put: Callable[..., changed.Pair], factor: float) -> Outcome:
        return evaluate(*put(rollout, futures, factor), schedule)

    def worth(put: Callable[..., changed.Pair]) -> Callable[[float], float]:
        return lambda factor: float(futures.probability @ at(put, factor).npv)

    by_price = root(worth(changed.price))
    by_demand = root(worth(changed.demand), most=1.0)

    def sold_at(factor: float) -> float:
        pair = changed.price(rollout, futures, factor)
        return price_per_hour(pair[1], evaluate(*pair, schedule))

    used = utilisation(rollout, futures, outcome)
    return BreakEven(
        price_factor=by_price,
        price_mean=price_per_hour(futures, outcome),
        price=None if by_price is None else sold_at(by_price),
        demand_factor=by_demand,
        utilisation_mean=used,
        utilisation=None
        if by_demand is None
        else utilisation(rollout, futures, at(changed.demand, by_demand)),
    )  # fmt: skip


def root(value: Callable[[float], float], most: float = _FACTOR_MAX) -> float | None:
    """The factor in 0..`most` where `value`, which rises, turns from below 0 to above; None where
    it does not.

    The chord, with the Illinois weight on the end that stays (Dowell and Jarratt, 1971): a handful
    of values where bisection takes a score, and no derivative.
    """
    low, at_low = 0.0, value(0.0)
    high, at_high = 1.0, value(1.0)
    if at_low > 0:
        return None
    while at_high < 0:
        if high >= most:
            return None
        low, at_low = high, at_high
        high = min(2 * high, most)
        at_high = value(high)
    for _ in range(_STEPS):
        if high - low < _CLOSE * high or at_high == at_low:
            break
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        found = value(middle)
        if abs(middle - high) < _CLOSE * high and found >= 0:
            return middle
        if found < 0:
            low, at_low, at_high = middle, found, at_high / 2
        else:
            high, at_high, at_low = middle, found, at_low / 2
    return high


def price_per_hour(futures: Futures, outcome: Outcome) -> float:
    """Currency per H100-equivalent hour, mean over everything sold; 0 where nothing is."""
    sold = outcome.served.sum(axis=1)
    revenue = np.einsum("w,cwt,cwt->", futures.probability, futures.price, sold)
    amount = np.einsum("w,cwt->", futures.probability, sold)
    return float(revenue / amount / HOURS_PER_QUARTER * 1e6) if amount > 0 else 0.0


def utilisation(rollout: Rollout, futures: Futures, outcome: Outcome) -> float:
    """Compute in use over compute that stands, in expectation over the horizon."""
    there = futures.probability @ compute(rollout, outcome.capacity.present).sum(axis=1)
    used = futures.probability @ compute(rollout, in_use(rollout, outcome)).sum(axis=1)
    return float(used / there) if there > 0 else 0.0
