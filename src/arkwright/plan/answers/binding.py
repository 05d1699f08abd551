"""What holds the plan back, quarter by quarter, and what one more of it would be worth.

Of every outcome and quarter it is known what one more MW of grid (R1), of halls (R2) or of racks
(R3) would earn (`marginal`); here they are compared, and weighted over outcomes. Where none is
worth anything, demand binds if more could run than does; else two of them are short at once, so
that one alone earns nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from arkwright.plan.answers.marginal import Marginal, spare
from arkwright.plan.answers.milestones import taken
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Bools, Floats, Rollout
from arkwright.plan.schedule import Schedule

GRID, HALL, RACKS, DEMAND, SEVERAL = "grid", "hall", "racks", "demand", "several"
RULES = {GRID: "R1", HALL: "R2", RACKS: "R3", DEMAND: "", SEVERAL: "R1-R3"}
_NOTHING = 1e-9
_HALF = 0.5


class Bound(Struct, frozen=True, kw_only=True):
    """What binds the most at a site in a quarter."""

    quarter: int
    site: str
    kind: str
    """`grid`, `hall`, `racks`, `demand` or `several`."""
    rule: str
    probability: float
    """Of it binding: that one more is worth something; of the last two, that nothing alone is."""
    worth: float
    """M that one more MW in this one quarter earns, in expectation, at its value today."""


class Earlier(Struct, frozen=True, kw_only=True):
    """What it is worth to have something one quarter sooner, all else as planned."""

    site: str
    kind: str
    name: str
    """The tranche, the hall or the generation."""
    mw: float
    """Of it that is begun, expected."""
    worth: float
    """M for one MW of it a quarter sooner, in expectation, at its value today."""
    most: float
    """M for all of it: an upper bound, since every further MW is worth no more than the first."""


def bounds(
    rollout: Rollout, futures: Futures, outcome: Outcome, value: Marginal
) -> tuple[Bound, ...]:
    """One for each quarter and site at which anything stands or is energised by then."""
    values = _by_site(rollout, value)
    there, idle = spare(rollout, outcome)
    found = []
    for quarter in range(futures.path.shape[1]):
        for site, name in enumerate(rollout.names.sites):
            if there[site, :, quarter].any():
                here = {kind: each[site, :, quarter] for kind, each in values.items()}
                free = idle[site, :, quarter]
                found.append(_bound(rollout, futures, quarter, name, here, free))
    return tuple(found)


def tightest(found: tuple[Bound, ...]) -> tuple[Bound, ...]:
    """Of each quarter the one that is worth the most to loosen."""
    best: dict[int, Bound] = {}
    for bound in found:
        now = best.get(bound.quarter)
        if now is None or bound.worth > now.worth:
            best[bound.quarter] = bound
    return tuple(best[quarter] for quarter in sorted(best))


def earlier(
    rollout: Rollout, futures: Futures, schedule: Schedule, value: Marginal
) -> tuple[Earlier, ...]:
    """Everything begun by what a MW of it a quarter sooner is worth, the most first.

    It is the value of one more MW in the quarter before it comes: `sum_w probability[w]
    discount[t-1] value[w, t-1]`, with t the quarter in which it comes in outcome w.
    """
    found = [one for one in _earlier(rollout, futures, schedule, value) if one.worth > _NOTHING]
    return tuple(sorted(found, key=lambda one: (-one.worth, one.name)))


def _earlier(
    rollout: Rollout, futures: Futures, schedule: Schedule, value: Marginal
) -> Iterator[Earlier]:
    power, supply, names = rollout.power, rollout.supply, rollout.names
    path = futures.path
    for k, name in enumerate(names.tranches):
        site, begun = int(power.tranche_site[k]), taken(schedule.starts[k], path)
        mw = begun * power.tranche_mw[k]
        yield _sooner(
            rollout, futures, value.grid[site], mw, futures.powered[:, k], (GRID, site, name)
        )
    for p, name in enumerate(names.places):
        site, begun = int(power.place_site[p]), taken(schedule.halls[p], path)
        mw = begun * power.hall_mw[p]
        yield _sooner(
            rollout, futures, value.halls[p], mw, futures.opened[:, p], (HALL, site, name)
        )
    for p, place in enumerate(names.places):
        for g, name in enumerate(names.generations):
            mw = taken(schedule.racks[p, g], path) * supply.rack_mw[p, g]
            what = (RACKS, int(power.place_site[p]), f"{name} in {place}")
            there = futures.arrived[:, g] > 0
            yield _sooner(rollout, futures, value.racks[p, g], mw, there, what)


def _sooner(
    rollout: Rollout,
    futures: Futures,
    value: Floats,
    mw: Floats,
    there: Bools,
    what: tuple[str, int, str],
) -> Earlier:
    """`value` (W, T) of one more MW, `mw` (W, T) begun, `there` (W, T, T)."""
    quarters = value.shape[1]
    done = np.where(there.any(axis=2), there.argmax(axis=2), quarters)
    today = value * rollout.capital.discount
    before = np.take_along_axis(today, np.maximum(done - 1, 0), axis=1)
    whole = float(futures.probability @ mw.sum(axis=1))
    # Nothing comes before the first quarter.
    gained = np.where(done > 0, before, 0.0) * mw
    worth = float(futures.probability @ gained.sum(axis=1))
    kind, site, name = what
    return Earlier(
        site=rollout.names.sites[site],
        kind=kind,
        name=name,
        mw=whole,
        worth=worth / whole if whole else 0.0,
        most=worth,
    )


def _by_site(rollout: Rollout, value: Marginal) -> dict[str, Floats]:
    """(S, W, T) M per MW and quarter of each kind: the best at the site."""
    halls, racks = np.zeros_like(value.grid), np.zeros_like(value.grid)
    np.maximum.at(halls, rollout.power.place_site, value.halls)
    np.maximum.at(racks, rollout.power.place_site, value.racks.max(axis=1, initial=0.0))
    return {GRID: value.grid, HALL: halls, RACKS: racks}


def _bound(
    rollout: Rollout,
    futures: Futures,
    quarter: int,
    site: str,
    values: dict[str, Floats],
    idle: Bools,
) -> Bound:
    """`values` (W,) of each kind, `idle` (W,) where more could run."""
    probability = futures.probability
    worth = {kind: float(probability @ value) for kind, value in values.items()}
    kind = max(worth, key=lambda kind: worth[kind])
    binds: Bools = values[kind] > _NOTHING
    if worth[kind] <= _NOTHING:
        free = float(probability[idle].sum())
        kind, binds = (DEMAND, idle) if free >= _HALF else (SEVERAL, ~idle)
    return Bound(
        quarter=quarter,
        site=site,
        kind=kind,
        rule=RULES[kind],
        probability=min(1.0, float(probability[binds].sum())),
        worth=worth.get(kind, 0.0) * float(rollout.capital.discount[quarter]),
    )
