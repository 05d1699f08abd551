"""Which domain serves a gang, found without looking at every node, kernel.

For each *demand* (classes that ask the same of a node and want equally many) and each domain of
each level: how many nodes would serve it and the milli-GPU free on them. A tournament tree per
level has at its root the domain that holds the gang whole with least free, ties by index: what
`placement` finds by walking all nodes. For each row above nodes that counts watts: how many such
nodes are under it, so that it is known whether any row could refuse some of them.

All of it lives in the scratch arrays of a run (`Work`) and is brought up to date from `moves`,
O(levels · log domains) for a node that moved. Nothing here decides: a demand that has no place here
(`Work.class_demand` -1), or has been asked for too seldom to pay for its sums, is served by walking
and gets the same nodes. A test compares the two after every event.
"""

from __future__ import annotations

from typing import Final

from arkwright.sched import constraints
from arkwright.sched.codes import BIG, NONE
from arkwright.sched.state import Ints, State
from arkwright.sched.work import LOOKS_MIN, Work

UNFIT: Final = -1
"""Stands for the free amount of a node that would not serve the demand."""


def is_current(state: State, work: Work, cls: int) -> bool:
    """Bring the sums of the class's demand up to date; False while there are none."""
    demand = work.class_demand[cls]
    if demand < 0:
        return False
    seen = work.demand_seen[demand]
    count = state.moved_count[0]
    if seen < 0:
        work.demand_looks[demand] += 1
        if work.demand_looks[demand] < work.result[LOOKS_MIN]:
            return False
    if seen < 0 or seen > count or count - seen > len(state.moved):
        _build(state, work, cls, demand)
    else:
        for at in range(seen, count):
            entry = state.moved[at % len(state.moved)]
            if entry >= 0:
                _refresh_node(state, work, cls, demand, entry)
            else:
                _refresh_row(state, work, cls, demand, -1 - entry)
    work.demand_seen[demand] = count
    return True


def could_hold(state: State, work: Work, cls: int) -> bool:
    """Whether the class would find a domain if no reservation refused it nodes, and no row but one
    above all that would serve it (a site's, when power is scarce). True when it is not known.
    """
    required = state.class_level_required[cls]
    if required < 0 or not is_current(state, work, cls):
        return True
    if best_domain(state, work, cls, required) < 0:
        return False
    return not (rows_may_refuse(work, cls) and _row_above_all_refuses(state, work, cls))


def rows_may_refuse(work: Work, cls: int) -> bool:
    """Whether some gang of the class on nodes that would serve it would exceed a row above them."""
    return bool(work.demand_tight[work.class_demand[cls]] > 0)


def best_domain(state: State, work: Work, cls: int, level: int) -> int:
    """The domain of the level that holds the gang and has least free, ties by index; -1: none."""
    demand = work.class_demand[cls]
    root = work.level_tree[level] + 1
    least = work.demand_least[demand, root]
    if least == BIG:
        return NONE
    size = (work.level_tree[level + 1] - work.level_tree[level]) // 2
    at = 1
    while at < size:
        at *= 2
        if work.demand_least[demand, root - 1 + at] != least:
            at += 1
    return int(at - size)


def nodes_of_domain(state: State, work: Work, cls: int, level: int, domain: int, out: Ints) -> int:
    """Write the nodes of the domain that would serve the class to `out`, ascending; how many."""
    demand = work.class_demand[cls]
    place = state.level_first[level] + domain
    count = 0
    for at in range(state.domain_first[place], state.domain_first[place + 1]):
        node = state.domain_node[at]
        if work.demand_free[demand, node] != UNFIT:
            out[count] = node
            count += 1
    return count


def _build(state: State, work: Work, cls: int, demand: int) -> None:
    """All sums anew, O(nodes · levels)."""
    work.demand_fit[demand, :] = 0
    work.demand_sum[demand, :] = 0
    work.demand_under[demand, :] = 0
    work.demand_least[demand, :] = BIG
    for node in range(len(state.node_state)):
        free = _free(state, cls, node)
        work.demand_free[demand, node] = free
        if free == UNFIT:
            continue
        for level in range(len(state.node_domain)):
            place = state.level_first[level] + state.node_domain[level, node]
            work.demand_fit[demand, place] += 1
            work.demand_sum[demand, place] += free
        row = state.node_row[node]
        while row >= 0:
            work.demand_under[demand, row] += 1
            row = state.row_parent[row]
    for level in range(len(state.node_domain)):
        _build_tree(state, work, cls, demand, level)
    work.demand_tight[demand] = 0
    work.row_tight[demand, :] = 0
    for row in range(len(state.row_limit)):
        _refresh_row(state, work, cls, demand, row)


def _build_tree(state: State, work: Work, cls: int, demand: int, level: int) -> None:
    base = work.level_tree[level]
    size = (work.level_tree[level + 1] - base) // 2
    for domain in range(state.level_first[level + 1] - state.level_first[level]):
        work.demand_least[demand, base + size + domain] = _least(
            state, work, cls, demand, state.level_first[level] + domain
        )
    for at in range(size - 1, 0, -1):
        work.demand_least[demand, base + at] = min(
            work.demand_least[demand, base + 2 * at],
            work.demand_least[demand, base + 2 * at + 1],
        )


def _refresh_node(state: State, work: Work, cls: int, demand: int, node: int) -> None:
    was = work.demand_free[demand, node]
    free = _free(state, cls, node)
    came = int(free != UNFIT) - int(was != UNFIT)
    if free != was:
        work.demand_free[demand, node] = free
        more = max(free, 0) - max(was, 0)
        for level in range(len(state.node_domain)):
            place = state.level_first[level] + state.node_domain[level, node]
            work.demand_fit[demand, place] += came
            work.demand_sum[demand, place] += more
            least = _least(state, work, cls, demand, place)
            _put(work, demand, level, state.node_domain[level, node], least)
    row = state.node_row[node]
    while row >= 0:
        work.demand_under[demand, row] += came
        _refresh_row(state, work, cls, demand, row)
        row = state.row_parent[row]


def _refresh_row(state: State, work: Work, cls: int, demand: int, row: int) -> None:
    """Whether the row could refuse some of the nodes under it that would serve the demand."""
    taken = min(work.demand_under[demand, row], state.class_nodes[cls])
    limit = state.row_limit[row]
    asked = taken * state.class_watts[cls]
    is_tight = int(limit >= 0 and asked > 0 and asked > limit - state.row_used[row])
    work.demand_tight[demand] += is_tight - work.row_tight[demand, row]
    work.row_tight[demand, row] = is_tight


def _row_above_all_refuses(state: State, work: Work, cls: int) -> bool:
    demand = work.class_demand[cls]
    total = 0
    for place in range(state.level_first[-2], state.level_first[-1]):
        total += work.demand_fit[demand, place]
    for row in range(len(state.row_limit)):
        if work.row_tight[demand, row] != 0 and work.demand_under[demand, row] == total:
            return True
    return False


def _free(state: State, cls: int, node: int) -> int:
    if constraints.admit_alone(state, cls, node):
        return int(state.node_gpu_milli_free[node])
    return UNFIT


def _least(state: State, work: Work, cls: int, demand: int, place: int) -> int:
    if work.demand_fit[demand, place] < state.class_nodes[cls]:
        return BIG
    return int(work.demand_sum[demand, place])


def _put(work: Work, demand: int, level: int, domain: int, least: int) -> None:
    """Set a leaf of the level's tree and play its matches, up to where none moves."""
    base = work.level_tree[level]
    at = (work.level_tree[level + 1] - base) // 2 + domain
    work.demand_least[demand, base + at] = least
    at //= 2
    while at > 0:
        winner = min(
            work.demand_least[demand, base + 2 * at],
            work.demand_least[demand, base + 2 * at + 1],
        )
        if winner == work.demand_least[demand, base + at]:
            break
        work.demand_least[demand, base + at] = winner
        at //= 2
