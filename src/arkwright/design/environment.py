"""What a site's year takes from the world: carbon, water; and the heat it can give back.

Carbon of operation is location-based: the mean intensity of the country's grid, or the file's own
figure. Embodied carbon is that of the systems only, and only where a figure was read; buildings,
plant, network and storage are left out, and the result says so.
"""

from __future__ import annotations

from msgspec import Struct

from arkwright import catalog
from arkwright.catalog import money as figures
from arkwright.design.blueprint import Finding, Severity, SitePlan
from arkwright.design.span import Span, total
from arkwright.factory import Factory, energy_at
from arkwright.physics.energy import carbon_kg

_KG_PER_T = 1e3
_KWH_PER_GWH = 1e6
_L_PER_M3 = 1e3


class Environment(Struct, frozen=True, kw_only=True):
    """One site; None is not known, which is not nothing."""

    site: str
    carbon_t_per_year: float | None
    """Operation, location-based, t CO2e."""
    carbon_source: str
    embodied_t: Span | None
    """Of the systems, cradle to gate, t CO2e; None where none was read."""
    embodied_source: str
    water_m3_per_year: float | None
    heat_reused_gwh_per_year: float | None
    heat_reused_c: float | None
    """Its temperature."""
    findings: tuple[Finding, ...]


class Year(Struct, frozen=True, kw_only=True):
    """A year of the site; the cooling design gives it."""

    it_kwh: float
    facility_kwh: float
    wue_l_per_kwh: float | None = None
    """Litres per kWh of IT."""
    heat_reused_kwh: float | None = None
    heat_reused_c: float | None = None


def environment(factory: Factory, plan: SitePlan, year: Year) -> Environment:
    """The site `plan` of `factory` through `year`."""
    carbon = energy_at(factory, plan.name).carbon
    findings: list[Finding] = []
    if carbon is None:
        text = "no carbon intensity is known; give energy: {carbon: … g/kWh}"
        findings.append(Finding(severity=Severity.NOTE, where=plan.name, text=text))
    embodied, source = _embodied(plan, findings)
    water = year.wue_l_per_kwh
    heat = year.heat_reused_kwh
    return Environment(
        site=plan.name,
        carbon_t_per_year=None
        if carbon is None
        else carbon_kg(year.facility_kwh, carbon.value) / _KG_PER_T,
        carbon_source=carbon.source if carbon else "",
        embodied_t=embodied,
        embodied_source=source,
        water_m3_per_year=None if water is None else water * year.it_kwh / _L_PER_M3,
        heat_reused_gwh_per_year=None if heat is None else heat / _KWH_PER_GWH,
        heat_reused_c=year.heat_reused_c,
        findings=tuple(findings),
    )


def _embodied(plan: SitePlan, findings: list[Finding]) -> tuple[Span | None, str]:
    """Of the halls whose system has a figure, and its source; the others are named."""
    spans, sources = [], []
    for hall in plan.halls:
        row = figures.embodied(hall.system)
        if row is None:
            title = catalog.system(hall.system).title
            text = f"embodied carbon of {title} was not read: it is left out"
            findings.append(Finding(severity=Severity.NOTE, where=hall.path, text=text))
            continue
        each = Span(row.kg_per_gpu_low, row.kg_per_gpu_high)
        spans.append(each.times(hall.gpus / _KG_PER_T))
        sources.append(row.provenance)
    if spans:
        text = "embodied carbon of building, plant, network and storage was not read: left out"
        findings.append(Finding(severity=Severity.NOTE, where=plan.name, text=text))
    return (total(spans) if spans else None), "; ".join(dict.fromkeys(sources))
