"""What each event does to the state, kernel. Returns 0, or why the event is refused.

A refused event has changed nothing: every function looks first and writes after.

Past 400 lines because every kind of event is here, once; quota, claims and windows have their own.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import (
    calendar,
    claims,
    constraints,
    gpus,
    mask,
    order,
    quota_events,
    rails,
    together,
    windows,
)
from arkwright.sched.codes import (
    ANNOUNCE,
    BIG,
    BLOCKED_BY_NOTHING,
    CRITICAL,
    DONE,
    DOWN,
    END,
    GPU_MILLI,
    GPU_MS,
    GUARANTEE,
    HELD,
    HOLD,
    LIMIT_STEP,
    NODE_STATE,
    NONE,
    PERIOD,
    PLEDGE,
    PREEMPT,
    PRIORITY,
    QUEUED,
    RECALLED,
    REFUSED_GPU,
    REFUSED_INDEX,
    REFUSED_KIND,
    REFUSED_NODE_COUNT,
    REFUSED_NODE_FULL,
    REFUSED_NODE_INDEX,
    REFUSED_NODE_TWICE,
    REFUSED_STATE,
    REFUSED_VALUE,
    RELEASE,
    REQUEUE,
    RESERVE,
    ROW_LIMIT,
    RUN,
    RUNNING,
    SPENT,
    STARTING,
    STOP,
    STOPPING,
    SUBMIT,
    TIERS,
    UNPLEDGE,
    UNRESERVE,
    WITHDRAW,
)
from arkwright.sched.state import Ints, State


def change(state: State, kind: int, at_ms: int, index: int, values: Ints) -> int:
    """Any event but CLASS, START and CLAIM."""
    if kind == SUBMIT:
        return submit(state, at_ms, index, values)
    if kind == NODE_STATE:
        return set_node_state(state, index, values[0])
    if kind == ROW_LIMIT:
        return set_row_limit(state, at_ms, index, values[0])
    if kind == ANNOUNCE:
        return announce(state, index, values[0], values[1])
    if kind == WITHDRAW:
        return withdraw(state, index, values[0])
    if kind == RESERVE:
        return reserve(state, at_ms, index, values)
    if kind == UNRESERVE:
        return unreserve(state, at_ms, index)
    if kind in (PERIOD, GUARANTEE, SPENT, PLEDGE, UNPLEDGE):
        return quota_events.change(state, kind, at_ms, index, values)
    if index < 0 or index >= state.job_count[0]:
        return REFUSED_INDEX
    if PREEMPT <= kind <= RECALLED:
        return claims.change(state, kind, at_ms, index, values)
    if kind == RUN:
        return _move(state, index, STARTING, STARTING, RUNNING)
    if kind == STOP:
        return _move(state, index, STARTING, RUNNING, STOPPING)
    if kind == END:
        return end(state, index, at_ms)
    if kind == REQUEUE:
        return requeue(state, index, at_ms)
    if kind == HOLD:
        return hold(state, index)
    if kind == RELEASE:
        return release(state, index)
    if kind == PRIORITY:
        return set_priority(state, index, values[0])
    return REFUSED_KIND


def add_class(state: State, values: Ints) -> int:
    """A new class; `values` are the fields of `Shape`."""
    level = max(values[6], values[7])
    if (
        values[0] < 1
        or level >= len(state.node_domain)
        or max(values[9], values[12]) >= len(state.row_limit)
    ):
        return REFUSED_VALUE
    if min(values[1], values[2], values[3]) < 0 or max(values[1], values[2], values[3]) >= BIG:
        return REFUSED_VALUE
    for row in (values[9], values[12]):
        if row >= 0 and state.row_measure[row] != GPU_MILLI:
            return REFUSED_VALUE
    if values[12] < -1 or together.share_a_row(state, values[9], values[12]):
        return REFUSED_VALUE
    if values[10] < 0 or values[10] >= BIG or values[0] > BIG // max(values[10], 1):
        return REFUSED_VALUE
    if min(values[4], values[5], values[6], values[7], values[9]) < -1:
        return REFUSED_VALUE
    if values[0] > BIG // max(values[1], 1):
        return REFUSED_VALUE
    if values[19] < CRITICAL or values[19] >= TIERS or values[21] < 0 or values[21] >= BIG:
        return REFUSED_VALUE
    if values[1] > gpus.WHOLE_MILLI and values[1] % gpus.WHOLE_MILLI != 0:
        return REFUSED_VALUE
    if not -1 <= values[17] < state.class_count[0]:
        return REFUSED_VALUE
    if values[17] >= 0 and state.class_gang_nodes[values[17]] <= values[0]:
        return REFUSED_VALUE
    if not _is_shape(state, values) or not together.may_begin(state, values):
        return REFUSED_VALUE
    cls = state.class_count[0]
    state.class_count[0] = cls + 1
    state.class_nodes[cls] = values[0]
    state.class_gpu_milli[cls] = values[1]
    state.class_cpu_milli[cls] = values[2]
    state.class_memory_mib[cls] = values[3]
    state.class_gpu_type[cls] = values[4]
    state.class_pool[cls] = values[5]
    state.class_level_required[cls] = values[6]
    state.class_level_preferred[cls] = values[7]
    state.class_sites[cls] = values[8]
    state.class_row[cls] = values[9]
    state.class_watts[cls] = values[10]
    state.class_gpu_types[cls] = values[11]
    state.class_type_row[cls] = values[12]
    state.class_segment[cls] = values[13]
    state.class_segment_level[cls] = values[14]
    state.class_spread_level[cls] = values[15]
    state.class_rails[cls] = values[16]
    state.class_larger[cls] = values[17]
    state.class_more[cls] = values[18]
    state.class_tier[cls] = values[19]
    state.class_preemptible[cls] = values[20]
    state.class_grace_ms[cls] = values[21]
    state.class_slots[cls] = values[0]
    if values[17] >= 0:
        state.class_slots[cls] = state.class_slots[values[17]]
    state.class_gang_nodes[cls] = values[0]
    if values[18] >= 0:
        state.class_gang_nodes[cls] += state.class_gang_nodes[values[18]]
        state.class_slots[cls] = state.class_gang_nodes[cls]
    state.class_root[cls] = -1
    state.class_blocked_by[cls] = BLOCKED_BY_NOTHING
    if gpus.is_fraction(state, cls) or rails.asked(state, cls):
        gpus.keep(state)
    return 0


def _is_shape(state: State, values: Ints) -> bool:
    """Whether segments, spread and rails of the fields of a `Shape` make sense."""
    levels = len(state.node_domain)
    if max(values[14], values[15]) >= levels or min(values[14], values[15]) < -1:
        return False
    if values[13] != 0 and (values[14] < 0 or abs(values[13]) >= BIG):
        return False
    return bool(values[16] == 0 or (values[16] == 1 and values[1] >= gpus.WHOLE_MILLI))


def submit(state: State, at_ms: int, cls: int, values: Ints) -> int:
    """A new job; `values` are priority, duration, submit_ms, seq (-1 its index), held."""
    if cls < 0 or cls >= state.class_count[0]:
        return REFUSED_INDEX
    duration = values[1]
    if duration < 1 or duration >= BIG or values[0] <= -BIG or values[0] >= BIG:
        return REFUSED_VALUE
    job = state.job_count[0]
    state.job_count[0] = job + 1
    state.job_class[job] = cls
    state.job_asked[job] = cls
    state.job_priority[job] = values[0]
    state.job_duration_ms[job] = duration
    state.job_submit_ms[job] = values[2]
    state.job_seq[job] = values[3] if values[3] >= 0 else job
    state.job_slot[job] = state.slot_count[0]
    state.slot_count[0] += state.class_slots[cls]
    state.job_rank[job] = order.rank_of(int(job))
    if values[4] != 0:
        state.job_state[job] = HELD
    else:
        _enqueue(state, job)
        _as_foreseen(state)
    return 0


def refuse_start(state: State, job: int, nodes: Ints, shared: Ints) -> int:
    """Why the job cannot be given exactly these nodes, 0 when it can.

    `shared`: for a fraction the GPU on each of them, for an aligned gang the first of its GPUs
    there, or empty to leave it to the rule.

    Looks at what makes a start impossible (the job's state, the nodes' free amounts), not at
    what made it unwise (quota, mask): an event is a fact, the decision was taken before.
    """
    if job < 0 or job >= state.job_count[0]:
        return REFUSED_INDEX
    if state.job_state[job] != QUEUED:
        return REFUSED_STATE
    cls = _size_of(state, state.job_class[job], len(nodes))
    if cls < 0:
        return REFUSED_NODE_COUNT
    for place in range(len(nodes)):
        node = nodes[place]
        if node < 0 or node >= len(state.node_state):
            return REFUSED_NODE_INDEX
        if not constraints.admit_node(
            state,
            together.group_at(state, cls, place),
            node,
            state.node_gpu_milli_free,
            state.gpu_milli_free,
            state.node_cpu_milli_free,
            state.node_memory_mib_free,
        ):
            return REFUSED_NODE_FULL
    if rails.asked(state, cls):
        if rails.block_of(state, cls, nodes, shared) < 0:
            return REFUSED_GPU
    elif len(shared) > 0 and not _may_share(state, cls, nodes, shared):
        return REFUSED_GPU
    ordered = np.sort(nodes)
    for place in range(1, len(ordered)):
        if ordered[place] == ordered[place - 1]:
            return REFUSED_NODE_TWICE
    return 0


def start(state: State, job: int, at_ms: int, nodes: Ints, shared: Ints) -> None:
    """The queued job holds these nodes from now on; `refuse_start` has said 0."""
    _dequeue(state, job)
    _as_foreseen(state)
    state.job_class[job] = _size_of(state, state.job_class[job], len(nodes))
    claims.finish(state, job)
    first = state.job_slot[job]
    for place in range(len(nodes)):
        state.slot_node[first + place] = nodes[place]
    constraints.take_gpus(state, job, shared)
    constraints.take(state, state.job_class[job], nodes)
    state.job_state[job] = STARTING
    state.job_start_ms[job] = at_ms
    state.job_saved_ms[job] = at_ms
    state.job_key_first[job] = at_ms + state.job_duration_ms[job]
    state.job_key_second[job] = 0
    state.job_key_third[job] = 0
    state.active_root[0] = order.insert(state, state.active_root[0], job)
    constraints.start_using(state, job)


def end(state: State, job: int, at_ms: int) -> int:
    """The job is over, or leaves the queue."""
    was = state.job_state[job]
    if was == DONE:
        return REFUSED_STATE
    if was == QUEUED:
        _dequeue(state, job)
        claims.finish(state, job)
    elif was != HELD:
        if state.job_key_first[job] <= at_ms:
            _as_foreseen(state)
        _give_back(state, job, at_ms)
    state.job_state[job] = DONE
    return 0


def requeue(state: State, job: int, at_ms: int) -> int:
    """The attempt is over; the job is back at its old place in the order."""
    was = state.job_state[job]
    if was != STARTING and was != RUNNING and was != STOPPING:
        return REFUSED_STATE
    claims.count_return(state, job)
    _give_back(state, job, at_ms)
    state.job_class[job] = state.job_asked[job]
    state.job_start_ms[job] = -1
    _enqueue(state, job)
    return 0


def hold(state: State, job: int) -> int:
    """A queued job is set aside."""
    if state.job_state[job] != QUEUED:
        return REFUSED_STATE
    _dequeue(state, job)
    claims.finish(state, job)
    state.job_state[job] = HELD
    return 0


def release(state: State, job: int) -> int:
    """A held job waits again."""
    if state.job_state[job] != HELD:
        return REFUSED_STATE
    _enqueue(state, job)
    return 0


def set_priority(state: State, job: int, priority: int) -> int:
    """The job moves to another place in the order."""
    was = state.job_state[job]
    if was == DONE:
        return REFUSED_STATE
    if priority <= -BIG or priority >= BIG:
        return REFUSED_VALUE
    if was == QUEUED:
        _dequeue(state, job)
    state.job_priority[job] = priority
    if was == QUEUED:
        _enqueue(state, job)
    return 0


def set_node_state(state: State, node: int, node_state: int) -> int:
    """The node is up, draining or down."""
    if node < 0 or node >= len(state.node_state):
        return REFUSED_INDEX
    if node_state < 0 or node_state > DOWN:
        return REFUSED_VALUE
    mask.apply(state, node, node_state)
    state.change_count[0] += 1
    return 0


def set_row_limit(state: State, at_ms: int, row: int, limit: int) -> int:
    """A capacity row has another limit; what was announced for it until now is over."""
    if row < 0 or row >= len(state.row_limit):
        return REFUSED_INDEX
    if limit < -1 or limit >= BIG:
        return REFUSED_VALUE
    constraints.limit(state, row, limit)
    calendar.forget(state, LIMIT_STEP, row, 0, at_ms)
    state.change_count[0] += 1
    return 0


def announce(state: State, row: int, from_ms: int, limit: int) -> int:
    """A capacity row will have another limit."""
    if row < 0 or row >= len(state.row_limit):
        return REFUSED_INDEX
    if state.row_measure[row] == GPU_MS:
        return REFUSED_VALUE
    if limit < -1 or limit >= BIG or from_ms < 0 or from_ms >= BIG:
        return REFUSED_VALUE
    calendar.forget(state, LIMIT_STEP, row, from_ms, from_ms)
    calendar.apply(state, LIMIT_STEP, row, from_ms, limit, NONE)
    state.change_count[0] += 1
    return 0


def withdraw(state: State, row: int, from_ms: int) -> int:
    """What was announced for that time will not come."""
    if row < 0 or row >= len(state.row_limit):
        return REFUSED_INDEX
    if calendar.forget(state, LIMIT_STEP, row, from_ms, from_ms) == 0:
        return REFUSED_VALUE
    state.change_count[0] += 1
    return 0


def reserve(state: State, at_ms: int, node: int, values: Ints) -> int:
    """A node is kept; `values` are the window's number, from, until and the row it is kept for."""
    if node < 0 or node >= len(state.node_state):
        return REFUSED_INDEX
    if windows.is_wrong(state, node, values[0], values[1], values[2], values[3]):
        return REFUSED_VALUE
    windows.forget(state, -1, at_ms)
    windows.apply(state, node, values[0], values[1], values[2], values[3])
    state.change_count[0] += 1
    return 0


def unreserve(state: State, at_ms: int, window: int) -> int:
    """A window is gone."""
    if window < 0:
        return REFUSED_INDEX
    windows.forget(state, window, at_ms)
    state.change_count[0] += 1
    return 0


def _size_of(state: State, cls: int, count: int) -> int:
    """The class of this many nodes among the sizes of the class, -1 when it has no such size."""
    while cls >= 0 and state.class_gang_nodes[cls] != count:
        cls = state.class_larger[cls]
    return int(cls)


def _may_share(state: State, cls: int, nodes: Ints, shared: Ints) -> bool:
    """Whether these GPUs lie on these nodes, one each, and have room for the fraction."""
    if len(shared) != len(nodes) or not gpus.is_fraction(state, cls):
        return False
    for place in range(len(nodes)):
        gpu = shared[place]
        node = nodes[place]
        if gpu < state.node_gpu_first[node] or gpu >= state.node_gpu_first[node + 1]:
            return False
        if state.gpu_milli_free[gpu] < state.class_gpu_milli[cls]:
            return False
    return True


def _move(state: State, job: int, one: int, other: int, to: int) -> int:
    if state.job_state[job] != one and state.job_state[job] != other:
        return REFUSED_STATE
    state.job_state[job] = to
    return 0


def _as_foreseen(state: State) -> None:
    """The change that is counted with this one makes no room before it was expected, and takes only
    what a cycle gives: the shadow time of a head stays (see `reservation`)."""
    state.cycle_memo[4] += 1


def _enqueue(state: State, job: int) -> None:
    cls = state.job_class[job]
    state.job_state[job] = QUEUED
    state.job_key_first[job] = -state.job_priority[job]
    state.job_key_second[job] = state.job_submit_ms[job]
    state.job_key_third[job] = state.job_seq[job]
    state.class_root[cls] = order.insert(state, state.class_root[cls], job)
    state.queued_count[0] += 1
    state.change_count[0] += 1


def _dequeue(state: State, job: int) -> None:
    cls = state.job_class[job]
    state.class_root[cls] = order.remove(state, state.class_root[cls], job)
    state.queued_count[0] -= 1
    state.change_count[0] += 1


def _give_back(state: State, job: int, at_ms: int) -> None:
    cls = state.job_class[job]
    first = state.job_slot[job]
    nodes = state.slot_node[first : first + state.class_gang_nodes[cls]]
    constraints.stop_using(state, job, at_ms)
    constraints.give_back_gpus(state, job)
    constraints.give_back(state, cls, nodes)
    claims.gone(state, job)
    nodes[:] = -1
    state.active_root[0] = order.remove(state, state.active_root[0], job)
    state.change_count[0] += 1
