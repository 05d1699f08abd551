"""Why a gang of different nodes waits: the first of its groups that does not fit, and its numbers.

The groups are placed as the cycle places them; the site that is told of is the one in which most of
them find their nodes, of equals the first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.sched import (
    budget,
    calendar,
    capacity,
    codes,
    constraints,
    form,
    groups,
    mask,
    placement,
    power,
    reservation,
    tree,
    windows,
)
from arkwright.sched.codes import BIG, WATTS
from arkwright.sched.gang import Gang, class_of
from arkwright.sched.mutate import apply
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, Shape, State, chain_of
from arkwright.sched.work import Work, workspace


class _Short(NamedTuple):
    """The group that finds no nodes, and what those before it leave."""

    place: int
    """Its number in the gang, from 0."""
    group: int
    taken: Ints
    """[n_nodes]: 1 where it may not go."""
    spent: Ints
    """[n_rows]: what the groups before it take of the rows above nodes."""


def never(state: State, shapes: tuple[Shape, ...], lasts_ms: int) -> Reason | None:
    """Why such a gang, each group of which could run alone, can never start; None when it could.

    Judged on an empty factory with every node up, under the limits of today, by the rule that
    places it: what the rule does not find there is refused.
    """
    touched = ("class_", "gpu", "slot_gpu")
    probe = state._replace(
        **{name: getattr(state, name).copy() for name in State._fields if name.startswith(touched)}
    )
    cls, classes = class_of(probe, Gang(shapes[0], (), shapes[1:]), 0)
    for each in classes:
        probe = apply(probe, each)
    probe = probe._replace(row_kept=calendar.least_kept(probe))
    idle = form.idle(probe)._replace(row_used=tree.idle(probe))
    quota = tree.explain(idle, cls, idle.row_used)
    if quota is not None:
        return quota._replace(code=codes.NEVER_QUOTA)
    spent = budget.explain(idle, cls, lasts_ms, np.zeros_like(idle.row_used))
    if spent is not None:
        spent = spent._replace(code=codes.NEVER_BUDGET)
        return spent._replace(change=codes.SHORTER, to=spent.free) if spent.free > 0 else spent
    idle = idle._replace(node_claim=np.full_like(idle.node_claim, -1))
    work = workspace(idle)
    constraints.row_room(idle, idle.row_used, idle.row_limit, work.row_left)
    short = _first_short(idle, work, cls, 0)
    if short is None:
        return None
    reason = _told(idle, short)
    return reason._replace(code=_NEVER[reason.code])


def explain(state: State, cls: int, job: int, now_ms: int) -> Reason | None:
    """The group that nodes, limits to come or windows keep out; None when none of them does."""
    work = workspace(state)
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    short = _first_short(state, work, cls, job)
    if short is not None:
        claimed = _claimed_by_another(state, cls, job, short)
        return claimed or _told(state, short)
    end_ms = now_ms + int(state.job_duration_ms[job])
    reservation.look_ahead(state, work, now_ms)
    if constraints.row_room_ahead(state, work.step_left, -1, end_ms, work.row_left):
        quota = calendar.explain_quota(state, cls, work.step_left, work.step_within, end_ms)
        short = None if quota is not None else _first_short(state, work, cls, job)
        if quota is not None or short is not None:
            return quota or (short and _ahead(state, work, short, end_ms))
    if constraints.keeps_some(state, cls, now_ms, end_ms):
        work.run_ms[:] = now_ms, end_ms
        short = _first_short(state, work, cls, job)
        if short is not None:
            return _kept(state, short, now_ms, end_ms)
    return None


def _kept(state: State, short: _Short, now_ms: int, end_ms: int) -> Reason | None:
    """The window that keeps most of the nodes that would serve the group; where none keeps any of
    them, most of all nodes: groups before it have gone elsewhere, and left it too little."""
    nodes = np.concatenate([np.zeros(0, np.int64), *_serving(state, short).values()])
    asked = int(state.class_nodes[short.group])
    kept = windows.explain(state, short.group, nodes, asked, now_ms, end_ms)
    if kept is None:
        everywhere = np.arange(len(state.node_state))
        kept = windows.explain(state, short.group, everywhere, asked, now_ms, end_ms)
        kept = kept and kept._replace(free=len(nodes))
    return kept and kept._replace(group=short.place)


def _first_short(state: State, work: Work, cls: int, job: int) -> _Short | None:
    """None when some site holds all groups with what `work.row_left` and `work.run_ms` leave."""
    best: _Short | None = None
    for site in range(groups.sites(state)):
        groups.enter(state, work, site)
        before, count, short = work.row_left.copy(), 0, -1
        chain = chain_of(state, cls)
        for place, group in enumerate(chain):
            if not placement.place_now(state, work, group, job):
                short = place
                break
            groups.keep(state, work, group, count)
            count += int(state.class_nodes[group])
        taken, spent = work.gang_node.copy(), before - work.row_left
        groups.leave(state, work, cls, count)
        if short < 0:
            return None
        if best is None or short > best.place:
            best = _Short(short, chain[short], taken, spent)
    return best


def _told(state: State, short: _Short) -> Reason:
    """The numbers of the group."""
    group = short.group
    asked, level = int(state.class_nodes[group]), int(state.class_level_required[group])
    free = _serving(state, short)
    anywhere = sum(map(len, free.values()))
    in_one_domain = max(map(len, free.values()), default=0)
    if in_one_domain >= asked:
        reason = power.explain(state, group, state.row_used + short.spent, free)
        if reason is not None:
            return reason._replace(group=short.place)
    ever = max(map(len, _serving(form.idle(state, is_up=False), short).values()), default=0)
    if ever < asked and np.any(state.node_state != codes.UP):
        return Reason(codes.NODES_DOWN, asked, ever, group=short.place)
    if anywhere < asked:
        return Reason(codes.NOT_ENOUGH_FREE, asked, anywhere, group=short.place)
    return Reason(codes.TOPOLOGY, asked, in_one_domain, level, group=short.place)


def _serving(state: State, short: _Short) -> dict[int, Ints]:
    """The nodes that could serve the group now, by domain of its required level."""
    nodes = np.empty(len(state.node_state), np.int64)
    count = capacity.admit(
        state,
        short.group,
        nodes,
        mask.admit(state, short.group, False, nodes),
        state.node_gpu_milli_free,
        state.gpu_milli_free,
        state.node_cpu_milli_free,
        state.node_memory_mib_free,
    )
    required = int(state.class_level_required[short.group])
    found: dict[int, list[int]] = {}
    for node in nodes[:count].tolist():
        if short.taken[node] == 0:
            domain = int(state.node_domain[required, node]) if required >= 0 else 0
            found.setdefault(domain, []).append(node)
    return {domain: np.array(theirs, np.int64) for domain, theirs in found.items()}


def _claimed_by_another(state: State, cls: int, job: int, short: _Short) -> Reason | None:
    """Nodes that others have a claim on are all that is missing: the first of those jobs."""
    others = state.node_claim[(state.node_claim >= 0) & (state.node_claim != job)]
    if len(others) == 0:
        return None
    unclaimed = state._replace(node_claim=np.full_like(state.node_claim, -1))
    work = workspace(unclaimed)
    constraints.row_room(unclaimed, state.row_used, state.row_limit, work.row_left)
    if _first_short(unclaimed, work, cls, job) is not None:
        return None
    asked, free = int(state.class_nodes[short.group]), _serving(state, short)
    most = max(map(len, free.values()), default=0)
    return Reason(codes.CLAIMED, asked, most, job=int(others.min()), group=short.place)


def _ahead(state: State, work: Work, short: _Short, end_ms: int) -> Reason:
    """The power row that announced limits leave least, which keeps the group out."""
    steps = range(int(state.step_count[0]))
    rows = {int(state.step_row[step]) for step in steps if state.step_at_ms[step] < end_ms}
    watts = [row for row in rows if state.row_measure[row] == WATTS and work.row_left[row] < BIG]
    row = min(watts, key=lambda each: (int(work.row_left[each]), each), default=codes.NONE)
    asked = int(state.class_nodes[short.group] * state.class_watts[short.group])
    found = calendar.explain(state, work.step_left, row, asked, end_ms)
    return (found or Reason(codes.LIMIT_AHEAD, asked, row=row))._replace(group=short.place)


_NEVER = {
    codes.NOT_ENOUGH_FREE: codes.NEVER_TOO_MANY_NODES,
    codes.NODES_DOWN: codes.NEVER_TOO_MANY_NODES,
    codes.TOPOLOGY: codes.NEVER_TOPOLOGY,
    codes.POWER: codes.NEVER_POWER,
}
