"""What the blocked head holds, kernel: concrete nodes and tree capacity at its shadow time.

The shadow time is the first instant at which the head fits when the jobs that run now end as
expected and announced limits come, and at which it would fit through its whole run. A
job past its estimate is expected to end one millisecond from now; jobs that end at one
instant give back together. The head's nodes are chosen among what is free then, those that are not
free yet first, so that as little as possible of what is free now is set aside.
"""

from __future__ import annotations

from arkwright.sched import constraints, groups, placement, shadow, shadow_time, together
from arkwright.sched.state import State
from arkwright.sched.work import (
    ASIDE,
    LONGEST_MS,
    RANKED,
    REPLAYED,
    Work,
)


def reserve(state: State, work: Work, job: int, now_ms: int, lasts_ms: int) -> int:
    """Reserve for a blocked job; its shadow time, -1 when no release lets it start.

    Leaves in `work` what jobs that outlast the shadow time may take: on its nodes (`aside`, which
    go first for the jobs that do not) `shadow_*` and `beside_*`, per row `row_spare`.
    """
    cls = state.job_class[job]
    if not constraints.admit_use(state, cls, lasts_ms, work.row_owed):
        work.result[LONGEST_MS] = constraints.longest_use(state, cls, work.row_owed)
        return -1
    in_groups = together.asked(state, cls)
    if in_groups:
        _rank_free(state, work, cls, 1)
    shadow_ms = shadow_time.find(state, work, cls, job, now_ms, lasts_ms)
    if shadow_ms >= 0 and not _place(state, work, cls, job, shadow_ms, lasts_ms):
        shadow_time.doubt(work)
        shadow_ms = shadow_time.find(state, work, cls, job, now_ms, lasts_ms)
        _place(state, work, cls, job, shadow_ms, lasts_ms)
    if in_groups:
        _rank_free(state, work, cls, 0)
    if shadow_ms < 0:
        work.result[REPLAYED] = 0
        return -1
    shadow_time.foresee(state, work, job, shadow_ms)
    _set_aside(state, work, cls)
    constraints.set_use_aside(state, cls, lasts_ms, work.row_owed)
    nodes = work.chosen[: state.class_gang_nodes[cls]]
    end_ms = shadow_ms + lasts_ms
    constraints.spend_ahead(state, cls, nodes, work.step_left, work.step_within, shadow_ms, end_ms)
    return shadow_ms


def _place(state: State, work: Work, cls: int, job: int, shadow_ms: int, lasts_ms: int) -> bool:
    """Choose the head's nodes at its shadow time, those not free yet first."""
    placement.will_run(work, shadow_ms, shadow_ms + lasts_ms)
    work.result[RANKED] = int(not together.asked(state, cls))
    found = shadow_ms >= 0 and groups.place_then(state, work, cls, job)
    work.result[RANKED] = 0
    return bool(found)


def look_ahead(state: State, work: Work, now_ms: int) -> None:
    """Write to `work` what every announced change will leave; writes over the shadow's rows."""
    constraints.foresee_rows(
        state,
        now_ms,
        work.row_used,
        work.row_limit_then,
        work.row_kept_then,
        work.step_left,
        work.step_within,
    )


def forget(work: Work) -> None:
    """There is no reservation."""
    for place in range(work.result[ASIDE]):
        work.aside[work.aside_node[place]] = 0
    work.result[ASIDE] = 0


def shadow_at(state: State, work: Work, job: int, now_ms: int, lasts_ms: int) -> int:
    """When a waiting job would start if nobody went before it and all ended as expected; -1 never.

    Writes over what a reservation left in `work.shadow_*`.
    """
    cls = state.job_class[job]
    shadow_time.doubt(work)
    if not together.asked(state, cls):
        shadow_ms = shadow_time.find(state, work, cls, job, now_ms, lasts_ms)
        work.result[REPLAYED] = 0
        return shadow_ms
    aside = work.aside.copy()
    work.aside[:] = 0
    _rank_free(state, work, cls, 1)
    shadow_ms = shadow_time.find(state, work, cls, job, now_ms, lasts_ms)
    _rank_free(state, work, cls, 0)
    work.aside[:] = aside
    return shadow_ms


def started_beside(state: State, work: Work, job: int, outlasts: bool) -> None:
    """A job has started on `work.chosen` while a reservation stands."""
    cls = state.job_class[job]
    for place in range(state.class_gang_nodes[cls]):
        node = work.chosen[place]
        if outlasts:
            constraints.foresee_hold(state, job, place, work.shadow_each)
        if work.aside[node] != 0:
            if outlasts:
                shadow.take(state, work, together.group_at(state, cls, place), node)
            shadow.open_beside(state, work, node)
    if outlasts:
        nodes = work.chosen[: state.class_gang_nodes[cls]]
        constraints.spend(state, cls, nodes, work.row_used, work.row_kept_then, work.row_spare)


def _rank_free(state: State, work: Work, cls: int, rank: int) -> None:
    """Nodes that would serve a group of the head now have this rank among all: with 1 they come
    after those not free yet. Of a head of one group `node_fits` tells."""
    while cls >= 0:
        for place in range(placement.fitting_now(state, work, cls)):
            work.node_rank[work.fit[place]] = rank
        cls = state.class_more[cls]


def _set_aside(state: State, work: Work, cls: int) -> None:
    """Turn what is free at the shadow time into what is left beside the head, on its nodes; what is
    free on the others is not bound by it."""
    work.result[REPLAYED] = 0
    wanted = state.class_gang_nodes[cls]
    work.result[ASIDE] = wanted
    for place in range(wanted):
        node = work.chosen[place]
        group = together.group_at(state, cls, place)
        work.aside_node[place] = node
        work.aside[node] = 1 + group
        shadow.take(state, work, group, node)
        shadow.open_beside(state, work, node)
    constraints.set_aside(
        state,
        cls,
        work.chosen[:wanted],
        work.row_used,
        work.row_limit_then,
        work.row_kept_then,
        work.row_spare,
    )
