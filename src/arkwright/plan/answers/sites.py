"""Power at each site over time: energised, ready, installed, used."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.answers.bands import Band, band
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Floats, Rollout


class SitePower(Struct, frozen=True, kw_only=True, eq=False):
    """MW at the grid, bands by quarter."""

    site: str
    country: str
    energised: Band
    ready: Band
    installed: Band
    utilised: Band
    gpus: Band
    """That stand."""


def site_power(rollout: Rollout, futures: Futures, outcome: Outcome) -> tuple[SitePower, ...]:
    """Sites at which anything ever stands or is energised, in the file's order."""
    power, supply, names = rollout.power, rollout.supply, rollout.names
    present = outcome.capacity.present
    of_place = {
        "ready": outcome.capacity.ready,
        "installed": np.einsum("pg,pgwt->pwt", supply.rack_mw, present),
        "utilised": outcome.active.sum(axis=1),
        "gpus": np.einsum("g,pgwt->pwt", supply.rack_gpus.astype(float), present),
    }
    found = []
    for site, name in enumerate(names.sites):
        mine = power.place_site == site
        energised: Floats = outcome.capacity.energised[site]
        if energised.max() <= 0 and of_place["installed"][mine].sum() <= 0:
            continue
        bands = {
            key: band(value[mine].sum(axis=0), futures.probability)
            for key, value in of_place.items()
        }
        found.append(
            SitePower(
                site=name,
                country=names.countries[power.site_country[site]],
                energised=band(energised, futures.probability),
                **bands,
            )
        )
    return tuple(found)
