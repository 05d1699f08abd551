"""Claims, kernel: nodes kept for a waiting job while others stop for it.

Stopping takes time. Between the decision and the end of the last victim, the nodes that the waiting
job was promised are its own: `mask` bars every other job from them, in whatever is asked (now,
beside a reservation, at a shadow time). The claim ends when the job starts, leaves the queue or is
held, or when all who stopped for it are gone and it still cannot start (`evict` gives it up).

Nodes are asked about by class, and a claim is one job's: `State.claim_asking` says for which job.
It stands in the state only as long as a question lasts.
"""

from __future__ import annotations

import numpy as np

from arkwright.sched import order
from arkwright.sched.codes import (
    BIG,
    EVICTED,
    MOVED,
    PREEMPT,
    QUEUED,
    RECALLED,
    REFUSED_INDEX,
    REFUSED_KIND,
    REFUSED_NODE_COUNT,
    REFUSED_NODE_FULL,
    REFUSED_NODE_INDEX,
    REFUSED_NODE_TWICE,
    REFUSED_STATE,
    REFUSED_VALUE,
    RUNNING,
    SAVED,
    STARTING,
    STOPPING,
    UNCLAIM,
)
from arkwright.sched.state import Ints, State


def change(state: State, kind: int, at_ms: int, job: int, values: Ints) -> int:
    """PREEMPT, UNCLAIM, SAVED or RECALLED of a job that there is."""
    if kind == PREEMPT:
        return preempt(state, job, at_ms, values[0], values[1])
    if kind == UNCLAIM:
        if state.job_victims[job] < 0:
            return REFUSED_STATE
        finish(state, job)
        return 0
    if kind == RECALLED:
        return recall(state, job, values[0], values[1])
    if kind == SAVED:
        return save(state, job, values[0])
    return REFUSED_KIND


def bars(state: State, node: int) -> bool:
    """Whether the node is kept for another job than the one that asks."""
    claimant = state.node_claim[node]
    return bool(claimant >= 0 and claimant != state.claim_asking[0])


def refuse(state: State, job: int, nodes: Ints) -> int:
    """Why the job cannot claim these nodes, 0 when it can."""
    if job < 0 or job >= state.job_count[0]:
        return REFUSED_INDEX
    if state.job_state[job] != QUEUED or state.job_victims[job] >= 0:
        return REFUSED_STATE
    if len(nodes) < 1 or len(nodes) > state.class_gang_nodes[state.job_class[job]]:
        return REFUSED_NODE_COUNT
    for place in range(len(nodes)):
        node = nodes[place]
        if node < 0 or node >= len(state.node_claim):
            return REFUSED_NODE_INDEX
        if state.node_claim[node] >= 0:
            return REFUSED_NODE_FULL
    ordered = np.sort(nodes)
    for place in range(1, len(ordered)):
        if ordered[place] == ordered[place - 1]:
            return REFUSED_NODE_TWICE
    return 0


def begin(state: State, job: int, nodes: Ints) -> None:
    """The nodes are the waiting job's; `refuse` has said 0."""
    for place in range(len(nodes)):
        state.node_claim[nodes[place]] = job
    state.job_victims[job] = 0
    state.claim_count[0] += 1
    state.change_count[0] += 1


def finish(state: State, job: int) -> None:
    """The job's claim, if it has one, is over; who was told to stop for it still stops."""
    stopping = state.job_victims[job]
    if stopping < 0:
        return
    state.job_victims[job] = -1
    state.claim_count[0] -= 1
    for node in range(len(state.node_claim)):
        if state.node_claim[node] == job:
            state.node_claim[node] = -1
    if stopping > 0:
        other = order.first(state, state.active_root[0])
        while other >= 0:
            if state.job_claimant[other] == job:
                state.job_claimant[other] = -1
            other = order.following(state, other)
    state.node_version[0] += 1
    state.change_count[0] += 1


def preempt(state: State, job: int, at_ms: int, claimant: int, why: int) -> int:
    """The job is told to stop for a claim (-1: one that is over), holding what it has meanwhile."""
    was = state.job_state[job]
    if was != STARTING and was != RUNNING:
        return REFUSED_STATE
    if claimant < -1 or claimant >= state.job_count[0]:
        return REFUSED_INDEX
    if claimant >= 0 and state.job_victims[claimant] < 0:
        return REFUSED_STATE
    if why != EVICTED and why != MOVED:
        return REFUSED_VALUE
    state.job_state[job] = STOPPING
    state.job_told[job] = why
    state.job_told_ms[job] = at_ms
    state.job_claimant[job] = claimant
    if claimant >= 0:
        state.job_victims[claimant] += 1
    end_ms = at_ms + state.class_grace_ms[state.job_class[job]]
    # One past its estimate says nothing about its end; that it was told to stop does.
    if state.job_key_first[job] > end_ms or state.job_key_first[job] <= at_ms:
        root = order.remove(state, state.active_root[0], job)
        state.job_key_first[job] = end_ms
        state.active_root[0] = order.insert(state, root, job)
    state.change_count[0] += 1
    return 0


def save(state: State, job: int, saved_ms: int) -> int:
    """What the job had done by `saved_ms` is safe."""
    was = state.job_state[job]
    if was != STARTING and was != RUNNING and was != STOPPING:
        return REFUSED_STATE
    if saved_ms < state.job_saved_ms[job] or saved_ms >= BIG:
        return REFUSED_VALUE
    state.job_saved_ms[job] = saved_ms
    return 0


def recall(state: State, job: int, evictions: int, moves: int) -> int:
    """How often the job went back to the queue for others, of attempts that nobody replays."""
    if evictions < 0 or moves < 0 or max(evictions, moves) >= BIG:
        return REFUSED_VALUE
    state.job_evictions[job] = evictions
    state.job_moves[job] = moves
    return 0


def count_return(state: State, job: int) -> None:
    """The attempt is over and the job waits again: if it was told to stop, that counts."""
    if state.job_told[job] == EVICTED:
        state.job_evictions[job] += 1
    elif state.job_told[job] == MOVED:
        state.job_moves[job] += 1


def gone(state: State, job: int) -> None:
    """The job holds nothing any more; one fewer stops for the claim it made room for."""
    claimant = state.job_claimant[job]
    if claimant >= 0:
        state.job_victims[claimant] -= 1
    state.job_claimant[job] = -1
    state.job_told[job] = 0
    state.job_told_ms[job] = -1
    state.job_saved_ms[job] = 0


def waiting(state: State) -> Ints:
    """The jobs with a claim, in the order of the queue."""
    jobs = np.empty(state.claim_count[0], np.int64)
    count = 0
    if len(jobs) > 0:
        for node in range(len(state.node_claim)):
            job = state.node_claim[node]
            if job < 0 or _is_among(jobs, count, job):
                continue
            place = count
            while place > 0 and order.before(state, job, jobs[place - 1]):
                jobs[place] = jobs[place - 1]
                place -= 1
            jobs[place] = job
            count += 1
    return jobs[:count]


def _is_among(jobs: Ints, count: int, job: int) -> bool:
    place = 0
    while place < count and jobs[place] != job:
        place += 1
    return place < count
