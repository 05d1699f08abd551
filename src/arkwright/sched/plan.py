"""The plan as step functions of time, kernel: what nodes and rows have left, and from when.

Per node a list of segments with what is free in each; for the rows one vector for each instant at
which anything changes. Everything is allocated anew for each plan: 40 bytes for a segment, of which
a job that waits or runs needs two for each of its nodes, and for each job, running or waiting, one
vector.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from arkwright.sched import constraints, order, together
from arkwright.sched.codes import BIG, QUEUED, RUNNING, STARTING, STOPPING
from arkwright.sched.state import Ints, State
from arkwright.sched.work import Work


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
    `row_used`, `row_limit` and `row_kept`."""
    row_used: Ints
    row_limit: Ints
    row_kept: Ints
    """[n_instants, n_rows]: what each row has used, its limit and what it keeps, from the instant
    to the next."""
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


def draw(state: State, work: Work, now_ms: int) -> Plan:
    """The plan with the running jobs alone, as they are expected to end."""
    n_nodes = len(state.node_state)
    n_windows = state.window_count[0]
    segments = n_nodes
    instants = 1 + state.step_count[0] + 2 * n_windows
    for job in range(state.job_count[0]):
        is_in = state.job_state[job]
        if is_in == QUEUED or is_in in (STARTING, RUNNING, STOPPING):
            segments += 2 * state.class_gang_nodes[state.job_class[job]]
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
        np.empty((instants, len(state.row_limit)), np.int64),
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
    work.row_kept_then[:] = state.row_kept
    job = order.first(state, state.active_root[0])
    kept_ms = -1
    for place in range(drawn.used[1]):
        at_ms = drawn.when_ms[place]
        constraints.keep_until(state, now_ms, kept_ms, at_ms, work.row_used, work.row_kept_then)
        kept_ms = at_ms
        while job >= 0 and max(state.job_key_first[job], now_ms + 1) <= at_ms:
            cls = state.job_class[job]
            first = state.job_slot[job]
            nodes = state.slot_node[first : first + state.class_gang_nodes[cls]]
            constraints.foresee_end(state, cls, nodes, work.row_used, work.row_kept_then)
            for place_of in range(len(nodes)):
                group = together.group_at(state, cls, place_of)
                _take(state, drawn, group, nodes[place_of], at_ms, BIG, -1)
            job = order.following(state, job)
        drawn.row_used[drawn.where[place]] = work.row_used
        drawn.row_kept[drawn.where[place]] = work.row_kept_then
        constraints.limits_at(state, now_ms, at_ms, drawn.row_limit[drawn.where[place]])


def hold(state: State, drawn: Plan, cls: int, nodes: Ints, from_ms: int, end_ms: int) -> None:
    """Enter a job of the class on these nodes into the plan."""
    for place_of in range(len(nodes)):
        group = together.group_at(state, cls, place_of)
        _take(state, drawn, group, nodes[place_of], from_ms, end_ms, 1)
    _cut_instant(drawn, end_ms)
    place = until(drawn, from_ms) - 1
    while drawn.when_ms[place] < end_ms:
        line = drawn.where[place]
        constraints.foresee_start(state, cls, nodes, drawn.row_used[line], drawn.row_kept[line])
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
    place = until(drawn, at_ms)
    if place > 0 and drawn.when_ms[place - 1] == at_ms:
        return
    count = drawn.used[1]
    for moved in range(count, place, -1):
        drawn.when_ms[moved] = drawn.when_ms[moved - 1]
        drawn.where[moved] = drawn.where[moved - 1]
    drawn.when_ms[place] = at_ms
    drawn.where[place] = count
    if place > 0:
        drawn.row_used[count] = drawn.row_used[drawn.where[place - 1]]
        drawn.row_limit[count] = drawn.row_limit[drawn.where[place - 1]]
        drawn.row_kept[count] = drawn.row_kept[drawn.where[place - 1]]
    drawn.used[1] = count + 1


def until(drawn: Plan, at_ms: int) -> int:
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


def has(state: State, drawn: Plan, cls: int, node: int, from_ms: int, end_ms: int) -> bool:
    """Whether the node has one node's share of the class free all through `[from_ms, end_ms)`."""
    at = node
    while at >= 0 and drawn.at_ms[at] < end_ms:
        after = drawn.next[at]
        if (after < 0 or drawn.at_ms[after] > from_ms) and not (
            state.class_gpu_milli[cls] <= drawn.gpu_milli[at]
            and state.class_cpu_milli[cls] <= drawn.cpu_milli[at]
            and state.class_memory_mib[cls] <= drawn.memory_mib[at]
        ):
            return False
        at = after
    return True
