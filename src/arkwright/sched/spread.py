"""Rule: spread, kernel. The nodes of a gang over as many domains of a level as can be, evenly.

What a service wants, so that a rack that fails takes few of its nodes. One node after another is
taken from the domain that has fewest of this gang (then most milli-GPU free, then index), in each
the most preferred first. It refuses nothing that fits otherwise: nodes are taken in some order,
each if the rows above still have room, and any order ends with as many as can be (see `power`).
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import constraints
from arkwright.sched.state import Ints, State
from arkwright.sched.work import Work


def asked(state: State, cls: int) -> bool:
    """Whether the class wants its nodes apart; one node has nothing to be apart from."""
    return bool(state.class_spread_level[cls] >= 0 and state.class_nodes[cls] > 1)


def arrange(state: State, work: Work, cls: int, nodes: Ints, gpu: Ints, bound: bool) -> bool:
    """Move the gang, out of `nodes` in order of preference, to their front; False: no room.

    Every round takes one node of each domain that has one left, which is the rule: before a round
    all those domains have equally many of the gang.
    """
    wanted = state.class_nodes[cls]
    grouped, at, end = _by_domain(state, cls, nodes, gpu)
    count = 0
    more = True
    while more and count < wanted:
        more = False
        for group in range(len(at)):
            while count < wanted and at[group] < end[group]:
                node = grouped[at[group]]
                at[group] += 1
                if not bound or constraints.row_takes(
                    state, cls, node, work.row_left, work.row_taken
                ):
                    nodes[count] = node
                    count += 1
                    more = True
                    break
    if bound:
        for place in range(count):
            constraints.row_untakes(state, cls, nodes[place], work.row_taken)
    return bool(count == wanted)


def _by_domain(state: State, cls: int, nodes: Ints, gpu: Ints) -> tuple[Ints, Ints, Ints]:
    """The nodes grouped by domain, in their order; first and end of each group, most free first."""
    domain = state.node_domain[state.class_spread_level[cls]][nodes]
    order = np.argsort(domain, kind="mergesort")
    grouped = nodes[order]
    groups = 0
    first = np.zeros(len(nodes) + 1, np.int64)
    free = np.zeros(len(nodes), np.int64)
    for at in range(len(nodes)):
        if at == 0 or domain[order[at]] != domain[order[at - 1]]:
            first[groups] = at
            groups += 1
        free[groups - 1] += gpu[grouped[at]]
    first[groups] = len(nodes)
    by_free = np.argsort(-free[:groups], kind="mergesort")
    return grouped, first[:groups][by_free], first[1 : groups + 1][by_free]
