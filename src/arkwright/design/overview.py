"""A whole design in some forty lines a site: label, value, basis. Text for a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from arkwright import units
from arkwright.catalog import parts
from arkwright.design.bill import total_cost
from arkwright.design.blueprint import HallPlan, Rack
from arkwright.design.fabric.build import FabricPlan
from arkwright.design.floor import RackKind
from arkwright.design.load_swing import load_swing
from arkwright.design.span import Span
from arkwright.design.whole import Design, SiteDesign

_FIGURES = 4
"""Significant figures of a power: the parts are not known better."""


class Line(NamedTuple):
    """One row of the table."""

    label: str
    value: str
    basis: str
    """Basis of a power figure, or what else the figure rests on."""


def overview(design: Design) -> list[Line]:
    """Every site with halls, network, storage, floor, power and cooling; links; what is priced."""
    lines = [Line("factory", design.name, "")]
    built = {site.plan.name: site for site in design.sites}
    for plan in design.blueprint.sites:
        lines.append(Line(f"site {plan.name}", plan.country or "country not given", ""))
        if plan.name in built:
            lines += _site(design.blueprint.racks, built[plan.name])
    for link in design.links:
        far = f"{link.bandwidth_gbit_s:,.0f} Gbit/s, {link.round_trip_ms:.1f} ms there and back"
        lines.append(Line(f"link {link.a} {link.b}", far, f"{link.distance_km:,.0f} km of fibre"))
    for currency, (low, high) in total_cost(design.bill).items():
        priced = sum(line.cost is not None for line in design.bill)
        what = f"{priced} of {len(design.bill)} lines of the bill have a price"
        lines.append(Line("priced parts", Span(low, high).text(currency), what))
    return lines


def _site(racks: Sequence[Rack], site: SiteDesign) -> Iterator[Line]:
    for hall in site.plan.halls:
        yield from _hall(hall)
    for fabric in site.network.fabrics:
        yield _fabric(site, fabric)
    for plan in site.network.storage:
        title = parts.storage_product(plan.product).title
        rates = f"{plan.read_gb_s:,.0f} GB/s read, {plan.write_gb_s:,.0f} written"
        value = f"{plan.nodes:,} × {title}"
        yield Line("  storage", value, f"{rates}, {plan.capacity_tb:,.0f} TB; level {plan.level}")
    yield _floor(site)
    yield from _chain(site)
    yield from _cooling(site)
    yield from _power(racks, site)


def _hall(hall: HallPlan) -> Iterator[Line]:
    asked = f" (asked for {hall.gpus_asked:,})" if hall.gpus_asked not in (None, hall.gpus) else ""
    if hall.power_kw_asked is not None:
        asked = f" (what {units.render(hall.power_kw_asked, 'kW')} carry)"
    racks = f"{hall.racks:,} {'rack' if hall.racks == 1 else 'racks'} of {hall.system}"
    yield Line(f"  hall {hall.name}", racks, hall.path)
    yield Line("    GPUs", f"{hall.gpus:,}{asked}", "")
    yield Line("    nodes", f"{hall.nodes:,}", "")
    yield Line("    scale-up domains", f"{hall.scale_up_domains:,}", "")
    yield Line("    scalable units", f"{hall.scalable_units:,}", "")
    yield Line("    leaf groups", f"{hall.leaf_groups:,}", "nodes behind the same leaves, as wired")


def _fabric(site: SiteDesign, plan: FabricPlan) -> Line:
    title = parts.switch(plan.switch).title
    table = site.network.schedule
    cables = int((table.fabric == table.fabrics.index(plan.name)).sum())
    value = f"{plan.switches:,} {title}, {cables:,} links"
    if plan.size is None:
        return Line(f"  {plan.name} fabric", value, "one port of everything managed")
    size = plan.size
    tiers = f"{size.tiers} tier{'s' if size.tiers > 1 else ''}: {size.leaf:,} leaf"
    tiers += f", {size.spine:,} spine" if size.spine else ""
    tiers += f", {size.core:,} core" if size.core else ""
    tiers += f" in {size.planes} planes" if size.planes > 1 else ""
    bisection = units.render(plan.bisection_gbit_s or 0.0, "Gbit/s")
    return Line(f"  {plan.name} fabric", value, f"{tiers}; bisection {bisection}")


def _floor(site: SiteDesign) -> Line:
    plan = site.network.floor
    counts = np.bincount(plan.kind, minlength=len(RackKind)).tolist()
    kinds = ", ".join(
        f"{count:,} {kind.name.lower()}" for kind, count in zip(RackKind, counts, strict=True)
    )
    area = sum(hall.area_m2 for hall in plan.halls)
    return Line("  floor", f"{len(plan.racks):,} racks on {area:,.0f} m2", kinds)


def _chain(site: SiteDesign) -> Iterator[Line]:
    chain = site.plant.power
    names = {
        "utility": "feed",
        "transformer-hv": "HV transformer",
        "transformer": "transformer",
        "ups": "UPS module",
        "generator": "generator",
        "busway": "busway",
    }
    counts = [(chain.count(kind), name) for kind, name in names.items()]
    value = ", ".join(f"{n:,} {name}{'s' if n > 1 else ''}" for n, name in counts if n)
    lost = units.render(round(site.power.losses_kw_max, 0), "kW")
    yield Line("  power chain", value, f"{lost} of losses at maximum")


def _cooling(site: SiteDesign) -> Iterator[Line]:
    machines: dict[str, list[int]] = {}
    for hall in site.plant.halls:
        for loop in hall.loops:
            for m in loop.machines:
                count = machines.setdefault(m.kind, [0, 0])
                count[0] += m.needed
                count[1] += m.installed
    named = {"cdu": "CDUs", "dry-cooler": "dry coolers", "air-handler": "air handlers",
             "chiller": "chillers", "rear-door": "rear doors"}  # fmt: skip
    value = ", ".join(f"{found[1]:,} {named[kind]}" for kind, found in machines.items())
    needed = " + ".join(f"{found[0]:,}" for found in machines.values())
    yield Line("  cooling", value, f"{needed} carry the heat, the rest is redundancy")
    liquid, air = site.plant.chiller_free_hours, site.plant.chiller_free_hours_air
    loops = {loop.name for hall in site.plant.halls for loop in hall.loops}
    hours = [f"{h:,} h {name}" for name, h in (("liquid", liquid), ("air", air)) if name in loops]
    yield Line("    without chillers", ", ".join(hours), site.plant.weather)
    year = site.plant.year
    if year.reuse_c is not None:
        heat = f"{year.reuse_kwh / 1e6:,.1f} GWh a year at {year.reuse_c:.0f} °C"
        yield Line("    heat for reuse", heat, "")
    given = "given; " if site.power.pue_is_given else ""
    worst = f"{given}yearly mean at typical load; worst hour {year.pue_max:.2f}"
    yield Line("    PUE", f"{site.power.pue:.2f}", worst)
    yield Line("    WUE", f"{site.power.wue_l_per_kwh:.2f} L/kWh", "on site")


def _power(racks: Sequence[Rack], site: SiteDesign) -> Iterator[Line]:
    power = site.power
    yield Line("  rack power", _kw(power.rack_kw_max), "IT, racks of nodes, maximum")
    yield Line("  network power", _kw(power.network_kw_max), "IT, switches and modules, maximum")
    rest = power.storage_kw_max + power.servers_kw_max
    yield Line("  storage power", _kw(rest), "IT, with management servers, maximum")
    yield Line(
        "  IT power", _kw(power.it_kw_max), f"IT, maximum; {_kw(power.it_kw_typical)} typical"
    )
    typical = f"facility, warmest hour, maximum; {_kw(power.facility_kw_typical)} typical"
    if power.pue_is_given:
        typical = f"facility, IT x given PUE; {_kw(power.facility_kw_typical)} typical"
    yield Line("  facility power", _kw(power.facility_kw_max), typical)
    yield Line("  grid power", _kw(power.grid_kw_max), "grid, maximum")
    per_1000 = power.it_kw_max * power.pue / site.plan.gpus
    yield Line("  per 1,000 GPUs", f"{per_1000:.2f} MW", "facility, IT x yearly PUE, maximum")
    swing = load_swing(racks, site)
    held = f"; {_kw(swing.smoothed_kw)} behind the storage in the racks"
    words = "grid, maximum to idle of one training job on all nodes"
    yield Line("  load swing", _kw(swing.grid_kw), words + (held if swing.storage_kj else ""))
    if power.connection_kw is not None:
        limit = units.render(power.connection_kw, "kW")
        yield Line("  grid connection", limit, power.connection_basis)


def _kw(kilowatts: float) -> str:
    return units.render(kilowatts, "kW", _FIGURES)
