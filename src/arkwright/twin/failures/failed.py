"""Every failure of a run: independent ones of nodes, bursts, and parts that many nodes hang on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.twin.failures.arrivals import Clock, arrivals, clock, log_normal
from arkwright.twin.failures.places import Group, Members, Topology, groups_for, members
from arkwright.twin.failures.rates import node_rates, told_rate
from arkwright.twin.failures.spec import MS_PER_DAY, OF_A_NODE, Bursts, FailureSpec, Repair
from arkwright.twin.record import Ints, Places
from arkwright.twin.streams import (
    Codes,
    Floats,
    Stream,
    normal,
    path_codes,
    stream,
    uniforms,
    words,
)
from arkwright.units import MS_PER_S

_CACHED = 16_384
"""Draws at a time: a few arrays of so many 64-bit words stay in a core's cache."""


class Failed(NamedTuple):
    """Failures in the order of their time; n_failed rows. Those of one node may overlap."""

    at_ms: Ints
    until_ms: Ints
    """When it was repaired, which may be after the run."""
    cause: Ints
    """Index into the spec's causes."""
    node_first: Ints
    """[n_failed + 1]: it took `node[node_first[i]:node_first[i + 1]]`."""
    node: Ints


class _Batch(NamedTuple):
    """Failures of one cause: since the start, unsorted; of nodes, or of paths of a group."""

    cause: int
    at_ms: Ints
    until_ms: Ints
    target: Ints
    behind: Members | None = None
    """Nodes behind each target; None where targets are nodes."""


class _Scene(NamedTuple):
    """What all batches are made from."""

    spec: FailureSpec
    places: Places
    span_ms: float
    seed: int
    nodes: Codes
    """[n_nodes]: codes of their paths."""
    clock: Clock
    rate: dict[str, Floats]
    """Per cause of nodes: [n_nodes], failures per felt ms."""


def failed(
    spec: FailureSpec, places: Places, topology: Topology, from_ms: int, until_ms: int, seed: int
) -> Failed:
    """All failures from `warm_up` before `from_ms` until `until_ms`, also those over by then.

    One stream per cause, burst hall and season; items are paths. So another node, rack, cause or a
    later end changes no other failure. Another start does.
    """
    groups = groups_for(spec, places, topology)
    start_ms = from_ms - round(spec.warm_up * MS_PER_S)
    nodes = path_codes(places.path)
    scene = _Scene(
        spec=spec,
        places=places,
        span_ms=float(until_ms - start_ms),
        seed=seed,
        nodes=nodes,
        clock=clock(spec.seasons, path_codes(places.halls), start_ms, until_ms, seed),
        rate=_rates(spec, places, topology, nodes, seed),
    )
    batches = [_alone(scene, number) for number, cause in enumerate(spec.causes)
               if cause.part in OF_A_NODE]  # fmt: skip
    if spec.bursts is not None:
        for hall in range(len(places.halls)):
            batches += _of_hall(scene, spec.bursts, hall)
    batches += [_of_group(scene, number, group) for number, cause in enumerate(spec.causes)
                for group in groups if group.part is cause.part]  # fmt: skip
    return _together(batches, start_ms)


def _rates(
    spec: FailureSpec, places: Places, topology: Topology, nodes: Codes, seed: int
) -> dict[str, Floats]:
    rates = node_rates(spec, places, topology)
    if spec.lemons is None:
        return rates
    drawn = uniforms(stream(seed, "lemon"), nodes, 0).u
    ordinary, lemon = spec.lemons.weights
    weight = np.where(drawn < spec.lemons.share, lemon, ordinary)
    return {name: rate * weight for name, rate in rates.items()}


def _alone(scene: _Scene, number: int) -> _Batch:
    """Failures of nodes that have nothing to do with each other."""
    cause = scene.spec.causes[number]
    hall = scene.places.hall
    bursts = scene.spec.bursts
    rate = scene.rate[cause.name] * (1.0 - bursts.share if bursts else 1.0)
    felt_end = scene.clock.felt_ms[hall, -1] if len(hall) else np.empty(0)
    found = arrivals(stream(scene.seed, f"cause/{cause.name}"), scene.nodes, rate, felt_end)
    at = scene.clock.real_ms(hall[found.item], found.at)
    return _batch(number, at, found.v, found.item, cause.repair)


def _of_hall(scene: _Scene, bursts: Bursts, hall: int) -> list[_Batch]:
    """Events of one hall, each of one cause, and the nodes they hit."""
    spec = scene.spec
    causes = [n for n, cause in enumerate(spec.causes) if told_rate(spec, bursts, cause) > 0]
    here = np.flatnonzero(scene.places.hall == hall)
    if not causes or not len(here):
        return []
    told = np.array([told_rate(spec, bursts, spec.causes[number]) for number in causes])
    code = path_codes([scene.places.halls[hall]])
    rate = np.array([bursts.share * told.sum() / bursts.hit_mean])
    source = stream(scene.seed, "burst")
    found = arrivals(source, code, rate, scene.clock.felt_ms[[hall], -1])
    at = scene.clock.real_ms(np.full(len(found.at), hall), found.at)
    drawn = normal(uniforms(source, code, np.arange(len(at)), sub=1))
    hit = log_normal(drawn, bursts.hit_mean, bursts.hit_cv)
    edges = np.cumsum(told) / told.sum()
    kind = np.minimum(np.searchsorted(edges, found.v, side="right"), len(causes) - 1)
    names = [spec.causes[number].name for number in causes]
    weight = np.array([scene.rate[name][here] for name in names]) / told[:, None]
    burst, place = _hits(stream(scene.seed, "hit"), scene.nodes[here], hit, kind, weight)
    node = here[place]
    drawn_hit = uniforms(stream(scene.seed, "hit time"), scene.nodes[node], burst)
    out = at[burst] - np.log(drawn_hit.u) * bursts.spread * MS_PER_S
    batches = []
    for number, cause in enumerate(causes):
        of = (kind[burst] == number) & (out < scene.span_ms)
        batches.append(_batch(cause, out[of], drawn_hit.v[of], node[of], spec.causes[cause].repair))
    return batches


def _hits(
    source: Stream, nodes: Codes, hit: Floats, kind: Ints, weight: Floats
) -> tuple[Ints, Ints]:
    """Which burst hit which node: pairs of indexes, by burst.

    Burst b hits node i with chance `hit[b] * weight[kind[b], i]`. Most hit few of many nodes, so
    one draw serves four bursts, and bursts are taken in blocks that stay in a cache.
    """
    block = 4 * max(1, _CACHED // max(1, len(nodes)))
    bursts, places = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for first in range(0, len(hit), block):
        of = np.arange(first, min(first + block, len(hit)))
        drawn = words(source, nodes, np.arange(first // 4, -(-(first + len(of)) // 4)))
        row, place = np.nonzero(drawn[: len(of)] < hit[of, None] * weight[kind[of]] * 2.0**32)
        bursts.append(row + first)
        places.append(place)
    return np.concatenate(bursts), np.concatenate(places)


def _of_group(scene: _Scene, number: int, group: Group) -> _Batch:
    """Spans in which more than the spare ones of a path's parts were out."""
    cause = scene.spec.causes[number]
    codes = path_codes(group.path)
    rate = np.full(len(codes), cause.per_1000_days / (1000.0 * MS_PER_DAY))
    horizon = np.full(len(codes), scene.span_ms)
    source = stream(scene.seed, f"cause/{cause.name}")
    found = [arrivals(source, codes, rate, horizon, sub=k) for k in range(group.parts)]
    member = np.concatenate([part.item * group.parts + k for k, part in enumerate(found)])
    at = np.concatenate([part.at for part in found])
    share = np.concatenate([part.v for part in found])
    each = _too_many(_batch(number, at, share, member, cause.repair), 0)
    of_path = each._replace(target=each.target // group.parts)
    return _too_many(of_path, group.spare)._replace(behind=members(group))


def _too_many(each: _Batch, spare: int) -> _Batch:
    """Where more than `spare` spans of one target overlap, as spans of their own."""
    time = np.concatenate([each.at_ms, each.until_ms])
    step = np.repeat(np.array([1, -1]), len(each.at_ms))
    target = np.concatenate([each.target, each.target])
    order = np.lexsort((step, time, target))
    level = np.cumsum(step[order])
    begins = (level == spare + 1) & (step[order] == 1)
    ends = (level == spare) & (step[order] == -1)
    return each._replace(
        at_ms=time[order][begins], until_ms=time[order][ends], target=target[order][begins]
    )


def _batch(number: int, at_ms: Floats, share: Floats, target: Ints, repair: Repair) -> _Batch:
    begin = np.floor(at_ms).astype(np.int64)
    lasts = np.maximum(np.rint(repair.quantile_s(share) * MS_PER_S), 1).astype(np.int64)
    return _Batch(number, begin, begin + lasts, target.astype(np.int64))


def _together(batches: list[_Batch], start_ms: int) -> Failed:
    """All batches in the order of time, then cause, then first node."""
    batches = [batch for batch in batches if len(batch.at_ms)]
    if not batches:
        none = np.empty(0, np.int64)
        return Failed(none, none, none, np.zeros(1, np.int64), none)
    taken = [_nodes_of(batch) for batch in batches]
    count = np.concatenate([part[0] for part in taken])
    first = np.cumsum(count) - count
    node = np.concatenate([part[1] for part in taken])
    at = np.concatenate([batch.at_ms for batch in batches])
    until = np.concatenate([batch.until_ms for batch in batches])
    cause = np.concatenate([np.full(len(batch.at_ms), batch.cause) for batch in batches])
    some = np.flatnonzero(count > 0)
    order = some[np.lexsort((node[first[some]], cause[some], at[some]))]
    return Failed(
        at_ms=at[order] + start_ms,
        until_ms=until[order] + start_ms,
        cause=cause[order],
        node_first=np.concatenate([[0], np.cumsum(count[order])]).astype(np.int64),
        node=node[spans(first[order], count[order])],
    )


def _nodes_of(batch: _Batch) -> tuple[Ints, Ints]:
    """How many nodes each failure of the batch took, and which, one after another."""
    if batch.behind is None:
        return np.ones(len(batch.target), np.int64), batch.target
    first = batch.behind.first[batch.target]
    count = batch.behind.first[batch.target + 1] - first
    return count, batch.behind.node[spans(first, count)]


def spans(first: Ints, count: Ints) -> Ints:
    """`first[0], first[0] + 1, …` for `count[0]`, then the same for the next, as one array."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) + np.repeat(first - (ends - count), count))
