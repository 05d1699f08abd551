"""What redundancy buys: the share of IT that is lost with one block of the chain, and with two.

A block is a transformer with its UPS. Nothing here is a probability: how often a block fails was
not read for any of the parts, so no availability is stated, only what a failure costs.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arkwright.design.power_layout import system_of
from arkwright.design.power_tree import PowerNode, PowerTree

Floats = NDArray[np.float64]
_DIGITS = 9
"""Of a share: what sums leave behind these is not power."""


class BlockLosses(NamedTuple):
    """Share of the IT power at peak that goes dark or must be shed, 0..1, mean over all choices."""

    one: float
    """Any one block lost."""
    two: float
    """Any two blocks lost at once."""


class _System(NamedTuple):
    """Blocks that back each other up, and the racks below them by pair of busways."""

    capacity_kw: Floats
    """Per block: the less of transformer and UPS."""
    sides: NDArray[np.bool_]
    """Which block feeds side A and B of a run of racks, shape (2, runs, blocks)."""
    run_kw: Floats


def block_losses(tree: PowerTree) -> BlockLosses:
    """Losses of the blocks of `tree`, which is laid out by `power_layout`."""
    systems = _systems(tree)
    it_kw = sum(float(system.run_kw.sum()) for system in systems)
    blocks = sum(len(system.capacity_kw) for system in systems)
    if not blocks or not it_kw:
        return BlockLosses(0.0, 0.0)
    one_kw = two_kw = 0.0
    for system in systems:
        mine = len(system.capacity_kw)
        alone_kw = float(_lost_kw(system, 1).sum())
        one_kw += alone_kw
        # Two blocks of different systems cost what each costs alone.
        two_kw += float(_lost_kw(system, 2).sum()) + alone_kw * (blocks - mine)
    pairs = math.comb(blocks, 2)
    two = two_kw / pairs / it_kw if pairs else 1.0
    return BlockLosses(round(one_kw / blocks / it_kw, _DIGITS), round(two, _DIGITS))


def _systems(tree: PowerTree) -> list[_System]:
    """The systems of the chain, by the places of their blocks."""
    blocks: dict[str, dict[str, float]] = {}
    ends: dict[str, tuple[str, str]] = {}
    busways: dict[str, PowerNode] = {}
    runs: dict[str, dict[tuple[str, ...], float]] = {}
    for node in tree.nodes:
        system = system_of(node.path)
        # Of a hall, for cooling's own transformers are of `site/mech`.
        if node.kind in ("transformer", "ups") and system.count("/") > 1:
            block = node.path.removeprefix(f"{system}/").partition("/")[0]
            rating = math.inf if node.rating_kw is None else node.rating_kw
            known = blocks.setdefault(system, {})
            known[block] = min(known.get(block, math.inf), rating)
            ends[node.path] = (system, block)
        elif node.kind == "busway":
            busways[node.path] = node
        elif node.kind == "rack":
            system = system_of(node.parents[0])
            below = runs.setdefault(system, {})
            below[node.parents] = below.get(node.parents, 0.0) + node.own_kw[0]
    found = []
    for system, capacities in blocks.items():
        order = {block: at for at, block in enumerate(capacities)}
        below = runs.get(system, {})
        sides = np.zeros((2, len(below), len(order)), dtype=np.bool_)
        for run, pair in enumerate(below):
            for side, busway in enumerate(pair):
                for parent in busways[busway].parents:
                    sides[side, run, order[ends[parent][1]]] = True
        kw = np.array(list(below.values()))
        found.append(_System(np.array(list(capacities.values())), sides, kw))
    return found


def _lost_kw(system: _System, count: int) -> Floats:
    """kW not carried for each choice of `count` lost blocks of one system."""
    blocks = len(system.capacity_kw)
    choices = list(itertools.combinations(range(blocks), count))
    alive = np.ones((len(choices), blocks), dtype=np.bool_)
    for row, choice in enumerate(choices):
        alive[row, list(choice)] = False
    # feeders[side]: blocks alive behind each side of each run, shape (choices, runs).
    feeders = [alive.astype(np.float64) @ side.T for side in system.sides.astype(np.float64)]
    is_fed = [count_ > 0 for count_ in feeders]
    sides_fed = is_fed[0].astype(np.float64) + is_fed[1]
    dark = np.where(sides_fed == 0, system.run_kw, 0.0).sum(axis=1)
    per_side = np.where(sides_fed > 0, system.run_kw / np.maximum(sides_fed, 1), 0.0)
    carried = np.zeros(alive.shape)
    for side, fed in zip(system.sides, feeders, strict=True):
        per_block = np.where(fed > 0, per_side / np.maximum(fed, 1), 0.0)
        carried += (per_block @ side.astype(np.float64)) * alive
    return np.asarray(dark + np.maximum(carried - system.capacity_kw, 0.0).sum(axis=1))
