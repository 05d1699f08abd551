"""Quantities that change at instants: sums over spans, means over bins of time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.twin.report.told import Floats, Ints

_NICE_MS = tuple(
    minutes * 60_000 for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
)


class Steps(NamedTuple):
    """A value that holds from one instant until the next, the last one until `until_ms`."""

    t_ms: Ints
    """[n_steps], strictly rising."""
    value: Floats
    until_ms: int


class Binned(NamedTuple):
    """What a page draws: steps as they are, or means over bins where there are too many."""

    t_ms: Ints
    value: Floats
    width_ms: int
    """Of a bin; 0 where the steps are exact."""


def summed(up_ms: Ints, down_ms: Ints, amount: Ints, from_ms: int, until_ms: int) -> Steps:
    """The sum of `amount` [n_spans] over all spans that are open, within the run.

    Integers are summed, so that a sum that should return to zero does.
    """
    up = np.clip(up_ms, from_ms, until_ms)
    down = np.clip(down_ms, from_ms, until_ms)
    at = np.concatenate([[from_ms], up, down])
    change = np.concatenate([[0], amount, -amount])
    order = np.argsort(at, kind="stable")
    at, total = at[order], np.cumsum(change[order])
    is_last = np.append(at[1:] != at[:-1], True) & (at < until_ms)
    at, total = at[is_last], total[is_last]
    moves = np.append(True, total[1:] != total[:-1])
    return Steps(at[moves], total[moves].astype(np.float64), until_ms)


def integral(steps: Steps) -> float:
    """Of the value over time, in its unit times milliseconds."""
    return float(np.dot(steps.value, np.diff(np.append(steps.t_ms, steps.until_ms))))


def means(steps: Steps, edges_ms: Ints) -> Floats:
    """Mean value between each pair of `edges_ms` [n_bins + 1], within the steps: [n_bins]."""
    corners = np.append(steps.t_ms, steps.until_ms)
    area = np.append(0.0, np.cumsum(steps.value * np.diff(corners)))
    mean: Floats = np.diff(np.interp(edges_ms, corners, area)) / np.diff(edges_ms)
    return mean


def edges(from_ms: int, until_ms: int, bins_max: int) -> Ints:
    """Edges of at most `bins_max` bins of a width that a clock has; the last may be narrower."""
    span = until_ms - from_ms
    width = next((w for w in _NICE_MS if span / w <= bins_max), None)
    if width is None:
        width = -(-span // (bins_max * _NICE_MS[-1])) * _NICE_MS[-1]
    return np.append(np.arange(from_ms, until_ms, width, dtype=np.int64), until_ms)


def binned(steps: Steps, from_ms: int, steps_max: int) -> Binned:
    """The steps themselves where they are at most `steps_max`, else their means over bins."""
    if len(steps.t_ms) <= steps_max:
        return Binned(steps.t_ms, steps.value, 0)
    at = edges(from_ms, steps.until_ms, steps_max)
    return Binned(at[:-1], means(steps, at), int(at[1] - at[0]))
