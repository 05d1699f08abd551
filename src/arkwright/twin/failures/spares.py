"""How many nodes are out at once, and so how many spare ones a rack, a hall, a site asks for.

Reckoned, not drawn. Failures arrive whether or not a node is out, so a node is in service with
chance e^-load (M/G/infinity: load is rate x mean repair, whatever the repair's distribution), and
nodes of one place are binomial. Bursts and seasons make them more uneven than that; what they add
to the variance follows from how long two nodes that are hit together stay out together, and a
negative binomial with that variance stands for the sum. Parts that many nodes hang on come on top,
path by path.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from arkwright.errors import InputError
from arkwright.physics.reliability import HOURS_PER_DAY, out_share
from arkwright.twin.failures.places import Topology, groups_for
from arkwright.twin.failures.rates import node_rates, told_rate
from arkwright.twin.failures.spec import MS_PER_HOUR, OF_A_NODE, Cause, FailureSpec, Repair
from arkwright.twin.record import Ints, Places
from arkwright.twin.streams import Floats
from arkwright.units import MS_PER_S

_TIMES = 300
"""Points of time at which the chance of still being out is taken."""


class Need(NamedTuple):
    """Per place."""

    path: list[str]
    nodes: Ints
    out_mean: Floats
    """Nodes out at once, on average over years."""
    spare: Ints
    """No more than so many are out at once, for the asked share of the time."""


class Spares(NamedTuple):
    """Needs at each level. Spares of a hall serve all its racks, so they are fewer than theirs."""

    confidence: float
    rack: Need
    hall: Need
    site: Need


def spares(
    spec: FailureSpec, places: Places, topology: Topology, confidence: float = 0.99
) -> Spares:
    """Spare nodes so that for `confidence` of the time as many as planned are in service.

    Long after the start: heavy tails take months to fill. Raises InputError for a confidence
    outside (0, 1) and for groups that do not fit the nodes.
    """
    if not 0 < confidence < 1:
        raise InputError(f"a confidence of {confidence:g} cannot be met; give one above 0 and "
                         "below 1, for example 0.99")  # fmt: skip
    nodes = _node_moments(spec, places, topology)
    shared = _shared(spec, places, topology)
    rows = places.rack, places.hall, places.site
    names = places.racks, places.halls, places.sites
    rack, hall, site = (
        _need(level, path, places, nodes, shared, confidence)
        for level, path in zip(rows, names, strict=True)
    )
    return Spares(confidence, rack, hall, site)


class _Moments(NamedTuple):
    """Of nodes by themselves."""

    out: Floats
    """[n_nodes]: share of the time that each is out."""
    together: list[tuple[Floats, float]]
    """Per cause: [n_nodes] rates, and what a pair of them adds to the variance by bursts."""
    seasonal: tuple[Floats, Floats, Floats] | None
    """[n_causes, n_nodes] rates; [n_causes, n_times] chance of being out still; [n_times, n_times]
    weights, the season's variance included."""


class _Shared(NamedTuple):
    """A path of a group: who hangs on it, and the share of the time that it is out."""

    nodes: Ints
    out: float


def _node_moments(spec: FailureSpec, places: Places, topology: Topology) -> _Moments:
    causes = [cause for cause in spec.causes if cause.part in OF_A_NODE]
    rates = node_rates(spec, places, topology)
    load = np.zeros(len(places.path))
    for cause in causes:
        load += rates[cause.name] * cause.repair.mean_h * MS_PER_HOUR
    out = np.asarray(out_share(load))
    if spec.lemons is not None:
        ordinary, lemon = (out_share(load * weight) for weight in spec.lemons.weights)
        out = np.asarray((1 - spec.lemons.share) * ordinary + spec.lemons.share * lemon)
    together = []
    if spec.bursts is not None:
        square = spec.bursts.hit_mean * (1 + spec.bursts.hit_cv**2)
        for cause in causes:
            told = told_rate(spec, spec.bursts, cause)
            if told > 0:
                both_ms = _both_out_ms(cause.repair)
                together.append((rates[cause.name], spec.bursts.share * square / told * both_ms))
    return _Moments(out, together, _seasonal(spec, causes, rates))


def _both_out_ms(repair: Repair) -> float:
    """Mean time [ms] until the first of two that went out together is back: the integral of S^2."""
    time_s = np.concatenate([[0.0], np.geomspace(repair.within[0], repair.within[-1], _TIMES)])
    still = _still_out(repair, time_s)
    return float(np.trapezoid(still * still, time_s)) * MS_PER_S


def _still_out(repair: Repair, time_s: Floats) -> Floats:
    """Chance of not being back after each time."""
    at = np.log(np.maximum(time_s, repair.within[0] / 2))
    return np.asarray(1.0 - np.interp(at, np.log(repair.within), repair.shares, left=0.0))


def _seasonal(
    spec: FailureSpec, causes: list[Cause], rates: dict[str, Floats]
) -> tuple[Floats, Floats, Floats] | None:
    """Two times before now share a season with a chance that falls linearly with their distance."""
    if spec.seasons is None or not causes:
        return None
    longest = max(cause.repair.within[-1] for cause in causes)
    time_s = np.concatenate([[0.0], np.geomspace(1.0, longest, _TIMES)])
    step = np.gradient(time_s)
    apart = np.abs(time_s[:, None] - time_s[None, :])
    shared = np.maximum(1.0 - apart / spec.seasons.length, 0.0)
    weight = spec.seasons.cv**2 * shared * np.outer(step, step) * MS_PER_S**2
    still = np.array([_still_out(cause.repair, time_s) for cause in causes])
    return np.array([rates[cause.name] for cause in causes]), still, weight


def _shared(spec: FailureSpec, places: Places, topology: Topology) -> list[_Shared]:
    """Every path of every group, per cause of its part."""
    result = []
    for group in groups_for(spec, places, topology):
        causes = [cause for cause in spec.causes if cause.part is group.part]
        share = [_too_many(group.parts, group.spare, cause) for cause in causes]
        order = np.argsort(group.of_node, kind="stable")
        ends = np.searchsorted(group.of_node[order], np.arange(len(group.path) + 1))
        for path in range(len(group.path)):
            nodes = order[ends[path] : ends[path + 1]]
            result += [_Shared(nodes, out) for out in share if len(nodes)]
    return result


def _too_many(count: int, spare: int, cause: Cause) -> float:
    """Share of the time that more than `spare` of `count` parts are out."""
    one = float(out_share(cause.per_1000_days / 1000.0 * cause.repair.mean_h / HOURS_PER_DAY))
    fine = sum(math.comb(count, k) * one**k * (1 - one) ** (count - k) for k in range(spare + 1))
    return max(1.0 - fine, 0.0)


def _need(
    level: Ints,
    path: list[str],
    places: Places,
    nodes: _Moments,
    shared: list[_Shared],
    confidence: float,
) -> Need:
    many = len(path)
    count = np.bincount(level, minlength=many)
    mean = np.bincount(level, nodes.out, many)
    variance = np.bincount(level, nodes.out * (1 - nodes.out), many) + _uneven(
        nodes, places.hall, level, many
    )
    blocks: list[dict[tuple[int, float], int]] = [{} for _ in range(many)]
    for part in shared:
        where, size = np.unique(level[part.nodes], return_counts=True)
        for place, hit in zip(where.tolist(), size.tolist(), strict=True):
            key = (hit, part.out)
            blocks[place][key] = blocks[place].get(key, 0) + 1
    spare = [
        _spare(int(count[k]), float(mean[k]), float(variance[k]),
               tuple(sorted(blocks[k].items())), confidence)
        for k in range(many)
    ]  # fmt: skip
    of_shared = np.array([sum(hit * out * n for (hit, out), n in block.items())
                          for block in blocks])  # fmt: skip
    out_mean = np.minimum(mean + of_shared, count)
    return Need(path, count.astype(np.int64), out_mean, np.array(spare, np.int64))


def _uneven(nodes: _Moments, hall: Ints, level: Ints, many: int) -> Floats:
    """Variance that bursts and seasons add; both are a hall's own, so halls of a site only add."""
    part, index = np.unique(np.stack([level, hall]), axis=1, return_inverse=True)
    index = index.reshape(-1)
    size = part.shape[1]
    extra = np.zeros(size)
    for rate, pair in nodes.together:
        extra += pair * _pairs(index, rate, size)
    if nodes.seasonal is not None:
        rates, still, weight = nodes.seasonal
        felt = np.array([np.bincount(index, rate, size) for rate in rates]).T @ still
        alone = np.array([np.bincount(index, rate * rate, size) for rate in rates]).T @ still**2
        extra += np.einsum("gs,st,gt->g", felt, weight, felt, optimize=True)
        extra -= np.minimum(alone @ np.diag(weight), extra)
    return np.asarray(np.bincount(part[0], extra, many), np.float64)


def _pairs(index: Ints, rate: Floats, size: int) -> Floats:
    """Sum of the products of the rates of two different nodes, per part."""
    total = np.bincount(index, rate, size)
    return np.asarray(total * total - np.bincount(index, rate * rate, size))


@lru_cache(maxsize=4096)
def _spare(
    count: int,
    mean: float,
    variance: float,
    blocks: tuple[tuple[tuple[int, float], int], ...],
    confidence: float,
) -> int:
    """The smallest number that is not passed with chance `confidence`."""
    chance = _chances(count, mean, variance)
    for (size, out), paths in blocks:
        for _ in range(paths):
            chance = _with_block(chance, size, out)
    return int(np.searchsorted(np.cumsum(chance), confidence * (1 - 1e-12)).clip(0, count))


def _chances(count: int, mean: float, variance: float) -> Floats:
    """Chance of 0..count: negative binomial, or binomial where the variance asks for no more."""
    if mean <= 0:
        return np.asarray(np.arange(count + 1) == 0, np.float64)
    k = np.arange(count)
    if variance > mean * (1 + 1e-9):
        size = mean * mean / (variance - mean)
        first = -size * math.log1p(mean / size)
        ratio = (k + size) / (k + 1) * mean / (mean + size)
    else:
        share = min(mean / count, 1 - 1e-12)
        first = count * math.log1p(-share)
        ratio = (count - k) / (k + 1) * share / (1 - share)
    logs = first + np.concatenate([[0.0], np.cumsum(np.log(ratio))])
    chance: Floats = np.exp(logs)
    chance[-1] += max(0.0, 1.0 - chance.sum())
    return chance


def _with_block(chance: Floats, size: int, out: float) -> Floats:
    """The chances once a block of `size` nodes is out for the share `out` of the time."""
    moved = np.zeros_like(chance)
    moved[size:] = chance[: len(chance) - size]
    moved[-1] += chance[len(chance) - size :].sum()
    return np.asarray(chance * (1 - out) + moved * out)
