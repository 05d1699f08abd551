"""Power through a three-phase conductor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def three_phase_kw(
    volts: ArrayLike, amperes: ArrayLike, power_factor: float
) -> NDArray[np.float64]:
    """Power of a balanced three-phase line, `volts` between phases; any shape.

    P = sqrt(3) V I cos(phi): 415 V and 1,000 A at a power factor of 1 carry 718.8 kW.
    """
    product = np.asarray(volts, dtype=np.float64) * np.asarray(amperes, dtype=np.float64)
    power: NDArray[np.float64] = np.sqrt(3.0) * product * power_factor / 1000.0
    return power
