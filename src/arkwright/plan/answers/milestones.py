"""What is decided when, and when it is there: each grid step, hall batch and delivery."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from arkwright.plan.answers.bands import HIGH, LOW, quantile
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Bools, Floats, Ints, Rollout
from arkwright.plan.schedule import Schedule

GRID, HALL, RACKS = "grid", "hall", "racks"
_MEDIAN = 0.5
_WHOLE = 1 - 1e-9


class Milestone(Struct, frozen=True, kw_only=True):
    """One thing begun in one quarter; quarters are counted from 0, `quarters` is after the last.

    Where later decisions depend on what has happened, it is begun in some outcomes only; its dates
    are of those.
    """

    kind: str
    """`grid`, `hall` or `racks`."""
    site: str
    name: str
    """`narvik/2` of a tranche, `narvik/h1` of halls, `gb300` of racks."""
    place: str
    """The hall the racks stand in; empty of others."""
    amount: float
    """Halls, racks, or 1 for a tranche: the mean over the outcomes in which it is begun."""
    mw: float
    """At the grid."""
    gpus: float
    begun: int
    probability: float
    """Of being begun in this quarter at all."""
    promised: int
    """The quarter in which it is there when nothing is late."""
    low: int
    """One outcome in ten has it in this quarter or sooner."""
    median: int
    high: int
    late: float
    """Probability of being there later than promised, never included."""
    never: float
    """Probability of not being there at the end of the horizon."""
    quarters_late: float
    """Mean; what never comes counts as coming right after the horizon."""


def milestones(rollout: Rollout, futures: Futures, schedule: Schedule) -> tuple[Milestone, ...]:
    """Everything begun, by site, then grid before halls before racks, then by quarter."""
    found = [
        *_grid(rollout, futures, schedule),
        *_halls(rollout, futures, schedule),
        *_racks(rollout, futures, schedule),
    ]
    kinds = (GRID, HALL, RACKS)
    sites = rollout.names.sites
    found.sort(key=lambda m: (sites.index(m.site), kinds.index(m.kind), m.begun, m.promised))
    return tuple(found)


def _grid(rollout: Rollout, futures: Futures, schedule: Schedule) -> Iterator[Milestone]:
    power = rollout.power
    for tranche, name in enumerate(rollout.names.tranches):
        amounts = taken(schedule.starts[tranche], futures.path)
        for begun in _quarters_with(amounts):
            yield _milestone(
                rollout, futures, GRID, int(power.tranche_site[tranche]), name, begun,
                amounts[:, begun], futures.powered[:, tranche, begun],
                int(power.tranche_lead[tranche]), mw=float(power.tranche_mw[tranche]),
            )  # fmt: skip


def _halls(rollout: Rollout, futures: Futures, schedule: Schedule) -> Iterator[Milestone]:
    power = rollout.power
    for place, name in enumerate(rollout.names.places):
        amounts = taken(schedule.halls[place], futures.path)
        for begun in _quarters_with(amounts):
            yield _milestone(
                rollout, futures, HALL, int(power.place_site[place]), name, begun,
                amounts[:, begun], futures.opened[:, place, begun], int(power.hall_lead[place]),
                mw=float(power.hall_mw[place]),
            )  # fmt: skip


def _racks(rollout: Rollout, futures: Futures, schedule: Schedule) -> Iterator[Milestone]:
    power, supply = rollout.power, rollout.supply
    for place, where in enumerate(rollout.names.places):
        for generation, name in enumerate(rollout.names.generations):
            amounts = taken(schedule.racks[place, generation], futures.path)
            for begun in _quarters_with(amounts):
                there = futures.arrived[:, generation, begun] > 0
                yield _milestone(
                    rollout, futures, RACKS, int(power.place_site[place]), name, begun,
                    amounts[:, begun], there, int(supply.rack_lead[generation]), place=where,
                    mw=float(supply.rack_mw[place, generation]),
                    gpus=float(supply.rack_gpus[generation]),
                )  # fmt: skip


def taken(decided: Floats, path: Ints) -> Floats:
    """What is decided in each quarter of each outcome, (…, W, T), of `decided` (…, M)."""
    found: Floats = decided[..., path]
    return found


def _quarters_with(amounts: Floats) -> list[int]:
    return [int(quarter) for quarter in np.flatnonzero((amounts > 0).any(axis=0))]


def _milestone(
    rollout: Rollout,
    futures: Futures,
    kind: str,
    site: int,
    name: str,
    begun: int,
    amounts: Floats,
    there: Bools,
    lead: int,
    *,
    mw: float,
    gpus: float = 0.0,
    place: str = "",
) -> Milestone:
    """`amounts` (W,) begun in the quarter; `there` (W, T) whether it stands in each."""
    is_begun = amounts > 0
    whole = float(futures.probability[is_begun].sum())
    weight = futures.probability[is_begun] / whole
    quarters = there.shape[1]
    done = np.where(there.any(axis=1), there.argmax(axis=1), quarters)[is_begun]
    promised = min(begun + lead, quarters)
    low, median, high = (
        int(quantile(done.astype(float), weight, share)) for share in (LOW, _MEDIAN, HIGH)
    )
    amount = float(weight @ amounts[is_begun])
    return Milestone(
        kind=kind,
        site=rollout.names.sites[site],
        name=name,
        place=place,
        amount=amount,
        mw=mw * amount,
        gpus=gpus * amount,
        begun=begun,
        probability=1.0 if whole > _WHOLE else whole,
        promised=promised,
        low=low,
        median=median,
        high=high,
        late=float(weight[done > promised].sum()),
        never=float(weight[done == quarters].sum()),
        quarters_late=float(weight @ np.maximum(0, done - promised)),
    )
