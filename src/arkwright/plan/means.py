"""What prices and demand are in the mean, before chance: what the programme says, in numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arkwright import units
from arkwright.catalog.outlook import outlook_figure
from arkwright.factory import Factory, energy_at, quarters
from arkwright.factory.futures_spec import CarbonWalk, EnergyWalk, RentalWalk
from arkwright.factory.programme_spec import Demand, DemandKind, Programme
from arkwright.plan.rollout import HOURS_PER_QUARTER, Floats, Rollout
from arkwright.plan.walks import YEARS_PER_QUARTER, course

M = 1e6
_KWH_PER_MWH = 1000.0
_G_PER_T = 1e6

Worth = Callable[[float, str], float]
"""An amount in a currency, in the programme's."""


def market_price(walk: RentalWalk, reversion: float, trend: float, worth: Worth, t: int) -> Floats:
    """(T,) M per H100-equivalent and quarter that the market pays."""
    start = _rental(walk.start, "rental_start_usd", worth)
    level = _rental(walk.reverts_to, "rental_reverts_usd", worth)
    return course(start, level, trend, reversion, t) * HOURS_PER_QUARTER / M


def _rental(text: str | None, figure: str, worth: Worth) -> float:
    if text is None:
        return worth(outlook_figure(figure).value, "USD")
    rate = units.parse_rate(text, "GPU-h")
    return worth(rate.value, rate.currency)


def is_at_market(demand: Demand) -> bool:
    """Whether its price follows the market: a market's always, others where none was agreed."""
    agreed = demand.price is not None or demand.value is not None
    return demand.kind is DemandKind.MARKET or not agreed


def price_of(
    demand: Demand, volume: Floats, rollout: Rollout, market: Floats, trend: float, worth: Worth
) -> Floats:
    """(T,) M per H100-equivalent and quarter of one demand, in the mean.

    Its own price changes by `price_change` a year from the programme's start, a market's by
    `trend` where it says none; without a price it is the market's.
    """
    if demand.value is not None:
        amount = units.parse_amount(demand.value)
        total = volume.sum()
        each = worth(amount.value, amount.currency) / M / total if total > 0 else 0.0
        return np.full(len(volume), each)
    if demand.price is None:
        return market
    rate = units.parse_rate(demand.price, "GPU-h")
    change = demand.price_change
    if change is None:
        change = trend if demand.kind is DemandKind.MARKET else 0.0
    years = np.arange(len(volume), dtype=np.float64) * YEARS_PER_QUARTER
    hourly = worth(rate.value, rate.currency) / compute_per_gpu(demand, rollout)
    result: Floats = hourly * HOURS_PER_QUARTER / M * (1 + change) ** years
    return result


def volume_of(demand: Demand, rollout: Rollout, first: int) -> Floats:
    """(T,) H100-equivalents asked for; `first` is the number of the programme's first quarter."""
    t = len(rollout.names.quarters)
    compute = demand.compute
    if compute is None:
        compute = (demand.gpus or 0) * compute_per_gpu(demand, rollout)
    start = 0 if demand.start is None else quarters.number(demand.start) - first
    end = t - 1 if demand.end is None else quarters.number(demand.end) - first
    at = np.arange(t, dtype=np.float64)
    grown = compute * (1 + demand.growth) ** ((at - start) * YEARS_PER_QUARTER)
    asked: Floats = np.where((at >= start) & (at <= end), grown, 0.0)
    return asked


def compute_per_gpu(demand: Demand, rollout: Rollout) -> float:
    """H100-equivalents that one of its GPUs sells; 1 where it is told in H100-equivalents."""
    if demand.gpus is None or demand.generation is None:
        return 1.0
    g = rollout.names.generations.index(demand.generation)
    return float(rollout.supply.rack_compute[g] / rollout.supply.rack_gpus[g])


def spot_and_fees(
    factory: Factory, programme: Programme, site: str, walk: EnergyWalk, worth: Worth
) -> tuple[float, float]:
    """Spot at the start and what comes on top of it, both M per MW and quarter.

    `walk.start` is the spot price where it is given, else the site's `spot`, else the price of its
    electricity; what that price has beyond the site's `spot` are grid fees.
    """
    terms = energy_at(factory, site)
    paid = worth(terms.price.value, terms.currency) if terms.price and terms.currency else 0.0
    text = programme.sites[site].spot
    spot = _energy(text, worth) if text is not None else paid
    fees = max(0.0, paid - spot) if text is not None else 0.0
    if walk.start is not None:
        spot = _energy(walk.start, worth)
    return spot * _per_mw_quarter(), fees * _per_mw_quarter()


def energy_level(walk: EnergyWalk, start: float, worth: Worth) -> float:
    """What the spot price reverts to, M per MW and quarter."""
    if walk.reverts_to is None:
        return start
    return _energy(walk.reverts_to, worth) * _per_mw_quarter()


def carbon_course(
    walk: CarbonWalk, fallback: str | None, reversion: float, trend: float, worth: Worth, t: int
) -> Floats:
    """(T,) M per tonne; 0 where nobody said a price."""
    text = walk.start or fallback
    if text is None:
        return np.zeros(t)
    start = _carbon(text, worth)
    level = start if walk.reverts_to is None else _carbon(walk.reverts_to, worth)
    if start <= 0 or level <= 0:
        return np.zeros(t)
    return course(start, level, trend, reversion, t) / M


def tonnes_per_mw(factory: Factory, site: str) -> float:
    """CO2e of a MW drawn for a quarter, location-based; 0 where nobody knows."""
    carbon = energy_at(factory, site).carbon
    g_per_kwh = 0.0 if carbon is None else carbon.value
    return g_per_kwh * _KWH_PER_MWH * HOURS_PER_QUARTER / _G_PER_T


def _energy(text: str, worth: Worth) -> float:
    price = units.parse_price(text)
    return worth(price.per_kwh, price.currency)


def _carbon(text: str, worth: Worth) -> float:
    rate = units.parse_rate(text, "t")
    return worth(rate.value, rate.currency)


def _per_mw_quarter() -> float:
    """From money per kWh to M per MW and quarter."""
    return _KWH_PER_MWH * HOURS_PER_QUARTER / M
