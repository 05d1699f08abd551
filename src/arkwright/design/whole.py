"""The whole design of a factory: racks, network, storage, floor, power, cooling and the bill.

The blueprint knows racks; here is what stands between and beside them, part by part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from arkwright.catalog import plant
from arkwright.design.bill import BillLine, bill
from arkwright.design.bill_plant import bill_plant
from arkwright.design.blueprint import Assumption, Blueprint, Finding, SitePlan
from arkwright.design.climate import weather_of
from arkwright.design.intent import Shortfall, connection_findings, nearest
from arkwright.design.lower import blueprint
from arkwright.design.network import Network, SiteNetwork, network
from arkwright.design.site_plant import SitePlant, site_plant
from arkwright.design.site_power import Beside, SitePower, beside, site_power
from arkwright.design.wide_area import WideAreaLink
from arkwright.errors import InputError
from arkwright.factory import Cooling, Factory, Power, Site, Ups
from arkwright.factory.weather import Weather


class SiteDesign(Struct, frozen=True, kw_only=True, eq=False):
    """One site with everything in it."""

    plan: SitePlan
    network: SiteNetwork
    plant: SitePlant
    power: SitePower


class Design(Struct, frozen=True, kw_only=True, eq=False):
    """A whole factory on paper."""

    name: str
    blueprint: Blueprint
    """With the power of the parts in its sites."""
    sites: tuple[SiteDesign, ...]
    """Those that have halls."""
    links: tuple[WideAreaLink, ...]
    bill: tuple[BillLine, ...]
    findings: tuple[Finding, ...]
    assumptions: tuple[Assumption, ...]


def whole(factory: Factory, weather: Mapping[str, Weather] | None = None) -> Design:
    """Everything that `factory` becomes. Pure; the same every time.

    `weather` has the years of the sites whose `climate` names a file (`factory.series` reads them);
    the others get a synthetic year. InputError where something cannot be built, with the reason.
    """
    plan = blueprint(factory)
    wired = network(factory, plan)
    sites = tuple(_sites(factory, plan, wired, weather or {}))
    return assembled(factory, plan, wired, sites, bill(plan, wired))


def assembled(
    factory: Factory,
    plan: Blueprint,
    wired: Network,
    sites: tuple[SiteDesign, ...],
    bought: tuple[BillLine, ...],
) -> Design:
    """The design of parts that are designed; `bought` is the bill of `plan` and `wired`."""
    powers = {site.plan.name: site.plan for site in sites}
    findings, assumptions = list(plan.findings), list(plan.assumptions)
    for site in sites:
        name = site.plan.name
        findings += connection_findings(site.plan, site.power)
        findings += site.network.findings
        findings += [f for f in site.plant.findings if f.where != f"{name}/grid"]
        assumptions += [_pue(site), *_plant(factory.sites[name], site.plant)]
        assumptions += site.network.assumptions
    built = msgspec.structs.replace(
        plan,
        sites=tuple(powers.get(site.name, site) for site in plan.sites),
        findings=tuple(dict.fromkeys(findings)),
        assumptions=tuple(dict.fromkeys(assumptions)),
    )
    return Design(
        name=plan.name,
        blueprint=built,
        sites=sites,
        links=wired.links,
        bill=(*bought, *(line for site in sites for line in bill_plant(site.plant))),
        findings=built.findings,
        assumptions=built.assumptions,
    )


def shortfalls(
    factory: Factory, design: Design, weather: Mapping[str, Weather] | None = None
) -> list[Shortfall]:
    """Every connection of `design` that does not carry what `factory` asks for, with what it does.

    Each number of racks that is named was designed, not scaled.
    """

    def powered(smaller: Factory) -> SitePower | None:
        try:
            (only,) = whole(smaller, weather).sites
        except InputError:
            return None
        return only.power

    found = [nearest(factory, site.plan, site.power, powered) for site in design.sites]
    return [shortfall for shortfall in found if shortfall is not None]


def _sites(
    factory: Factory, plan: Blueprint, wired: Network, weather: Mapping[str, Weather]
) -> Iterator[SiteDesign]:
    plans = {site.name: site for site in plan.sites}
    for net in wired.sites:
        place, name = factory.sites[net.site], net.site
        year = weather_of(place.climate, place.country, weather.get(name))
        extra = beside(net)
        made = site_plant(factory, plan, name, year, extra.racks)
        yield site_design(place, plans[name], net, extra, made)


def site_design(
    place: Site, plan: SitePlan, net: SiteNetwork, extra: Beside, made: SitePlant
) -> SiteDesign:
    """One site of its parts; the power of the parts replaces what `plan` assumed."""
    power = site_power(place, plan.rack_power_kw_max, extra, made)
    own = msgspec.structs.replace(
        plan,
        it_power_kw_max=power.it_kw_max,
        facility_power_kw_max=power.facility_kw_max,
    )
    return SiteDesign(plan=own, network=net, plant=made, power=power)


def _plant(asked: Site, built: SitePlant) -> Iterator[Assumption]:
    """What the file left open of cooling and power, and the machines that were taken."""
    site, choice = built.site, "Arkwright's choice where the file gives none"

    def assumed(name: str, value: str, source: str = choice) -> Assumption:
        return Assumption(where=site, name=name, value=value, source=source)

    for name, given, default in (
        ("cooling supply", asked.cooling.supply, Cooling().supply),
        ("cooling redundancy", asked.cooling.redundancy.value, Cooling().redundancy.value),
        ("UPS", asked.power.ups.kind.value, Ups().kind.value),
        ("power redundancy", asked.power.ups.redundancy.value, Ups().redundancy.value),
        ("utility feeds", str(asked.power.feeds), str(Power().feeds)),
    ):
        if given == default:
            yield assumed(name, given)
    machines = {m.part: m for hall in built.halls for loop in hall.loops for m in loop.machines}
    for part in machines:
        cooler = plant.cooling_part(part)
        value = f"{cooler.capacity_kw:g} kW, approach {cooler.approach_k:g} K"
        yield assumed(cooler.title, value, cooler.provenance)
    for entry in built.power.parts:
        if entry.part:
            row = plant.power_part(entry.part)
            yield assumed(row.title, f"{row.rating_kw:g} kW", row.provenance)


def _pue(site: SiteDesign) -> Assumption:
    if site.power.pue_is_given:
        source = "given in the file; the cooling model says "
        source += f"{site.plant.year.pue_mean:.3f} under {site.plant.weather}"
    else:
        source = f"computed hour by hour under {site.plant.weather} at typical load"
    name = "PUE (yearly mean)"
    return Assumption(where=site.plan.name, name=name, value=f"{site.power.pue:.3f}", source=source)
