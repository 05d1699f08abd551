"""B: figures beside those that were published. Outside is a note: it may be right, and says why."""

from __future__ import annotations

from collections.abc import Iterator

from arkwright import catalog
from arkwright.catalog import plant
from arkwright.design.blueprint import Severity
from arkwright.design.rules.fault import Fault
from arkwright.design.whole import Design, SiteDesign
from arkwright.factory import Factory


def check(factory: Factory, design: Design) -> Iterator[Fault]:
    """B1: MW per 1,000 GPUs, maximum IT times the yearly PUE. B2: PUE. B3: WUE."""
    for site in design.sites:
        name, power = site.plan.name, site.power
        gpu = _one_gpu(site)
        if gpu is not None:
            per_1000 = power.it_kw_max * power.pue / site.plan.gpus
            yield from _within("B1", name, f"mw-per-1000-{gpu}", per_1000, "MW per 1,000 GPUs")
        yield from _within("B2", name, "pue", power.pue, "PUE")
        yield from _within("B3", name, "wue", power.wue_l_per_kwh, "L/kWh")


def _one_gpu(site: SiteDesign) -> str | None:
    gpus = {catalog.system(hall.system).gpu for hall in site.plan.halls}
    return gpus.pop() if len(gpus) == 1 else None


def _within(rule: str, where: str, name: str, value: float, unit: str) -> Iterator[Fault]:
    band = plant.bands().get(name)
    if band is None or band.low <= value <= band.high:
        return
    near = band.low if value < band.low else band.high
    yield Fault(
        rule=rule,
        severity=Severity.NOTE,
        where=where,
        margin=f"{value - near:+.2f} {unit}",
        text=f"{value:.2f} {unit} lies outside the published {band.low:g} to {band.high:g}",
        fix="look whether storage, network, climate or redundancy explain it",
        source=band.provenance,
    )
