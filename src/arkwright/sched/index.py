"""Which domain serves a gang, found without looking at every node, kernel.

For each *ask* (classes that want the same of a node) and each domain of each level: how many nodes
would serve it and the milli-GPU free on them. For each *demand* (an ask and how many nodes) and
level a tournament tree, whose root is the domain that holds the gang whole with least free, ties by
index: what `placement` finds by walking all nodes. For each row above nodes that counts watts: how
many such nodes are under it, so that it is known whether any row could refuse some of them.

All of it lives in the scratch arrays of a run (`Work`) and is brought up to date from `moves` when
it is asked for: the sums in O(levels) for a node that moved, a tree in O(log domains) and none
where a level has few domains, which are looked at one by one. Nothing here decides: a demand that
has no place here (`Work.class_demand` -1), or has been asked for too seldom to pay for its sums, is
served by walking and gets the same nodes. A test compares the two after every event.
"""

from __future__ import annotations

from typing import Final

from arkwright.sched import constraints
from arkwright.sched.codes import BIG, NONE
from arkwright.sched.state import Ints, State
from arkwright.sched.work import FEW_MAX, LOOKS_MIN, Work

UNFIT: Final = -1
"""Stands for the free amount of a node that would not serve the ask."""


def is_current(state: State, work: Work, cls: int) -> bool:
    """Bring the sums of what the class asks up to date; False while there are none."""
    ask = work.class_ask[cls]
    if ask < 0:
        return False
    seen = work.ask_seen[ask]
    count = state.moved_count[0]
    if seen < 0:
        work.ask_looks[ask] += 1
        if work.ask_looks[ask] < work.result[LOOKS_MIN]:
            return False
    if seen < 0 or seen > count or count - seen > len(state.moved):
        _build(state, work, cls, ask)
    else:
        for at in range(seen, count):
            entry = state.moved[at % len(state.moved)]
            if entry >= 0:
                _refresh_node(state, work, cls, ask, entry)
            else:
                _refresh_row(state, work, cls, ask, -1 - entry)
    work.ask_seen[ask] = count
    return True


def fitting(state: State, work: Work, cls: int, out: Ints) -> int:
    """Write the nodes that would serve the class to `out`, ascending; how many. It is current."""
    ask = work.class_ask[cls]
    if work.strip[0] < 0:
        return _fitting_between(work, ask, 0, len(state.node_state), out, 0)
    narrow, wide = state.level_first[work.strip[0]], state.level_first[work.strip[1]]
    count = 0
    for band in range(len(work.band_fits)):
        if work.ask_fit[ask, wide + band] == 0:
            continue
        low, high = strips_of(state, work, band)
        for strip in range(low, high):
            if work.ask_fit[ask, narrow + strip] > 0:
                first, last = strip_nodes(state, work, strip)
                count = _fitting_between(work, ask, first, last, out, count)
    return count


def serving(work: Work, cls: int) -> int:
    """How many nodes would serve the class. It is current."""
    return int(work.ask_count[work.class_ask[cls]])


def serves(work: Work, cls: int, node: int) -> bool:
    """Whether the node is one of those. It is current."""
    return bool(work.ask_free[work.class_ask[cls], node] != UNFIT)


def strips_of(state: State, work: Work, band: int) -> tuple[int, int]:
    """The first strip of the band, and the one after its last."""
    first, last = _nodes_of(state, state.level_first[work.strip[1]] + band)
    strip = state.node_domain[work.strip[0]]
    return strip[first], strip[last - 1] + 1


def strip_nodes(state: State, work: Work, strip: int) -> tuple[int, int]:
    """The first node of the strip, and the one after its last."""
    return _nodes_of(state, state.level_first[work.strip[0]] + strip)


def _nodes_of(state: State, place: int) -> tuple[int, int]:
    first = state.domain_node[state.domain_first[place]]
    return first, first + state.domain_first[place + 1] - state.domain_first[place]


def _fitting_between(work: Work, ask: int, first: int, last: int, out: Ints, count: int) -> int:
    for node in range(first, last):
        if work.ask_free[ask, node] != UNFIT:
            out[count] = node
            count += 1
    return count


def could_hold(state: State, work: Work, cls: int) -> bool:
    """Whether the class would find a domain if no reservation refused it nodes, and no row but one
    above all that would serve it (a site's, when power is scarce). True when it is not known.
    """
    required = state.class_level_required[cls]
    if required < 0 or not is_current(state, work, cls):
        return True
    if best_domain(state, work, cls, required) < 0:
        return False
    return not _row_above_all_refuses(state, work, cls)


def rows_may_refuse(state: State, work: Work, cls: int) -> bool:
    """Whether some gang of the class on nodes that would serve it would exceed a row above them."""
    if work.ask_tight[work.class_ask[cls]] == 0:
        return False
    row = 0
    while row < len(state.row_limit) and not _refuses(state, work, cls, row):
        row += 1
    return row < len(state.row_limit)


def best_domain(state: State, work: Work, cls: int, level: int) -> int:
    """The domain of the level that holds the gang and has least free, ties by index; -1: none."""
    if work.level_most[level] < state.class_nodes[cls]:
        return NONE
    if state.level_first[level + 1] - state.level_first[level] <= work.result[FEW_MAX]:
        return _best_of_few(state, work, cls, level)
    _refresh_tree(state, work, cls, level)
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
    ask = work.class_ask[cls]
    place = state.level_first[level] + domain
    count = 0
    for at in range(state.domain_first[place], state.domain_first[place + 1]):
        node = state.domain_node[at]
        if work.ask_free[ask, node] != UNFIT:
            out[count] = node
            count += 1
    return count


def _build(state: State, work: Work, cls: int, ask: int) -> None:
    """All sums anew, O(nodes · levels)."""
    work.ask_count[ask] = 0
    work.ask_fit[ask, :] = 0
    work.ask_sum[ask, :] = 0
    work.ask_under[ask, :] = 0
    for node in range(len(state.node_state)):
        free = _free(state, cls, node)
        work.ask_free[ask, node] = free
        if free == UNFIT:
            continue
        work.ask_count[ask] += 1
        for level in range(len(state.node_domain)):
            place = state.level_first[level] + state.node_domain[level, node]
            work.ask_fit[ask, place] += 1
            work.ask_sum[ask, place] += free
        row = state.node_row[node]
        while row >= 0:
            work.ask_under[ask, row] += 1
            row = state.row_parent[row]
    work.ask_tight[ask] = 0
    work.ask_row_tight[ask, :] = 0
    for row in range(len(state.row_limit)):
        _refresh_row(state, work, cls, ask, row)


def _refresh_node(state: State, work: Work, cls: int, ask: int, node: int) -> None:
    was = work.ask_free[ask, node]
    free = _free(state, cls, node)
    came = int(free != UNFIT) - int(was != UNFIT)
    if free != was:
        work.ask_free[ask, node] = free
        work.ask_count[ask] += came
        more = max(free, 0) - max(was, 0)
        for level in range(len(state.node_domain)):
            place = state.level_first[level] + state.node_domain[level, node]
            work.ask_fit[ask, place] += came
            work.ask_sum[ask, place] += more
    row = state.node_row[node]
    while row >= 0:
        work.ask_under[ask, row] += came
        _refresh_row(state, work, cls, ask, row)
        row = state.row_parent[row]


def _refresh_row(state: State, work: Work, cls: int, ask: int, row: int) -> None:
    """Whether the row has not room for all the nodes under it that would serve the ask."""
    limit = state.row_limit[row]
    asked = work.ask_under[ask, row] * state.class_watts[cls]
    is_tight = int(limit >= 0 and asked > 0 and asked > limit - state.row_used[row])
    work.ask_tight[ask] += is_tight - work.ask_row_tight[ask, row]
    work.ask_row_tight[ask, row] = is_tight


def _refuses(state: State, work: Work, cls: int, row: int) -> bool:
    """Whether the row has not room for as many of the nodes under it as a gang could take."""
    ask = work.class_ask[cls]
    if work.ask_row_tight[ask, row] == 0:
        return False
    taken = min(work.ask_under[ask, row], state.class_nodes[cls])
    return bool(taken * state.class_watts[cls] > state.row_limit[row] - state.row_used[row])


def _row_above_all_refuses(state: State, work: Work, cls: int) -> bool:
    ask = work.class_ask[cls]
    if work.ask_tight[ask] == 0:
        return False
    for row in range(len(state.row_limit)):
        if work.ask_under[ask, row] == work.ask_count[ask] and _refuses(state, work, cls, row):
            return True
    return False


def _free(state: State, cls: int, node: int) -> int:
    if constraints.admit_alone(state, cls, node):
        return int(state.node_gpu_milli_free[node])
    return UNFIT


def _best_of_few(state: State, work: Work, cls: int, level: int) -> int:
    best, best_least = NONE, BIG
    for domain in range(state.level_first[level + 1] - state.level_first[level]):
        least = _least(state, work, cls, state.level_first[level] + domain)
        if least < best_least:
            best, best_least = domain, least
    return best


def _refresh_tree(state: State, work: Work, cls: int, level: int) -> None:
    """Bring the level's tournament of the class's demand up to date with the sums."""
    demand = work.class_demand[cls]
    seen = work.demand_seen[demand, level]
    count = state.moved_count[0]
    n_domains = state.level_first[level + 1] - state.level_first[level]
    if seen < 0 or seen > count or count - seen > min(len(state.moved), n_domains):
        _build_tree(state, work, cls, level)
    else:
        for at in range(seen, count):
            entry = state.moved[at % len(state.moved)]
            if entry >= 0:
                domain = state.node_domain[level, entry]
                least = _least(state, work, cls, state.level_first[level] + domain)
                _put(work, demand, level, domain, least)
    work.demand_seen[demand, level] = count


def _build_tree(state: State, work: Work, cls: int, level: int) -> None:
    demand = work.class_demand[cls]
    base = work.level_tree[level]
    size = (work.level_tree[level + 1] - base) // 2
    work.demand_least[demand, base + size : base + 2 * size] = BIG
    for domain in range(state.level_first[level + 1] - state.level_first[level]):
        work.demand_least[demand, base + size + domain] = _least(
            state, work, cls, state.level_first[level] + domain
        )
    for at in range(size - 1, 0, -1):
        work.demand_least[demand, base + at] = min(
            work.demand_least[demand, base + 2 * at],
            work.demand_least[demand, base + 2 * at + 1],
        )


def _least(state: State, work: Work, cls: int, place: int) -> int:
    ask = work.class_ask[cls]
    if work.ask_fit[ask, place] < state.class_nodes[cls]:
        return BIG
    return int(work.ask_sum[ask, place])


def _put(work: Work, demand: int, level: int, domain: int, least: int) -> None:
    """Set a leaf of the level's tree and play its matches, up to where none moves."""
    base = work.level_tree[level]
    at = (work.level_tree[level + 1] - base) // 2 + domain
    if work.demand_least[demand, base + at] == least:
        return
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
