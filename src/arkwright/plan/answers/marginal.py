"""What one more MW earns, quarter by quarter: the dispatch run again with it.

The dual values of the dispatch would say it for nothing, but not truly: where grid, halls and racks
are full together, as they are in a good plan, the duals are not unique, and any of the three may
carry the whole value though it would earn nothing alone. One more MW of one thing in every quarter
is one dispatch, since quarters and outcomes do not touch each other.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.dispatch import dispatch
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Bools, Floats, Rollout

_STEP_MW = 1.0


class Marginal(Struct, frozen=True, kw_only=True, eq=False):
    """M that one more MW at the grid earns in each outcome and quarter, before its upkeep."""

    grid: Floats
    """(S, W, T)"""
    halls: Floats
    """(P, W, T)"""
    racks: Floats
    """(P, G, W, T); 0 of what neither stands nor is ordered."""


def marginal(rollout: Rollout, futures: Futures, outcome: Outcome) -> Marginal:
    """Of a schedule's outcome; one dispatch for each site, place, and kind of rack in a place."""
    built = outcome.capacity
    base = outcome.dispatch.surplus

    def gained(energised: Floats, ready: Floats, present: Floats) -> Floats:
        more: Floats = dispatch(rollout, futures, energised, ready, present).surplus - base
        return np.where(more > 1e-9 * np.maximum(1.0, np.abs(base)), more, 0.0) / _STEP_MW

    grid = np.zeros_like(built.energised)
    for site in range(len(grid)):
        grid[site] = gained(_more(built.energised, (site,)), built.ready, built.present)
    halls = np.zeros_like(built.ready)
    racks = np.zeros_like(built.present)
    stands = (built.present > 0).any(axis=(2, 3)) | (outcome.schedule.racks > 0).any(axis=2)
    for place in range(len(halls)):
        halls[place] = gained(built.energised, _more(built.ready, (place,)), built.present)
    for place, generation in zip(*np.nonzero(stands), strict=True):
        one = _STEP_MW / rollout.supply.rack_mw[place, generation]
        more = _more(built.present, (place, generation), one)
        racks[place, generation] = gained(built.energised, built.ready, more)
    return Marginal(grid=grid, halls=halls, racks=racks)


def spare(rollout: Rollout, outcome: Outcome) -> tuple[Bools, Bools]:
    """(S, W, T) whether anything is there, and whether some of what could run does not."""
    built = outcome.capacity
    racks = (rollout.supply.rack_mw[:, :, None, None] * built.present).sum(axis=1)
    shape = built.energised.shape
    there, could, runs = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    site = rollout.power.place_site
    np.add.at(there, site, built.ready + racks)
    np.add.at(could, site, np.minimum(built.ready, racks))
    np.add.at(runs, site, outcome.active.sum(axis=1))
    could = np.minimum(could, built.energised)
    return there + built.energised > 0, could - runs > 1e-9 * np.maximum(1.0, could)


def _more(values: Floats, at: tuple[int, ...], amount: float = _STEP_MW) -> Floats:
    found = values.copy()
    found[at] += amount
    return found
