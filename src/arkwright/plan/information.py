"""The same outcomes, told apart at other times: nothing, everything, or their mean.

Each of these is again `Futures` or a `Schedule`, so that whatever solves one solves them all.
"""

from __future__ import annotations

import msgspec
import numpy as np

from arkwright.plan.futures import Futures, alone
from arkwright.plan.rollout import Bools, Floats
from arkwright.plan.schedule import Schedule


def blind(futures: Futures) -> Futures:
    """Nothing is known before it is decided: one slot a quarter (two stages)."""
    outcomes, quarters = futures.path.shape
    return msgspec.structs.replace(
        futures,
        path=np.tile(np.arange(quarters, dtype=np.int64), (outcomes, 1)),
        slot_quarter=np.arange(quarters, dtype=np.int64),
        slot_name=_quarter_names(futures),
    )


def foreseen(futures: Futures) -> Futures:
    """Everything is known from the start: each outcome has slots of its own."""
    outcomes, quarters = futures.path.shape
    names = _quarter_names(futures)
    return msgspec.structs.replace(
        futures,
        path=np.arange(outcomes * quarters, dtype=np.int64).reshape(outcomes, quarters),
        slot_quarter=np.tile(np.arange(quarters, dtype=np.int64), outcomes),
        slot_name=tuple(f"{w + 1} {name}" for w in range(outcomes) for name in names),
    )


def only(futures: Futures, outcome: int) -> Futures:
    """One outcome as if it were certain."""
    return blind(alone(futures, outcome))


def averaged(futures: Futures) -> Futures:
    """The mean outcome: mean prices, demands and arrivals, works done after their mean delay.

    A work is there or not, so its mean quarter of completion is rounded to a whole one; one that
    is never done counts as done at the horizon.
    """
    weight = futures.probability

    def mean(values: Floats) -> Floats:
        result: Floats = np.einsum("w,xwt->xt", weight, values)[:, None]
        return result

    return msgspec.structs.replace(
        only(futures, 0),
        names=("the mean outcome",),
        price=mean(futures.price),
        demand=mean(futures.demand),
        energy=mean(futures.energy),
        spot=mean(futures.spot),
        powered=_mean_work(futures.powered, weight),
        opened=_mean_work(futures.opened, weight),
        arrived=np.einsum("w,wgst->gst", weight, futures.arrived)[None],
    )


def everywhere(schedule: Schedule, futures: Futures) -> Schedule:
    """What was decided for every quarter, in all slots of that quarter."""
    at = futures.slot_quarter
    return Schedule(
        starts=schedule.starts[:, at],
        halls=schedule.halls[:, at],
        racks=schedule.racks[:, :, at],
        signed=schedule.signed[:, at],
        drawn=schedule.drawn[:, at],
    )


def _mean_work(done: Bools, weight: Floats) -> Bools:
    """(1, X, T, T) from (W, X, T, T): done from the mean of the first quarters on."""
    horizon = done.shape[-1]
    first = np.where(done.any(axis=-1), done.argmax(axis=-1), horizon)
    mean = np.floor(np.einsum("w,wxs->xs", weight, first) + 0.5)
    result: Bools = (np.arange(horizon) >= mean[..., None])[None]
    return result


def _quarter_names(futures: Futures) -> tuple[str, ...]:
    """`2027-Q2` of every quarter, from the names of the slots of the first outcome."""
    return tuple(futures.slot_name[m].rsplit(" ", 1)[-1] for m in futures.path[0])
