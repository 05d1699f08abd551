"""What holds the plan back, quarter by quarter, and what one more of it would be worth.

Of every outcome and quarter the dispatch gives what one more MW of grid (R1), MW of hall (R2) or
rack (R3) would earn in that quarter; here they are made comparable, per MW at the grid, and summed
over outcomes. Where none is worth anything it is demand that binds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from arkwright.plan.answers.milestones import taken
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Bools, Floats, Rollout
from arkwright.plan.schedule import Schedule

GRID, HALL, RACKS, DEMAND = "grid", "hall", "racks", "demand"
RULES = {GRID: "R1", HALL: "R2", RACKS: "R3", DEMAND: "demand"}
_NOTHING = 1e-9


class Bound(Struct, frozen=True, kw_only=True):
    """What binds the most at a site in a quarter."""

    quarter: int
    site: str
    kind: str
    """`grid`, `hall`, `racks` or `demand`."""
    rule: str
    probability: float
    """Of it binding: that one more is worth something; of `demand`, that nothing else is."""
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


def bounds(rollout: Rollout, futures: Futures, outcome: Outcome) -> tuple[Bound, ...]:
    """One for each site and quarter in which there is anything at the site, by quarter."""
    values = dict(zip((GRID, HALL, RACKS), _per_mw(rollout, outcome), strict=True))
    kept = outcome.capacity.energised.max(axis=1) > 0
    found = []
    for quarter in range(futures.path.shape[1]):
        for site, name in enumerate(rollout.names.sites):
            if not kept[site, quarter]:
                continue
            here = {kind: value[site, :, quarter] for kind, value in values.items()}
            found.append(_bound(rollout, futures, quarter, name, here))
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
    rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome
) -> tuple[Earlier, ...]:
    """Everything begun by what a MW of it a quarter sooner is worth, the most first.

    It is the value of one more MW in the quarter before it comes: `sum_w probability[w]
    discount[t-1] value[w, t-1]`, with t the quarter in which it comes in outcome w.
    """
    found = [one for one in _earlier(rollout, futures, schedule, outcome) if one.worth > _NOTHING]
    return tuple(sorted(found, key=lambda one: (-one.worth, one.name)))


def _earlier(
    rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome
) -> Iterator[Earlier]:
    power, supply, names = rollout.power, rollout.supply, rollout.names
    path = futures.path
    grid, _, _ = _per_mw(rollout, outcome)
    for k, name in enumerate(names.tranches):
        site, begun = int(power.tranche_site[k]), taken(schedule.starts[k], path)
        mw = begun * power.tranche_mw[k]
        yield _sooner(rollout, futures, grid[site], mw, futures.powered[:, k], (GRID, site, name))
    hall_value = outcome.dispatch.hall_value
    for p, name in enumerate(names.places):
        site, begun = int(power.place_site[p]), taken(schedule.halls[p], path)
        mw = begun * power.hall_mw[p]
        yield _sooner(rollout, futures, hall_value[p], mw, futures.opened[:, p], (HALL, site, name))
    per_mw = outcome.dispatch.rack_value / supply.rack_mw[:, :, None, None]
    for p, place in enumerate(names.places):
        for g, name in enumerate(names.generations):
            mw = taken(schedule.racks[p, g], path) * supply.rack_mw[p, g]
            what = (RACKS, int(power.place_site[p]), f"{name} in {place}")
            there = futures.arrived[:, g] > 0
            yield _sooner(rollout, futures, per_mw[p, g], mw, there, what)


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


def _per_mw(rollout: Rollout, outcome: Outcome) -> tuple[Floats, Floats, Floats]:
    """(S, W, T) M per MW and quarter of grid, of halls and of racks: the best at the site."""
    used = outcome.dispatch
    racks = used.rack_value / rollout.supply.rack_mw[:, :, None, None]
    best_racks = racks.max(axis=1, initial=0.0)
    halls = np.zeros_like(used.grid_value)
    stands = np.zeros_like(used.grid_value)
    np.maximum.at(halls, rollout.power.place_site, used.hall_value)
    np.maximum.at(stands, rollout.power.place_site, best_racks)
    return used.grid_value, halls, stands


def _bound(
    rollout: Rollout, futures: Futures, quarter: int, site: str, values: dict[str, Floats]
) -> Bound:
    """`values` (W,) of each kind."""
    probability = futures.probability
    worth = {kind: float(probability @ value) for kind, value in values.items()}
    kind = max(worth, key=lambda kind: worth[kind])
    if worth[kind] <= _NOTHING:
        kind = DEMAND
        binds = np.all([value <= _NOTHING for value in values.values()], axis=0)
    else:
        binds = values[kind] > _NOTHING
    return Bound(
        quarter=quarter,
        site=site,
        kind=kind,
        rule=RULES[kind],
        probability=float(probability[binds].sum()),
        worth=worth.get(kind, 0.0) * float(rollout.capital.discount[quarter]),
    )
