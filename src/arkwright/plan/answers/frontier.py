"""Return against the tail: a plan for each weight of the risk."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import numpy as np
from msgspec import Struct

from arkwright.plan.answers.funnel import racks_gpus
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome, evaluate
from arkwright.plan.rollout import Rollout
from arkwright.plan.schedule import Schedule
from arkwright.plan.solution import relative_gap

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


class Point(Struct, frozen=True, kw_only=True):
    """One plan of the frontier; money in M."""

    risk_weight: float
    npv: float
    cvar: float
    objective: float
    mw: float
    """Begun, expected over outcomes."""
    gpus: float
    """That stand at the end, expected."""
    gap: float
    """Proven, of its objective."""
    is_own: bool
    """Whether it has the weight of the file."""


class Found(Struct, frozen=True, kw_only=True, eq=False):
    """A plan made for one weight, and what no plan for that weight can be worth more than."""

    schedule: Schedule
    bound: float


def frontier(
    rollout: Rollout,
    futures: Futures,
    solve: Callable[[Rollout], Found],
    weights: Iterable[float] = WEIGHTS,
    own: Found | None = None,
) -> tuple[tuple[Point, ...], Schedule | None]:
    """Points by weight, and the schedule of the file's own weight.

    `solve` makes a plan of a programme; `own` is the plan of the file's own weight, which is not
    made again. A plan is a plan for every weight: each weight gets the best of all that were made,
    so that a search that ended early for one is mended by another.
    """
    made: dict[float, Found] = {}
    for weight in sorted({*weights, rollout.risk_weight}):
        changed = msgspec.structs.replace(rollout, risk_weight=weight)
        is_own = weight == rollout.risk_weight
        made[weight] = own if is_own and own is not None else solve(changed)
    points, kept = [], None
    for weight, found in made.items():
        changed = msgspec.structs.replace(rollout, risk_weight=weight)
        outcomes = [evaluate(changed, futures, each.schedule) for each in made.values()]
        best = max(outcomes, key=lambda outcome: outcome.value)
        is_own = weight == rollout.risk_weight
        kept = best.schedule if is_own else kept
        points.append(point(changed, futures, best, found.bound, is_own=is_own))
    return tuple(points), kept


def point(
    rollout: Rollout, futures: Futures, outcome: Outcome, bound: float, *, is_own: bool
) -> Point:
    """Where a plan lies."""
    schedule = outcome.schedule
    gpus = futures.probability @ racks_gpus(rollout, outcome.capacity.present)
    begun = np.einsum(
        "k,kwt,w->", rollout.power.tranche_mw, schedule.starts[:, futures.path], futures.probability
    )
    return Point(
        risk_weight=rollout.risk_weight,
        npv=outcome.expected,
        cvar=outcome.cvar,
        objective=outcome.value,
        mw=float(begun),
        gpus=float(gpus[-1]),
        gap=relative_gap(outcome.value, bound),
        is_own=is_own,
    )
