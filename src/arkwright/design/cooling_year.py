"""A cooling plant through a year of hours: power of fans, pumps and chillers, water, PUE, WUE."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.catalog import plant
from arkwright.catalog.plant import CoolingPart
from arkwright.design.cooling import CoolingPlan, Loop, Machines
from arkwright.factory.weather import Weather
from arkwright.physics import heat

Hours = NDArray[np.float64]


class LoopYear(Struct, frozen=True, kw_only=True):
    """One loop, hour by hour; every column has shape (hours,), NaN where the weather has a gap."""

    name: str
    is_chiller_free: NDArray[np.bool_]
    fan_kw: Hours
    """Dry coolers and condensers, and air handlers."""
    pump_kw: Hours
    chiller_kw: Hours
    """Compressors."""
    water_l: Hours
    reuse_kw: Hours
    """Heat that leaves for use, at the temperature of the loop's return."""

    @property
    def chiller_free_hours(self) -> int:
        """Hours known to need no chiller."""
        return int(self.is_chiller_free.sum())


class CoolingYear(Struct, frozen=True, kw_only=True):
    """The plant of a hall, hour by hour."""

    loops: tuple[LoopYear, ...]
    it_kw: Hours
    power_kw: Hours
    """Of the plant, all loops."""
    water_l: Hours
    hours_missing: int

    @property
    def chiller_free_hours(self) -> int:
        """Hours in which no loop needs a chiller."""
        free = np.logical_and.reduce([loop.is_chiller_free for loop in self.loops])
        return int(free.sum())

    @property
    def power_kw_max(self) -> float:
        """Of the plant in its worst hour."""
        return float(np.nanmax(self.power_kw))


class FacilityYear(Struct, frozen=True, kw_only=True):
    """Energy of a year over IT energy; hours the weather lacks are in neither."""

    pue_mean: float
    """Energy over energy, not the mean of the hours."""
    pue_max: float
    wue_l_per_kwh: float
    it_kwh: float
    cooling_kwh: float
    losses_kwh: float
    other_kwh: float
    water_m3: float
    reuse_kwh: float
    reuse_c: float | None
    """Temperature of the heat that leaves for use; None where none does."""


def cooling_year(plan: CoolingPlan, weather: Weather, it_load: Hours | float = 1.0) -> CoolingYear:
    """Every hour of `weather` at the share `it_load` of maximum (0..1, a number or one an hour)."""
    load = np.broadcast_to(np.asarray(it_load, dtype=np.float64), weather.dry_bulb_c.shape)
    loops = tuple(_loop_year(plan, loop, weather, load) for loop in plan.loops)
    known = np.where(np.isnan(weather.dry_bulb_c), np.nan, 1.0)
    nothing = known * 0.0
    return CoolingYear(
        loops=loops,
        it_kw=plan.it_kw * load * known,
        power_kw=sum((y.fan_kw + y.pump_kw + y.chiller_kw for y in loops), nothing),
        water_l=sum((y.water_l for y in loops), nothing),
        hours_missing=weather.hours_missing,
    )


def design_hour_kw(plan: CoolingPlan, weather: Weather) -> float:
    """Power of the plant at full load in the hour its chillers are sized for; pads are dry."""
    warmest = float(np.nanmax(weather.dry_bulb_c)) + plant.figure("design_margin")
    hour = Weather(
        label=weather.label,
        source=weather.source,
        is_synthetic=weather.is_synthetic,
        dry_bulb_c=np.array([warmest]),
        humidity=None,
    )
    return cooling_year(plan, hour).power_kw_max


def together(
    path: str, plans: Sequence[CoolingPlan], years: Sequence[CoolingYear]
) -> tuple[CoolingPlan, CoolingYear]:
    """Several halls of one site as one plan and one year."""
    plan = CoolingPlan(
        path=path,
        it_kw=sum(plan.it_kw for plan in plans),
        loops=tuple(loop for plan in plans for loop in plan.loops),
        adiabatic=plans[0].adiabatic,
        heat_reuse=plans[0].heat_reuse,
        redundancy=plans[0].redundancy,
        findings=tuple(dict.fromkeys(f for plan in plans for f in plan.findings)),
    )
    year = CoolingYear(
        loops=tuple(loop for year in years for loop in year.loops),
        it_kw=np.sum([year.it_kw for year in years], axis=0),
        power_kw=np.sum([year.power_kw for year in years], axis=0),
        water_l=np.sum([year.water_l for year in years], axis=0),
        hours_missing=years[0].hours_missing,
    )
    return plan, year


def facility_year(
    plan: CoolingPlan, year: CoolingYear, losses_kw: Hours | float = 0.0
) -> FacilityYear:
    """The year's PUE and WUE. `losses_kw`: of the power chain at each hour (`power_chain`).

    Basis facility: IT, cooling, electrical losses, and the catalogue's share for the rest.
    """
    other = plan.it_kw * plant.figure("other_fraction")
    lost = year.it_kw * 0.0 + losses_kw
    total = year.it_kw + year.power_kw + lost + other
    it_kwh = float(np.nansum(year.it_kw))
    reused = [loop for loop in year.loops if loop.name == "liquid"]
    reuse_kwh = float(sum(np.nansum(loop.reuse_kw) for loop in reused))
    return_c = next((loop.water_return_c for loop in plan.loops if loop.name == "liquid"), None)
    water_l = float(np.nansum(year.water_l))
    return FacilityYear(
        pue_mean=float(np.nansum(total)) / it_kwh,
        pue_max=float(np.nanmax(total / year.it_kw)),
        wue_l_per_kwh=water_l / it_kwh,
        it_kwh=it_kwh,
        cooling_kwh=float(np.nansum(year.power_kw)),
        losses_kwh=float(np.nansum(lost)),
        other_kwh=float(np.nansum(year.it_kw * 0.0 + other)),
        water_m3=water_l / 1000.0,
        reuse_kwh=reuse_kwh,
        reuse_c=return_c if reuse_kwh > 0 else None,
    )


def _loop_year(plan: CoolingPlan, loop: Loop, weather: Weather, load: Hours) -> LoopYear:
    air, drop = _air_into_coolers(plan, loop, weather)
    reuse = loop.heat_kw * load * (plan.heat_reuse if loop.name == "liquid" else 0.0)
    out_kw = loop.heat_kw * load - reuse
    chillers = loop.of("chiller")
    rise = loop.water_return_c - loop.water_supply_c
    share = heat.chiller_share(air, loop.air_limit_c, rise)
    chilled_kw = out_kw * (share if chillers is not None else 0.0)
    cooler, part = _pair(loop, "dry-cooler")
    span = rise + part.approach_k
    dry_kw = out_kw - chilled_kw
    rated = cooler.installed * cooler.capacity_kw
    flow = np.asarray(heat.fan_flow(dry_kw / rated, air, loop.water_return_c, span))
    fans = _power(cooler, part, np.where(dry_kw > 0, flow, 0.0))
    compressor, condenser = _chillers(loop, chillers, chilled_kw, weather.dry_bulb_c)
    inner_kw, inner_is_pump = _inner(loop, load)
    pumps = _facility_pumps(loop, load)
    known = np.where(np.isnan(air), np.nan, 1.0)
    return LoopYear(
        name=loop.name,
        is_chiller_free=np.asarray(air <= loop.air_limit_c),
        fan_kw=(fans + condenser + (0.0 if inner_is_pump else inner_kw)) * known,
        pump_kw=(pumps + (inner_kw if inner_is_pump else 0.0)) * known,
        chiller_kw=compressor * known,
        water_l=_water(rated / rise * flow * drop) * known,
        reuse_kw=reuse * known,
    )


def _air_into_coolers(plan: CoolingPlan, loop: Loop, weather: Weather) -> tuple[Hours, Hours]:
    """Air into the dry coolers [°C] and how far pads cooled it [K]."""
    dry = weather.dry_bulb_c
    if not plan.adiabatic or weather.humidity is None:
        return dry, dry * 0.0
    wet = heat.wet_bulb_c(dry, weather.humidity)
    padded = heat.adiabatic_dry_bulb_c(dry, wet, plant.figure("pad_effectiveness"))
    is_on = dry > loop.air_limit_c - plant.figure("pad_on_margin")
    air = np.where(is_on & ~np.isnan(wet), padded, dry)
    return air, dry - air


def _water(evaporation_kw: Hours) -> Hours:
    """Litres drawn in an hour in which so much heat goes into evaporation."""
    litres = heat.evaporated_litres(evaporation_kw, plant.figure("latent_heat"))
    return np.asarray(litres) * plant.figure("bleed_factor")


def _chillers(
    loop: Loop, machines: Machines | None, chilled_kw: Hours, air_c: Hours
) -> tuple[Hours, Hours]:
    """Power of compressors and of condenser fans."""
    if machines is None:
        return chilled_kw * 0.0, chilled_kw * 0.0
    part = plant.cooling_part(machines.part)
    cop = heat.chiller_cop(
        loop.water_supply_c - plant.figure("chiller_evaporator_approach"),
        air_c + part.approach_k,
        plant.figure("chiller_carnot_share"),
        plant.figure("chiller_lift_min"),
    )
    x = np.minimum(chilled_kw / (machines.needed * machines.capacity_kw), 1.0)
    best, gain = plant.figure("chiller_best_load"), plant.figure("chiller_best_gain")
    compressor = chilled_kw / (cop * heat.part_load(x, best, gain))
    condenser = chilled_kw / machines.capacity_kw * part.power_kw
    return np.asarray(compressor), np.asarray(condenser)


def _inner(loop: Loop, load: Hours) -> tuple[Hours, bool]:
    """Power of CDU pumps, or of the fans of air handlers and rear doors."""
    machines = loop.machines[0]
    part = plant.cooling_part(machines.part)
    flow = loop.heat_kw * load / (machines.installed * machines.capacity_kw)
    return _power(machines, part, flow), machines.kind == "cdu"


def _facility_pumps(loop: Loop, load: Hours) -> Hours:
    slowest = plant.figure("facility_pump_flow_min")
    rated_kw = loop.heat_kw * plant.figure("facility_pump_kw_per_kw")
    return np.asarray(rated_kw * heat.affinity_power(load, slowest))


def _pair(loop: Loop, kind: str) -> tuple[Machines, CoolingPart]:
    machines = next(m for m in loop.machines if m.kind == kind)
    return machines, plant.cooling_part(machines.part)


def _power(machines: Machines, part: CoolingPart, flow: Hours) -> Hours:
    """All installed machines share the flow; spares run too, slower and cheaper."""
    running = np.where(flow > 0, heat.affinity_power(flow, part.flow_min), 0.0)
    return np.asarray(machines.installed * part.power_kw * running)
