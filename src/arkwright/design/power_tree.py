"""A power tree: who feeds whom, what each part may carry, what it does carry, what may be lost.

A part with several parents takes an equal share from each that is alive; losses are added on the
way up. So one structure holds a plain tree (NVIDIA DPS), parallel UPS, and racks with two cords.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright import units
from arkwright.design.blueprint import Finding, Severity
from arkwright.errors import InputError
from arkwright.physics.losses import LOSSLESS, LossCurve, loss_kw

CASES = ("peak", "typical", "idle")
"""Columns of every load: nameplate, training, and nothing running."""
_TOLERANCE_KW = 1e-6


class PowerNode(Struct, frozen=True, kw_only=True):
    """One part of the chain. Loads are of the part itself, without what it feeds."""

    path: str
    kind: str
    """utility, transformer, ups, busway, pdu, rack, node, … as the maker or the design has it."""
    parents: tuple[str, ...] = ()
    """Who feeds it; empty for a root."""
    rating_kw: float | None = None
    """What it may carry continuously, derating included; None sets no limit."""
    own_kw: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Its own draw in the order of `CASES`."""
    curve: LossCurve = LOSSLESS
    part: str = ""
    """Catalogue name, or the maker's model."""

    @property
    def parent(self) -> str | None:
        """The first of its parents."""
        return self.parents[0] if self.parents else None


class PowerTree(Struct, frozen=True, kw_only=True):
    """Parts, each after all its parents."""

    name: str
    nodes: tuple[PowerNode, ...]

    def count(self, kind: str) -> int:
        """Parts of `kind`."""
        return sum(node.kind == kind for node in self.nodes)

    def index(self) -> dict[str, int]:
        """Position of each path."""
        return {node.path: place for place, node in enumerate(self.nodes)}


class Loads(Struct, frozen=True, kw_only=True):
    """What every part delivers and loses, shape (parts, cases), in the order of the tree."""

    delivered_kw: NDArray[np.float64]
    lost_kw: NDArray[np.float64]

    @property
    def taken_kw(self) -> NDArray[np.float64]:
        """What every part takes from its parents."""
        return self.delivered_kw + self.lost_kw


def tree_of(name: str, nodes: Sequence[PowerNode]) -> PowerTree:
    """`nodes` in order, parents first. InputError names unknown parents, doubles and circles."""
    by_path = {node.path: node for node in nodes}
    _refuse(name, nodes)
    waiting = {node.path: len(node.parents) for node in nodes}
    children: dict[str, list[str]] = {node.path: [] for node in nodes}
    for node in nodes:
        for parent in node.parents:
            children[parent].append(node.path)
    ordered = [node.path for node in nodes if not node.parents]
    for path in ordered:
        for child in children[path]:
            waiting[child] -= 1
            if waiting[child] == 0:
                ordered.append(child)
    if len(ordered) < len(nodes):
        stuck = next(node.path for node in nodes if waiting[node.path] > 0)
        raise InputError(f"power tree {name}: {stuck} feeds itself through its parents")
    return PowerTree(name=name, nodes=tuple(by_path[path] for path in ordered))


def _refuse(name: str, nodes: Sequence[PowerNode]) -> None:
    counts = Counter(node.path for node in nodes)
    doubles = [path for path, count in counts.items() if count > 1]
    if doubles:
        raise InputError(f"power tree {name}: {doubles[0]} is there twice")
    for node in nodes:
        for parent in node.parents:
            if parent not in counts:
                raise InputError(f"power tree {name}: {node.path} has the unknown parent {parent}")
            if node.parents.count(parent) > 1:
                raise InputError(f"power tree {name}: {node.path} names {parent} twice")


def loads(tree: PowerTree) -> Loads:
    """Every part's load in each of `CASES`, nothing lost."""
    return carried(tree, np.array([node.own_kw for node in tree.nodes]).reshape(-1, len(CASES)))


def carried(tree: PowerTree, own_kw: NDArray[np.float64]) -> Loads:
    """Every part's load where the parts themselves draw `own_kw`, shape (parts, any cases)."""
    delivered = np.array(own_kw, dtype=np.float64)
    lost = np.zeros_like(delivered)
    place, ends = tree.index(), _ends(tree)
    np.add.at(delivered, ends.parent, delivered[ends.part] * ends.share[:, None])
    for at in ends.others:
        node = tree.nodes[at]
        taken = delivered[at]
        if node.curve is not LOSSLESS:
            lost[at] = _loss(node, delivered[at])
            taken = taken + lost[at]
        for parent in node.parents:
            delivered[place[parent]] += taken / len(node.parents)
    return Loads(delivered_kw=delivered, lost_kw=lost)


class _Ends(NamedTuple):
    """Feeds of parts that feed nothing and lose nothing, most of a tree: they need no order."""

    part: NDArray[np.intp]
    """Per feed [n_feeds]; a part with two parents is there twice."""
    parent: NDArray[np.intp]
    share: NDArray[np.float64]
    """Of the part's draw, while all its parents are alive."""
    others: list[int]
    """Positions of all other parts, children first."""


def _ends(tree: PowerTree) -> _Ends:
    place = tree.index()
    feeding = {parent for node in tree.nodes for parent in node.parents}
    is_end = [node.path not in feeding and node.curve == LOSSLESS for node in tree.nodes]
    backward = range(len(tree.nodes) - 1, -1, -1)
    feeds = [
        (at, place[parent], 1 / len(tree.nodes[at].parents))
        for at in backward
        if is_end[at]
        for parent in tree.nodes[at].parents
    ]
    return _Ends(
        part=np.array([at for at, _, _ in feeds], dtype=np.intp),
        parent=np.array([parent for _, parent, _ in feeds], dtype=np.intp),
        share=np.array([share for _, _, share in feeds], dtype=np.float64),
        others=[at for at in backward if not is_end[at]],
    )


def over_limit(tree: PowerTree, case: str = "peak") -> list[Finding]:
    """Every part whose demand is above its own limit, and only those, from the root down."""
    column = CASES.index(case)
    delivered = loads(tree).delivered_kw[:, column]
    found = []
    for node, demand in zip(tree.nodes, delivered, strict=True):
        if node.rating_kw is not None and demand > node.rating_kw + _TOLERANCE_KW:
            text = (
                f"{node.kind} {node.path}: {case} demand of {units.render(demand, 'kW')} is "
                f"{units.render(demand - node.rating_kw, 'kW')} above its limit of "
                f"{units.render(node.rating_kw, 'kW')}; cap what it feeds to "
                f"{node.rating_kw / demand:.0%}, or feed less from it"
            )
            found.append(_warning(node.path, text))
    return found


class Removals(Struct, frozen=True, kw_only=True):
    """What is left with each feeding part removed in turn, at peak; shape (parts, removals)."""

    tried: tuple[int, ...]
    """Positions in the tree of the parts removed."""
    alive: NDArray[np.bool_]
    delivered_kw: NDArray[np.float64]

    def worst_kw(self, tree: PowerTree) -> NDArray[np.float64]:
        """The most each part delivers with nothing or any one part removed."""
        whole = loads(tree).delivered_kw[:, 0]
        return np.asarray(np.maximum(whole, self.delivered_kw.max(axis=1, initial=0.0)))


def removals(tree: PowerTree) -> Removals:
    """Remove any one part that feeds others: who is alive, and what each then delivers."""
    feeds = {parent for node in tree.nodes for parent in node.parents}
    tried = tuple(at for at, node in enumerate(tree.nodes) if node.path in feeds)
    alive, delivered = _with_each_removed(tree, tried)
    return Removals(tried=tried, alive=alive, delivered_kw=delivered)


def loss_findings(
    tree: PowerTree, removed: Removals | None = None, kinds: Sequence[str] | None = None
) -> list[Finding]:
    """Remove any one part (of `kinds`, or any that feeds others): who goes dark, who is overloaded.

    Loads are the peak. What is too much with nothing removed is found by `over_limit`.
    """
    removed = removals(tree) if removed is None else removed
    draws = np.array([node.own_kw[0] > 0 for node in tree.nodes])
    ratings = np.array([np.inf if n.rating_kw is None else n.rating_kw for n in tree.nodes])
    bounds = np.maximum(ratings, loads(tree).delivered_kw[:, 0]) + _TOLERANCE_KW
    darks = (draws[:, None] & ~removed.alive).sum(axis=0)
    highs = (removed.delivered_kw > bounds[:, None]).sum(axis=0)
    found = []
    for column in np.flatnonzero(darks + highs):
        lost = tree.nodes[removed.tried[column]]
        if kinds is not None and lost.kind not in kinds:
            continue
        if darks[column]:
            first = int(np.flatnonzero(draws & ~removed.alive[:, column])[0])
            text = (
                f"with {lost.kind} {lost.path} lost, {darks[column]:,} parts go dark, the first is "
                f"{tree.nodes[first].path}; feed them from a second one"
            )
            found.append(_warning(lost.path, text))
        if highs[column]:
            over = removed.delivered_kw[:, column] / bounds
            worst = int(np.argmax(over))
            kw = units.render(float(removed.delivered_kw[worst, column]), "kW")
            text = (
                f"with {lost.kind} {lost.path} lost, {highs[column]:,} parts are above their "
                f"rating, most {tree.nodes[worst].path}: {kw} of "
                f"{units.render(float(ratings[worst]), 'kW')}; add a part beside it or load it less"
            )
            found.append(_warning(lost.path, text))
    return found


def _with_each_removed(
    tree: PowerTree, tried: Sequence[int]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Who is alive and what each delivers, shape (parts, removals), all removals at once."""
    place = tree.index()
    shape = (len(tree.nodes), len(tried))
    alive = np.ones(shape, dtype=np.bool_)
    alive[list(tried), np.arange(len(tried))] = False
    for at, node in enumerate(tree.nodes):
        if node.parents:
            alive[at] &= alive[[place[parent] for parent in node.parents]].any(axis=0)
    delivered = np.zeros(shape)
    for at in range(len(tree.nodes) - 1, -1, -1):
        node = tree.nodes[at]
        delivered[at] = np.where(alive[at], delivered[at] + node.own_kw[0], 0.0)
        taken = np.where(alive[at], delivered[at] + _loss(node, delivered[at]), 0.0)
        if node.parents:
            parents = [place[parent] for parent in node.parents]
            shares = alive[parents] / np.maximum(alive[parents].sum(axis=0), 1)
            delivered[parents] += shares * taken
    return alive, delivered


def _loss(node: PowerNode, delivered_kw: NDArray[np.float64]) -> NDArray[np.float64]:
    if node.rating_kw is None or node.curve == LOSSLESS:
        return np.zeros_like(delivered_kw)
    return np.asarray(loss_kw(delivered_kw, node.rating_kw, node.curve))


def _warning(where: str, text: str) -> Finding:
    return Finding(severity=Severity.WARNING, where=where, text=text)
