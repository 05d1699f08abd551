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
    """NPV is piecewise linear and convex in the factor on the price, and rises with it: bisect."""

    def at(put: Callable[..., changed.Pair], factor: float) -> Outcome:
        return evaluate(*put(rollout, futures, factor), schedule)

    def worth(put: Callable[..., changed.Pair]) -> Callable[[float], float]:
        return lambda factor: float(futures.probability @ at(put, factor).npv)

    by_price = root(worth(changed.price))
    by_demand = root(worth(changed.demand), most=1.0)
    sold = price_per_hour(futures, outcome)
    used = utilisation(rollout, futures, outcome)
    return BreakEven(
        price_factor=by_price,
        price_mean=sold,
        price=None
        if by_price is None
        else price_per_hour(*_second(changed.price(rollout, futures, by_price)),
                            at(changed.price, by_price)),
        demand_factor=by_demand,
        utilisation_mean=used,
        utilisation=None
        if by_demand is None
        else utilisation(rollout, futures, at(changed.demand, by_demand)),
    )  # fmt: skip


def root(value: Callable[[float], float], most: float = _FACTOR_MAX) -> float | None:
    """The factor in 0..`most` where `value` turns from below 0 to above; None where it does not."""
    low, high = 0.0, 1.0
    if value(low) > 0:
        return None
    while value(high) < 0:
        low, high = high, 2 * high
        if low >= most:
            return None
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if value(middle) < 0:
            low = middle
        else:
            high = middle
        if high - low < _CLOSE * high:
            break
    return high


def price_per_hour(futures: Futures, outcome: Outcome) -> float:
    """Currency per H100-equivalent hour, mean over everything sold; 0 where nothing is."""
    sold = outcome.served.sum(axis=1)
    revenue = np.einsum("w,cwt,wct->", futures.probability, futures.price, sold)
    amount = np.einsum("w,wct->", futures.probability, sold)
    return float(revenue / amount / HOURS_PER_QUARTER * 1e6) if amount > 0 else 0.0


def utilisation(rollout: Rollout, futures: Futures, outcome: Outcome) -> float:
    """Compute in use over compute that stands, in expectation over the horizon."""
    there = futures.probability @ compute(rollout, outcome.capacity.present).sum(axis=1)
    used = futures.probability @ compute(rollout, in_use(rollout, outcome)).sum(axis=1)
    return float(used / there) if there > 0 else 0.0


def _second(pair: changed.Pair) -> tuple[Futures]:
    return (pair[1],)
