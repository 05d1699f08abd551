"""One demand in numbers: what is asked for, paid and penalised, if all is as promised."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.catalog import programme as figures
from arkwright.factory.programme_spec import Demand, DemandKind
from arkwright.plan.given import Given, compute_of
from arkwright.plan.purse import HOURS_PER_QUARTER
from arkwright.plan.rollout import Floats, Ints

_QUARTERS_PER_YEAR = 4


class Sale(Struct, frozen=True, kw_only=True, eq=False):
    """Per quarter; money in M of the factory's currency."""

    demand: Floats
    """(T,) H100-equivalents."""
    price: Floats
    """(T,) M per H100-equivalent and quarter."""
    penalty: float
    """M per H100-equivalent and quarter that was agreed and not delivered."""


def sale(given: Given, name: str, demand: Demand) -> Sale:
    """`demand` in numbers.

    GPUs of a generation are so many H100-equivalents, times the share of hours for which a rack can
    be sold: whoever takes 1,000 GPUs takes 1,000 GPUs, and pays for the hours they run.
    """
    quarters = given.axes.quarters
    at = np.arange(quarters)
    first = given.axes.index(demand.start, 0)
    last = given.axes.index(demand.end, quarters - 1)
    inside = (at >= first) & (at <= last)
    asked, each = _asked(given, demand)
    change = _change(given, name, demand)

    def after(rate: float, quarters: Ints) -> Floats:
        years = np.maximum(quarters - max(first, 0), 0) / _QUARTERS_PER_YEAR
        grown: Floats = (1.0 + rate) ** years
        return grown

    whole = np.arange(first, last + 1)
    served = float(np.sum(after(demand.growth, whole) * after(change, whole))) * asked
    now = _price(given, name, demand, served, each)
    return Sale(
        demand=np.where(inside, asked * after(demand.growth, at), 0.0),
        price=now * after(change, at),
        penalty=_penalty(given, name, demand, now, each),
    )


def _change(given: Given, name: str, demand: Demand) -> float:
    """Of the price, a year."""
    if demand.price_change is not None:
        return demand.price_change
    is_market = demand.kind is DemandKind.MARKET and demand.price is None
    is_market = is_market and demand.value is None
    return given.said.figure(name, "market_change", None) if is_market else 0.0


def _asked(given: Given, demand: Demand) -> tuple[float, float]:
    """H100-equivalents that are asked for at first, and those of one of the demand's GPUs."""
    if demand.compute is not None:
        return demand.compute, 1.0
    kind = given.axes.generations[given.axes.generation(demand.generation or "")]
    each, _ = compute_of(kind)
    share = given.said.figure("programme", "availability", None)
    return (demand.gpus or 0) * each * share, each


def _price(given: Given, name: str, demand: Demand, served: float, each: float) -> float:
    """M per H100-equivalent and quarter at first.

    `served`: all that a contract asks for, each quarter's at its price over the first.
    """
    if demand.price is not None:
        return given.purse.per_gpu_quarter(demand.price) / each
    if demand.value is not None:
        return given.purse.amount(demand.value) / served
    row = figures.figure("market_price")
    given.said.assume(name, "price of an H100-hour", f"{row.middle:g} {row.unit}", row.provenance)
    return given.purse.millions(row.middle * HOURS_PER_QUARTER, "USD")


def _penalty(given: Given, name: str, demand: Demand, price: float, each: float) -> float:
    if demand.penalty is not None:
        return given.purse.per_gpu_quarter(demand.penalty) / each
    if demand.kind is not DemandKind.TAKE_OR_PAY:
        return 0.0
    return price * given.said.figure(name, "penalty_share", None)
