"""What prices and demand are in the mean, where the futures say more than the programme."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright import units
from arkwright.factory import Factory, energy_at
from arkwright.factory.futures_spec import EnergyWalk, RentalWalk
from arkwright.factory.programme_spec import Demand, DemandKind
from arkwright.plan.purse import HOURS_PER_QUARTER, Purse
from arkwright.plan.rollout import Floats
from arkwright.plan.walks import course

_KWH_PER_MWH = 1000.0
_G_PER_T = 1e6


class EnergyMeans(Struct, frozen=True, kw_only=True, eq=False):
    """Of every site."""

    spot: Floats
    """(S, T) M per MW and quarter."""
    fees: Floats
    """(S,) the same, on top."""
    carbon: Floats
    """(S, T) M for the carbon of a MW drawn for a quarter."""


def is_at_market(demand: Demand) -> bool:
    """Whether its price follows the market: a market's always, others where none was agreed."""
    agreed = demand.price is not None or demand.value is not None
    return demand.kind is DemandKind.MARKET or not agreed


def rental(
    walk: RentalWalk, demand: Demand, promised: Floats, reversion: float, purse: Purse
) -> Floats:
    """(T,) price of one demand, M per H100-equivalent and quarter; `promised` is its own course.

    `start`, `reverts_to` and `trend` of the section hold for demands at the market that name no
    price themselves.
    """
    said = (walk.start, walk.reverts_to, walk.trend)
    is_own = demand.price is not None or demand.value is not None
    if is_own or all(each is None for each in said):
        return promised
    start = promised[0] if walk.start is None else purse.per_gpu_quarter(walk.start)
    level = start if walk.reverts_to is None else purse.per_gpu_quarter(walk.reverts_to)
    return course(float(start), float(level), walk.trend or 0.0, reversion, len(promised))


def spot(walk: EnergyWalk, promised: Floats, reversion: float, purse: Purse) -> Floats:
    """(T,) mean spot price of a site, M per MW and quarter; `promised` where nothing is said."""
    start = promised[0] if walk.start is None else purse.per_mw_quarter(walk.start)
    level = start if walk.reverts_to is None else purse.per_mw_quarter(walk.reverts_to)
    if start <= 0 or level <= 0:
        return promised
    return course(float(start), float(level), walk.trend or 0.0, reversion, len(promised))


def carbon_price(factory: Factory, reversion: float, purse: Purse, quarters: int) -> Floats:
    """(T,) mean price of a tonne, M; 0 where nobody said one."""
    assert factory.programme is not None
    walk = factory.programme.futures.carbon_price
    text = walk.start or factory.programme.carbon_price
    if text is None:
        return np.zeros(quarters)
    start = _per_tonne(text, purse)
    level = start if walk.reverts_to is None else _per_tonne(walk.reverts_to, purse)
    if start <= 0 or level <= 0:
        return np.full(quarters, start)
    return course(start, level, walk.trend or 0.0, reversion, quarters)


def promised_carbon(factory: Factory, purse: Purse) -> float:
    """M per tonne that the programme itself says."""
    assert factory.programme is not None
    text = factory.programme.carbon_price
    return 0.0 if text is None else _per_tonne(text, purse)


def tonnes_per_mw(factory: Factory, site: str) -> float:
    """CO2e of a MW drawn for a quarter, location-based; 0 where nobody knows."""
    carbon = energy_at(factory, site).carbon
    g_per_kwh = 0.0 if carbon is None else carbon.value
    return g_per_kwh * _KWH_PER_MWH * HOURS_PER_QUARTER / _G_PER_T


def _per_tonne(text: str, purse: Purse) -> float:
    rate = units.parse_rate(text, "t")
    return purse.millions(rate.value, rate.currency)
