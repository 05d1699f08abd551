"""What is ever built, decided by branching: the bound, and where to look for plans.

Whether a tranche is ever started and how many halls a place ever has make most of what whole
numbers cost; when they are begun makes the rest. So totals at the end of every path are branched on
first, dates after. A node is the master with some of them bounded, solved warm from the node
before: tenths of a second, where a mixed-integer solver starts from scratch. Its optimum bounds
every plan in it, so the best of the open nodes bounds all plans.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np

from arkwright.plan.cutting import PLAN_SHARE, infeasible, optimise
from arkwright.plan.integers import settle
from arkwright.plan.master import Master
from arkwright.plan.progress import Search
from arkwright.plan.rollout import Floats, Ints

WHOLE = 1e-5
"""How near to a whole number is whole."""
UP = 0.35
"""Part of a hall or tranche from which a node's dates are rounded to begin it."""


def branch(master: Master, search: Search) -> None:
    """Best nodes first, each followed down its likelier child, until the gap is proven."""
    tree = _Tree(master, search)
    open_: list[_Node] = [_Node(-search.bound, 0, *tree.start)]
    while open_ and not tree.stopped():
        best = heapq.heappop(open_)
        node: _Node | None = best
        # What is popped is the best of all that is left; what was closed is worth no more than
        # the best plan and what a settled plan may miss.
        search.lower_bound_to(max(-best.bound, tree.closed))
        while node is not None:
            if tree.stopped():
                heapq.heappush(open_, node)
                break
            children = tree.children(node)
            for other in children[1:]:
                heapq.heappush(open_, other)
            node = children[0] if children else None
    master.free_columns(tree.whole)
    if not open_ and not search.over():
        search.lower_bound_to(tree.closed)
    search.tell()


class _Node(NamedTuple):
    bound: float
    """Negative: the best first."""
    number: int
    lower: Floats
    upper: Floats


class _Tree:
    """How nodes are made."""

    def __init__(self, master: Master, search: Search) -> None:
        self.master, self.search = master, search
        layout = master.columns
        due = layout.in_service[master.upper[layout.in_service] > 0]
        self.whole = np.concatenate([layout.of(layout.whole_items()), due])
        self.weight = _weight(master, self.whole)
        total = np.isin(self.whole, np.concatenate([_totals(master), due]))
        self.lost = False
        self.total = np.flatnonzero(total)
        self.start = (master.lower[self.whole], master.upper[self.whole])
        self.tried: set[bytes] = set()
        self.count = 0

    def stopped(self) -> bool:
        """The gap is proven, time is over, or a node could not be solved."""
        return self.search.done or self.lost

    @property
    def closed(self) -> float:
        """What is worth less than this need not be looked at."""
        search = self.search
        if search.divisible is None:
            return -float("inf")
        return search.divisible_value + PLAN_SHARE * search.gap * abs(search.divisible_value)

    def children(self, node: _Node) -> list[_Node]:
        """The parts of a node that may hold a better plan, the likelier first."""
        master, search = self.master, self.search
        at = self.whole.astype(np.int32)
        master.highs.changeColsBounds(len(at), at, node.lower, node.upper)
        reached = optimise(master, search)
        if search.over():
            return [node]
        if reached is None:
            self.lost = not infeasible(master)
            return [node] if self.lost else []
        bound = min(reached[0], -node.bound)
        if bound <= self.closed:
            return []
        value = reached[1][self.whole]
        far = np.abs(value - value.round())
        if far[self.total].max(initial=0.0) > WHOLE:
            score = np.zeros(len(far))
            score[self.total] = (far * self.weight)[self.total]
        else:
            self._round(reached[1])
            score = far * self.weight
            if far.max(initial=0.0) <= WHOLE:
                return []
        chosen = int(np.argmax(np.where(far > WHOLE, score, -1.0)))
        below, above = node.upper.copy(), node.lower.copy()
        below[chosen], above[chosen] = np.floor(value[chosen]), np.ceil(value[chosen])
        self.count += 2
        down = _Node(-bound, self.count - 1, node.lower, below)
        up = _Node(-bound, self.count, above, node.upper)
        return [down, up] if value[chosen] - below[chosen] < 0.5 else [up, down]

    def _round(self, columns: Floats) -> None:
        """A plan with a node's totals."""
        sums = np.floor(self.master.columns.sums(columns) + (1 - UP) + WHOLE)
        layout = self.master.columns
        due = self.master.upper[layout.in_service] > 0
        service = columns[layout.in_service].round() if due.any() else None
        key = sums[layout.whole_items()].tobytes()
        key += b"" if service is None else service.tobytes()
        if key not in self.tried:
            self.tried.add(key)
            settle(self.master, self.search, sums, service=service)


def _totals(master: Master) -> Ints:
    """Columns of tranches and halls at the end of every path."""
    layout = master.columns
    last = np.unique(master.futures.path[:, -1])
    return layout.of(layout.whole_items(), last)


def _weight(master: Master, totals: Ints) -> Floats:
    """(N,) M that one more of each costs when it is begun first."""
    layout, capital = master.columns, master.rollout.capital
    cost = np.concatenate([capital.pay_tranche.sum(axis=2), capital.pay_hall.sum(axis=2)])
    out = np.zeros(master.width)
    out[layout.in_service] = cost.max(initial=1.0)
    by = layout.by[: len(cost)]
    out[by[by >= 0]] = np.broadcast_to(cost.max(axis=1)[:, None], by.shape)[by >= 0]
    weight: Floats = out[totals]
    return weight
