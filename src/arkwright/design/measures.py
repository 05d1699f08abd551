"""What a design is judged by in a search, as numbers: each with its unit, basis and direction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from arkwright import catalog
from arkwright.catalog import parts
from arkwright.design.fabric.build import Role
from arkwright.design.outage import block_losses
from arkwright.design.plant_cost import money_of
from arkwright.design.power_chain import PowerPlan
from arkwright.design.span import Span, total
from arkwright.design.whole import Design, SiteDesign
from arkwright.factory import Factory

_KW_PER_MW = 1000.0
_KWH_PER_GWH = 1e6


class Measure(NamedTuple):
    """One figure of a design."""

    name: str
    title: str
    unit: str
    basis: str
    is_more_better: bool = False
    missing: str = "a figure it needs is not in the catalogue"

    def cost(self, value: float) -> float:
        """`value` so that less is better."""
        return -value if self.is_more_better else value


class Measured(NamedTuple):
    """The figures of one design."""

    values: dict[str, float]
    capex: Span | None
    gpu_hour: Span | None


_NO_PRICE = "no price of its system was read"

MEASURES: Mapping[str, Measure] = {
    m.name: m
    for m in (
        Measure("capex_per_gpu", "capex a GPU", "money", "middle of its range", False, _NO_PRICE),
        Measure("capex", "capex", "money", "middle of its range", False, _NO_PRICE),
        Measure(
            "gpu_hour",
            "a used GPU-hour",
            "money",
            "middle of its range",
            False,
            "no price of its system or of electricity was read",
        ),
        Measure("facility_kw_per_gpu", "facility power a GPU", "kW", "maximum, warmest hour"),
        Measure("facility_mw", "facility power", "MW", "maximum, warmest hour"),
        Measure("energy_gwh", "energy a year", "GWh", "facility, typical draw"),
        Measure("pue", "PUE", "", "mean of the year, typical draw"),
        Measure("water_m3", "water a year", "m3", "on site"),
        Measure(
            "bisection_gbit_s_per_gpu",
            "bisection a GPU",
            "Gbit/s",
            "compute fabric, one way, all GPUs; the least of all fabrics",
            True,
            "it has no compute fabric",
        ),
        Measure("lost_one", "IT lost with 1 block", "share", "transformer with UPS; mean of all"),
        Measure("lost_two", "IT lost with 2 blocks", "share", "at once; mean of all pairs"),
        Measure("gpus", "GPUs", "", "in whole racks", True),
        Measure("hbm_tb_s_per_gpu", "memory bandwidth a GPU", "TB/s", "peak", True),
        Measure("bf16_tflops_per_gpu", "dense bf16 a GPU", "Tflop/s", "peak", True),
    )
}


def measured(factory: Factory, design: Design, usual: Mapping[str, PowerPlan]) -> Measured:
    """Every figure of `design` that is known; `usual` chains as `plant_cost` has them."""
    sites = design.sites
    values: dict[str, float] = {}
    gpus = sum(site.plan.gpus for site in sites)
    moneys = [money_of(factory, design, site, usual.get(site.plan.name)) for site in sites]
    capex = hourly = None
    if all(parts.part_price(h.system) is not None for site in sites for h in site.plan.halls):
        capex = total(money.capex_total for money in moneys)
        values |= {"capex": _middle(capex), "capex_per_gpu": _middle(capex) / gpus}
    if all(money.per_gpu_hour is not None for money in moneys):
        hours = [(m.per_gpu_hour or Span(0, 0)).times(m.gpus / gpus) for m in moneys]
        hourly = total(hours)
        values["gpu_hour"] = _middle(hourly)
    it_kwh = sum(site.plant.year.it_kwh for site in sites)
    facility_kwh = sum(site.plant.year.it_kwh * site.power.pue for site in sites)
    facility_kw = sum(site.power.facility_kw_max for site in sites)
    values |= {
        "facility_kw_per_gpu": facility_kw / gpus,
        "facility_mw": facility_kw / _KW_PER_MW,
        "energy_gwh": facility_kwh / _KWH_PER_GWH,
        "pue": facility_kwh / it_kwh,
        "water_m3": sum(site.plant.year.water_m3 for site in sites),
        "gpus": float(gpus),
    }
    bisection = [per_gpu for site in sites for per_gpu in _bisection(site)]
    if bisection:
        values["bisection_gbit_s_per_gpu"] = min(bisection)
    losses = [block_losses(site.plant.power.tree) for site in sites]
    values["lost_one"] = max(loss.one for loss in losses)
    values["lost_two"] = max(loss.two for loss in losses)
    values |= _gpu_figures(design, gpus)
    return Measured(values, capex, hourly)


def _middle(span: Span) -> float:
    return (span.low + span.high) / 2


def _bisection(site: SiteDesign) -> Iterator[float]:
    """Of every compute fabric, over the GPUs that hang on it."""
    for fabric in site.network.fabrics:
        if fabric.role is Role.COMPUTE and fabric.bisection_gbit_s is not None:
            mine = [hall.gpus for hall in site.plan.halls if hall.system == fabric.system]
            yield fabric.bisection_gbit_s / sum(mine)


def _gpu_figures(design: Design, gpus: int) -> dict[str, float]:
    """Means over the GPUs of all halls, where the catalogue has the figure for each."""
    halls = [hall for site in design.sites for hall in site.plan.halls]
    rows = [(hall.gpus, catalog.gpu(catalog.system(hall.system).gpu)) for hall in halls]
    found = {}
    for name, figures in (
        ("hbm_tb_s_per_gpu", [row.hbm_tb_s for _, row in rows]),
        ("bf16_tflops_per_gpu", [row.bf16_dense_tflops for _, row in rows]),
    ):
        known = [figure for figure in figures if figure is not None]
        if len(known) == len(rows):
            weights = zip(known, rows, strict=True)
            found[name] = sum(figure * count for figure, (count, _) in weights) / gpus
    return found
