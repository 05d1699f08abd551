"""A programme or its futures with one thing changed, the schedule left as it is.

Each is what a planner may be wrong about: how it is changed is said beside it, in words that a
table can print.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Bools, Floats, Rollout

replace = msgspec.structs.replace
Pair = tuple[Rollout, Futures]


class Input(NamedTuple):
    """Something that may turn out differently."""

    name: str
    is_dates: bool
    """Changed by a quarter, else by a share."""
    put: Callable[[Rollout, Futures, float], Pair]
    """Programme and futures with it multiplied by a factor, or so many quarters later."""


def price(rollout: Rollout, futures: Futures, factor: float) -> Pair:
    """Every rental price times `factor`; what was agreed as penalty is left."""
    return rollout, replace(futures, price=futures.price * factor)


def demand(rollout: Rollout, futures: Futures, factor: float) -> Pair:
    """Every demand times `factor`."""
    return rollout, replace(futures, demand=futures.demand * factor)


def energy(rollout: Rollout, futures: Futures, factor: float) -> Pair:
    """Energy at spot times `factor`, and so what contracts are settled against."""
    changed = replace(futures, energy=futures.energy * factor, spot=futures.spot * factor)
    return rollout, changed


def rack_price(rollout: Rollout, futures: Futures, factor: float) -> Pair:
    """What racks cost, and what they are worth at the end."""
    capital = rollout.capital
    changed = replace(
        capital,
        pay_rack=capital.pay_rack * factor,
        salvage_rack=capital.salvage_rack * factor,
    )
    return replace(rollout, capital=changed), futures


def site_price(rollout: Rollout, futures: Futures, factor: float) -> Pair:
    """What grid connections and halls cost, and what they are worth at the end."""
    capital = rollout.capital
    changed = replace(
        capital,
        pay_tranche=capital.pay_tranche * factor,
        salvage_tranche=capital.salvage_tranche * factor,
        pay_hall=capital.pay_hall * factor,
        salvage_hall=capital.salvage_hall * factor,
    )
    return replace(rollout, capital=changed), futures


def upkeep(rollout: Rollout, futures: Futures, factor: float) -> Pair:
    """What halls and racks cost to keep."""
    power = replace(rollout.power, hall_opex=rollout.power.hall_opex * factor)
    supply = replace(rollout.supply, rack_opex=rollout.supply.rack_opex * factor)
    return replace(rollout, power=power, supply=supply), futures


def resale(rollout: Rollout, futures: Futures, factor: float) -> Pair:
    """What everything is worth at the end of the horizon."""
    capital = rollout.capital
    changed = replace(
        capital,
        salvage_tranche=capital.salvage_tranche * factor,
        salvage_hall=capital.salvage_hall * factor,
        salvage_rack=capital.salvage_rack * factor,
    )
    return replace(rollout, capital=changed), futures


def grid_later(rollout: Rollout, futures: Futures, quarters: float) -> Pair:
    """Every tranche energised so many quarters later (sooner where negative)."""
    return rollout, replace(futures, powered=later(futures.powered, int(quarters)))


def halls_later(rollout: Rollout, futures: Futures, quarters: float) -> Pair:
    """Every hall ready so many quarters later."""
    return rollout, replace(futures, opened=later(futures.opened, int(quarters)))


def racks_later(rollout: Rollout, futures: Futures, quarters: float) -> Pair:
    """Every delivery so many quarters later; it is written off so much later too."""
    return rollout, replace(futures, arrived=later(futures.arrived, int(quarters)))


def later(kernel: Floats | Bools, quarters: int) -> Floats | Bools:
    """`kernel` (…, T, T) with what happens in the last axis `quarters` later.

    Sooner (negative) never before the quarter of the decision; the last quarter's state goes on.
    """
    count = kernel.shape[-1]
    source = np.arange(count) - quarters
    moved = kernel[..., np.clip(source, 0, count - 1)]
    known = (source >= 0) & (source[None, :] >= np.arange(count)[:, None])
    if quarters > 0:
        return np.where(known, moved, np.zeros((), dtype=kernel.dtype))
    after = np.arange(count)[None, :] >= np.arange(count)[:, None]
    return np.where(after, moved, np.zeros((), dtype=kernel.dtype))


INPUTS: tuple[Input, ...] = (
    Input("rental price", False, price),
    Input("demand", False, demand),
    Input("price of racks", False, rack_price),
    Input("price of grid and halls", False, site_price),
    Input("energy price", False, energy),
    Input("upkeep", False, upkeep),
    Input("resale at the end", False, resale),
    Input("grid connections", True, grid_later),
    Input("halls", True, halls_later),
    Input("deliveries", True, racks_later),
)
