"""Heat: coolant flow, fans and pumps, humid air, chillers, water, heat exchangers.

Arguments are floats or float arrays that broadcast together; results have their common shape. The
coefficients in the code are those of the equations themselves; every figure that a maker or a
climate decides is an argument.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = float | NDArray[np.float64]

KELVIN = 273.15
RH_MIN, RH_MAX = 0.05, 0.99
"""Relative humidity between which Stull's fit holds."""


def coolant_flow_kg_s(heat_kw: Number, rise_k: Number, heat_capacity_kj_kg_k: Number) -> Number:
    """Mass flow [kg/s] that carries `heat_kw` at a rise of `rise_k`: Q = m cp dT.

    Holds for a single phase. Water (4.18 kJ/kg K) at 10 K: 0.0239 kg/s, 1.43 L/min, a kW.
    """
    return heat_kw / (heat_capacity_kj_kg_k * rise_k)


def litres_per_minute(flow_kg_s: Number, density_kg_l: Number) -> Number:
    """Volume flow [L/min] of a mass flow [kg/s]."""
    return flow_kg_s / density_kg_l * 60.0


def affinity_power(flow: Number, flow_min: Number = 0.0, exponent: float = 3.0) -> Number:
    """Share of rated power at the share `flow` (0..1) of rated flow: the affinity laws, P ~ flow^3.

    `flow_min` is the lowest speed that a drive holds. The cube holds for a fan or a pump against
    friction alone; a static head (an open tower) has a lower `exponent`.
    """
    return np.clip(flow, flow_min, 1.0) ** exponent


def wet_bulb_c(dry_bulb_c: Number, humidity: Number) -> Number:
    """Wet bulb [°C] from dry bulb [°C] and relative humidity (0..1) at sea level.

    Stull 2011, J. Appl. Meteor. Climatol. 50, 2267: errors of -1 to +0.65 K (mean 0.3 K) from 5 to
    99 % and -20 to 50 °C, but not where it is both cold and dry. Humidity is clipped to that range,
    the result to the dry bulb.
    """
    t = np.asarray(dry_bulb_c, dtype=np.float64)
    percent = np.clip(humidity, RH_MIN, RH_MAX) * 100.0
    fitted = (
        t * np.arctan(0.151977 * np.sqrt(percent + 8.313659))
        + np.arctan(t + percent)
        - np.arctan(percent - 1.676331)
        + 0.00391838 * percent**1.5 * np.arctan(0.023101 * percent)
        - 4.686035
    )
    return np.minimum(fitted, t)


def adiabatic_dry_bulb_c(dry_bulb_c: Number, wet_bulb: Number, effectiveness: Number) -> Number:
    """Air [°C] behind a wetted pad: it goes the share `effectiveness` of the way to wet bulb."""
    return dry_bulb_c - effectiveness * (dry_bulb_c - wet_bulb)


def evaporated_litres(heat_kwh: Number, latent_mj_kg: Number) -> Number:
    """Litres that evaporate to take up `heat_kwh`: L = Q / latent heat, water at 1 kg/L."""
    return heat_kwh * 3.6 / latent_mj_kg


def air_limit_c(supply_c: Number, *approaches_k: Number) -> Number:
    """Warmest outside air [°C] at which exchangers in a row reach `supply_c` without a chiller.

    Approach: how far an exchanger's cold outlet stays above the cold stream that enters it. A
    coolant of 45 °C behind a CDU (3 K) and a dry cooler (7 K) needs air of at most 35 °C.
    """
    limit = supply_c
    for approach in approaches_k:
        limit = limit - approach
    return limit


def chiller_share(air_c: Number, limit_c: Number, rise_k: Number) -> Number:
    """Share (0..1) of the heat that chillers take where a dry cooler goes first, in a row.

    The return is `rise_k` above the supply; the dry cooler brings it down to `air_c` plus its
    approach, so what is left is (air - limit) / rise. 0 up to the limit, 1 from rise above it.
    """
    return np.clip((air_c - limit_c) / rise_k, 0.0, 1.0)


def fan_flow(heat: Number, air_c: Number, return_c: Number, span_k: Number) -> Number:
    """Share of rated air flow that a dry cooler needs for the share `heat` of its rated heat.

    Heat is air flow times the span from entering air to returning water, at constant effectiveness;
    `span_k` is that span at the rating. Colder air needs less of it; slower air exchanges better
    than this, so the result is on the high side. At most 1.
    """
    span = np.maximum(return_c - air_c, 1e-6)
    return np.minimum(heat * span_k / span, 1.0)


def chiller_cop(
    evaporator_c: Number, condenser_c: Number, carnot_share: Number, lift_k_min: Number
) -> Number:
    """Heat moved over work: a share of Carnot's T_cold / (T_hot - T_cold), temperatures in K.

    `lift_k_min` is the smallest lift the compressor works at: below it the figure stays. Holds for
    vapour compression at full load; see `part_load` for the rest.
    """
    lift = np.maximum(condenser_c - evaporator_c, lift_k_min)
    return carnot_share * (evaporator_c + KELVIN) / lift


def part_load(load: Number, best: float, gain: float) -> Number:
    """Factor on a chiller's full-load COP at the share `load` of its capacity.

    A parabola that is 1 at full load and 1 + gain at the load `best`: variable-speed chillers peak
    between 50 and 70 % (Beitelmal and Patel, HPL-2006-67). Not below half the full-load figure.
    """
    factor = 1.0 + gain * (1.0 - ((load - best) / (1.0 - best)) ** 2)
    return np.maximum(factor, 0.5)
