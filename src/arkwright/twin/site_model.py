"""What a site takes beside its racks of nodes: network and storage, losses, cooling, the rest.

The design's own parts and functions: the power chain of `design.power_chain` at the load of the
hour, the cooling plants of `design.cooling_year` at the load and weather of the hour. Where the
factory file gives a PUE that figure stands for all of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.design.blueprint import Blueprint
from arkwright.design.climate import weather_of
from arkwright.design.cooling import CoolingPlan
from arkwright.design.cooling_year import cooling_year
from arkwright.design.lower import blueprint
from arkwright.design.power_chain import PowerPlan, chain_losses_kw
from arkwright.design.power_layout import RackLoad
from arkwright.design.site_plant import SitePlant, site_loads, site_plant
from arkwright.factory import Factory
from arkwright.factory.weather import Weather
from arkwright.twin.hours import SiteHours
from arkwright.twin.power import NO_FLOATS
from arkwright.units import W_PER_KW

Floats = NDArray[np.float64]


class SiteModel(Struct, frozen=True, eq=False, kw_only=True):
    """One site. Without `power`, cooling and losses are `pue` less one times IT power."""

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


def site_models(
    factory: Factory, weather: Mapping[str, Weather] | None = None
) -> dict[str, SiteModel]:
    """The model of every site that has halls on paper. `weather`: by site, where a file was read.

    The weather sizes the chillers; what the run's hours are like is told to `energy`.
    """
    plan = blueprint(factory)
    found = {}
    for name, site in factory.sites.items():
        if site.halls:
            year = weather_of(site.climate, site.country, (weather or {}).get(name))
            found[name] = site_model(factory, plan, name, year)
    return found


def site_model(
    factory: Factory,
    plan: Blueprint,
    site: str,
    weather: Weather,
    beside: tuple[RackLoad, ...] | None = None,
) -> SiteModel:
    """The model of `site` as `plan` lays it out. `beside`: as `design.site_plant` takes it."""
    loads = site_loads(plan, site, beside)
    of_nodes = {rack.path for rack in plan.racks if rack.site == site}
    extra = [rack for rack in loads.racks if rack.path not in of_nodes]
    halls = next(each.halls for each in plan.sites if each.name == site)
    beside_kw = tuple(
        sum(rack.typical_kw for rack in extra if rack.path.startswith(f"{hall.path}/"))
        for hall in halls
    )
    paths = tuple(hall.path for hall in halls)
    given = factory.sites[site].pue
    if given is not None:
        note = f"{site}: cooling and losses follow from the PUE of {given:g} that the file gives."
        return SiteModel(site=site, halls=paths, beside_kw=beside_kw, pue=given, notes=(note,))
    return of_plant(site_plant(factory, plan, site, weather, beside), paths, beside_kw)


def of_plant(plant: SitePlant, halls: tuple[str, ...], beside_kw: tuple[float, ...]) -> SiteModel:
    """The model of a site whose plant was designed already."""
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
    total_kw = it_w.sum(axis=0) / W_PER_KW
    if model.power is None:
        share = (model.pue or 1.0) - 1.0
        return Overhead(cooling_w=total_kw * W_PER_KW * share)
    lost_kw = chain_losses_kw(model.power, total_kw / model.power.it_kw[0])
    if not len(hours.dry_bulb_c):
        return Overhead(loss_w=lost_kw * W_PER_KW)
    weather = Weather(
        label=model.site,
        source="",
        is_synthetic=False,
        dry_bulb_c=hours.dry_bulb_c,
        humidity=hours.humidity if len(hours.humidity) else None,
    )
    other_w = np.full(len(total_kw), model.other_kw * W_PER_KW)
    cooling_w, water = other_w.copy(), np.zeros(len(total_kw))
    for plan, hall_w in zip(model.cooling, it_w, strict=True):
        load = np.clip(hall_w / (plan.it_kw * W_PER_KW), 0.0, 1.0)
        year = cooling_year(plan, weather, load)
        cooling_w += year.power_kw * W_PER_KW
        water += year.water_l
    return Overhead(
        loss_w=lost_kw * W_PER_KW, cooling_w=cooling_w, other_w=other_w, water_l_per_h=water
    )
