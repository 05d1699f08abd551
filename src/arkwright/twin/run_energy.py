"""The energy of a run of a designed factory, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from arkwright.design.whole import Design
from arkwright.factory import Factory
from arkwright.factory.weather import Weather
from arkwright.physics.steps import hour_edges
from arkwright.twin.draw import draws, systems_of
from arkwright.twin.energy import Energy, energy
from arkwright.twin.hours import SiteHours, factory_hours
from arkwright.twin.record import Places, Record
from arkwright.twin.site_model import SiteModel, site_models, undesigned
from arkwright.twin.workload.table import JobTable


def run_energy(
    factory: Factory | None,
    built: Design | None,
    record: Record,
    jobs: JobTable,
    hours: Mapping[str, SiteHours] | None = None,
    *,
    weather: Mapping[str, Weather] | None = None,
    systems: Sequence[str | None] | None = None,
    job_w_per_gpu: NDArray[np.float64] | None = None,
) -> Energy:
    """The energy of `record`, a run of `jobs` on `factory`, or on a bare pool.

    `built`: the factory's design (`design.whole`); a site that it does not have is metered with its
    PUE, a pool at IT.
    `hours`: by site, in place of what the factory file says (`twin.series_hours`). `weather`: by
    site, where the factory file names one that was read. `systems`: by hall, in place of
    `systems_of`. `job_w_per_gpu` [n_jobs]: NaN where a job has no figure of its own.
    """
    told: dict[str, SiteHours] = {}
    models: dict[str, SiteModel] = {}
    if factory is not None:
        told = factory_hours(factory, hour_edges(record.from_ms, record.until_ms), weather)
        models = site_models(factory, built) if built is not None else {}
        models |= _undesigned(factory, record.places, models)
    drawn = draws(
        record.places,
        systems_of(record.places, factory) if systems is None else systems,
        jobs.workload.names,
        jobs.workload.codes.astype(np.int64),
        job_w_per_gpu,
    )
    return energy(record, drawn, models, {**told, **(hours or {})})


def _undesigned(
    factory: Factory, places: Places, known: Mapping[str, SiteModel]
) -> dict[str, SiteModel]:
    return {
        site: undesigned(factory, site, [h for h in places.halls if h.startswith(f"{site}/")])
        for site in places.sites
        if site in factory.sites and site not in known
    }
