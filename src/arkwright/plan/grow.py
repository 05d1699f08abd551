"""A tree made of samples: what is seen stage by stage in few enough branches to plan on.

From each node, outcomes are drawn on that share the node's past, and put in groups of what looks
alike by forward selection (Heitsch and Roemisch, "Scenario reduction algorithms in stochastic
programming", 2003; drawing on from each node as in Guelpinar, Rustem and Settergren, 2004). A
branch is one member of its group, drawn as likely as any other, with the group's probability: a
stratified sample, which is right in the mean for everything that may happen. It is not the group's
mean, for half an energised tranche does not exist, nor its middle, for groups of delays have
short ones in their middle and what never comes would hardly come up.

The walks are then matched: deviations are scaled, and factors divided, by one number for each walk
and quarter, after which variance of the logarithm and mean of the price are those of the process.
A number of the quarter alone tells nobody the future.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from arkwright.plan.events import START, Branch
from arkwright.plan.hazards import lags
from arkwright.plan.outlook import Outlook
from arkwright.plan.realise import Adjust, log_deviations
from arkwright.plan.rollout import Floats, Ints
from arkwright.plan.samples import Draws, continued, draws, joined, taken
from arkwright.plan.streams import uniforms
from arkwright.plan.walks import factors, variance

_WIDEN_MAX = 4.0
"""Most that deviations are scaled by: beyond, a walk of many is badly seen, not too narrow."""
_YEAR = 4.0
"""Quarters of delay that weigh as much as one standard deviation of a price."""


class Grown(Struct, frozen=True, kw_only=True, eq=False):
    """A tree's outcomes."""

    drawn: Draws
    probability: Floats
    ways: tuple[Branch, ...]
    """(W,) nodes of each outcome; those of one last node are told apart too late to decide."""
    adjust: Adjust


def grow(
    of: Outlook,
    generations: tuple[str, ...],
    seed: int,
    stages: Sequence[int],
    leaves: int,
    pool: int,
) -> Grown:
    """A tree of at most `leaves` outcomes that branches before the quarters `stages`.

    `pool` outcomes are drawn at each node. The same arguments give the same tree.
    """
    starts = (0, *stages)
    ends = (*stages, of.quarters)
    nodes = [Branch(name=START, probability=1.0, nodes=(START,), starts=(0,))]
    past: Draws | None = None
    for level, ways in enumerate(widths(leaves, len(starts))):
        begin, end = starts[level], ends[level]
        children: list[Branch] = []
        chosen: list[Draws] = []
        for row, node in enumerate(nodes):
            fresh = draws(of, generations, seed, pool, f"tree/{node.name}")
            if past is not None:
                same = taken(past, np.full(pool, row, dtype=np.int64))
                fresh = continued(of, same, fresh, begin)
            group = forward_selection(_seen(of, fresh, begin, end), ways)
            kept, weight = _members(group, uniforms(seed, f"pick/{node.name}", (ways,)))
            chosen.append(taken(fresh, kept))
            children += [_child(node, i, float(p), end) for i, p in enumerate(weight)]
        nodes, past = children, joined(chosen)
    assert past is not None
    probability = np.array([node.probability for node in nodes])
    seen = tuple(
        Branch(name=way.name, probability=way.probability, nodes=way.nodes[:-1],
               starts=way.starts[:-1])
        for way in nodes
    )  # fmt: skip
    adjust = _matched(of, past, probability)
    return Grown(drawn=past, probability=probability, ways=seen, adjust=adjust)


def widths(leaves: int, levels: int) -> list[int]:
    """Branches at each level, as equal as their product allows, the first the widest.

    >>> widths(64, 2), widths(64, 3), widths(60, 4)
    ([8, 8], [4, 4, 4], [3, 3, 3, 2])
    """
    found = [1] * levels
    while True:
        narrow = found.index(min(found))
        for level in (narrow, *range(levels)):
            wider = [width + (i == level) for i, width in enumerate(found)]
            if wider == sorted(wider, reverse=True) and int(np.prod(wider)) <= leaves:
                found = wider
                break
        else:
            return found


def forward_selection(features: Floats, count: int) -> Ints:
    """Group of each row, by the nearest of `count` rows chosen one after the other.

    Each next row is the one that leaves the least mean distance to the nearest chosen one; equally
    good ones go by number. Groups are numbered as they were chosen; none is empty, so equal rows
    make fewer than `count`.
    """
    square = (features**2).sum(axis=1)
    # Not by matrix product: its rounding is a matter of threads, and so would be the tree.
    inner = np.einsum("nd,md->nm", features, features)
    gap = np.sqrt(np.maximum(square[:, None] + square - 2 * inner, 0.0))
    np.fill_diagonal(gap, 0.0)
    nearest = np.full(len(features), np.inf)
    chosen: list[int] = []
    for _ in range(min(count, len(features))):
        left = np.minimum(nearest[:, None], gap).sum(axis=0)
        left[chosen] = np.inf
        chosen.append(int(np.argmin(left)))
        nearest = np.minimum(nearest, gap[:, chosen[-1]])
    owner = gap[:, chosen].argmin(axis=1)
    group: Ints = np.unique(owner, return_inverse=True)[1]
    return group


def _members(group: Ints, uniform: Floats) -> tuple[Ints, Floats]:
    """One row of each group, by a uniform number, and the group's share."""
    size = np.bincount(group)
    first = np.cumsum(size) - size
    place = first + (uniform[: len(size)] * size).astype(np.int64)
    return np.argsort(group, kind="stable")[place], size / len(group)


def _child(node: Branch, index: int, share: float, start: int) -> Branch:
    name = f"{node.name}.{index + 1}".removeprefix(".")
    return Branch(
        name=name,
        probability=node.probability * share,
        nodes=(*node.nodes, name),
        starts=(*node.starts, start),
    )


def _seen(of: Outlook, drawn: Draws, begin: int, end: int) -> Floats:
    """(N, D) what is seen of outcomes in quarters begin..end-1; every kind weighs alike."""
    columns: list[Floats] = []
    kinds = [name.partition("/")[0] for name in drawn.steps]
    for name, deviation in log_deviations(of, drawn).items():
        deviation_sd = float(np.sqrt(variance(of.walks[name], of.quarters)[end - 1]))
        if deviation_sd > 0:
            alike = kinds.count(name.partition("/")[0]) * (end - begin)
            columns.append(deviation[:, begin:end] / deviation_sd / np.sqrt(alike))
    works = [name.partition("/")[0] for name in of.hazards]
    for name, hazard in of.hazards.items():
        seen = np.minimum(lags(hazard, drawn.once[name]), max(0, end - hazard.due))
        alike = works.count(name.partition("/")[0])
        columns.append(seen[:, None] / _YEAR / np.sqrt(alike))
    for uniform in drawn.short.values():
        begun = (uniform[:, begin:end] < of.shocks.chance).any(axis=1, keepdims=True)
        columns.append(begun / np.sqrt(len(drawn.short)))
    return np.concatenate(columns, axis=1)


def _matched(of: Outlook, drawn: Draws, probability: Floats) -> Adjust:
    """(2, T) by walk: scale of deviations and divisor of factors that give the process's own."""
    adjust: dict[str, Floats] = {}
    for name, deviation in log_deviations(of, drawn).items():
        mean = np.einsum("w,wt->t", probability, deviation)
        spread = np.einsum("w,wt->t", probability, (deviation - mean) ** 2)
        wanted = variance(of.walks[name], of.quarters)
        ratio = np.divide(wanted, spread, out=np.ones_like(wanted), where=spread > 1e-12)
        scale = np.sqrt(ratio).clip(1 / _WIDEN_MAX, _WIDEN_MAX)
        over = np.einsum("w,wt->t", probability, factors(of.walks[name], deviation * scale))
        adjust[name] = np.stack([scale, over])
    return adjust
