"""A figure that differs by outcome, as its mean and the range most outcomes lie in."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.rollout import Floats

LOW, HIGH = 0.1, 0.9
"""The ends of every band: one outcome in ten lies below, one in ten above."""


class Band(Struct, frozen=True, kw_only=True, eq=False):
    """A figure in each quarter; each (T,)."""

    low: Floats
    mean: Floats
    high: Floats


class Spread(Struct, frozen=True, kw_only=True):
    """One figure."""

    low: float
    mean: float
    high: float


def band(values: Floats, probability: Floats) -> Band:
    """`values` (W, T) over outcomes of `probability` (W,)."""
    return Band(
        low=quantile(values, probability, LOW),
        mean=probability @ values,
        high=quantile(values, probability, HIGH),
    )


def spread(values: Floats, probability: Floats) -> Spread:
    """`values` (W,) over outcomes."""
    return Spread(
        low=float(quantile(values, probability, LOW)),
        mean=float(probability @ values),
        high=float(quantile(values, probability, HIGH)),
    )


def quantile(values: Floats, probability: Floats, share: float) -> Floats:
    """The least value that is not exceeded with at least probability `share`; over axis 0.

    `values` (W, …), `probability` (W,). No value is made up between two outcomes.
    """
    order = np.argsort(values, axis=0, kind="stable")
    reached = np.cumsum(probability[order], axis=0)
    # What adds up to 0.1 in floats is 0.1.
    place = np.argmax(reached >= share - 1e-9, axis=0)
    ranked = np.take_along_axis(values, order, axis=0)
    found: Floats = np.take_along_axis(ranked, place[None, ...], axis=0)[0]
    return found
