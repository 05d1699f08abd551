"""Heat and power of one site of a blueprint: every hall's plant, the chain, and a year of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from arkwright import catalog
from arkwright.catalog import plant
from arkwright.design.blueprint import Blueprint, Finding, HallPlan
from arkwright.design.cooling import CoolingPlan, plan_cooling, spare_findings
from arkwright.design.cooling_year import (
    CoolingYear,
    FacilityYear,
    cooling_year,
    design_hour_kw,
    facility_year,
    together,
)
from arkwright.design.power_chain import PowerPlan, chain_losses_kw, plan_power, rack_loads
from arkwright.design.power_layout import RackLoad
from arkwright.factory import Factory, Power, PowerBasis, Site
from arkwright.factory.weather import Weather


class SitePlant(Struct, frozen=True, kw_only=True):
    """What a site needs beside its racks, and what a year of it takes."""

    site: str
    weather: str
    """Label; says where the year is synthetic."""
    halls: tuple[CoolingPlan, ...]
    power: PowerPlan
    cooling_kw_max: float
    """Of the cooling plants at full load in the hour their chillers are sized for."""
    other_kw_max: float
    """Lighting, controls, ventilation: fed with the cooling."""
    chiller_free_hours: int
    """Hours in which no liquid loop needs a chiller; air loops are apart."""
    chiller_free_hours_air: int
    year: FacilityYear
    """At the racks' typical draw."""
    findings: tuple[Finding, ...]


class SiteLoads(Struct, frozen=True, kw_only=True):
    """What the racks of a site draw, and how much of it heats which hall."""

    racks: tuple[RackLoad, ...]
    """Racks of nodes, then those beside them."""
    heat_kw: tuple[tuple[float, float], ...]
    """By hall, at maximum: into liquid and into air."""

    @property
    def peak_kw(self) -> float:
        """Of all racks together; basis IT."""
        return sum(rack.peak_kw for rack in self.racks)

    @property
    def typical(self) -> float:
        """Typical draw over peak, 0..1."""
        return sum(rack.typical_kw for rack in self.racks) / self.peak_kw


class SiteCooling(Struct, frozen=True, kw_only=True):
    """The cooling plants of a site and their year; the power chain does not change it."""

    halls: tuple[CoolingPlan, ...]
    whole: CoolingPlan
    year: CoolingYear
    kw_max: float
    """At full load in the hour the chillers are sized for."""


def site_plant(
    factory: Factory,
    blueprint: Blueprint,
    site: str,
    weather: Weather,
    beside: Sequence[RackLoad] | None = None,
) -> SitePlant:
    """Cooling and power of `site`, whose halls `blueprint` has laid out, under `weather`.

    `beside`: racks of network, storage and management; without them the catalogue's share of the
    racks' power stands for them. All their heat goes to air.
    """
    place = factory.sites[site]
    loads = site_loads(blueprint, site, beside)
    return powered(
        site, place, loads, site_cooling(site, place, blueprint, loads, weather), weather
    )


def site_loads(
    blueprint: Blueprint, site: str, beside: Sequence[RackLoad] | None = None
) -> SiteLoads:
    """Every rack of `site` as a load; `beside` as in `site_plant`."""
    halls = _halls(blueprint, site)
    racks = rack_loads([rack for rack in blueprint.racks if rack.site == site])
    extra = _beside(halls) if beside is None else list(beside)
    heat_kw = tuple(_heat(hall, extra) for hall in halls)
    return SiteLoads(racks=(*racks, *extra), heat_kw=heat_kw)


def site_cooling(
    site: str, place: Site, blueprint: Blueprint, loads: SiteLoads, weather: Weather
) -> SiteCooling:
    """The plants that carry the heat of `loads`, and a year of them."""
    pairs = zip(_halls(blueprint, site), loads.heat_kw, strict=True)
    plans = [plan_cooling(hall.path, *kw, place.cooling, weather) for hall, kw in pairs]
    years = [cooling_year(plan, weather, loads.typical) for plan in plans]
    whole, year = together(site, plans, years)
    kw_max = sum(design_hour_kw(plan, weather) for plan in plans)
    return SiteCooling(halls=tuple(plans), whole=whole, year=year, kw_max=kw_max)


def powered(
    site: str, place: Site, loads: SiteLoads, cooled: SiteCooling, weather: Weather
) -> SitePlant:
    """The plant of `site` with the power chain that carries `loads` and what cools them."""
    is_at_grid = place.grid.basis in (PowerBasis.GRID, PowerBasis.FACILITY)
    connection_kw = place.grid.connection if is_at_grid else None
    other_kw = loads.peak_kw * plant.figure("other_fraction")
    chain = _chain(site, loads.racks, place.power, connection_kw, cooled.kw_max + other_kw)
    found = [*cooled.whole.findings, *spare_findings(cooled.whole), *chain.findings]
    lost_kw = chain_losses_kw(chain, loads.typical)
    return SitePlant(
        site=site,
        weather=weather.label,
        halls=cooled.halls,
        power=chain,
        cooling_kw_max=cooled.kw_max,
        other_kw_max=other_kw,
        chiller_free_hours=_free(cooled.year, "liquid"),
        chiller_free_hours_air=_free(cooled.year, "air"),
        year=facility_year(cooled.whole, cooled.year, lost_kw),
        findings=tuple(found),
    )


def _halls(blueprint: Blueprint, site: str) -> tuple[HallPlan, ...]:
    return next(plan.halls for plan in blueprint.sites if plan.name == site)


def _chain(
    site: str,
    loads: Sequence[RackLoad],
    section: Power,
    connection_kw: float | None,
    mechanical_kw: float,
) -> PowerPlan:
    """The chain. A connection that is too small is one finding, not one of every part above it."""
    chain = plan_power(site, loads, section, connection_kw, mechanical_kw)
    if connection_kw is None or chain.input_kw[0] <= connection_kw:
        return chain
    alone = plan_power(site, loads, section, None, mechanical_kw)
    small = [finding for finding in chain.findings if finding.where == f"{site}/grid"]
    return msgspec.structs.replace(chain, findings=(*small, *alone.findings))


def _beside(halls: Sequence[HallPlan]) -> list[RackLoad]:
    """Racks that stand for the catalogue's share of the racks' power."""
    share, most_kw = catalog.default("ancillary_fraction").value, plant.figure("beside_rack_kw")
    found = []
    for hall in halls:
        kw = hall.it_power_kw_max * share
        count = max(1, math.ceil(kw / most_kw))
        found += [
            RackLoad(
                path=f"{hall.path}/beside-{number:03d}",
                peak_kw=kw / count,
                typical_kw=kw / count,
                idle_kw=kw / count,
            )
            for number in range(1, count + 1)
        ]
    return found


def _heat(hall: HallPlan, beside: Sequence[RackLoad]) -> tuple[float, float]:
    """Heat of a hall at maximum: into liquid and into air [kW]."""
    share = catalog.system(hall.system).liquid_fraction or 0.0
    extra = sum(rack.peak_kw for rack in beside if rack.path.startswith(f"{hall.path}/"))
    return hall.it_power_kw_max * share, hall.it_power_kw_max * (1 - share) + extra


def _free(year: CoolingYear, name: str) -> int:
    """Hours in which no loop of that name needs a chiller; 0 where there is no such loop."""
    return min((y.chiller_free_hours for y in year.loops if y.name == name), default=0)
