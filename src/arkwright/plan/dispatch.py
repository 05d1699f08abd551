"""What is served and what it earns, given what stands: the optimum and its dual values for every
outcome and quarter at once.

For each (w, t) the linear programme is

    max  sum (price[c] + penalty[c]) z[c,r] - sum penalty[c] demand[c] - sum energy[s] y[p,g]
    R1   sum_{p in s, g} y[p,g] <= E[s]            grid
    R2   sum_g y[p,g]           <= H[p]            halls
    R3   y[p,g]                 <= rack_mw[p,g] D[p,g]
    R12  sum_c z[c,r] <= sum_{p in r, g} density[p,g] y[p,g]; a country's own class only from there
    R15  sum_r z[c,r] <= min(demand[c], share[c] * sum compute[g] D[p,g])

with y the MW of racks in use, density = compute / MW, energy = spot price times load factor. It is
solved without a solver because it is two greedy problems in one another:

- A site pays one price for a MW, so at any price of compute its racks run in order of density. The
  limits are nested (rack, hall, site): filling them greedily in that order gives the most compute
  at every price (a polymatroid). So a site offers steps of compute at energy/density each.
- Compute flows from countries to the market only. A country first serves its own classes in merit
  order; what it then has left, and what its own classes would give up, is offered to the market in
  merit order again.

The dual values follow: compute is worth its country's clearing price; a site's MW what the step
is worth at which the site was full; a hall's the same less the site's; a rack what remains. They
are dual feasible by construction, so the linear function they give bounds the margin of any other
capacities from above: a cut.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import ANYWHERE, Bools, Floats, Ints, Rollout


class Dispatch(Struct, frozen=True, kw_only=True, eq=False):
    """The optimum of every outcome and quarter, with its dual values."""

    surplus: Floats
    """(W, T) M: served compute at its price, less penalties and energy."""
    running_mw: Floats
    """(P, G, W, T) racks in use, in MW at the grid (divide by `rack_mw` for racks)."""
    served: Floats
    """(C, R, W, T) H100-equivalents by class and country."""
    compute_price: Floats
    """(R, W, T) M per H100-equivalent and quarter, of one more in a country."""
    grid_value: Floats
    """(S, W, T) M per MW of connection and quarter (R1)."""
    hall_value: Floats
    """(P, W, T) M per MW of hall and quarter (R2)."""
    rack_value: Floats
    """(P, G, W, T) M per rack that stands and quarter (R3, and R15 where a share limits)."""
    demand_value: Floats
    """(C, W, T) M per H100-equivalent of more demand and quarter."""
    constant: Floats
    """(W, T) `surplus` less the capacities at their dual values: what the cut starts from."""


def dispatch(
    rollout: Rollout, futures: Futures, energised: Floats, ready: Floats, present: Floats
) -> Dispatch:
    """The best use of what stands.

    Args:
        rollout: the programme.
        futures: its outcomes; prices and demand are taken from here.
        energised: (S, W, T) MW.
        ready: (P, W, T) MW of halls.
        present: (P, G, W, T) racks.
    """
    supply, market = rollout.supply, rollout.market
    energy = futures.energy * supply.load_factor[:, None, None]
    steps = _steps(rollout, energised, ready, present)
    total = np.einsum("g,pgwt->wt", supply.rack_compute, present)
    share = market.class_share_max[:, None, None]
    limited = (share < 1.0) & (share * total < futures.demand)
    wanted = np.where(limited, share * total, futures.demand)
    cleared = _clear(rollout, futures, energy, steps, wanted)
    price = cleared.price
    grid, hall, rack = _values(rollout, energy, steps, price)
    lowest = np.where(
        (market.class_country == ANYWHERE)[:, None, None],
        price.min(axis=0),
        price[np.maximum(market.class_country, 0)],
    )
    worth = futures.price + market.class_penalty[:, None, None]
    value = np.maximum(0.0, worth - lowest)
    rack += supply.rack_compute[:, None, None] * (value * share * limited).sum(axis=0)
    penalty = np.einsum("c,cwt->wt", market.class_penalty, futures.demand)
    running = cleared.running
    site = rollout.power.place_site
    return Dispatch(
        surplus=np.einsum("cwt,crwt->wt", worth, cleared.served)
        - penalty
        - np.einsum("pwt,pgwt->wt", energy[site], running),
        running_mw=running,
        served=cleared.served,
        compute_price=price,
        grid_value=grid,
        hall_value=hall,
        rack_value=rack,
        demand_value=np.where(limited, 0.0, value),
        constant=(value * np.where(limited, 0.0, futures.demand)).sum(axis=0) - penalty,
    )


class _Steps(NamedTuple):
    """What could run, one row per kind of rack in a place that can ever stand there."""

    place: Ints
    """(I,) ordered by site, and by falling density in it."""
    generation: Ints
    density: Floats
    """(I,) H100-equivalents per MW."""
    mw: Floats
    """(I, W, T)"""
    site_full: Floats
    """(S, W, T) density of the step at which the connection was full; NaN where it is not."""
    hall_full: Floats
    """(P, W, T) the same of the hall."""


def _steps(rollout: Rollout, energised: Floats, ready: Floats, present: Floats) -> _Steps:
    """Fill racks into halls into connections, densest first."""
    supply, site = rollout.supply, rollout.power.place_site
    place, generation = _items(rollout)
    density = supply.rack_compute[generation] / supply.rack_mw[place, generation]
    left, room = energised.copy(), ready.copy()
    site_full, hall_full = np.full_like(left, np.nan), np.full_like(room, np.nan)
    mw = np.empty((len(place), *energised.shape[1:]))
    for i, (p, g, d) in enumerate(zip(place, generation, density, strict=True)):
        s = site[p]
        cap = supply.rack_mw[p, g] * present[p, g]
        fit = np.minimum(left[s], room[p])
        short = fit < cap
        at_site = short & (left[s] <= room[p])
        at_hall = short & (room[p] <= left[s])
        mw[i] = np.where(short, fit, cap)
        np.copyto(site_full[s], d, where=at_site & np.isnan(site_full[s]))
        np.copyto(hall_full[p], d, where=at_hall & np.isnan(hall_full[p]))
        left[s] -= mw[i]
        room[p] -= mw[i]
    return _Steps(place, generation, density, mw, site_full, hall_full)


def _items(rollout: Rollout) -> tuple[Ints, Ints]:
    """Place and generation of every kind of rack that can ever stand, densest first in a site."""
    supply = rollout.supply
    ever = (supply.may_order | (supply.racks_now > 0)).any(axis=2)
    place, generation = np.nonzero(ever)
    density = supply.rack_compute[generation] / supply.rack_mw[place, generation]
    order = np.lexsort((generation, place, -density, rollout.power.place_site[place]))
    return place[order], generation[order]


class _Cleared(NamedTuple):
    price: Floats
    """(R, W, T)"""
    running: Floats
    """(P, G, W, T)"""
    served: Floats
    """(C, R, W, T)"""


def _clear(
    rollout: Rollout, futures: Futures, energy: Floats, steps: _Steps, wanted: Floats
) -> _Cleared:
    """Countries first, then the market; `wanted` is (C, W, T)."""
    power, market = rollout.power, rollout.market
    countries = len(rollout.names.countries)
    site = power.place_site[steps.place]
    offered = steps.mw * steps.density[:, None, None]
    cost = energy[site] / steps.density[:, None, None]
    worth = futures.price + market.class_penalty[:, None, None]
    used = np.zeros_like(offered)
    given = np.zeros_like(wanted)
    price = np.empty((countries, *offered.shape[1:]))
    for r in range(countries):
        items, own = power.site_country[site] == r, market.class_country == r
        price[r], filled, lost = _merit(cost[items], offered[items], worth[own], wanted[own])
        used[items], given[own] = filled, wanted[own] - lost
    # The market: what is left, then what own classes would give up, against who may buy anywhere.
    anywhere = market.class_country == ANYWHERE
    n = len(offered)
    world, filled, lost = _merit(
        np.concatenate([cost, worth[~anywhere]]),
        np.concatenate([offered - used, given[~anywhere]]),
        worth[anywhere],
        wanted[anywhere],
    )
    used += filled[:n]
    given[~anywhere] -= filled[n:]
    given[anywhere] = wanted[anywhere] - lost
    price = np.maximum(price, world)
    used = np.where(energy[site] < 0, offered, used)  # paid to draw: everything runs
    running = np.zeros((*rollout.supply.rack_mw.shape, *offered.shape[1:]))
    running[steps.place, steps.generation] = used / steps.density[:, None, None]
    abroad = np.zeros_like(price)
    np.add.at(abroad, power.site_country[site], filled[:n])
    np.add.at(abroad, market.class_country[~anywhere], filled[n:])
    return _Cleared(price, running, _served(market.class_country, given, abroad))


def _merit(
    cost: Floats, offered: Floats, worth: Floats, wanted: Floats
) -> tuple[Floats, Floats, Floats]:
    """(price, taken of each offer, unmet of each want) of one market, over any trailing axes.

    To leave a want unmet is a supply at its worth: so one merit order of both, filled up to all
    that is wanted. The price is that of the last that is needed.
    """
    ask = np.moveaxis(np.concatenate([cost, worth]), 0, -1)
    size = np.moveaxis(np.concatenate([offered, wanted]), 0, -1)
    if not len(wanted):
        return np.zeros(ask.shape[:-1]), np.zeros_like(offered), np.zeros_like(wanted)
    order = np.argsort(ask, axis=-1, kind="stable")
    sizes = np.take_along_axis(size, order, axis=-1)
    total = wanted.sum(axis=0)[..., None]
    ends = np.cumsum(sizes, axis=-1)
    filled = np.minimum(sizes, np.maximum(0.0, total - (ends - sizes)))
    taken = np.empty_like(filled)
    np.put_along_axis(taken, order, filled, axis=-1)
    needed = filled > 0
    last = needed.shape[-1] - 1 - np.argmax(needed[..., ::-1], axis=-1)[..., None]
    price = np.take_along_axis(np.take_along_axis(ask, order, axis=-1), last, axis=-1)[..., 0]
    price = np.where(needed.any(axis=-1), np.maximum(0.0, price), 0.0)
    taken = np.moveaxis(taken, -1, 0)
    return price, taken[: len(offered)], taken[len(offered) :]


def _served(class_country: Ints, given: Floats, abroad: Floats) -> Floats:
    """(C, R, W, T): own classes at home; others from every country by its share of the market."""
    countries = len(abroad)
    total = abroad.sum(axis=0)
    share = np.divide(abroad, total, out=np.zeros_like(abroad), where=total > 0)
    home = class_country[:, None] == np.arange(countries)
    free: Bools = class_country == ANYWHERE
    where = np.where(free[:, None, None, None], share[None], home[:, :, None, None])
    served: Floats = where * given[:, None]
    return served


def _values(
    rollout: Rollout, energy: Floats, steps: _Steps, price: Floats
) -> tuple[Floats, Floats, Floats]:
    """Dual values of connections (S, W, T), halls (P, W, T) and racks (P, G, W, T)."""
    power, supply = rollout.power, rollout.supply
    site = power.place_site
    price = price[power.site_country]
    grid = np.maximum(0.0, np.nan_to_num(price * steps.site_full - energy))
    above = energy + grid
    hall = np.maximum(0.0, np.nan_to_num(price[site] * steps.hall_full - above[site]))
    rack = np.zeros((*supply.rack_mw.shape, *energy.shape[1:]))
    kind = site[steps.place]
    margin = price[kind] * steps.density[:, None, None] - above[kind] - hall[steps.place]
    mw = supply.rack_mw[steps.place, steps.generation]
    rack[steps.place, steps.generation] = np.maximum(0.0, margin) * mw[:, None, None]
    return grid, hall, rack
