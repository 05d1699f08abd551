"""Return against the tail: a plan for each weight of the risk."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import numpy as np
from msgspec import Struct

from arkwright.plan.answers.funnel import racks_gpus
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import evaluate
from arkwright.plan.rollout import Rollout
from arkwright.plan.schedule import Schedule

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
    gap: float | None
    """Proven, of its objective."""
    is_own: bool
    """Whether it has the weight of the file."""


def frontier(
    rollout: Rollout,
    futures: Futures,
    solve: Callable[[Rollout], tuple[Schedule, float | None]],
    weights: Iterable[float] = WEIGHTS,
    own: tuple[Schedule, float | None] | None = None,
) -> tuple[Point, ...]:
    """Points by weight. `solve` makes a plan of a programme, with its gap; `own` is the plan of
    the file's own weight, which is not made again."""
    found = []
    for weight in sorted({*weights, rollout.risk_weight}):
        changed = msgspec.structs.replace(rollout, risk_weight=weight)
        is_own = weight == rollout.risk_weight
        schedule, gap = own if is_own and own is not None else solve(changed)
        found.append(point(changed, futures, schedule, gap, is_own=is_own))
    return tuple(found)


def point(
    rollout: Rollout, futures: Futures, schedule: Schedule, gap: float | None, *, is_own: bool
) -> Point:
    """Where a schedule lies."""
    outcome = evaluate(rollout, futures, schedule)
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
        gap=gap,
        is_own=is_own,
    )
