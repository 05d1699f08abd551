"""From what was announced to what is used: MW and GPUs at each step, quarter by quarter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from arkwright.plan.answers.bands import Band, band
from arkwright.plan.answers.milestones import taken
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Floats, Rollout
from arkwright.plan.schedule import Schedule

DECLARED = ("announced", "contracted")
"""What others have said: from the file, not from the plan."""
PLANNED = ("secured", "energised", "ready", "installed", "utilised")
MEANING = {
    "announced": "declared in the file as announced",
    "contracted": "declared in the file as contracted",
    "secured": "grid connection agreed: there, or its tranche begun",
    "energised": "grid connection live",
    "ready": "halls that can take racks",
    "installed": "racks that stand",
    "utilised": "racks in use",
}


class Step(Struct, frozen=True, kw_only=True, eq=False):
    """One step of the funnel; bands by quarter."""

    name: str
    meaning: str
    mw: Band | None
    gpus: Band | None
    """Of steps before racks the GPUs that the MW would carry, at the plan's mean draw of a GPU."""


class Said(Struct, frozen=True, kw_only=True, eq=False):
    """What is declared of one step, each (T,): NaN where nothing is said."""

    mw: Floats
    gpus: Floats


def funnel(
    rollout: Rollout,
    futures: Futures,
    schedule: Schedule,
    outcome: Outcome,
    said: Mapping[str, Said] | None = None,
) -> tuple[Step, ...]:
    """Steps of which something is known, in order. `said`: `announced` and `contracted`."""
    per_gpu = mw_per_gpu(rollout, schedule)
    steps = [
        Step(name=name, meaning=MEANING[name], mw=_certain(said[name].mw),
             gpus=_certain(said[name].gpus))
        for name in DECLARED
        if said and name in said
    ]  # fmt: skip
    for name, mw in (
        ("secured", secured_mw(rollout, futures, schedule)),
        ("energised", outcome.capacity.energised.sum(axis=0)),
        ("ready", outcome.capacity.ready.sum(axis=0)),
    ):
        carried = band(mw / per_gpu, futures.probability) if per_gpu else None
        steps.append(
            Step(
                name=name,
                meaning=MEANING[name],
                mw=band(mw, futures.probability),
                gpus=carried,
            )
        )
    for name, racks in (
        ("installed", outcome.capacity.present),
        ("utilised", in_use(rollout, outcome)),
    ):
        steps.append(
            Step(
                name=name,
                meaning=MEANING[name],
                mw=band(racks_mw(rollout, racks), futures.probability),
                gpus=band(racks_gpus(rollout, racks), futures.probability),
            )
        )
    return tuple(steps)


def missing(steps: Sequence[Step]) -> tuple[str, ...]:
    """Steps of which the file says nothing."""
    there = {step.name for step in steps}
    return tuple(name for name in DECLARED if name not in there)


def secured_mw(rollout: Rollout, futures: Futures, schedule: Schedule) -> Floats:
    """(W, T) MW agreed with the grid: what is there and every tranche begun so far."""
    begun = np.cumsum(taken(schedule.starts, futures.path), axis=-1)
    found: Floats = rollout.power.mw_now.sum() + np.einsum(
        "k,kwt->wt", rollout.power.tranche_mw, begun
    )
    return found


def racks_mw(rollout: Rollout, racks: Floats) -> Floats:
    """(W, T) MW at the grid, at maximum, of `racks` (P, G, W, T)."""
    found: Floats = np.einsum("pg,pgwt->wt", rollout.supply.rack_mw, racks)
    return found


def racks_gpus(rollout: Rollout, racks: Floats) -> Floats:
    """(W, T) GPUs in `racks` (P, G, W, T)."""
    found: Floats = np.einsum("g,pgwt->wt", rollout.supply.rack_gpus.astype(float), racks)
    return found


def in_use(rollout: Rollout, outcome: Outcome) -> Floats:
    """(P, G, W, T) racks that run, parts of racks too."""
    found: Floats = outcome.active / rollout.supply.rack_mw[:, :, None, None]
    return found


def mw_per_gpu(rollout: Rollout, schedule: Schedule) -> float:
    """Mean draw at the grid of a GPU of the plan: of all racks ordered and there; 0 without any."""
    racks = schedule.racks.sum(axis=2) + rollout.supply.racks_now.max(axis=2)
    gpus = float(np.einsum("pg,g->", racks, rollout.supply.rack_gpus.astype(float)))
    mw = float((racks * rollout.supply.rack_mw).sum())
    return mw / gpus if gpus else 0.0


def _certain(values: Floats) -> Band | None:
    return None if np.isnan(values).all() else Band(low=values, mean=values, high=values)
