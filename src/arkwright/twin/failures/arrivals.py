"""When things happen: Poisson arrivals per item, on a clock that runs faster in bad seasons."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from arkwright.twin.failures.spec import Seasons
from arkwright.twin.record import Ints
from arkwright.twin.streams import Codes, Floats, Stream, normal, stream, uniforms
from arkwright.units import MS_PER_S

_AT_ONCE = 4096
"""Draws at a time where few items have many arrivals."""


class Clock(NamedTuple):
    """Time as failures feel it, per hall: rates are constant on it."""

    edges_ms: Floats
    """[n_edges], from 0: edges of the seasons, since the start."""
    felt_ms: Floats
    """[n_halls, n_edges]: felt time at each edge."""

    def real_ms(self, hall: Ints, felt_ms: Floats) -> Floats:
        """Real time since the start at felt times of halls, both (n,)."""
        result = np.empty_like(felt_ms)
        for number in np.unique(hall):
            here = hall == number
            result[here] = np.interp(felt_ms[here], self.felt_ms[number], self.edges_ms)
        return result


class Arrivals(NamedTuple):
    """What arrived, by round and item."""

    item: Ints
    at: Floats
    """Since the start, on the clock of the rates."""
    v: Floats
    """A uniform of its own per arrival, for what happens to it."""


def clock(seasons: Seasons | None, halls: Codes, start_ms: int, until_ms: int, seed: int) -> Clock:
    """The clock of each hall from `start_ms` through `until_ms`."""
    span_ms = float(until_ms - start_ms)
    if seasons is None:
        edges = np.array([0.0, span_ms])
        return Clock(edges, np.broadcast_to(edges, (len(halls), 2)))
    width_ms = seasons.length * MS_PER_S
    numbers = np.arange(math.floor(start_ms / width_ms), math.ceil(until_ms / width_ms))
    edges = np.append(np.maximum(numbers * width_ms - start_ms, 0.0), span_ms)
    drawn = uniforms(stream(seed, "season"), halls[:, None], numbers[None, :])
    factors = log_normal(normal(drawn), 1.0, seasons.cv)
    felt = np.cumsum(factors * np.diff(edges), axis=1)
    return Clock(edges, np.concatenate([np.zeros((len(halls), 1)), felt], axis=1))


def arrivals(source: Stream, items: Codes, rate: Floats, horizon: Floats, sub: int = 0) -> Arrivals:
    """Poisson arrivals of each item at its `rate` per unit until its `horizon`, all (n,).

    Arrival k of an item depends on nothing but its code and rate: a longer horizon only adds.
    """
    at = np.zeros(len(items))
    going = np.flatnonzero(rate > 0)
    found: list[tuple[Ints, Floats, Floats]] = []
    number = 0
    while len(going):
        rounds = np.arange(number, number + max(1, min(64, _AT_ONCE // len(going))))
        drawn = uniforms(source, items[going], rounds[:, None], sub)
        gaps = -np.log(drawn.u) / rate[going]
        # Summed one after another from where each item stands: the rounds at once change nothing.
        times = np.cumsum(np.concatenate([at[None, going], gaps]), axis=0)[1:]
        row, place = np.nonzero(times < horizon[going])
        found.append((going[place], times[row, place], drawn.v[row, place]))
        at[going] = times[-1]
        going = going[times[-1] < horizon[going]]
        number += len(rounds)
    if not found:
        return Arrivals(np.empty(0, np.int64), np.empty(0), np.empty(0))
    item, when, v = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Arrivals(item.astype(np.int64), when, v)


def log_normal(z: Floats, mean: float, cv: float) -> Floats:
    """Log-normal with `mean` and standard deviation over mean `cv` from standard normals."""
    variance = math.log1p(cv * cv)
    result: Floats = mean * np.exp(math.sqrt(variance) * z - variance / 2)
    return result
