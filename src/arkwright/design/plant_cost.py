"""What building and plant cost where power and cooling are not those of published halls.

Prices of a megawatt were read for whole halls, not by redundancy or temperature. So the published
price stands for a usual hall (N+1, UPS, generators, chillers for all heat), and the shares of it
that are electrical and mechanical follow the kilowatts installed: cost = published price x
(1 + e (E - 1) + m (M - 1)), e and m the shares, E and M installed over usual. An estimate: it says
which variant is dearer and about how much, not what a transformer costs.
"""

from __future__ import annotations

import itertools
import math

import msgspec

from arkwright.catalog import money as figures
from arkwright.catalog import plant
from arkwright.design.cooling import CoolingPlan, part_of
from arkwright.design.money import Drawn, SiteMoney, site_money
from arkwright.design.power_chain import PowerPlan, plan_power
from arkwright.design.power_layout import RackLoad
from arkwright.design.site_plant import SitePlant
from arkwright.design.span import Span
from arkwright.design.whole import Design, SiteDesign
from arkwright.factory import Factory, Power, Ups
from arkwright.physics import losses

_ELECTRICAL = ("transformer", "transformer-hv", "ups", "generator")
"""Kinds whose kilowatts are counted: what redundancy multiplies."""


def money_of(
    factory: Factory, design: Design, site: SiteDesign, usual: PowerPlan | None = None
) -> SiteMoney:
    """The money of `site` as it was designed, prices of its own bill and plant in it.

    `usual` is `usual_chain` of its racks, where the caller has it.
    """
    power, year = site.power, site.plant.year
    section = factory.sites[site.plan.name].power
    drawn = Drawn(power.it_kw_max, power.facility_kw_max, year.it_kwh * power.pue)
    chain = usual_chain(section, site.plant.power) if usual is None else usual
    return site_money(factory, site.plan, drawn, design.bill, plant_factor(site.plant, chain))


def plant_factor(built: SitePlant, usual: PowerPlan) -> Span:
    """Cost of building and plant over that of a usual hall for the same load."""
    over_e = electrical_kw(built.power) / electrical_kw(usual) - 1.0
    over_m = _machines_kw(built.halls) / _usual_machines_kw(built.halls) - 1.0
    shares = [
        (row.low, row.high)
        for row in (figures.figure(f"{name}_share_of_building") for name in _SHARES)
    ]
    ends = [1.0 + e * over_e + m * over_m for e, m in itertools.product(*shares)]
    return Span(min(ends), max(ends))


def usual_chain(section: Power, chain: PowerPlan) -> PowerPlan:
    """The chain that a usual hall has for the racks and the cooling of `chain`."""
    usual = msgspec.structs.replace(section, ups=Ups(), generators=True)
    if usual == section:
        return chain
    racks = [
        RackLoad(path=n.path, peak_kw=n.own_kw[0], typical_kw=n.own_kw[1], idle_kw=n.own_kw[2])
        for n in chain.tree.nodes
        if n.kind == "rack"
    ]
    cooling_kw = sum(node.own_kw[0] for node in chain.tree.nodes if node.kind == "cooling")
    return plan_power(chain.site, racks, usual, None, cooling_kw)


def electrical_kw(chain: PowerPlan) -> float:
    """Installed transformers, UPS and generators together, in kW of rating."""
    return sum(p.installed * p.rating_kw for p in chain.parts if p.kind in _ELECTRICAL)


_SHARES = ("electrical", "mechanical")


def _machines_kw(halls: tuple[CoolingPlan, ...]) -> float:
    """Installed machines of every loop together, in kW of heat."""
    return sum(
        m.installed * m.capacity_kw for h in halls for loop in h.loops for m in loop.machines
    )


def _usual_machines_kw(halls: tuple[CoolingPlan, ...]) -> float:
    """The same with one spare of each kind and chillers for all heat."""
    found = 0.0
    for loop in (loop for hall in halls for loop in hall.loops):
        chiller = part_of("chiller", loop.heat_kw, {})
        parts = {m.kind: plant.cooling_part(m.part) for m in loop.machines}
        for part in ({"chiller": chiller} | parts).values():
            needed = max(1, math.ceil(loop.heat_kw / part.capacity_kw - 1e-9))
            found += losses.installed(needed, losses.N_PLUS_1) * part.capacity_kw
    return found
