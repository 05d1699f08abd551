"""A year of weather, hour by hour. `series` reads it from files."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class Weather(Struct, frozen=True, kw_only=True):
    """A year of hours: 8,760 or 8,784."""

    label: str
    source: str
    """File, or the row of the catalogue a synthetic year was made from."""
    is_synthetic: bool
    dry_bulb_c: NDArray[np.float64]
    """Shape (hours,); NaN where the file has a gap."""
    humidity: NDArray[np.float64] | None
    """Relative, 0..1, shape (hours,); None where the file has none."""

    @property
    def hours(self) -> int:
        """Hours of the year, gaps included."""
        return len(self.dry_bulb_c)

    @property
    def hours_missing(self) -> int:
        """Hours without a dry bulb."""
        return int(np.isnan(self.dry_bulb_c).sum())

    @property
    def longest_gap_hours(self) -> int:
        """The longest run of hours without a dry bulb."""
        edges = np.flatnonzero(np.diff(np.isnan(self.dry_bulb_c), prepend=False, append=False))
        return int(np.max(edges[1::2] - edges[::2], initial=0))
