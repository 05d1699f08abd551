"""A synthetic year: what stands where no weather was measured. Smooth, so it has no heat wave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOURS_PER_DAY = 24


def synthetic_year_c(
    mean_c: float,
    season_k: float,
    day_k: float,
    warmest_day: float,
    warmest_hour: float,
    days: int = 365,
) -> NDArray[np.float64]:
    """Hourly dry bulb [°C], shape (24 x days,): mean + season cosine + day cosine.

    `season_k` and `day_k` are half the spans from coldest to warmest day and hour. The first
    harmonic only: real years have spells that go several K beyond it on both sides.
    """
    hour = np.arange(days * HOURS_PER_DAY, dtype=np.float64)
    season = np.cos(2 * np.pi * (hour / HOURS_PER_DAY - warmest_day) / days)
    day = np.cos(2 * np.pi * (hour - warmest_hour) / HOURS_PER_DAY)
    return mean_c + season_k * season + day_k * day
