"""Megawatts of a rack at the grid, alike in every place of a site."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from arkwright import catalog
from arkwright.plan.given import Given
from arkwright.plan.rollout import Floats

_KW_PER_MW = 1000.0


def rack_mw(given: Given) -> Floats:
    """(P, G) at the grid: the mean over the places of a site where the generation fits.

    So at one site generations rank by MW per compute alike in every place, which the dispatch
    needs. Where a generation fits nowhere at a site another site's figure stands, never to be used.
    """
    lines = given.axes
    found = np.zeros((len(lines.places), len(lines.generations)))
    for g, kind in enumerate(lines.generations):
        held = {p: each.rack_grid_kw for (p, at), each in given.halls.items() if at == g}
        rated = catalog.system(kind.system).rack_power_kw_max
        anywhere = mean(held.values(), rated)
        for site in lines.sites:
            here = [p for p, place in enumerate(lines.places) if place.site == site]
            own = mean((held[p] for p in here if p in held), anywhere)
            found[here, g] = own / _KW_PER_MW
    return found


def mean(values: Iterable[float], otherwise: float) -> float:
    """Of what there is, else `otherwise`."""
    known = list(values)
    return sum(known) / len(known) if known else otherwise
