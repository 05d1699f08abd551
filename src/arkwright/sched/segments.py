"""Constraint: segments, kernel. A large gang in equal parts, each inside one domain.

A gang of n nodes in segments of s is ceil(n / s) segments; the last is smaller where s does not
divide n. Each lies within one domain of the segment level (the scale-up domain: NVLink reaches no
further). Two may share a domain that is large enough. A negative size means preferred: without
segments where they do not fit.

One after another is placed, the smaller last, each in the domain with fewest candidates left that
still holds it (then least milli-GPU free, then index): what is broken into is used up, whole
domains stay whole. By counts alone that order never fails where another would succeed: a domain of
f candidates holds f // s segments whatever the others do.

Rows above the nodes are respected node by node. Where each row lies within one segment domain or
holds such domains whole, the order stays exact. All full segments weigh the same in all rows around
them, so the sets that fit are those of a laminar matroid, and any order ends with as many as can
be. The smaller last one: if rows leave less than its size everywhere, then those rows, outermost
first, hold as many full segments as they ever could, and any other choice leaves them the same.
Where a row cuts a segment domain and reaches beyond it, the order itself is the rule: it never
exceeds a row, but a cleverer choice might find room where it finds none. Nodes then go by index.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from arkwright.sched import constraints
from arkwright.sched.state import Ints, State
from arkwright.sched.work import Work

TRIED: Final = -1
"""In `segment_whole`: the domain has been tried."""


def asked(state: State, cls: int) -> bool:
    """Whether the class wants segments, required or preferred."""
    return bool(state.class_segment[cls] != 0)


def required(state: State, cls: int) -> bool:
    """Whether the class waits until its segments fit."""
    return bool(state.class_segment[cls] > 0)


def size_of(state: State, cls: int) -> int:
    """Nodes of a full segment."""
    return int(abs(state.class_segment[cls]))


def count_whole(state: State, work: Work, cls: int, level: int, count: int) -> None:
    """For each domain of `level` with some of `work.fit[:count]`: full segments and largest rest.

    In `segment_whole` and `segment_rest`. `level` is above the segment level, or -1 for the one
    domain of everything, kept at 0.
    """
    size = size_of(state, cls)
    inner = state.class_segment_level[cls]
    for place in range(count):
        node = work.fit[place]
        around = state.node_domain[level, node] if level >= 0 else 0
        work.segment_whole[around] = 0
        work.segment_rest[around] = 0
        work.segment_left[state.node_domain[inner, node]] = 0
    for place in range(count):
        work.segment_left[state.node_domain[inner, work.fit[place]]] += 1
    for place in range(count):
        node = work.fit[place]
        domain = state.node_domain[inner, node]
        around = state.node_domain[level, node] if level >= 0 else 0
        work.segment_whole[around] += work.segment_left[domain] // size
        rest = work.segment_left[domain] % size
        work.segment_rest[around] = max(work.segment_rest[around], rest)
        work.segment_left[domain] = 0


def fit_by_count(state: State, work: Work, cls: int, domain: int) -> bool:
    """Whether the domain holds the gang in segments, rows aside."""
    size = size_of(state, cls)
    whole = state.class_nodes[cls] // size
    last = state.class_nodes[cls] % size
    if last == 0 or work.segment_whole[domain] != whole:
        return bool(work.segment_whole[domain] >= whole)
    return bool(work.segment_rest[domain] >= last)


def arrange(state: State, work: Work, cls: int, nodes: Ints, gpu: Ints, bound: bool) -> bool:
    """Move the gang, out of `nodes` in order of preference, to their front; False: no room.

    `gpu` is free per node. `bound`: rows may refuse some nodes; `row_left` says what they have.
    """
    wanted = state.class_nodes[cls]
    grouped, first, left, free = _by_domain(state, cls, nodes, gpu)
    is_used = np.zeros(len(nodes), np.int64)
    count = 0
    while count < wanted:
        part = min(size_of(state, cls), wanted - count)
        group = _tightest(left, free, part)
        if group < 0:
            break
        found = 0
        for at in range(first[group], first[group + 1]):
            if found == part:
                break
            if is_used[at] == 0 and (
                not bound
                or constraints.row_takes(state, cls, grouped[at], work.row_left, work.row_taken)
            ):
                nodes[count + found] = grouped[at]
                is_used[at] = 1 + count
                found += 1
        if found == part:
            left[group] -= part
            count += part
            continue
        left[group] = found
        for at in range(first[group], first[group + 1]):
            if is_used[at] == 1 + count:
                is_used[at] = 0
                constraints.row_untakes(state, cls, grouped[at], work.row_taken)
    if bound:
        for place in range(count):
            constraints.row_untakes(state, cls, nodes[place], work.row_taken)
    return bool(count == wanted)


def go_by_index(state: State, cls: int) -> bool:
    """Whether nodes are taken by index: where rows cut domains, whether the gang fits depends on
    the order, and must not depend on what a policy prefers."""
    return bool(constraints.counts_under_rows(state, cls) and rows_cut(state, cls))


def rows_cut(state: State, cls: int) -> bool:
    """Whether a row above nodes cuts a segment domain and reaches beyond it, O(nodes · depth)."""
    total = np.zeros(len(state.row_limit), np.int64)
    for node in range(len(state.node_row)):
        row = state.node_row[node]
        while row >= 0:
            total[row] += 1
            row = state.row_parent[row]
    inside = np.zeros(len(state.row_limit), np.int64)
    level = state.class_segment_level[cls]
    for place in range(state.level_first[level], state.level_first[level + 1]):
        first, end = state.domain_first[place], state.domain_first[place + 1]
        for at in range(first, end):
            row = state.node_row[state.domain_node[at]]
            while row >= 0:
                inside[row] += 1
                row = state.row_parent[row]
        for at in range(first, end):
            row = state.node_row[state.domain_node[at]]
            while row >= 0:
                if inside[row] > 0 and inside[row] < min(end - first, total[row]):
                    return True
                inside[row] = 0
                row = state.row_parent[row]
    return False


def version(state: State) -> int:
    """Moves whenever a class refused here might now be admitted: it was refused nodes."""
    return int(state.node_version[0])


def _by_domain(state: State, cls: int, nodes: Ints, gpu: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """The nodes by segment domain, in their order; where each domain starts; its nodes and free."""
    domain = state.node_domain[state.class_segment_level[cls]][nodes]
    order = np.argsort(domain, kind="mergesort")
    grouped = nodes[order]
    groups = 0
    first = np.zeros(len(nodes) + 1, np.int64)
    left = np.zeros(len(nodes), np.int64)
    free = np.zeros(len(nodes), np.int64)
    for at in range(len(nodes)):
        if at == 0 or domain[order[at]] != domain[order[at - 1]]:
            first[groups] = at
            groups += 1
        left[groups - 1] += 1
        free[groups - 1] += gpu[grouped[at]]
    first[groups] = len(nodes)
    return grouped, first, left[:groups], free[:groups]


def _tightest(left: Ints, free: Ints, part: int) -> int:
    """Of the domains with `part` candidates left the one with fewest, then least free, or -1."""
    best = -1
    for group in range(len(left)):
        if left[group] < part:
            continue
        behind = 0
        if best >= 0:
            behind = left[group] - left[best]
            if behind == 0:
                behind = free[group] - free[best]
        if best < 0 or behind < 0:
            best = group
    return best
