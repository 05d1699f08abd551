"""Losses of the power chain and the arithmetic of its spare parts.

One form for every stage: loss over rating = constant + linear x + quadratic x², x the load over
rating. A transformer has no linear part (iron and copper); a converter has all three, fixed by its
published efficiency at three loads. Arguments are floats or arrays that broadcast together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = float | NDArray[np.float64]


class LossCurve(NamedTuple):
    """Loss over rating as a polynomial of load over rating."""

    constant: float
    linear: float
    quadratic: float


LOSSLESS = LossCurve(0.0, 0.0, 0.0)


class ChainLosses(NamedTuple):
    """Power into a chain of stages and what each loses, in the order from the load up."""

    input_kw: Number
    losses_kw: tuple[Number, ...]


def transformer_curve(no_load_kw: float, load_loss_kw: float, rating_kw: float) -> LossCurve:
    """No-load loss always, load loss with the square of the load (IEC 60076-1).

    `load_loss_kw` is the loss at rated load, at the reference temperature.
    """
    return LossCurve(no_load_kw / rating_kw, 0.0, load_loss_kw / rating_kw)


def converter_curve(points: Sequence[tuple[float, float]]) -> LossCurve:
    """The curve through three points (load, efficiency) of a UPS or a rectifier.

    Exact at the points; between the lowest and full load it is good to what makers state. A
    constant that comes out negative (points that are too flat) is kept, so the points stay exact.
    """
    loads = np.array([load for load, _ in points])
    losses = np.array([load * (1.0 / efficiency - 1.0) for load, efficiency in points])
    powers = np.vander(loads, 3, increasing=True)
    constant, linear, quadratic = (float(v) for v in np.linalg.solve(powers, losses))
    return LossCurve(constant, linear, quadratic)


def loss_kw(load_kw: Number, rating_kw: Number, curve: LossCurve) -> Number:
    """What a stage loses while it delivers `load_kw`. Energised, so the constant always counts."""
    x = load_kw / rating_kw
    return rating_kw * (curve.constant + curve.linear * x + curve.quadratic * x * x)


def delivered_kw_max(taken_kw: float, rating_kw: float, curve: LossCurve) -> float:
    """What a stage delivers while it takes `taken_kw`: the inverse of load plus `loss_kw`.

    The root of c x² + (1 + l) x + k = taken / rating, x being delivered over rating; never below 0.
    """
    rest = taken_kw / rating_kw - curve.constant
    slope = 1.0 + curve.linear
    # Without the cancellation of the usual form, and right where the quadratic part is nought.
    root = math.sqrt(max(0.0, slope * slope + 4.0 * curve.quadratic * rest))
    return max(0.0, rating_kw * 2.0 * rest / (slope + root))


def efficiency(load_kw: Number, rating_kw: Number, curve: LossCurve) -> Number:
    """Delivered over taken; 0 at no load."""
    return load_kw / (load_kw + loss_kw(load_kw, rating_kw, curve))


def chain(load_kw: Number, stages: Sequence[tuple[Number, LossCurve]]) -> ChainLosses:
    """A load through `stages` (rating, curve), from the load upwards: each feeds the one below.

    The efficiency of the chain is the product of the stages' at the load each really has.
    """
    losses = []
    carried = load_kw
    for rating_kw, curve in stages:
        lost = loss_kw(carried, rating_kw, curve)
        losses.append(lost)
        carried = carried + lost
    return ChainLosses(carried, tuple(losses))


def usable_kw(rating_kw: Number, derating: Number) -> Number:
    """What may be loaded continuously of a rating."""
    return rating_kw * derating


class Spares(NamedTuple):
    """A redundancy scheme as numbers: of each group of `group` parts, `spare` are in reserve."""

    group: int | None
    """None: one group of whatever is needed."""
    spare: int


N = Spares(None, 0)
N_PLUS_1 = Spares(None, 1)
TWO_N = Spares(2, 1)
FOUR_N_3R = Spares(4, 1)
"""Four parts share the load that three can carry (4N/3, distributed redundant)."""


def installed(needed: int, spares: Spares) -> int:
    """Parts to install where `needed` carry the load.

    N: n. N+1: n + 1. 2N: 2 n. 4N3R: 4 for every 3, rounded up to whole groups.
    """
    if spares.group is None:
        return needed + spares.spare if needed else 0
    return math.ceil(needed / (spares.group - spares.spare)) * spares.group


def load_share_max(needed: int, spares: Spares) -> float:
    """Most load over installed rating at which any one part may be lost.

    N: 1 (nothing may be lost). N+1: n / (n + 1). 2N: 1/2. 4N3R: 3/4.
    """
    if spares.group is None:
        return needed / (needed + spares.spare)
    return (spares.group - spares.spare) / spares.group
