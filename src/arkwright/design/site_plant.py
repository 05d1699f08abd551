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
from arkwright.factory import Factory, Power, PowerBasis
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
    halls = next(plan.halls for plan in blueprint.sites if plan.name == site)
    racks = rack_loads([rack for rack in blueprint.racks if rack.site == site])
    extra = _beside(halls) if beside is None else list(beside)
    plans = [plan_cooling(hall.path, *_heat(hall, extra), place.cooling, weather) for hall in halls]
    loads = [*racks, *extra]
    typical = sum(rack.typical_kw for rack in loads) / sum(rack.peak_kw for rack in loads)
    cooling_kw_max = sum(design_hour_kw(plan, weather) for plan in plans)
    is_at_grid = place.grid.basis in (PowerBasis.GRID, PowerBasis.FACILITY)
    connection_kw = place.grid.connection if is_at_grid else None
    other_kw = sum(rack.peak_kw for rack in loads) * plant.figure("other_fraction")
    chain = _chain(site, loads, place.power, connection_kw, cooling_kw_max + other_kw)
    whole, year = together(site, plans, [cooling_year(p, weather, typical) for p in plans])
    found = [*whole.findings, *spare_findings(whole), *chain.findings]
    return SitePlant(
        site=site,
        weather=weather.label,
        halls=tuple(plans),
        power=chain,
        cooling_kw_max=cooling_kw_max,
        other_kw_max=other_kw,
        chiller_free_hours=_free(year, "liquid"),
        chiller_free_hours_air=_free(year, "air"),
        year=facility_year(whole, year, chain_losses_kw(chain, typical)),
        findings=tuple(found),
    )


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
