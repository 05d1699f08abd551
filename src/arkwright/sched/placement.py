"""Where a gang goes, kernel: the smallest domain that holds it whole, best fit inside.

- A required level: the smallest level, up to and including it, where one domain fits the gang.
- A preferred level: the smallest level where one domain fits it, going up, at last anywhere.
- Neither: anywhere.

Among domains of a level that fit, the one with the least milli-GPU free on its fitting nodes; ties
by index. Inside, nodes by (rank, milli-GPU free, milli-GPU free in the node's smallest domain,
index): what is already broken into is used up first, so large domains stay whole.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import constraints
from arkwright.sched.state import Ints, State
from arkwright.sched.work import Work


def place(state: State, work: Work, cls: int, gpu: Ints, cpu: Ints, memory: Ints) -> bool:
    """Fill `work.chosen[:class_nodes]` from nodes with these free amounts; False: no room."""
    wanted = state.class_nodes[cls]
    count = constraints.admit_nodes(state, cls, work.fit, gpu, cpu, memory)
    if count < wanted:
        return False
    required = state.class_level_required[cls]
    levels = required + 1
    if required < 0 and state.class_level_preferred[cls] >= 0:
        levels = len(state.node_domain)
    for level in range(levels):
        domain = _best_domain(state, work, level, count, wanted, gpu)
        if domain >= 0:
            count = _keep_domain(state, work, level, count, domain)
            _choose(state, work, count, wanted, gpu)
            return True
    if required >= 0:
        return False
    _choose(state, work, count, wanted, gpu)
    return True


def _best_domain(state: State, work: Work, level: int, count: int, wanted: int, gpu: Ints) -> int:
    """The domain of the level that fits the gang and has least free, -1 when none fits it."""
    _sum_domains(state, work, level, count, gpu)
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


def _keep_domain(state: State, work: Work, level: int, count: int, domain: int) -> int:
    kept = 0
    for place_index in range(count):
        node = work.fit[place_index]
        if state.node_domain[level, node] == domain:
            work.fit[kept] = node
            kept += 1
    return kept


def _choose(state: State, work: Work, count: int, wanted: int, gpu: Ints) -> None:
    """The `wanted` best of the candidates, ascending by index.

    Sorting by the last key first with a stable sort is sorting by all of them: integers only, and
    the candidates come in index order.
    """
    chosen = work.fit[:count].copy()
    if count > wanted:
        if len(state.node_domain) > 0:
            _sum_domains(state, work, 0, count, gpu)
            domain_free = work.domain_free[state.node_domain[0][chosen]]
            chosen = chosen[np.argsort(domain_free, kind="mergesort")]
        chosen = chosen[np.argsort(gpu[chosen], kind="mergesort")]
        chosen = chosen[np.argsort(work.node_rank[chosen], kind="mergesort")]
        chosen = np.sort(chosen[:wanted])
    work.chosen[:wanted] = chosen[:wanted]
