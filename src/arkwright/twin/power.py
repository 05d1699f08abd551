"""Power of the sites of a run over time, as the report and the tables are told it.

Empty columns and None mean "not modelled", never zero.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_INTS: Ints = np.zeros(0, dtype=np.int64)
NO_FLOATS: Floats = np.zeros(0, dtype=np.float64)

STEPPED = (
    "it_w", "idle_w", "loss_w", "cooling_w", "cap_w",
    "price_per_mwh", "carbon_g_per_kwh", "pue", "outdoor_c",
)  # fmt: skip
"""Columns of `SitePower` that follow `t_ms`."""


class SitePower(Struct, frozen=True, eq=False, kw_only=True):
    """Power and its surroundings at one site: row i holds from `t_ms[i]` until `t_ms[i + 1]`, the
    last one until the run ends. Columns are [n_steps], or [0] where they are not modelled.
    """

    site: str
    """As in `Places.sites`."""
    t_ms: Ints = NO_INTS
    """Rising; the first not after the start of the run."""
    it_w: Floats = NO_FLOATS
    idle_w: Floats = NO_FLOATS
    """The part of `it_w` that no job caused."""
    loss_w: Floats = NO_FLOATS
    cooling_w: Floats = NO_FLOATS
    cap_w: Floats = NO_FLOATS
    """On IT, losses and cooling together; infinite where there is none then."""
    price_per_mwh: Floats = NO_FLOATS
    carbon_g_per_kwh: Floats = NO_FLOATS
    pue: Floats = NO_FLOATS
    outdoor_c: Floats = NO_FLOATS
    jobs_kwh: float | None = None
    idle_kwh: float | None = None
    loss_kwh: float | None = None
    cooling_kwh: float | None = None
    """Totals of the run: IT is jobs and idle."""
    carbon_kg: float | None = None
    """CO2e, location-based."""
    water_m3: float | None = None
    cost: float | None = None


class Power(Struct, frozen=True, eq=False, kw_only=True):
    """Every site whose power was modelled."""

    sites: tuple[SitePower, ...] = ()
    currency: str = ""
    """Of `cost` and `price_per_mwh`, for example `EUR`."""
