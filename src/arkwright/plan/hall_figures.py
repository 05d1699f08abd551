"""What racks of a generation take in a hall: designed, and divided by their number.

A hall is a blueprint: `design` lays out halls of one kind at the site, with network, storage, power
and cooling, and what they draw and cost is divided by their racks. Network grows by a tier when a
site has several halls, so as many halls are designed as make up 256 racks, or as many as there may
be; beyond that the figures of a rack move by less than 1 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import msgspec
from msgspec import Struct

from arkwright import catalog, documents
from arkwright.catalog import money as figures
from arkwright.design.bill import BillLine, bill
from arkwright.design.blueprint import Assumption
from arkwright.design.climate import weather_of
from arkwright.design.lower import blueprint
from arkwright.design.money import CostLine, SiteMoney
from arkwright.design.network import Network, network
from arkwright.design.plant_cost import money_of
from arkwright.design.site_plant import site_plant
from arkwright.design.site_power import beside
from arkwright.design.span import Span, total
from arkwright.design.whole import SiteDesign, assembled, site_design
from arkwright.factory import Factory, Hall, Site
from arkwright.factory.weather import Weather
from arkwright.plan.axes import Place

_RACKS_DESIGNED = 256
_QUARTERS_PER_YEAR = 4
_SITE = "site"
_NOTHING = Span(0.0, 0.0)


class HallFigures(Struct, frozen=True, kw_only=True):
    """Of one rack, and of one kW of its hall; money in the factory's currency, a quarter's opex."""

    rack_it_kw: float
    """At maximum, with its share of network, storage and servers; basis IT."""
    rack_grid_kw: float
    """The same on basis grid, in the hour the cooling is sized for."""
    load_factor: float
    """Mean draw over a year at typical load over the maximum; basis facility."""
    rack_cost: Span | None
    """Compute, network, storage; None where no price of the system was read."""
    network_cost: Span
    """The part that is network."""
    storage_share: Span
    """Storage over compute."""
    facility_per_kw: Span
    """Building and plant for 1 kW of IT."""
    facility_opex_share: Span
    """Maintenance of building and plant a quarter, of its cost."""
    rack_opex_share: Span
    """Maintenance of IT a quarter, of its cost."""
    staff_per_kw: Span
    """A quarter, for 1 kW of IT."""
    costs: tuple[CostLine, ...]
    """Of the halls that were designed: how each part was counted, and by whose figures."""
    assumptions: tuple[Assumption, ...]

    @property
    def grid_per_it(self) -> float:
        """PUE at its worst, with transformers."""
        return self.rack_grid_kw / self.rack_it_kw


def hall_figures(
    factory: Factory, place: Place, system: str, weather: Weather | None = None
) -> HallFigures:
    """Racks of `system` in halls of `place`, alone at their site.

    `weather` is the year of a site whose `climate` names a file.
    """
    site = factory.sites[place.site]
    kind = place.kind
    if kind is None:
        halls = {place.hall: site.halls[place.hall]}
        if site.halls[place.hall].system != system:
            halls = {place.hall: Hall(system=system, racks=_replacing(site, place.hall, system))}
    else:
        racks = max(1, int(kind.power // catalog.system(system).rack_power_kw_max))
        count = max(1, min(kind.count, -(-_RACKS_DESIGNED // racks)))
        halls = {f"h{at}": Hall(system=system, racks=racks) for at in range(count)}
    alone = Factory(
        factory=_SITE,
        sites={_SITE: _bare(site, halls)},
        energy=factory.energy,
        money=factory.money,
    )
    if weather is not None:
        return _designed(alone, weather)
    return _remembered(_written(alone))


@lru_cache(maxsize=4096)
def _remembered(written: bytes) -> HallFigures:
    """Sites that differ in name or connection alone are one design."""
    return _designed(_read(written), None)


def _designed(factory: Factory, weather: Weather | None) -> HallFigures:
    """As `design.whole` does it, with the network of equal halls elsewhere."""
    place, plan = factory.sites[_SITE], blueprint(factory)
    halls = Site(halls=place.halls, fabric=place.fabric, storage=place.storage, power=place.power)
    wired, bought = _wired(_written(Factory(factory=_SITE, sites={_SITE: halls})))
    (net,), (own,) = wired.sites, plan.sites
    extra = beside(net)
    year = weather_of(place.climate, place.country, weather)
    site = site_design(place, own, net, extra, site_plant(factory, plan, _SITE, year, extra.racks))
    built = assembled(factory, plan, wired, (site,), bought)
    return _figures(site, money_of(factory, built, site), built.assumptions)


@lru_cache(maxsize=256)
def _wired(written: bytes) -> tuple[Network, tuple[BillLine, ...]]:
    """The network of halls and its bill, which are the same in every country."""
    factory = _read(written)
    plan = blueprint(factory)
    wired = network(factory, plan)
    return wired, bill(plan, wired)


def _written(factory: Factory) -> bytes:
    return msgspec.json.encode(documents.encode(factory), order="deterministic")


def _read(written: bytes) -> Factory:
    return documents.decode(documents.parse(written, _SITE), Factory)


def _bare(site: Site, halls: dict[str, Hall]) -> Site:
    """`site` as far as the design of its halls depends on it."""
    return Site(
        country=site.country,
        pue=site.pue,
        halls=halls,
        fabric=site.fabric,
        energy=site.energy,
        climate=site.climate,
        power=site.power,
        cooling=site.cooling,
        storage=site.storage,
    )


def _replacing(site: Site, hall: str, system: str) -> int:
    """Racks of `system` for the power of the racks that stand in `hall`."""
    held = site.halls[hall]
    old = catalog.system(held.system)
    racks = held.racks or -(-(held.gpus or 0) // old.gpus_per_rack)
    racks = racks or -(-(held.nodes or 0) // old.nodes_per_rack)
    power_kw = held.power or racks * old.rack_power_kw_max
    return max(1, int(power_kw // catalog.system(system).rack_power_kw_max))


def _figures(
    site: SiteDesign, money: SiteMoney, assumptions: tuple[Assumption, ...]
) -> HallFigures:
    racks, power = site.plan.racks, site.power
    capex, opex = _by_group(money.capex), _by_group(money.opex)
    share = figures.figure("storage_share_of_compute")
    network = capex.get("network", _NOTHING)
    it = total([capex["compute"], network, capex["storage"]]) if "compute" in capex else None
    return HallFigures(
        rack_it_kw=power.it_kw_max / racks,
        rack_grid_kw=power.grid_kw_max / racks,
        load_factor=power.facility_kw_typical / power.facility_kw_max,
        rack_cost=it and it.over(racks),
        network_cost=network.over(racks),
        storage_share=Span(share.low, share.high),
        facility_per_kw=capex["facility"].over(power.it_kw_max),
        facility_opex_share=_quarterly("facility_maintenance_share"),
        rack_opex_share=_quarterly("it_maintenance_share"),
        staff_per_kw=opex["staff"].over(power.it_kw_max * _QUARTERS_PER_YEAR),
        costs=(*money.capex, *money.opex),
        assumptions=assumptions,
    )


def _by_group(lines: Iterable[CostLine]) -> dict[str, Span]:
    found: dict[str, Span] = {}
    for line in lines:
        found[line.group] = found.get(line.group, _NOTHING) + line.cost
    return found


def _quarterly(name: str) -> Span:
    row = figures.figure(name)
    return Span(row.low, row.high).over(_QUARTERS_PER_YEAR)
