"""The outcomes a programme may meet, and which of them can be told apart when.

A decision is taken in a **slot**: a quarter at a node of the tree of what is known. `path[w, t]` is
the slot that outcome `w` passes in quarter `t`. With one slot a quarter nothing is known before it
is decided (two stages: decide, then see). With slots that branch, later decisions depend on what
has happened. Nothing else tells the two apart.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.rollout import Bools, Floats, Ints


class Futures(Struct, frozen=True, kw_only=True, eq=False):
    """W outcomes over M decision slots; axes as in `rollout`."""

    names: tuple[str, ...]
    """(W,) what happens in each, in a few words."""
    probability: Floats
    """(W,) sums to 1."""
    path: Ints
    """(W, T) slot of each outcome in each quarter."""
    slot_quarter: Ints
    """(M,)"""
    slot_name: tuple[str, ...]
    """(M,) for example `openai-leaves 2027-Q2`; the quarter alone in two stages."""
    price: Floats
    """(C, W, T) M per H100-equivalent served in a quarter."""
    demand: Floats
    """(C, W, T) H100-equivalents."""
    energy: Floats
    """(S, W, T) M per MW drawn for a quarter at spot: grid fees, carbon and what flexibility earns
    in it."""
    spot: Floats
    """(S, W, T) M per MW for a quarter, the price that contracts are settled against."""
    powered: Bools
    """(W, K, T, T) a tranche started in the first quarter is energised in the second."""
    opened: Bools
    """(W, P, T, T) a hall started in the first quarter is ready in the second."""
    arrived: Floats
    """(W, G, T, T) share of an order of the first quarter that stands in the second: after delivery
    and until it is written off."""


def alone(futures: Futures, outcome: int) -> Futures:
    """One outcome, over the slots of all."""
    w = slice(outcome, outcome + 1)
    return Futures(
        names=futures.names[w],
        probability=np.ones(1),
        path=futures.path[w],
        slot_quarter=futures.slot_quarter,
        slot_name=futures.slot_name,
        price=futures.price[:, w],
        demand=futures.demand[:, w],
        energy=futures.energy[:, w],
        spot=futures.spot[:, w],
        powered=futures.powered[w],
        opened=futures.opened[w],
        arrived=futures.arrived[w],
    )


def branches(futures: Futures) -> bool:
    """Decisions may depend on what becomes known: some quarter has more than one slot."""
    return bool(len(futures.slot_quarter) > futures.path.shape[1])


def by_slot(futures: Futures, weight: Floats) -> Floats:
    """(M,) weight of the outcomes that pass each slot."""
    share: Floats = np.bincount(
        futures.path.ravel(),
        weights=np.repeat(weight, futures.path.shape[1]),
        minlength=len(futures.slot_quarter),
    ).astype(float)
    return share
