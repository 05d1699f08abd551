"""A design as a report: which figures, drawings and tables a reader is shown, and in what order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from arkwright import units
from arkwright.design import drawing, sketches
from arkwright.design.blueprint import Blueprint, Finding, Severity, SitePlan
from arkwright.design.drawing.svg import power
from arkwright.design.environment import Environment, Year, environment
from arkwright.design.load_swing import LoadSwing, load_swing
from arkwright.design.money import SiteMoney, published
from arkwright.design.network import SiteNetwork
from arkwright.design.plant_cost import money_of
from arkwright.design.report import Figure, Report, SiteView, Table, Total
from arkwright.design.rules import Fault
from arkwright.design.site_plant import SitePlant
from arkwright.design.site_power import SitePower
from arkwright.design.span import Span, total
from arkwright.design.timeline import Timeline, timeline
from arkwright.design.whole import Design, SiteDesign
from arkwright.factory import Factory


class SitePortrait(Struct, frozen=True, kw_only=True, eq=False):
    """One site with what is worked out for the report alone."""

    plan: SitePlan
    network: SiteNetwork
    plant: SitePlant
    power: SitePower
    swing: LoadSwing
    money: SiteMoney
    timeline: Timeline
    environment: Environment


def report(factory: Factory, built: Design, faults: Sequence[Fault], start_day: int) -> Report:
    """Every site of `built` that has racks, with what the checker found.

    `start_day`: when planning starts, days since 1970-01-01.
    """
    plan = built.blueprint
    sites = [site_portrait(factory, built, site, start_day) for site in built.sites]
    findings = [*_checked(built, faults)]
    assumptions = list(built.assumptions)
    for site in sites:
        systems = {hall.system for hall in site.plan.halls}
        findings += [*site.money.findings, *published(site.money, systems)]
        findings += site.environment.findings
        assumptions += site.money.assumptions
    totals = tuple(_whole(sites))
    # What the head of the page says of an only site is not said again below it.
    said = totals if len(sites) == 1 else ()
    return Report(
        title=f"{factory.factory}: {plan.gpus:,} GPUs at {_count(len(sites), 'site')}",
        words="Every megawatt names its basis. Ranges run from a low to a high end that were "
        "published or, where that is said, estimated. Nothing here was measured.",
        totals=totals,
        sites=tuple(_view(site, plan, said) for site in sites),
        findings=tuple(dict.fromkeys(findings)),
        assumptions=tuple(dict.fromkeys(assumptions)),
    )


def _checked(built: Design, faults: Sequence[Fault]) -> Iterator[Finding]:
    """What the checker found; of the design's own, what the checker does not say again."""
    for fault in faults:
        yield Finding(
            severity=fault.severity,
            where=fault.where,
            text=f"{fault.text} ({fault.margin}); {fault.fix}",
            source=fault.source,
            rule=fault.rule,
        )
    said = {fault.where for fault in faults}
    for finding in built.findings:
        if finding.where not in said or finding.severity is Severity.NOTE:
            yield finding


def site_portrait(
    factory: Factory, built: Design, site: SiteDesign, start_day: int
) -> SitePortrait:
    """Money, schedule and environment of one site."""
    plan, plant, power = site.plan, site.plant, site.power
    facility_kwh = plant.year.it_kwh * power.pue
    year = Year(
        it_kwh=plant.year.it_kwh,
        facility_kwh=facility_kwh,
        wue_l_per_kwh=plant.year.wue_l_per_kwh,
        heat_reused_kwh=plant.year.reuse_kwh,
        heat_reused_c=plant.year.reuse_c,
    )
    return SitePortrait(
        plan=plan,
        network=site.network,
        plant=plant,
        power=power,
        swing=load_swing(built.blueprint.racks, site),
        money=money_of(factory, built, site),
        timeline=timeline(
            plan.name,
            plan.country,
            power.facility_kw_max,
            start_day,
            is_grid_reserved=plan.connection_kw is not None,
        ),
        environment=environment(factory, plan, year),
    )


def _whole(sites: Sequence[SitePortrait]) -> Iterator[Total]:
    if not sites:
        return
    yield Total(value=f"{sum(s.plan.gpus for s in sites):,}", title="GPUs")
    racks = sum(len(site.network.floor.racks) for site in sites)
    compute = sum(site.plan.racks for site in sites)
    yield Total(value=f"{racks:,}", title="racks", basis=f"{compute:,} of them with GPUs")
    yield from _powers(sites)
    it_kwh = sum(site.plant.year.it_kwh for site in sites)
    pue = sum(site.power.pue * site.plant.year.it_kwh for site in sites) / it_kwh
    yield Total(value=f"{pue:.2f}", title="PUE", basis="mean of the year, typical draw")
    yield from _costs([site.money for site in sites])
    soonest = min(sites, key=lambda site: site.timeline.milestones[-1].day)
    text, name = soonest.timeline.milestones[-1].text, soonest.plan.name
    yield Total(value=text, title=f"first GPUs run at {name}", basis=_reserved(soonest))


def _reserved(site: SitePortrait) -> str:
    if site.timeline.is_grid_reserved:
        return "Grid capacity taken as reserved, for the file gives a connection"
    return "No grid connection is given: the wait for one is in it"


def _powers(sites: Sequence[SitePortrait]) -> Iterator[Total]:
    powers = [site.power for site in sites]
    sums = (
        ("IT power", sum(p.it_kw_max for p in powers), "maximum; racks, network, storage"),
        ("facility power", sum(p.facility_kw_max for p in powers), "maximum; with cooling"),
        ("grid power", sum(p.grid_kw_max for p in powers), "maximum; with HV transformers"),
    )
    for title, kw, basis in sums:
        yield Total(value=power(kw), title=title, basis=basis)
    given = [site.plan for site in sites if site.plan.connection_kw is not None]
    if given:
        bases = ", ".join(dict.fromkeys(plan.connection_basis for plan in given))
        connected = sum(plan.connection_kw or 0.0 for plan in given)
        yield Total(value=power(connected), title="connection", basis=f"basis {bases}")


def _costs(moneys: Sequence[SiteMoney]) -> Iterator[Total]:
    currency, gpus = moneys[0].currency, sum(money.gpus for money in moneys)
    capex = total(money.capex_total for money in moneys)
    is_whole = all(money.per_gpu_hour is not None for money in moneys)
    basis = "compute, network, storage, building" if is_whole else "a part: prices are missing"
    yield Total(value=capex.text(currency), title="to build", basis=basis)
    if is_whole and gpus:
        hourly = [(m.per_gpu_hour or Span(0, 0)).times(m.gpus / gpus) for m in moneys]
        terms = moneys[0].terms
        yield Total(
            value=total(hourly).text(currency),
            title="a used GPU-hour",
            basis=f"{terms.utilisation:.0%} used, {terms.it_life_years:g} years, "
            f"{terms.cost_of_capital:.0%} cost of capital",
        )


def _view(site: SitePortrait, plan: Blueprint, said: Sequence[Total]) -> SiteView:
    place = f"{site.plan.country}. " if site.plan.country else ""
    words = sketches.hall_words(site.plan.halls)
    return SiteView(
        name=site.plan.name,
        words=f"{place}{words}. Weather: {site.plant.weather}.",
        totals=tuple(entry for entry in _site_totals(site) if entry not in said),
        figures=tuple(_figures(site, plan)),
        tables=tuple(_tables(site)),
    )


def _site_totals(site: SitePortrait) -> Iterator[Total]:
    yield Total(value=f"{site.plan.gpus:,}", title="GPUs")
    yield from _powers([site])
    basis = "grid; maximum to idle within a step of training"
    yield Total(value=power(site.swing.smoothed_kw), title="load swing", basis=basis)
    yield Total(
        value=f"{site.power.pue:.3f}",
        title="PUE",
        basis=f"worst hour {site.plant.year.pue_max:.2f}",
    )
    free, air = site.plant.chiller_free_hours, site.plant.chiller_free_hours_air
    liquid = any(loop.name == "liquid" for hall in site.plant.halls for loop in hall.loops)
    basis = "hours of the year, liquid loops" if liquid else "hours of the year, air loops"
    yield Total(value=f"{free if liquid else air:,}", title="without chillers", basis=basis)
    yield from _costs([site.money])
    yield from _world(site.environment)


def _world(found: Environment) -> Iterator[Total]:
    if found.carbon_t_per_year is not None:
        value = f"{found.carbon_t_per_year:,.0f} t CO2e"
        yield Total(value=value, title="carbon a year", basis="operation, location-based")
    if found.embodied_t is not None:
        value = f"{found.embodied_t.text('t CO2e')}"
        yield Total(value=value, title="carbon of making", basis="systems only, cradle to gate")
    if found.water_m3_per_year is not None:
        yield Total(value=f"{found.water_m3_per_year:,.0f} m3", title="water a year")
    if found.heat_reused_gwh_per_year:
        warm = f"at {found.heat_reused_c:g} °C" if found.heat_reused_c is not None else ""
        value = f"{found.heat_reused_gwh_per_year:,.1f} GWh"
        yield Total(value=value, title="heat reused a year", basis=warm)


def _figures(site: SitePortrait, plan: Blueprint) -> Iterator[Figure]:
    name, racks = site.plan.name, [rack for rack in plan.racks if rack.site == site.plan.name]
    for path, hall in sketches.hall_sketches(site.network):
        yield Figure(name=f"hall-{path.replace('/', '-')}", svg=drawing.hall_plan(hall))
    for system in dict.fromkeys(hall.system for hall in site.plan.halls):
        rack = sketches.rack_sketch(system)
        if rack is not None:
            yield Figure(name=f"rack-{system}", svg=drawing.rack_elevation(rack))
    chain = sketches.stages(site.plant, racks, _connection(site.plan))
    feeds = site.plant.power.count("utility")
    svg = drawing.single_line(f"Power chain of {name}", chain, feeds)
    yield Figure(name=f"{name}-single-line", svg=svg)
    stations, flows = sketches.heat_flows(site.plant, racks)
    note = "mean of a year at typical draw; from the connection to where the heat goes"
    svg = drawing.sankey(f"Power and heat of {name}", stations, flows, note)
    yield Figure(name=f"{name}-power-and-heat", svg=svg)
    for fabric in site.network.fabrics:
        sketch = sketches.fabric_sketch(fabric)
        if sketch is not None:
            svg = drawing.fabric_tiers(sketch)
            yield Figure(name=f"{name}-fabric-{fabric.name}", svg=svg)
    yield from _money_figures(site)
    yield _schedule(site)


def _money_figures(site: SitePortrait) -> Iterator[Figure]:
    money, name = site.money, site.plan.name
    bars = sketches.cost_sketch(money.capex)
    svg = drawing.cost_bars(f"To build {name}", money.currency, bars, money.capex_total)
    per_gw = money.capex_per_gw.text(f"{money.currency} a GW of facility power")
    yield Figure(name=f"{name}-capex", svg=svg, caption=f"{per_gw}.")
    bars = sketches.cost_sketch(money.opex)
    svg = drawing.cost_bars(f"To run {name} for a year", money.currency, bars, money.opex_total)
    caption = "Without write-offs and cost of capital, which the figure for a GPU-hour has in it."
    yield Figure(name=f"{name}-opex", svg=svg, caption=caption)


def _schedule(site: SitePortrait) -> Figure:
    stones = "; ".join(f"{s.title}: {s.text}" for s in site.timeline.milestones)
    way = ", ".join(site.timeline.critical_path)
    return Figure(
        name=f"{site.plan.name}-schedule",
        svg=drawing.gantt(sketches.gantt_sketch(site.timeline)),
        caption=f"{stones}. The slow end is decided by: {way}. {_reserved(site)}.",
    )


def _connection(plan: SitePlan) -> str:
    if plan.connection_kw is None:
        return "no connection is given"
    return f"{units.render(plan.connection_kw, 'kW')}, basis {plan.connection_basis}"


def _tables(site: SitePortrait) -> Iterator[Table]:
    fabrics = [
        (
            fabric.name,
            fabric.switch,
            f"{fabric.switches:,}",
            f"{fabric.size.leaf} / {fabric.size.spine} / {fabric.size.core}" if fabric.size else "",
            f"{power.kw_typical:,.0f} kW",
        )
        for fabric, power in zip(site.network.fabrics, site.network.power, strict=True)
    ]
    columns = ("Fabric", "Switch", "Switches", "Leaf / spine / core", "Power, typical (IT)")
    yield Table(title="Fabrics", columns=columns, rows=tuple(fabrics), right=columns[2:])
    lines = [
        (line.item, line.cost.text(site.money.currency), line.how, line.source)
        for line in (*site.money.capex, *site.money.opex)
    ]
    costs = ("Cost", "Range", "How", "Source, date, grade")
    yield Table(title="Costs and their sources", columns=costs, rows=tuple(lines), right=("Range",))
    steps = [
        (step.title, (f"{step.end.low - step.start.low:.0f} to "
         f"{step.end.high - step.start.high:.0f}"), step.source)
        for step in site.timeline.steps
    ]  # fmt: skip
    weeks = ("Step", "Weeks", "Source, date, grade")
    yield Table(title="Lead times", columns=weeks, rows=tuple(steps), right=("Weeks",))


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def drawings(found: Report) -> Mapping[str, str]:
    """Every drawing of the report by the name of its file; one text for each name."""
    return {figure.name: figure.svg for site in found.sites for figure in site.figures}
