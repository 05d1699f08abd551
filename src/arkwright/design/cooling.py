"""The cooling plant of a hall: its loops, how many machines each needs, and what may be lost.

Liquid heat goes coolant, CDU, facility water, dry cooler, air; air heat goes room air, air
handler (or rear door), water, dry cooler, air. A chiller takes what the dry cooler cannot, in a row
with it, and only where the weather has hours warmer than supply less all approaches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from arkwright import units
from arkwright.catalog import plant
from arkwright.catalog.plant import CoolingPart
from arkwright.design.blueprint import Finding, Severity
from arkwright.factory import Chillers, Cooling, CoolingKind, Redundancy
from arkwright.factory.weather import Weather
from arkwright.physics import heat, losses

SPARES = {
    Redundancy.N: losses.N,
    Redundancy.N_PLUS_1: losses.N_PLUS_1,
    Redundancy.TWO_N: losses.TWO_N,
    Redundancy.FOUR_N_3R: losses.FOUR_N_3R,
}
DEFAULT_PARTS = {
    "cdu": "cdu-1350",
    "rear-door": "rear-door-70",
    "air-handler": "air-handler-300",
    "dry-cooler": "dry-cooler-1000",
    "chiller": "chiller-1400",
}
"""The catalogue's part of each kind where a smaller one does not carry the load by itself."""


class Machines(Struct, frozen=True, kw_only=True):
    """All machines of one kind in one loop."""

    kind: str
    part: str
    """Catalogue name."""
    needed: int
    """Machines that carry the load by themselves."""
    installed: int
    capacity_kw: float
    """Of one machine: heat."""
    load_kw: float
    """Heat they must carry together at the worst hour."""


class Loop(Struct, frozen=True, kw_only=True):
    """One circuit: its heat, its temperatures, its machines."""

    name: str
    """`liquid` or `air`."""
    heat_kw: float
    """At the maximum of the IT equipment."""
    supply_c: float
    """What the racks are given: coolant, or air."""
    water_supply_c: float
    """Facility water behind the dry cooler."""
    water_return_c: float
    flow_l_per_min: float
    """Facility water."""
    air_limit_c: float
    """Warmest outside air without a chiller."""
    machines: tuple[Machines, ...]

    def of(self, kind: str) -> Machines | None:
        """The machines of `kind`, if the loop has any."""
        return next((m for m in self.machines if m.kind == kind), None)


class CoolingPlan(Struct, frozen=True, kw_only=True):
    """The plant of one hall."""

    path: str
    it_kw: float
    """Heat of all loops at maximum; basis IT."""
    loops: tuple[Loop, ...]
    adiabatic: bool
    heat_reuse: float
    redundancy: Redundancy
    findings: tuple[Finding, ...]

    def count(self, kind: str) -> int:
        """Installed machines of `kind` in all loops."""
        return sum(m.installed for loop in self.loops for m in loop.machines if m.kind == kind)


class _Exchange(NamedTuple):
    kind: str
    rise_k: float


def plan_cooling(
    path: str,
    liquid_kw: float,
    air_kw: float,
    section: Cooling,
    weather: Weather,
    parts: dict[str, str] | None = None,
) -> CoolingPlan:
    """The plant for `liquid_kw` and `air_kw` of IT heat at maximum, under `weather`.

    Kind `air` and `rear-door` put all heat into air. `parts` names other catalogue parts by kind.
    """
    kind = section.kind or (CoolingKind.DIRECT_LIQUID if liquid_kw > 0 else CoolingKind.AIR)
    if kind is not CoolingKind.DIRECT_LIQUID:
        liquid_kw, air_kw = 0.0, liquid_kw + air_kw
    inner = "rear-door" if kind is CoolingKind.REAR_DOOR else "air-handler"
    supply = supply_c(section.supply)
    in_air = min(supply, plant.figure("air_supply"))
    exchanges = (
        ("liquid", liquid_kw, supply, _Exchange("cdu", plant.figure("coolant_rise"))),
        ("air", air_kw, in_air, _Exchange(inner, plant.figure("air_water_rise"))),
    )
    loops = tuple(
        _loop(name, kw, given, exchange, section, weather, parts or {})
        for name, kw, given, exchange in exchanges
        if kw > 0
    )
    return CoolingPlan(
        path=path,
        it_kw=liquid_kw + air_kw,
        loops=loops,
        adiabatic=section.adiabatic and weather.humidity is not None,
        heat_reuse=section.heat_reuse,
        redundancy=section.redundancy,
        findings=tuple(_findings(path, loops, section, weather)),
    )


def supply_c(text: str) -> float:
    """A class (`W45`) or a temperature (`32 °C`) as °C."""
    row = plant.water_classes().get(text.strip())
    return row.supply_c_max if row is not None else units.parse(text, "°C")


def _loop(
    name: str,
    heat_kw: float,
    supply: float,
    exchange: _Exchange,
    section: Cooling,
    weather: Weather,
    parts: Mapping[str, str],
) -> Loop:
    inner, cooler = (part_of(kind, heat_kw, parts) for kind in (exchange.kind, "dry-cooler"))
    limit = float(heat.air_limit_c(supply, inner.approach_k, cooler.approach_k))
    machines = [_machines(part, heat_kw, section.redundancy) for part in (inner, cooler)]
    chilled_kw = heat_kw * _chiller_share_max(weather, limit, exchange.rise_k)
    if chilled_kw > 0 and section.chillers is Chillers.AUTO:
        chiller = part_of("chiller", chilled_kw, parts)
        machines.append(_machines(chiller, chilled_kw, section.redundancy))
    flow = heat.coolant_flow_kg_s(heat_kw, exchange.rise_k, plant.figure("water_heat_capacity"))
    return Loop(
        name=name,
        heat_kw=heat_kw,
        supply_c=supply,
        water_supply_c=supply - inner.approach_k,
        water_return_c=supply - inner.approach_k + exchange.rise_k,
        flow_l_per_min=float(heat.litres_per_minute(flow, plant.figure("water_density"))),
        air_limit_c=limit,
        machines=tuple(machines),
    )


def part_of(kind: str, load_kw: float, parts: Mapping[str, str]) -> CoolingPart:
    """The part of `kind` in `parts`, else the smallest that carries `load_kw` alone, else usual."""
    if kind in parts:
        return plant.cooling_part(parts[kind])
    usual = plant.cooling_part(DEFAULT_PARTS[kind])
    known = plant.cooling_parts().values()
    small = [p for p in known if p.kind == kind and load_kw <= p.capacity_kw < usual.capacity_kw]
    return min(small, key=lambda part: part.capacity_kw, default=usual)


def _machines(part: CoolingPart, load_kw: float, redundancy: Redundancy) -> Machines:
    needed = max(1, math.ceil(load_kw / part.capacity_kw - 1e-9))
    return Machines(
        kind=part.kind,
        part=part.name,
        needed=needed,
        installed=losses.installed(needed, SPARES[redundancy]),
        capacity_kw=part.capacity_kw,
        load_kw=load_kw,
    )


def _chiller_share_max(weather: Weather, limit_c: float, rise_k: float) -> float:
    """Share of the heat that chillers must carry in the warmest hour, plus a margin if any."""
    warmest = float(np.nanmax(weather.dry_bulb_c)) + plant.figure("design_margin")
    return float(heat.chiller_share(warmest, limit_c, rise_k))


def _findings(
    path: str, loops: tuple[Loop, ...], section: Cooling, weather: Weather
) -> list[Finding]:
    found = []
    if weather.is_synthetic:
        text = f"{weather.label}: no heat wave is in it; give climate: {{weather: FILE}}"
        found.append(_note(path, text, weather.source))
    if weather.hours_missing:
        text = (
            f"{weather.label} lacks {weather.hours_missing:,} of {weather.hours:,} hours, at most "
            f"{weather.longest_gap_hours:,} in a row; they are left out of every sum"
        )
        found.append(_note(path, text, weather.source))
    if section.adiabatic and weather.humidity is None:
        text = "adiabatic cooling is left out: the weather has no humidity; add a column rh"
        found.append(_warning(path, text))
    for loop in loops:
        hours = int((weather.dry_bulb_c > loop.air_limit_c).sum())
        if hours and section.chillers is Chillers.NONE:
            warmest = float(np.nanmax(weather.dry_bulb_c))
            text = (
                f"{loop.name} loop: outside air is above {loop.air_limit_c:g} °C in {hours:,} "
                f"hours and reaches {warmest:g} °C, so supply would rise to "
                f"{loop.supply_c + warmest - loop.air_limit_c:g} °C; allow chillers, take a "
                "warmer supply, or wet the air"
            )
            found.append(_warning(path, text))
    return found


def spare_findings(plan: CoolingPlan) -> list[Finding]:
    """With any one machine removed the others must carry the load; what does not is returned."""
    found = []
    for loop in plan.loops:
        for m in loop.machines:
            left_kw = (m.installed - 1) * m.capacity_kw
            if left_kw < m.load_kw * (1 - 1e-6):
                text = (
                    f"{loop.name} loop: with one {m.kind} out of {m.installed}, {left_kw:,.0f} kW "
                    f"is left for {m.load_kw:,.0f} kW; install {m.needed + 1}"
                )
                found.append(_warning(plan.path, text))
    return found


def _note(where: str, text: str, source: str = "") -> Finding:
    return Finding(severity=Severity.NOTE, where=where, text=text, source=source)


def _warning(where: str, text: str) -> Finding:
    return Finding(severity=Severity.WARNING, where=where, text=text)
