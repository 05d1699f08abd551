"""When generated jobs are submitted: a Poisson process whose rate follows the day and the week."""

from __future__ import annotations

import numpy as np

from arkwright.catalog.workloads import workload_figure
from arkwright.twin.workload.draws import Draws, Float64
from arkwright.twin.workload.spec import Generator
from arkwright.twin.workload.table import Int64
from arkwright.units import MS_PER_S, S_PER_HOUR

_HOUR_MS = S_PER_HOUR * MS_PER_S
_HOURS = 24
_DAYS = 7
_SATURDAY = 5
_FIRST_WEEKDAY = 3
"""1 January 1970 was a Thursday, counted from Monday as 0."""


def arrivals_ms(spec: Generator, count: int, from_ms: int, until_ms: int, stream: Draws) -> Int64:
    """`count` instants in [from_ms, until_ms), in order, shape (count,).

    Given their number, the arrivals of a Poisson process are as uniform numbers in order; sums of
    exponentials over their total are those without sorting.
    """
    offset_ms = round(spec.utc_offset * MS_PER_S)
    first = (from_ms + offset_ms) // _HOUR_MS
    last = -(-(until_ms + offset_ms) // _HOUR_MS)
    hours = np.arange(first, last + 1, dtype=np.int64)
    edges = (hours * _HOUR_MS - offset_ms).clip(from_ms, until_ms)
    done = np.concatenate([[0.0], np.cumsum(rates(spec, hours[:-1]) * np.diff(edges))])
    steps = np.cumsum(stream.exponentials(count + 1))
    place = np.interp(steps[:-1] * (done[-1] / steps[-1]), done, (edges - from_ms).astype(float))
    since = np.floor(place).astype(np.int64)
    instants: Int64 = from_ms + since.clip(0, until_ms - from_ms - 1)
    return instants


def rates(spec: Generator, hours: Int64) -> Float64:
    """Relative rate in each hour of the users' clock, counted since 1970; shape as `hours`.

    The logarithm of the rate is a cosine of the hour, so that the busiest hour over the quietest
    is the swing.
    """
    swing = workload_figure("day_swing") if spec.day_swing is None else spec.day_swing
    weekend = workload_figure("weekend_rate") if spec.weekend_rate is None else spec.weekend_rate
    middle = hours % _HOURS + 0.5
    turn = 2.0 * np.pi * (middle - workload_figure("day_peak")) / _HOURS
    of_day = np.exp(np.cos(turn) * (np.log(swing) / 2.0))
    weekday = (hours // _HOURS + _FIRST_WEEKDAY) % _DAYS
    rate: Float64 = of_day * np.where(weekday >= _SATURDAY, weekend, 1.0)
    return rate
