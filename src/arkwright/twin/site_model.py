"""What a site takes beside its racks of nodes: network and storage, losses, cooling, the rest.

The design's own parts and functions: the power chain of `design.power_chain` at the load of the
hour, the cooling plants of `design.cooling_year` at the load and weather of the hour. Where the
factory file gives a PUE that figure makes the meter, and the chain says how much of it is losses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.design.blueprint import Blueprint
from arkwright.design.cooling import CoolingPlan
from arkwright.design.cooling_year import cooling_year
from arkwright.design.power_chain import PowerPlan, chain_losses_kw
from arkwright.design.power_layout import RackLoad
from arkwright.design.site_plant import SitePlant, site_loads, site_plant
from arkwright.design.site_power import beside
from arkwright.design.whole import Design
from arkwright.factory import Factory, pue_at
from arkwright.factory.weather import Weather
from arkwright.twin.hours import SiteHours
from arkwright.twin.power import NO_FLOATS
from arkwright.units import W_PER_KW

Floats = NDArray[np.float64]


class SiteModel(Struct, frozen=True, eq=False, kw_only=True):
    """One site. With a `pue` its meter is that times IT power, whatever the weather is."""

    site: str
    halls: tuple[str, ...]
    """Paths; rows of what `overhead` is given."""
    beside_kw: tuple[float, ...]
    """By hall: racks without nodes, basis IT, at every hour."""
    power: PowerPlan | None = None
    cooling: tuple[CoolingPlan, ...] = ()
    """By hall."""
    other_kw: float = 0.0
    """Lighting, controls, ventilation: fed with the cooling, at every hour."""
    pue: float | None = None
    notes: tuple[str, ...] = ()


class Overhead(Struct, frozen=True, eq=False, kw_only=True):
    """What a site takes beside IT: mean watts of each hour; [0] where it is not modelled."""

    loss_w: Floats = NO_FLOATS
    cooling_w: Floats = NO_FLOATS
    """With `other_w`."""
    other_w: Floats = NO_FLOATS
    water_l_per_h: Floats = NO_FLOATS


def site_models(factory: Factory, built: Design) -> dict[str, SiteModel]:
    """The model of every site of `factory` that `built` (`design.whole`) designs."""
    return {
        site.plan.name: _site_model(
            factory.sites[site.plan.name].pue,
            site.plant,
            tuple(hall.path for hall in site.plan.halls),
            beside(site.network).racks,
        )
        for site in built.sites
    }


def undesigned(factory: Factory, site: str, halls: Sequence[str]) -> SiteModel:
    """The model of a site whose nodes were found: the PUE that receipts of its jobs are made with.

    What stands beside the nodes is not known there, and left out. `halls`: their paths.
    """
    pue = pue_at(factory, site)
    note = (
        f"{site}: nobody designed it; losses and cooling follow from a PUE of {pue.value:g} "
        f"({pue.source}), and what stands beside its nodes is left out."
    )
    return SiteModel(
        site=site,
        halls=tuple(halls),
        beside_kw=(0.0,) * len(halls),
        pue=pue.value,
        notes=(note,),
    )


def site_model(factory: Factory, plan: Blueprint, site: str, weather: Weather) -> SiteModel:
    """The model of `site` where nobody designed its network: the catalogue's share stands for it.

    The weather sizes the chillers; what the run's hours are like is told to `energy`.
    """
    of_nodes = {rack.path for rack in plan.racks if rack.site == site}
    extra = [rack for rack in site_loads(plan, site).racks if rack.path not in of_nodes]
    halls = next(each.halls for each in plan.sites if each.name == site)
    plant = site_plant(factory, plan, site, weather)
    return _site_model(factory.sites[site].pue, plant, tuple(hall.path for hall in halls), extra)


def _site_model(
    pue: float | None, plant: SitePlant, halls: tuple[str, ...], extra: Sequence[RackLoad]
) -> SiteModel:
    beside_kw = tuple(
        sum(rack.typical_kw for rack in extra if rack.path.startswith(f"{hall}/")) for hall in halls
    )
    if pue is not None:
        note = (
            f"{plant.site}: the PUE of {pue:g} of the file makes the meter; of what is beside IT, "
            "losses are what the designed chain loses, and the rest is told as cooling."
        )
        return SiteModel(
            site=plant.site,
            halls=halls,
            beside_kw=beside_kw,
            power=plant.power,
            pue=pue,
            notes=(note,),
        )
    note = (
        f"{plant.site}: losses and cooling are worked out from each hour's mean IT power and "
        "weather, with the parts that the design gives the site."
    )
    return SiteModel(
        site=plant.site,
        halls=halls,
        beside_kw=beside_kw,
        power=plant.power,
        cooling=plant.halls,
        other_kw=plant.other_kw_max,
        notes=(note,),
    )


def overhead(model: SiteModel, it_w: Floats, hours: SiteHours) -> Overhead:
    """What `model` takes beside the IT power `it_w` [halls, hours] of its halls.

    Without a dry bulb in `hours` cooling is not modelled.
    """
    total_w = it_w.sum(axis=0)
    loss_w = None if model.power is None else _losses_w(model.power, total_w)
    if model.pue is not None:
        return _of_pue(total_w * (model.pue - 1.0), loss_w)
    if loss_w is None:
        return Overhead()
    if not len(hours.dry_bulb_c):
        return Overhead(loss_w=loss_w)
    weather = Weather(
        label=model.site,
        source="",
        is_synthetic=False,
        dry_bulb_c=hours.dry_bulb_c,
        humidity=hours.humidity if len(hours.humidity) else None,
    )
    other_w = np.full(len(total_w), model.other_kw * W_PER_KW)
    cooling_w, water = other_w.copy(), np.zeros(len(total_w))
    for plan, hall_w in zip(model.cooling, it_w, strict=True):
        load = np.clip(hall_w / (plan.it_kw * W_PER_KW), 0.0, 1.0)
        year = cooling_year(plan, weather, load)
        cooling_w += year.power_kw * W_PER_KW
        water += year.water_l
    return Overhead(loss_w=loss_w, cooling_w=cooling_w, other_w=other_w, water_l_per_h=water)


def _losses_w(power: PowerPlan, total_w: Floats) -> Floats:
    return np.asarray(chain_losses_kw(power, total_w / W_PER_KW / power.it_kw[0]) * W_PER_KW)


def _of_pue(beside_w: Floats, loss_w: Floats | None) -> Overhead:
    """What a PUE leaves beside IT, shared out. The chain cannot lose more than that."""
    if loss_w is None:
        return Overhead(cooling_w=beside_w)
    lost_w = np.minimum(loss_w, beside_w)
    return Overhead(loss_w=lost_w, cooling_w=beside_w - lost_w)
