"""Sums of things that are on for a while, integrated exactly into hours: no loop over either.

Something of weight w that begins at t adds w to every later hour and w (end of hour - t) to the
hour it begins in; its end takes the same away. So two counts of begins and ends and one running sum
over the hours give the integral, at a cost of O(begins + places x hours).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arkwright.units import MS_PER_S, S_PER_HOUR

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HOUR_MS = S_PER_HOUR * MS_PER_S


def hour_edges(from_ms: int, until_ms: int) -> Ints:
    """`from_ms`, every whole hour (UTC) between, `until_ms`: [n_hours + 1], rising.

    The first and the last hour may be shorter than an hour.
    """
    first = from_ms // HOUR_MS + 1
    inner = np.arange(first, -(-until_ms // HOUR_MS), dtype=np.int64) * HOUR_MS
    return np.concatenate([[from_ms], inner, [until_ms]]).astype(np.int64)


def hours_of(edges_ms: Ints, at_ms: Ints) -> Ints:
    """The hour of instants from the first edge through the last, which is in the last hour."""
    found: Ints = at_ms // HOUR_MS
    found -= int(edges_ms[0]) // HOUR_MS
    np.minimum(found, len(edges_ms) - 2, out=found)
    return found


def summed(index: Ints, weight: Floats, size: int) -> Floats:
    """The sum of the weights of each index, shape (size,)."""
    found: Floats = np.bincount(index, weight, size).astype(np.float64, copy=False)
    return found


class HourSums:
    """Weight times milliseconds, by place and hour."""

    def __init__(self, edges_ms: Ints, places: int) -> None:
        """`edges_ms` as `hour_edges` gives them; `places` counted from 0."""
        self.edges_ms = edges_ms
        self.hours = len(edges_ms) - 1
        self.places = places
        self._step = np.zeros(places * self.hours)
        self._within = np.zeros(places * self.hours)

    def add(self, place: Ints, from_ms: Ints, until_ms: Ints, weight: Floats) -> None:
        """`weight` at `place` from `from_ms` until `until_ms`, all within the edges; shape (n,)."""
        self._edge(place, from_ms, weight, 1.0)
        self._edge(place, until_ms, weight, -1.0)

    def sums(self) -> Floats:
        """Weight times ms, shape (places, hours)."""
        step = self._step.reshape(self.places, self.hours)
        on_before = np.cumsum(step, axis=1) - step
        width = np.diff(self.edges_ms).astype(np.float64)
        found: Floats = on_before * width + self._within.reshape(self.places, self.hours)
        return found

    def _edge(self, place: Ints, at_ms: Ints, weight: Floats, sign: float) -> None:
        hour = hours_of(self.edges_ms, at_ms)
        key = place * self.hours + hour
        left = weight * (self.edges_ms[hour + 1] - at_ms)
        size = len(self._step)
        self._step += sign * summed(key, weight, size)
        self._within += sign * summed(key, left, size)


def highest(edges_ms: Ints, from_ms: Ints, until_ms: Ints, weight: Floats) -> float:
    """The most that is on at once at any instant from the first edge until before the last.

    Everything lies within the edges, shape (n,); a weight may be negative. What ends at an instant
    is gone before what begins then. Only hours that can hold the highest instant are put in order:
    what is on at their begin and all that rises in them has to reach the highest mean of an hour.
    """
    hours = len(edges_ms) - 1
    step, spread, rise = np.zeros(hours), np.zeros(hours), np.zeros(hours)
    for at_ms, sign in ((from_ms, 1.0), (until_ms, -1.0)):
        hour = hours_of(edges_ms, at_ms)
        step += sign * summed(hour, weight, hours)
        spread += sign * summed(hour, weight * (edges_ms[hour + 1] - at_ms), hours)
        rise += summed(hour, np.maximum(sign * weight, 0.0), hours)
    before = np.cumsum(step) - step
    highest_mean = float((before + spread / np.diff(edges_ms)).max())
    can = before + rise >= highest_mean - 1e-9 * abs(highest_mean)
    can[np.argmax(before)] = True
    kept_ms, changes = [], []
    for at_ms, sign in ((from_ms, 1.0), (until_ms, -1.0)):
        kept = np.flatnonzero(can[hours_of(edges_ms, at_ms)] & (at_ms < edges_ms[-1]))
        kept_ms.append(at_ms[kept])
        changes.append(sign * weight[kept])
    # At its begin an hour is set to what is on by then, whatever the hours left out have done.
    first = np.flatnonzero(can)
    jump = np.diff(before[first], prepend=0.0)
    jump[1:] -= step[first[:-1]]
    at_ms = np.concatenate([edges_ms[first], *kept_ms])
    order = np.argsort(at_ms, kind="stable")
    on = np.cumsum(np.concatenate([jump, *changes])[order])
    at_ms = at_ms[order]
    is_last = np.append(at_ms[1:] != at_ms[:-1], True)
    return float(on[is_last].max())
