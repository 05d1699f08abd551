"""H: every kilowatt that goes in comes out as heat, and something carries it."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright import units
from arkwright.design.blueprint import Severity
from arkwright.design.rules.fault import FIGURES, Fault, contradiction, differs, unequal
from arkwright.design.whole import Design
from arkwright.factory import Factory


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """H1: heat is IT power. H2: machines carry it. H3: the year's PUE is its parts over IT."""
    for site in design.sites:
        name, year = site.plan.name, site.plant.year
        heat_kw = sum(loop.heat_kw for plan in site.plant.halls for loop in plan.loops)
        if differs(heat_kw, site.power.it_kw_max):
            yield unequal("H1", name, "kW of heat", heat_kw, site.power.it_kw_max)
        for plan in site.plant.halls:
            for loop in plan.loops:
                for m in loop.machines:
                    left_kw = m.installed * m.capacity_kw - m.load_kw
                    if left_kw < -1e-6 * m.load_kw:
                        yield Fault(
                            rule="H2",
                            severity=Severity.WARNING,
                            where=f"{plan.path} {loop.name}",
                            margin=units.render(left_kw, "kW", FIGURES),
                            text=f"{m.installed} of {m.kind} {m.part} carry less than their load",
                            fix=f"install {m.needed} and what redundancy asks beyond",
                        )
                carried = [m for m in loop.machines if m.kind == "dry-cooler"]
                if not carried or carried[0].load_kw < loop.heat_kw * (1 - 1e-6):
                    text = "its heat goes to no dry cooler"
                    short = loop.heat_kw - (carried[0].load_kw if carried else 0.0)
                    where = f"{plan.path} {loop.name}"
                    yield contradiction("H2", where, text, f"-{short:,.0f} kW")
        total = year.it_kwh + year.cooling_kwh + year.losses_kwh + year.other_kwh
        if differs(year.pue_mean, total / year.it_kwh):
            yield unequal("H3", name, "PUE", year.pue_mean, total / year.it_kwh)
        if not site.power.pue_is_given and differs(site.power.pue, year.pue_mean):
            yield unequal("H3", name, "PUE of the site", site.power.pue, year.pue_mean)
