"""Where a gang of different nodes goes, kernel: `placement` for one group after another.

All groups go into one site: the first, by index, that holds them. In a site they are placed in the
order in which they were written, each as a gang of its own would be, on what those before it leave
of nodes and power. That is a rule, not a search: a group that takes what only a later one could use
is not placed again. Whoever writes the job puts the group that is hardest to place first. For the
same reason more that is free can let such a gang fit no longer: nothing about it is remembered from
one try to the next, and nothing is found by halving.

For a class without more groups every function here is that of `placement`.
"""

from __future__ import annotations

from typing import Final

from arkwright.sched import constraints, placement, together
from arkwright.sched.state import State
from arkwright.sched.work import GANG_PART, Work

NOW: Final = 0
BESIDE: Final = 1
THEN: Final = 2


def place_now(state: State, work: Work, cls: int, job: int) -> bool:
    """Fill `work.chosen[:class_gang_nodes]` for the job from what is free; False: no room."""
    if not together.asked(state, cls):
        return placement.place_now(state, work, cls, job)
    return _place(state, work, cls, job, NOW)


def place_beside(state: State, work: Work, cls: int, job: int) -> bool:
    """The same from what the reserved head does not need after its shadow time."""
    if not together.asked(state, cls):
        return placement.place_beside(state, work, cls, job)
    return _place(state, work, cls, job, BESIDE)


def place_then(state: State, work: Work, cls: int, job: int) -> bool:
    """The same from what is free at the shadow time."""
    if not together.asked(state, cls):
        return placement.place_then(state, work, cls, job)
    return _place(state, work, cls, job, THEN)


def sites(state: State) -> int:
    """How many sites there are."""
    most = -1
    for node in range(len(state.node_site)):
        most = max(most, state.node_site[node])
    return int(most + 1)


def enter(state: State, work: Work, site: int) -> None:
    """The groups of a gang are placed in this site from now on, none of them yet."""
    work.result[GANG_PART] = 1
    for node in range(len(work.gang_node)):
        work.gang_node[node] = int(state.node_site[node] != site)


def keep(state: State, work: Work, group: int, first: int) -> None:
    """The group has been placed on `work.chosen`, behind the `first` nodes of those before it."""
    count = state.class_nodes[group]
    for place in range(count):
        node = work.chosen[place]
        work.gang_chosen[first + place] = node
        work.gang_node[node] = 1
    constraints.rows_taken(state, group, work.chosen[:count], work.row_left, 1)


def leave(state: State, work: Work, cls: int, count: int) -> bool:
    """The `count` nodes kept are put together in `work.chosen`; whether that is the whole gang."""
    work.chosen[:count] = work.gang_chosen[:count]
    group, first = cls, 0
    while first < count:
        after = first + state.class_nodes[group]
        constraints.rows_taken(state, group, work.chosen[first:after], work.row_left, -1)
        first = after
        group = state.class_more[group]
    work.result[GANG_PART] = 0
    return bool(count == state.class_gang_nodes[cls])


def _place(state: State, work: Work, cls: int, job: int, how: int) -> bool:
    for site in range(sites(state)):
        if not (state.class_sites[cls] >> site) & 1:
            continue
        enter(state, work, site)
        group, count = cls, 0
        while group >= 0 and _place_group(state, work, group, job, how):
            keep(state, work, group, count)
            count += state.class_nodes[group]
            group = state.class_more[group]
        if leave(state, work, cls, count):
            return True
    return False


def _place_group(state: State, work: Work, group: int, job: int, how: int) -> bool:
    if how == NOW:
        return placement.place_now(state, work, group, job)
    if how == BESIDE:
        return placement.place_beside(state, work, group, job)
    return placement.place_then(state, work, group, job)
