"""What each job used of IT energy, and its share of the site's meter, carbon and money.

A job's share of an hour's meter is its share of that hour's IT energy, at the price and intensity
of that hour. What no job caused has a share too, so the jobs' costs add up to less than the site's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.physics.energy import energy_kwh
from arkwright.physics.steps import hours_of, summed
from arkwright.twin.books import Stretches
from arkwright.twin.power import NO_FLOATS
from arkwright.twin.record import Places

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class JobEnergy(Struct, frozen=True, eq=False, kw_only=True):
    """Columns [n_jobs], all attempts together; [0] where no site has it, NaN for a job that ran
    where it is not modelled.
    """

    it_kwh: Floats
    meter_kwh: Floats = NO_FLOATS
    """Its share of what the sites metered."""
    carbon_kg: Floats = NO_FLOATS
    cost: Floats = NO_FLOATS


class SiteRates(NamedTuple):
    """What an IT kilowatt-hour is worth at a site in each hour; None where it is not modelled."""

    site: int
    meter: Floats
    """[n_hours]: metered kWh."""
    carbon_kg: Floats | None
    cost: Floats | None


def job_energy(
    stretches: Stretches,
    places: Places,
    n_jobs: int,
    edges_ms: Ints,
    rates: Sequence[SiteRates],
) -> JobEnergy:
    """The jobs of `stretches`, each hour of them at its own rates."""
    lasted = (stretches.until_ms - stretches.from_ms).astype(np.float64)
    it_kwh = energy_kwh(summed(stretches.job, stretches.busy_w * lasted, n_jobs))
    if not rates:
        return JobEnergy(it_kwh=it_kwh)
    hall_site = np.zeros(len(places.halls), dtype=np.int64)
    hall_site[places.hall] = places.site
    spent = _Spent(stretches, hall_site[stretches.hall], n_jobs, edges_ms, len(places.sites))
    columns = {
        name: spent.at([(rate.site, getattr(rate, name)) for rate in rates])
        for name in ("meter", "carbon_kg", "cost")
    }
    return JobEnergy(
        it_kwh=it_kwh,
        meter_kwh=columns["meter"],
        carbon_kg=columns["carbon_kg"],
        cost=columns["cost"],
    )


class _Spent:
    """Where stretches begin and end among the hours of every site, worked out once."""

    def __init__(
        self, stretches: Stretches, site: Ints, n_jobs: int, edges_ms: Ints, sites: int
    ) -> None:
        self.job, self.watts, self.n_jobs = stretches.job, stretches.busy_w, n_jobs
        self.shape = (sites, len(edges_ms) - 1)
        self.width_ms = np.diff(edges_ms).astype(np.float64)
        self.ends = []
        for at_ms in (stretches.from_ms, stretches.until_ms):
            hour = hours_of(edges_ms, at_ms)
            within_ms = (at_ms - edges_ms[hour]).astype(np.float64)
            self.ends.append((site * self.shape[1] + hour, within_ms))

    def at(self, rates: Sequence[tuple[int, Floats | None]]) -> Floats:
        """[n_jobs]: the energy of each job's stretches times the rate of the hour."""
        if all(rate is None for _, rate in rates):
            return NO_FLOATS
        table = np.full(self.shape, np.nan)
        for site, rate in rates:
            if rate is not None:
                table[site] = rate
        so_far = np.cumsum(table * self.width_ms, axis=1) - table * self.width_ms
        begun, ended = (
            so_far.ravel()[cell] + table.ravel()[cell] * within_ms for cell, within_ms in self.ends
        )
        return energy_kwh(summed(self.job, self.watts * (ended - begun), self.n_jobs))
