"""Conservative backfill, kernel: every waiting job holds a place in a plan, not only the head.

Jobs are taken in order. Each is given the earliest start at which it fits through its whole
expected run beside the running jobs and all places given before it; those whose start is now start.
The plan is made anew in every cycle. A job that no instant can promise anything holds nothing.

The promises are exact because nodes are chosen by index alone: the smallest level with a domain
that fits, its lowest domain, the lowest nodes in it (those that power rows admit, in that order). A
set S so chosen from candidates C is chosen again from any C' with S <= C' <= C. By induction over
the order a later cycle gives each job its old place again, or an earlier one, as long as estimates
are exact and nothing is added before it (Mu'alem and Feitelson 2001 for the rule itself).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from arkwright.sched import (
    constraints,
    groups,
    order,
    placement,
    plan,
    share,
    together,
    transitions,
)
from arkwright.sched.codes import BIG
from arkwright.sched.state import Ints, State
from arkwright.sched.work import CLOSED, HEAD, SHADOW_MS, Work

NEVER: Final = -1


def start_planned(
    state: State, work: Work, now_ms: int, out: Ints, promised: Ints, probe: int
) -> int:
    """Plan the waiting jobs and start what may start now; writes them to `out`, returns how many.

    `promised`: [n_jobs], takes each waiting job's start (NEVER for none); or empty: then planning
    ends when nothing that still waits has room now even beside no plan. `probe`: a waiting job, or
    -1; the job whose place keeps it from starting now is left in `work.result[HEAD]`, that job's
    start in `work.result[SHADOW_MS]`.
    """
    for cls in range(state.class_count[0]):
        work.class_candidate[cls] = order.first(state, state.class_root[cls])
        work.class_within_ms[cls] = BIG
    # The start of the last job of the class bounds that of all that last as long or longer.
    known_ms = np.zeros(len(work.class_candidate), np.int64)
    known_at = np.full(len(work.class_candidate), now_ms, np.int64)
    drawn = plan.draw(state, work, now_ms)
    full = len(promised) > 0 or probe >= 0
    fitting = -1
    looked = -1
    started = 0
    while True:
        if not full and (looked < started or work.class_candidate[fitting] < 0):
            fitting = _fitting_class(state, work)
            looked = started
        job = share.first_of(state, work.class_candidate[: state.class_count[0]])
        if job < 0 or job == probe or (not full and fitting < 0):
            break
        cls = state.job_class[job]
        work.class_candidate[cls] = order.following(state, job)
        lasts_ms = state.job_duration_ms[job]
        at_ms = now_ms if lasts_ms < known_ms[cls] else known_at[cls]
        if together.asked(state, cls):
            at_ms = now_ms
        if not constraints.admit_use(state, cls, lasts_ms, work.row_owed):
            at_ms = NEVER
        if at_ms != NEVER:
            at_ms = _earliest(state, work, drawn, cls, at_ms, lasts_ms)
        known_ms[cls] = lasts_ms
        known_at[cls] = at_ms
        if len(promised) > 0:
            promised[job] = at_ms
        if at_ms == NEVER:
            continue
        nodes = work.chosen[: state.class_gang_nodes[cls]]
        plan.hold(state, drawn, cls, nodes, at_ms, at_ms + lasts_ms)
        if at_ms == now_ms:
            transitions.start(state, job, now_ms, nodes, work.chosen[:0])
            out[started] = job
            started += 1
        else:
            constraints.set_use_aside(state, cls, lasts_ms, work.row_owed)
        if probe >= 0 and not _could_start(state, work, drawn, probe, now_ms):
            work.result[HEAD] = job
            work.result[SHADOW_MS] = at_ms
            break
    return started


def _fitting_class(state: State, work: Work) -> int:
    """A class with a job left to plan that has room now, whatever is planned; -1 for none. Of
    a gang of groups the first is asked.

    Starts of the cycle only take room, so a class without it is closed.
    """
    for cls in range(state.class_count[0]):
        if work.class_candidate[cls] < 0 or work.class_within_ms[cls] == CLOSED:
            continue
        if constraints.admit_job(state, cls, state.row_used) < 0:
            count = constraints.admit_nodes(
                state,
                cls,
                work.fit,
                state.node_gpu_milli_free,
                state.gpu_milli_free,
                state.node_cpu_milli_free,
                state.node_memory_mib_free,
            )
            if count >= state.class_nodes[cls]:
                return cls
        work.class_within_ms[cls] = CLOSED
    return -1


def _could_start(state: State, work: Work, drawn: plan.Plan, job: int, now_ms: int) -> bool:
    lasts_ms = state.job_duration_ms[job]
    cls = state.job_class[job]
    if not constraints.admit_use(state, cls, lasts_ms, work.row_owed):
        return False
    return bool(_earliest(state, work, drawn, cls, now_ms, lasts_ms) == now_ms)


def _earliest(
    state: State, work: Work, drawn: plan.Plan, cls: int, from_ms: int, lasts_ms: int
) -> int:
    """The first start from `from_ms` on at which the class has its nodes and rows for so long.

    Of a gang of groups the first says at which instants the others are looked at as well.
    Leaves the nodes in `work.chosen`; NEVER when there is none.
    """
    drawn.used[2] = 0
    drawn.opens[:] = -1
    drawn.closes[:] = -1
    drawn.is_open[:] = 0
    work.domain_offer[:] = 0
    for place in range(constraints.allow_nodes(state, cls, work.fit)):
        _offer_node(state, drawn, cls, work.fit[place], lasts_ms)
    enough = 0
    for place in range(drawn.used[1]):
        enough += _open_and_close(state, work, drawn, cls, place)
        at_ms = drawn.when_ms[place]
        if enough == 0 or at_ms < from_ms:
            continue
        refused_ms = _refused_at(state, work, drawn, cls, place, at_ms + lasts_ms)
        if refused_ms >= 0:
            from_ms = refused_ms + 1
        elif together.asked(state, cls):
            if _place_together(state, work, drawn, cls, at_ms, at_ms + lasts_ms, place == 0):
                return int(at_ms)
        elif _place_at(state, work, drawn, cls, place == 0):
            return int(at_ms)
    return NEVER


def _offer_node(state: State, drawn: plan.Plan, cls: int, node: int, lasts_ms: int) -> None:
    """Find the times through which the node could take its share of a job of the class."""
    begin_ms = NEVER
    at = node
    while at >= 0:
        fits = bool(
            state.class_gpu_milli[cls] <= drawn.gpu_milli[at]
            and state.class_cpu_milli[cls] <= drawn.cpu_milli[at]
            and state.class_memory_mib[cls] <= drawn.memory_mib[at]
        )
        if fits and begin_ms == NEVER:
            begin_ms = drawn.at_ms[at]
        end_ms = drawn.at_ms[at]
        if fits and drawn.next[at] < 0:
            end_ms = BIG
        if begin_ms != NEVER and end_ms - begin_ms >= lasts_ms and (not fits or end_ms == BIG):
            _offer_between_windows(state, drawn, cls, node, begin_ms, end_ms, lasts_ms)
        if not fits:
            begin_ms = NEVER
        at = drawn.next[at]


def _offer_between_windows(
    state: State, drawn: plan.Plan, cls: int, node: int, from_ms: int, end_ms: int, lasts_ms: int
) -> None:
    """The node is free in `[from_ms, end_ms)`; what windows of others leave of it is offered."""
    while from_ms < end_ms:
        open_ms = end_ms
        next_ms = end_ms
        entry = drawn.kept_first[node]
        while entry >= 0:
            opens_ms = max(state.window_from_ms[entry], from_ms)
            is_others = constraints.keeps(state, cls, entry, from_ms, end_ms)
            if is_others and opens_ms < open_ms:
                open_ms = opens_ms
                next_ms = state.window_until_ms[entry]
            entry = drawn.kept_next[entry]
        if open_ms - from_ms >= lasts_ms:
            _offer(drawn, node, from_ms, open_ms, lasts_ms)
        from_ms = max(next_ms, open_ms)


def _offer(drawn: plan.Plan, node: int, from_ms: int, end_ms: int, lasts_ms: int) -> None:
    """A start in `[from_ms, end_ms - lasts_ms]` finds the node free."""
    interval = drawn.used[2]
    drawn.used[2] = interval + 1
    drawn.interval_node[interval] = node
    opens = plan.until(drawn, from_ms) - 1
    closes = drawn.used[1]
    if end_ms < BIG:
        closes = plan.until(drawn, end_ms - lasts_ms)
    drawn.opens_next[interval] = drawn.opens[opens]
    drawn.opens[opens] = interval
    drawn.closes_next[interval] = drawn.closes[closes]
    drawn.closes[closes] = interval


def _open_and_close(state: State, work: Work, drawn: plan.Plan, cls: int, place: int) -> int:
    """Step to the instant: by how much the domains with enough nodes become more (or fewer)."""
    wanted = state.class_nodes[cls]
    required = state.class_level_required[cls]
    more = 0
    interval = drawn.closes[place]
    while interval >= 0:
        node = drawn.interval_node[interval]
        domain = state.node_domain[required, node] if required >= 0 else 0
        drawn.is_open[node] = 0
        more -= int(work.domain_offer[domain] == wanted)
        work.domain_offer[domain] -= 1
        interval = drawn.closes_next[interval]
    interval = drawn.opens[place]
    while interval >= 0:
        node = drawn.interval_node[interval]
        domain = state.node_domain[required, node] if required >= 0 else 0
        drawn.is_open[node] = 1
        work.domain_offer[domain] += 1
        more += int(work.domain_offer[domain] == wanted)
        interval = drawn.opens_next[interval]
    return more


def _refused_at(
    state: State, work: Work, drawn: plan.Plan, cls: int, place: int, end_ms: int
) -> int:
    """When in a run from the instant until `end_ms` a row above the class has no room; -1 never.

    Leaves in `work.row_left` the least that each row has through the run.
    """
    first = place
    while place < drawn.used[1] and drawn.when_ms[place] < end_ms:
        line = drawn.where[place]
        if not constraints.admit_then(
            state, cls, drawn.row_used[line], drawn.row_limit[line], drawn.row_kept[line]
        ):
            return int(drawn.when_ms[place])
        place += 1
    work.row_left[:] = BIG
    if constraints.counts_under_rows(state, cls):
        for passed in range(first, place):
            line = drawn.where[passed]
            used, limits = drawn.row_used[line], drawn.row_limit[line]
            constraints.row_room(state, used, limits, work.row_spare)
            constraints.row_room_beside(work.row_spare, work.row_left)
    return -1


def _place_at(state: State, work: Work, drawn: plan.Plan, cls: int, is_now: bool) -> bool:
    """Choose the nodes among those open; now they must also have the single GPUs for it."""
    count = 0
    for node in range(len(drawn.is_open)):
        if drawn.is_open[node] == 0:
            continue
        if is_now and not constraints.admit_node(
            state,
            cls,
            node,
            state.node_gpu_milli_free,
            state.gpu_milli_free,
            state.node_cpu_milli_free,
            state.node_memory_mib_free,
        ):
            continue
        work.fit[count] = node
        count += 1
    count = constraints.admit_under_rows(state, cls, work.fit, count, work.row_left)
    if count < state.class_nodes[cls]:
        return False
    return placement.place_in_order(state, work, cls, count)


def _place_together(
    state: State,
    work: Work,
    drawn: plan.Plan,
    cls: int,
    at_ms: int,
    end_ms: int,
    is_now: bool,
) -> bool:
    """The same for the groups of a gang, one after another, in the first site that holds them."""
    for site in range(groups.sites(state)):
        if not (state.class_sites[cls] >> site) & 1:
            continue
        groups.enter(state, work, site)
        group, placed = cls, 0
        while group >= 0:
            count = _open_for(state, work, drawn, group, at_ms, end_ms, is_now)
            count = constraints.admit_under_rows(state, group, work.fit, count, work.row_left)
            if count < state.class_nodes[group]:
                break
            if not placement.place_in_order(state, work, group, count):
                break
            groups.keep(state, work, group, placed)
            placed += state.class_nodes[group]
            group = state.class_more[group]
        if groups.leave(state, work, cls, placed):
            return True
    return False


def _open_for(
    state: State,
    work: Work,
    drawn: plan.Plan,
    group: int,
    at_ms: int,
    end_ms: int,
    is_now: bool,
) -> int:
    """Write the nodes that the plan leaves the group through the run to `work.fit`; how many."""
    count = placement.keep_apart(work, constraints.allow_nodes(state, group, work.fit))
    count = constraints.keep_open(state, group, work.fit, count, at_ms, end_ms, work.barred)
    kept = 0
    for place in range(count):
        node = work.fit[place]
        if not plan.has(state, drawn, group, node, at_ms, end_ms):
            continue
        if is_now and not constraints.admit_alone(state, group, node):
            continue
        work.fit[kept] = node
        kept += 1
    return kept
