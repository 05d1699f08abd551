"""Conservative backfill, kernel: every waiting job holds a place in a plan, not only the head.

Jobs are taken in order. Each is given the earliest start at which it fits through its whole
expected run beside the running jobs and all places given before it; those whose start is now start.
The plan is made anew in every cycle. A job that no instant can promise anything holds nothing.

The promises are exact because nodes are chosen by index alone: the smallest level with a domain
that fits, its lowest domain, the lowest nodes in it (those that power rows admit, in that order). A
set S so chosen from candidates C is chosen again from any C' with S <= C' <= C. By induction over
the order a later cycle gives each job its old place again, or an earlier one, as long as estimates
are exact and nothing is added before it (Mu'alem and Feitelson 2001 for the rule itself).

The plan is kept as step functions of time: per node a list of segments with what is free in each,
for the rows one vector for each instant at which anything changes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from arkwright.sched import constraints, order, placement, transitions
from arkwright.sched.codes import BIG, QUEUED, RUNNING, STARTING, STOPPING
from arkwright.sched.state import Ints, State
from arkwright.sched.work import CLOSED, HEAD, SHADOW_MS, Work

NEVER: Final = -1


class Plan(NamedTuple):
    """Axes: n_segments, n_instants, n_intervals, n_nodes, n_windows. Lists end in -1."""

    used: Ints
    """[3]: segments, instants and intervals in use."""
    at_ms: Ints
    next: Ints
    gpu_milli: Ints
    cpu_milli: Ints
    memory_mib: Ints
    """[n_segments]: when it begins, which one follows on its node, what is free in it. The first
    of node i is number i and begins now."""
    when_ms: Ints
    where: Ints
    """[n_instants]: every time at which something changes, ascending from now; its line in
    `left`."""
    left: Ints
    """[n_instants, n_rows]: what each row has left from the instant on to the next."""
    opens: Ints
    closes: Ints
    """[n_instants + 1]: the first interval that begins there, and that no longer holds there."""
    interval_node: Ints
    opens_next: Ints
    closes_next: Ints
    """[n_intervals]: a job that starts within it finds the node free through its run."""
    is_open: Ints
    """[n_nodes]: 1 where the instant looked at lies in an interval of the node."""
    kept_first: Ints
    kept_next: Ints
    """[n_nodes], [n_windows]: each node's entries in the table of windows."""


def plan(state: State, work: Work, now_ms: int, out: Ints, promised: Ints, probe: int) -> int:
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
    drawn = _draw(state, work, now_ms)
    full = len(promised) > 0 or probe >= 0
    fitting = -1
    looked = -1
    started = 0
    while True:
        if not full and (looked < started or work.class_candidate[fitting] < 0):
            fitting = _fitting_class(state, work)
            looked = started
        job = order.first_of(state, work.class_candidate[: state.class_count[0]])
        if job < 0 or job == probe or (not full and fitting < 0):
            break
        cls = state.job_class[job]
        work.class_candidate[cls] = order.following(state, job)
        lasts_ms = state.job_duration_ms[job]
        at_ms = now_ms if lasts_ms < known_ms[cls] else known_at[cls]
        if at_ms != NEVER:
            at_ms = _earliest(state, work, drawn, cls, at_ms, lasts_ms)
        known_ms[cls] = lasts_ms
        known_at[cls] = at_ms
        if len(promised) > 0:
            promised[job] = at_ms
        if at_ms == NEVER:
            continue
        nodes = work.chosen[: state.class_nodes[cls]]
        _hold(state, drawn, cls, nodes, at_ms, at_ms + lasts_ms)
        if at_ms == now_ms:
            transitions.start(state, job, now_ms, nodes, work.chosen[:0])
            out[started] = job
            started += 1
        if probe >= 0 and not _could_start(state, work, drawn, probe, now_ms):
            work.result[HEAD] = job
            work.result[SHADOW_MS] = at_ms
            break
    return started


def _fitting_class(state: State, work: Work) -> int:
    """A class with a job left to plan that has room now, whatever is planned; -1 for none.

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


def _could_start(state: State, work: Work, drawn: Plan, job: int, now_ms: int) -> bool:
    lasts_ms = state.job_duration_ms[job]
    cls = state.job_class[job]
    return bool(_earliest(state, work, drawn, cls, now_ms, lasts_ms) == now_ms)


def _draw(state: State, work: Work, now_ms: int) -> Plan:
    """The plan with the running jobs alone, as they are expected to end."""
    n_nodes = len(state.node_state)
    n_windows = state.window_count[0]
    segments = n_nodes
    instants = 1 + state.step_count[0] + 2 * n_windows
    for job in range(state.job_count[0]):
        is_in = state.job_state[job]
        if is_in == QUEUED or is_in in (STARTING, RUNNING, STOPPING):
            segments += 2 * state.class_nodes[state.job_class[job]]
            instants += 1
    intervals = segments + n_windows
    drawn = Plan(
        np.zeros(3, np.int64),
        np.full(segments, now_ms, np.int64),
        np.full(segments, -1, np.int64),
        np.empty(segments, np.int64),
        np.empty(segments, np.int64),
        np.empty(segments, np.int64),
        np.empty(instants, np.int64),
        np.empty(instants, np.int64),
        np.empty((instants, len(state.row_limit)), np.int64),
        np.empty(instants + 1, np.int64),
        np.empty(instants + 1, np.int64),
        np.empty(intervals, np.int64),
        np.empty(intervals, np.int64),
        np.empty(intervals, np.int64),
        np.zeros(n_nodes, np.int64),
        np.full(n_nodes, -1, np.int64),
        np.full(n_windows, -1, np.int64),
    )
    drawn.used[0] = n_nodes
    drawn.gpu_milli[:n_nodes] = state.node_gpu_milli_free
    drawn.cpu_milli[:n_nodes] = state.node_cpu_milli_free
    drawn.memory_mib[:n_nodes] = state.node_memory_mib_free
    for entry in range(n_windows):
        drawn.kept_next[entry] = drawn.kept_first[state.window_node[entry]]
        drawn.kept_first[state.window_node[entry]] = entry
    _draw_instants(state, drawn, now_ms)
    _draw_ends(state, work, drawn, now_ms)
    return drawn


def _draw_instants(state: State, drawn: Plan, now_ms: int) -> None:
    """All times known: expected ends, announced limits, windows."""
    _cut_instant(drawn, now_ms)
    job = order.first(state, state.active_root[0])
    while job >= 0:
        _cut_instant(drawn, max(state.job_key_first[job], now_ms + 1))
        job = order.following(state, job)
    at_ms = constraints.next_change_at(state, now_ms)
    while at_ms < BIG:
        _cut_instant(drawn, at_ms)
        at_ms = constraints.next_change_at(state, at_ms)


def _draw_ends(state: State, work: Work, drawn: Plan, now_ms: int) -> None:
    """What running jobs give back to nodes and rows when they end."""
    work.row_used[:] = state.row_used
    job = order.first(state, state.active_root[0])
    for place in range(drawn.used[1]):
        at_ms = drawn.when_ms[place]
        while job >= 0 and max(state.job_key_first[job], now_ms + 1) <= at_ms:
            cls = state.job_class[job]
            first = state.job_slot[job]
            nodes = state.slot_node[first : first + state.class_nodes[cls]]
            constraints.foresee_end(state, cls, nodes, work.row_used)
            for node in nodes:
                _take(state, drawn, cls, node, at_ms, BIG, -1)
            job = order.following(state, job)
        constraints.limits_at(state, now_ms, at_ms, work.row_limit_then)
        left = drawn.left[drawn.where[place]]
        constraints.row_room(state, work.row_used, work.row_limit_then, left)


def _earliest(state: State, work: Work, drawn: Plan, cls: int, from_ms: int, lasts_ms: int) -> int:
    """The first start from `from_ms` on at which the class has its nodes and rows for so long.

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
        elif _place_at(state, work, drawn, cls, place == 0):
            return int(at_ms)
    return NEVER


def _offer_node(state: State, drawn: Plan, cls: int, node: int, lasts_ms: int) -> None:
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
        elif not fits and begin_ms != NEVER:
            _offer_between_windows(state, drawn, cls, node, begin_ms, drawn.at_ms[at], lasts_ms)
            begin_ms = NEVER
        at = drawn.next[at]
    if begin_ms != NEVER:
        _offer_between_windows(state, drawn, cls, node, begin_ms, BIG, lasts_ms)


def _offer_between_windows(
    state: State, drawn: Plan, cls: int, node: int, from_ms: int, end_ms: int, lasts_ms: int
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


def _offer(drawn: Plan, node: int, from_ms: int, end_ms: int, lasts_ms: int) -> None:
    """A start in `[from_ms, end_ms - lasts_ms]` finds the node free."""
    interval = drawn.used[2]
    drawn.used[2] = interval + 1
    drawn.interval_node[interval] = node
    opens = _until(drawn, from_ms) - 1
    closes = drawn.used[1]
    if end_ms < BIG:
        closes = _until(drawn, end_ms - lasts_ms)
    drawn.opens_next[interval] = drawn.opens[opens]
    drawn.opens[opens] = interval
    drawn.closes_next[interval] = drawn.closes[closes]
    drawn.closes[closes] = interval


def _open_and_close(state: State, work: Work, drawn: Plan, cls: int, place: int) -> int:
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


def _refused_at(state: State, work: Work, drawn: Plan, cls: int, place: int, end_ms: int) -> int:
    """When in a run from the instant until `end_ms` a row above the class has no room; -1 never.

    Leaves in `work.row_left` the least that each row has through the run.
    """
    work.row_left[:] = BIG
    while place < drawn.used[1] and drawn.when_ms[place] < end_ms:
        left = drawn.left[drawn.where[place]]
        if not constraints.admit_beside(state, cls, left):
            return int(drawn.when_ms[place])
        if constraints.counts_under_rows(state, cls):
            constraints.row_room_beside(left, work.row_left)
        place += 1
    return -1


def _place_at(state: State, work: Work, drawn: Plan, cls: int, is_now: bool) -> bool:
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
    return placement.place_by_index(state, work, cls, count)


def _hold(state: State, drawn: Plan, cls: int, nodes: Ints, from_ms: int, end_ms: int) -> None:
    """Enter a job of the class on these nodes into the plan."""
    for node in nodes:
        _take(state, drawn, cls, node, from_ms, end_ms, 1)
    _cut_instant(drawn, end_ms)
    place = _until(drawn, from_ms) - 1
    while drawn.when_ms[place] < end_ms:
        constraints.spend(state, cls, nodes, drawn.left[drawn.where[place]])
        place += 1


def _take(
    state: State, drawn: Plan, cls: int, node: int, from_ms: int, end_ms: int, sign: int
) -> None:
    """In `[from_ms, end_ms)` the node has less (`sign` 1) or more (-1) by the class's share."""
    at = _cut_segment(drawn, node, from_ms)
    if end_ms < BIG:
        _cut_segment(drawn, node, end_ms)
    while at >= 0 and drawn.at_ms[at] < end_ms:
        drawn.gpu_milli[at] -= sign * state.class_gpu_milli[cls]
        drawn.cpu_milli[at] -= sign * state.class_cpu_milli[cls]
        drawn.memory_mib[at] -= sign * state.class_memory_mib[cls]
        at = drawn.next[at]


def _cut_segment(drawn: Plan, node: int, at_ms: int) -> int:
    """The segment of the node that begins at `at_ms`, made if there is none."""
    at = node
    while drawn.next[at] >= 0 and drawn.at_ms[drawn.next[at]] <= at_ms:
        at = drawn.next[at]
    if drawn.at_ms[at] == at_ms:
        return at
    new = drawn.used[0]
    drawn.used[0] = new + 1
    drawn.at_ms[new] = at_ms
    drawn.gpu_milli[new] = drawn.gpu_milli[at]
    drawn.cpu_milli[new] = drawn.cpu_milli[at]
    drawn.memory_mib[new] = drawn.memory_mib[at]
    drawn.next[new] = drawn.next[at]
    drawn.next[at] = new
    return int(new)


def _cut_instant(drawn: Plan, at_ms: int) -> None:
    """Let there be an instant at `at_ms`; rows have there what they have just before."""
    place = _until(drawn, at_ms)
    if place > 0 and drawn.when_ms[place - 1] == at_ms:
        return
    count = drawn.used[1]
    for moved in range(count, place, -1):
        drawn.when_ms[moved] = drawn.when_ms[moved - 1]
        drawn.where[moved] = drawn.where[moved - 1]
    drawn.when_ms[place] = at_ms
    drawn.where[place] = count
    if place > 0:
        drawn.left[count] = drawn.left[drawn.where[place - 1]]
    drawn.used[1] = count + 1


def _until(drawn: Plan, at_ms: int) -> int:
    """How many instants there are up to and including `at_ms`."""
    low = 0
    high = drawn.used[1]
    while low < high:
        middle = (low + high) // 2
        if drawn.when_ms[middle] <= at_ms:
            low = middle + 1
        else:
            high = middle
    return int(low)
