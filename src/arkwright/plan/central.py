"""What happens if everything comes as promised: one outcome, prices on their central path."""

from __future__ import annotations

import numpy as np

from arkwright import units
from arkwright.errors import InputError
from arkwright.factory import energy_at
from arkwright.plan.build_supply import lives
from arkwright.plan.futures import Futures
from arkwright.plan.given import Given
from arkwright.plan.rollout import Bools, Floats, Ints, Rollout
from arkwright.plan.sales import sale

_T_PER_KG = 1e-3


def central(given: Given, rollout: Rollout) -> Futures:
    """One outcome of probability 1, one slot a quarter."""
    quarters = len(rollout.names.quarters)
    sold = [sale(given, name, demand) for name, demand in given.axes.demands]
    energy, spot = prices(given)
    shape = (len(sold), 1, quarters)
    return Futures(
        names=("as promised",),
        probability=np.ones(1),
        path=np.arange(quarters, dtype=np.int64)[None],
        slot_quarter=np.arange(quarters, dtype=np.int64),
        slot_name=rollout.names.quarters,
        price=np.array([each.price for each in sold]).reshape(shape),
        demand=np.array([each.demand for each in sold]).reshape(shape),
        energy=np.repeat(energy[:, None, None], quarters, axis=2),
        spot=np.repeat(spot[:, None, None], quarters, axis=2),
        powered=promised(rollout.power.tranche_lead, quarters)[None],
        opened=promised(rollout.power.hall_lead, quarters)[None],
        arrived=standing(rollout.supply.rack_lead, lives(given), quarters)[None],
    )


def promised(lead: Ints, quarters: int) -> Bools:
    """(N, T, T) complete `lead` quarters after its start, and from then on."""
    start, at = np.arange(quarters)[:, None], np.arange(quarters)[None]
    complete: Bools = at >= start + lead[:, None, None]
    return complete


def standing(lead: Ints, life: Ints, quarters: int) -> Floats:
    """(N, T, T) 1 from delivery until the end of its life."""
    start, at = np.arange(quarters)[:, None], np.arange(quarters)[None]
    begins = start + lead[:, None, None]
    stands: Bools = (at >= begins) & (at < begins + life[:, None, None])
    return stands.astype(np.float64)


def prices(given: Given) -> tuple[Floats, Floats]:
    """(S,) M for 1 MW through a quarter: all that is paid for it, and spot alone.

    The site's price of electricity is taken to hold everything; carbon's price comes on top. Where
    the programme names a spot price, the rest of the site's price is grid fees and the like.
    """
    energy, spot = [], []
    for name in given.axes.sites:
        terms = energy_at(given.factory, name)
        if terms.price is None or terms.currency is None:
            raise InputError(
                f"no price of electricity is known for {name}; "
                f"add sites: {{{name}: {{energy: {{price: 60 EUR/MWh}}}}}}"
            )
        paid = given.purse.per_kwh(terms.price.value, terms.currency)
        wholesale = given.programme.sites[name].spot
        spot.append(paid if wholesale is None else given.purse.per_mw_quarter(wholesale))
        energy.append(paid + _carbon(given, name))
    return np.array(energy), np.array(spot)


def _carbon(given: Given, site: str) -> float:
    price = given.programme.carbon_price
    carbon = energy_at(given.factory, site).carbon
    if price is None:
        return 0.0
    if carbon is None:
        source = "no intensity is known for the country; give energy: {carbon: …}"
        given.said.assume(site, "carbon in the cost of energy", "left out", source)
        return 0.0
    rate = units.parse_rate(price, "t")
    kg_per_kwh = carbon.value / 1000.0
    return given.purse.per_kwh(rate.value * kg_per_kwh * _T_PER_KG, rate.currency)
