"""What stands in every outcome and quarter, given what was decided. Linear in the schedule."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Bools, Floats, Rollout
from arkwright.plan.schedule import Schedule


class Capacity(Struct, frozen=True, kw_only=True, eq=False):
    """By outcome and quarter."""

    energised: Floats
    """(S, W, T) MW at the grid."""
    halls: Floats
    """(P, W, T) ready halls."""
    ready: Floats
    """(P, W, T) MW of them, at the grid."""
    present: Floats
    """(P, G, W, T) racks."""
    in_force: Floats
    """(J, W, T) MW under contract."""


def capacity(rollout: Rollout, futures: Futures, schedule: Schedule) -> Capacity:
    """What a schedule has built by each quarter of each outcome."""
    power = rollout.power
    outcomes, quarters = futures.path.shape
    tranches = flow(schedule.starts, futures, futures.powered)
    energised = np.repeat(power.mw_now[:, None], outcomes * quarters, axis=1)
    energised = energised.reshape(-1, outcomes, quarters)
    np.add.at(energised, power.tranche_site, tranches * power.tranche_mw[:, None, None])
    halls = power.halls_now[:, None, None] + flow(schedule.halls, futures, futures.opened)
    return Capacity(
        energised=energised,
        halls=halls,
        ready=halls * power.hall_mw[:, None, None],
        present=rollout.supply.racks_now[:, :, None] + _racks(schedule.racks, futures),
        in_force=constant(schedule.signed, futures, rollout.market.offer_active),
    )


def flow(decided: Floats, futures: Futures, kernel: Floats | Bools) -> Floats:
    """(X, W, T) effect of decisions (X, M) under a kernel (W, X, T, T) of each outcome."""
    if not len(decided):
        return np.zeros((0, *futures.path.shape))
    on_path = np.moveaxis(decided[:, futures.path], 1, 0)
    return np.moveaxis(np.matmul(on_path[:, :, None], kernel)[:, :, 0], 0, 1)


def constant(decided: Floats, futures: Futures, kernel: Floats | Bools) -> Floats:
    """(..., W, T) effect of decisions (..., M) under a kernel (..., T, T) of all outcomes."""
    effect: Floats = np.matmul(decided[..., futures.path], kernel)
    return effect


def _racks(racks: Floats, futures: Futures) -> Floats:
    """(P, G, W, T) racks that were ordered and stand."""
    on_path = racks[:, :, futures.path].transpose(2, 1, 0, 3)  # (W, G, P, T)
    stand: Floats = np.matmul(on_path, futures.arrived).transpose(2, 1, 0, 3)
    return stand
