"""Load that swings with the steps of synchronous training, and what stored energy makes of it.

All nodes of a job compute and then exchange together, so their power is close to a square wave
(arXiv 2508.14318, section 2). Storage and limits follow from the balance of energy; floats or
arrays that broadcast together.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = float | NDArray[np.float64]


class Wave(NamedTuple):
    """A square wave of power [kW]."""

    high_kw: Number
    low_kw: Number

    @property
    def swing_kw(self) -> Number:
        """From low to high."""
        return self.high_kw - self.low_kw


def smoothed(
    wave: Wave, period_s: float, duty: float, storage_kj: Number, floor_kw: Number = 0.0
) -> Wave:
    """What the source sees of `wave` where `storage_kj` may be taken out and put back each period.

    The high part lasts `duty` (0..1, exclusive) of the period. Storage E lowers it by at most
    E / (duty T) and raises the low part by at most E / ((1 - duty) T); with enough of it both are
    the mean. A floor burns power rather than let it fall below. Lossless.
    """
    low_kw = np.maximum(wave.low_kw, floor_kw)
    mean_kw = duty * wave.high_kw + (1.0 - duty) * low_kw
    high = np.maximum(mean_kw, wave.high_kw - storage_kj / (duty * period_s))
    low = np.minimum(mean_kw, low_kw + storage_kj / ((1.0 - duty) * period_s))
    return Wave(np.asarray(high)[()], np.asarray(low)[()])


def storage_kj(swing_kw: Number, allowed_kw: Number, period_s: float, duty: float) -> Number:
    """Least energy [kJ] that brings a swing down to what is allowed: the inverse of `smoothed`.

    E (1 / (d T) + 1 / ((1 - d) T)) = swing - allowed, so E = (swing - allowed) d (1 - d) T.
    """
    excess = np.maximum(swing_kw - allowed_kw, 0.0)
    return np.asarray(excess * duty * (1.0 - duty) * period_s)[()]


def ramp_s(swing_kw: Number, ramp_kw_per_s: Number) -> Number:
    """How long a change of `swing_kw` takes at the steepest ramp allowed."""
    return swing_kw / ramp_kw_per_s


def ramp_kj(swing_kw: Number, ramp_kw_per_s: Number) -> Number:
    """Energy [kJ] that stands in while the source follows a step at its ramp: s² / (2 r)."""
    return swing_kw * ramp_s(swing_kw, ramp_kw_per_s) / 2.0
