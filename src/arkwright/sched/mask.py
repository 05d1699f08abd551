"""Constraint: which nodes a class may use at all. Pool, GPU type, site, node state."""

from __future__ import annotations

import numpy as np

from arkwright.sched import claims, moves
from arkwright.sched.codes import ANY, ANY_TYPE, NEVER_NO_SUCH_NODE, OTHER_NODES, UP
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State


def admit(state: State, cls: int, any_state: bool, nodes: Ints) -> int:
    """Write the nodes that the class may use to `nodes`, ascending; how many there are.

    A node must be up and not another job's claim (see `claims`), unless `any_state`: then all that
    it could be is asked.
    """
    pool = state.class_pool[cls]
    gpu_type = state.class_gpu_type[cls]
    gpu_types = state.class_gpu_types[cls]
    sites = state.class_sites[cls]
    node_state = state.node_state
    node_pool = state.node_pool
    node_gpu_type = state.node_gpu_type
    node_site = state.node_site
    claimed = not any_state and state.claim_count[0] > 0
    count = 0
    for node in range(len(node_state)):
        if not any_state and node_state[node] != UP:
            continue
        if claimed and claims.bars(state, node):
            continue
        if pool != ANY and not (pool >> node_pool[node]) & 1:
            continue
        if gpu_type >= 0 and gpu_type != node_gpu_type[node]:
            continue
        if gpu_types != ANY_TYPE and not (gpu_types >> node_gpu_type[node]) & 1:
            continue
        if (sites >> node_site[node]) & 1:
            nodes[count] = node
            count += 1
    return count


def allows(state: State, cls: int, node: int) -> bool:
    """Whether the class may use the node now, were it nobody's claim."""
    if state.node_state[node] != UP:
        return False
    pool = state.class_pool[cls]
    if pool != ANY and not (pool >> state.node_pool[node]) & 1:
        return False
    gpu_type = state.node_gpu_type[node]
    if state.class_gpu_type[cls] >= 0 and state.class_gpu_type[cls] != gpu_type:
        return False
    gpu_types = state.class_gpu_types[cls]
    if gpu_types != ANY_TYPE and not (gpu_types >> gpu_type) & 1:
        return False
    return bool((state.class_sites[cls] >> state.node_site[node]) & 1)


def is_claimed(state: State, node: int) -> bool:
    """Whether the node is another job's claim."""
    return bool(state.claim_count[0] > 0 and claims.bars(state, node))


def apply(state: State, node: int, node_state: int) -> None:
    """The node changes state; one that comes up has more to give than before."""
    if node_state == UP:
        state.node_version[0] += 1
    state.node_state[node] = node_state
    moves.node(state, node)


def version(state: State) -> int:
    """Moves whenever a class refused here might now be admitted."""
    return int(state.node_version[0])


def explain(state: State, cls: int) -> Reason | None:
    """A refusal for good: no node has this pool, type and site."""
    nodes = np.empty(len(state.node_state), np.int64)
    if admit(state, cls, True, nodes) > 0:
        return None
    return Reason(NEVER_NO_SUCH_NODE, int(state.class_nodes[cls]), 0, change=OTHER_NODES)
