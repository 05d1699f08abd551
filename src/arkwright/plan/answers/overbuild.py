"""How well what is built is used, how likely it is too much, and what that costs."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.answers.bands import HIGH, LOW, Band, Spread, quantile, spread
from arkwright.plan.answers.funnel import in_use
from arkwright.plan.answers.milestones import taken
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Bools, Floats, Rollout
from arkwright.plan.schedule import Schedule


class Overbuild(Struct, frozen=True, kw_only=True, eq=False):
    """Of what stands."""

    least: float
    """The utilisation below which it is too much, u*."""
    utilisation: Spread
    """Compute in use over compute that stands, over the whole horizon."""
    by_quarter: Band
    """The same in each quarter, over the outcomes in which racks stand; NaN where none do."""
    probability: float
    """Of a utilisation below `least` over the whole horizon."""
    probability_by_quarter: Floats
    """(T,) of a utilisation below `least` in it, where racks stand."""
    regret: Spread
    """M: what was spent on rack-quarters that nobody used, discounted."""


def overbuild(
    rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome, least: float
) -> Overbuild:
    """`least` is u*, 0..1: the break-even utilisation says from where on building pays."""
    there, used = (
        compute(rollout, outcome.capacity.present),
        compute(rollout, in_use(rollout, outcome)),
    )
    whole = used.sum(axis=1) / np.maximum(there.sum(axis=1), 1e-300)
    probability = futures.probability
    stands = there > 1e-9
    share = np.where(stands, used / np.where(stands, there, 1.0), np.nan)
    return Overbuild(
        least=least,
        utilisation=spread(whole, probability),
        by_quarter=_band_where(share, stands, probability),
        probability=float(probability[(whole < least - 1e-9) & stands.any(axis=1)].sum()),
        probability_by_quarter=probability @ (stands & (share < least - 1e-9)),
        regret=spread(regret(rollout, futures, schedule, outcome), probability),
    )


def compute(rollout: Rollout, racks: Floats) -> Floats:
    """(W, T) H100-equivalents of `racks` (P, G, W, T)."""
    found: Floats = np.einsum("g,pgwt->wt", rollout.supply.rack_compute, racks)
    return found


def regret(rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome) -> Floats:
    """(W,) M of racks that stood idle: what they cost, times the share of their quarters unused.

    cost[p, g, w] = sum over orders of (discounted payments - discounted salvage) + discounted
    upkeep; idle[p, g, w] = 1 - quarters in use / quarters that stand. Racks that never arrive are
    not idle: they are late, which is another figure.
    """
    capital = rollout.capital
    price = np.einsum("pgab,b->pga", capital.pay_rack, capital.discount)
    price = price - capital.discount_end * capital.salvage_rack
    present = outcome.capacity.present
    ordered = taken(schedule.racks, futures.path)
    there, used = present.sum(axis=3), in_use(rollout, outcome).sum(axis=3)
    idle = np.where(there > 0, 1 - used / np.where(there > 0, there, 1.0), 0.0)
    upkeep = np.einsum("pg,pgwt,t->pgw", rollout.supply.rack_opex, present, capital.discount)
    found: Floats = (idle * (np.einsum("pgwa,pga->pgw", ordered, price) + upkeep)).sum(axis=(0, 1))
    return found


def _band_where(values: Floats, is_there: Bools, probability: Floats) -> Band:
    """Bands of (W, T) over the outcomes that have a value; NaN in quarters without any."""
    quarters = values.shape[1]
    found = np.full((3, quarters), np.nan)
    for quarter in range(quarters):
        here = is_there[:, quarter]
        weight = probability[here]
        if weight.sum() > 0:
            weight = weight / weight.sum()
            mine = values[here, quarter]
            found[:, quarter] = (
                quantile(mine, weight, LOW), weight @ mine, quantile(mine, weight, HIGH),
            )  # fmt: skip
    return Band(low=found[0], mean=found[1], high=found[2])
