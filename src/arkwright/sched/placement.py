"""Where a gang goes, kernel: the smallest domain that holds it whole, best fit inside.

- A required level: the smallest level, up to and including it, where one domain fits the gang.
- A preferred level: the smallest level where one domain fits it, going up, at last anywhere.
- Neither: anywhere.

Among domains of a level that fit, the one with the least milli-GPU free on its fitting nodes; ties
by index. Inside, nodes by (rank, milli-GPU free, milli-GPU free in the node's smallest domain,
index): what is already broken into is used up first, so large domains stay whole.

Rows above the nodes (power) can bound how many of a domain's nodes fit together. They are taken in
the same order, each if the rows still have room for it; see `power` for why that is enough.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import constraints
from arkwright.sched.state import Ints, State
from arkwright.sched.work import Work


def place(state: State, work: Work, cls: int, gpu: Ints, cpu: Ints, memory: Ints) -> bool:
    """Fill `work.chosen[:class_nodes]` from nodes with these free amounts; False: no room.

    `work.row_left` says what the rows above the nodes have left.
    """
    wanted = state.class_nodes[cls]
    count = constraints.admit_nodes(state, cls, work.fit, gpu, cpu, memory)
    count = constraints.admit_under_rows(state, cls, work.fit, count, work.row_left)
    if count < wanted:
        return False
    bound = constraints.rows_bind(state, cls, work.fit, count, work.row_left, work.row_taken)
    required = state.class_level_required[cls]
    levels = required + 1
    if required < 0 and state.class_level_preferred[cls] >= 0:
        levels = len(state.node_domain)
    for level in range(levels):
        _sum_domains(state, work, level, count, gpu)
        if bound:
            _bound_domains(state, work, cls, level, count, wanted)
        domain = _best_domain(state, work, level, count, wanted)
        if domain >= 0:
            count = _keep_domain(state, work, level, count, domain)
            return _choose(state, work, cls, count, bound, gpu)
    if required >= 0:
        return False
    return _choose(state, work, cls, count, bound, gpu)


def _best_domain(state: State, work: Work, level: int, count: int, wanted: int) -> int:
    """The domain of the level that fits the gang and has least free, -1 when none fits it."""
    best = -1
    for place_index in range(count):
        domain = state.node_domain[level, work.fit[place_index]]
        if work.domain_fit[domain] < wanted or domain == best:
            continue
        if best >= 0:
            free = work.domain_free[domain]
            least = work.domain_free[best]
            if free > least or (free == least and domain > best):
                continue
        best = domain
    return best


def _sum_domains(state: State, work: Work, level: int, count: int, gpu: Ints) -> None:
    for place_index in range(count):
        domain = state.node_domain[level, work.fit[place_index]]
        work.domain_fit[domain] = 0
        work.domain_free[domain] = 0
    for place_index in range(count):
        node = work.fit[place_index]
        domain = state.node_domain[level, node]
        work.domain_fit[domain] += 1
        work.domain_free[domain] += gpu[node]


def _bound_domains(state: State, work: Work, cls: int, level: int, count: int, wanted: int) -> None:
    """Lower `domain_fit` to what the rows let a domain take; more than `wanted` is not counted."""
    domains = state.node_domain[level][work.fit[:count]]
    nodes = work.fit[:count][np.argsort(domains, kind="mergesort")]
    first = 0
    while first < count:
        domain = state.node_domain[level, nodes[first]]
        last = first + work.domain_fit[domain]
        if last - first >= wanted:
            work.domain_fit[domain] = constraints.take_under_rows(
                state,
                cls,
                nodes[first:last],
                last - first,
                wanted,
                work.row_left,
                work.row_taken,
            )
        first = last


def _keep_domain(state: State, work: Work, level: int, count: int, domain: int) -> int:
    kept = 0
    for place_index in range(count):
        node = work.fit[place_index]
        if state.node_domain[level, node] == domain:
            work.fit[kept] = node
            kept += 1
    return kept


def _choose(state: State, work: Work, cls: int, count: int, bound: bool, gpu: Ints) -> bool:
    """Write the best of the candidates to `work.chosen`, ascending; False when rows forbid it.

    Sorting by the last key first with a stable sort is sorting by all of them: integers only, and
    the candidates come in index order.
    """
    wanted = state.class_nodes[cls]
    chosen = work.fit[:count].copy()
    if count > wanted:
        if len(state.node_domain) > 0:
            _sum_domains(state, work, 0, count, gpu)
            domain_free = work.domain_free[state.node_domain[0][chosen]]
            chosen = chosen[np.argsort(domain_free, kind="mergesort")]
        chosen = chosen[np.argsort(gpu[chosen], kind="mergesort")]
        chosen = chosen[np.argsort(work.node_rank[chosen], kind="mergesort")]
    if bound:
        count = constraints.take_under_rows(
            state, cls, chosen, count, wanted, work.row_left, work.row_taken
        )
    if count > wanted or bound:
        chosen = np.sort(chosen[:wanted])
    work.chosen[:wanted] = chosen[:wanted]
    return bool(count >= wanted)
