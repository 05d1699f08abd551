"""Failures to outages: per node, what overlaps merged, cut to the run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.twin.failures.failed import Failed, failed
from arkwright.twin.failures.places import Topology
from arkwright.twin.failures.spec import FailureSpec
from arkwright.twin.record import Ints, Outages, Places


def outages(
    spec: FailureSpec, places: Places, topology: Topology, from_ms: int, until_ms: int, seed: int
) -> Outages:
    """When each node is out in `[from_ms, until_ms)`, by node and time.

    Overlapping or touching outages of one node are one, with the cause and the failure that came
    first. Raises InputError where the groups do not fit the nodes.
    """
    found = failed(spec, places, topology, from_ms, until_ms, seed)
    return merged(found, [cause.name for cause in spec.causes], from_ms, until_ms)


def merged(found: Failed, causes: list[str], from_ms: int, until_ms: int) -> Outages:
    """The failures as outages of nodes within the run."""
    many = np.diff(found.node_first)
    failure = np.repeat(np.arange(len(found.at_ms)), many)
    inside = (found.until_ms > from_ms) & (found.at_ms < until_ms)
    keep = inside[failure]
    failure, node = failure[keep], found.node[keep]
    order = np.lexsort((failure, node))
    failure, node = failure[order], node[order]
    begin = np.maximum(found.at_ms[failure], from_ms)
    end = np.minimum(found.until_ms[failure], until_ms)
    # One running maximum for all nodes: each node's times stand above those of the one before.
    above = node * (until_ms - from_ms + 1)
    reached = np.maximum.accumulate(end - from_ms + above) if len(node) else end
    fresh = np.ones(len(node), bool)
    fresh[1:] = (begin - from_ms + above)[1:] > reached[:-1]
    last = np.append(np.flatnonzero(fresh)[1:], len(node)) - 1
    return Outages(
        node=node[fresh],
        from_ms=begin[fresh],
        until_ms=(reached - above)[last] + from_ms if len(node) else end,
        cause=found.cause[failure[fresh]],
        failure=failure[fresh],
        causes=causes,
    )


class NodeEvents(NamedTuple):
    """Nodes going out and coming back, in the order of time; at one instant, back before out."""

    at_ms: Ints
    node: Ints
    is_up: Ints
    """1: back in service; 0: out."""


def node_events(found: Outages, until_ms: int) -> NodeEvents:
    """What the outages are to a scheduler. A node still out at `until_ms` does not come back."""
    back = found.until_ms < until_ms
    at = np.concatenate([found.from_ms, found.until_ms[back]])
    node = np.concatenate([found.node, found.node[back]])
    up = np.repeat(np.array([0, 1]), [len(found.node), int(back.sum())])
    order = np.lexsort((node, 1 - up, at))
    return NodeEvents(at[order], node[order], up[order])
