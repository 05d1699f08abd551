"""Constraint: what a node has free. Milli-GPU, milli-CPU, MiB of memory."""

from __future__ import annotations

import numpy as np

from arkwright.sched import gpus, mask, moves, rails
from arkwright.sched.codes import LESS_PER_NODE, NEVER_NODE_TOO_SMALL
from arkwright.sched.reason import Reason
from arkwright.sched.state import Ints, State


def admit(
    state: State, cls: int, nodes: Ints, count: int, gpu: Ints, each: Ints, cpu: Ints, memory: Ints
) -> int:
    """Keep of `nodes[:count]` those whose amounts hold one node's share of the gang; how many.

    `gpu` is in sum per node, `each` per GPU.
    """
    gpu_milli = state.class_gpu_milli[cls]
    cpu_milli = state.class_cpu_milli[cls]
    memory_mib = state.class_memory_mib[cls]
    one_by_one = state.gpus_kept[0] != 0
    kept = 0
    for place in range(count):
        node = nodes[place]
        if gpu_milli <= gpu[node] and cpu_milli <= cpu[node] and memory_mib <= memory[node]:
            if one_by_one and not gpus.hold(state, cls, node, gpu, each):
                continue
            nodes[kept] = node
            kept += 1
    return kept


def holds(
    state: State, cls: int, node: int, gpu: Ints, each: Ints, cpu: Ints, memory: Ints
) -> bool:
    """Whether the node with these amounts holds one node's share of the gang."""
    return bool(
        state.class_cpu_milli[cls] <= cpu[node]
        and state.class_memory_mib[cls] <= memory[node]
        and gpus.hold(state, cls, node, gpu, each)
    )


def keep_beside(
    state: State,
    cls: int,
    job: int,
    nodes: Ints,
    count: int,
    aside: Ints,
    each: Ints,
    block: int,
    head_block: int,
) -> int:
    """Keep of `nodes[:count]` those that would still serve the head at the shadow time; how many.

    `each` is free then per GPU, `aside` tells the nodes that are set aside for the head: 1 and the
    class of which it holds a share there.
    """
    if state.gpus_kept[0] == 0:
        return count
    kept = 0
    for place in range(count):
        node = nodes[place]
        if aside[node] == 0 or rails.spare_for(
            state, cls, job, node, each, aside[node] - 1, block, head_block
        ):
            nodes[kept] = node
            kept += 1
    return kept


def apply(state: State, cls: int, node: int, sign: int) -> None:
    """Take (`sign` 1) or give back (-1) one node's share of the gang."""
    state.node_gpu_milli_free[node] -= sign * state.class_gpu_milli[cls]
    state.node_cpu_milli_free[node] -= sign * state.class_cpu_milli[cls]
    state.node_memory_mib_free[node] -= sign * state.class_memory_mib[cls]
    state.node_moves[node] += 1
    moves.node(state, node)
    if state.node_kind_count.shape[1] > 0 and state.class_gpu_milli[cls] > 0:
        state.node_kind_count[node, gpus.kind_of(state.class_gpu_milli[cls])] += sign
    if sign < 0:
        state.node_version[0] += 1


def version(state: State) -> int:
    """Moves whenever a class refused here might now be admitted."""
    return int(state.node_version[0])


def explain(state: State, cls: int) -> Reason | None:
    """A refusal for good: no allowed node is large enough, even when empty.

    Resources are asked one after another of the nodes that passed the ones before, so the number
    named is the most a node has that could serve the rest.
    """
    asked = (state.class_gpu_milli[cls], state.class_cpu_milli[cls], state.class_memory_mib[cls])
    total = (state.node_gpu_milli_total, state.node_cpu_milli_total, state.node_memory_mib_total)
    nodes = np.empty(len(state.node_state), np.int64)
    left = nodes[: mask.admit(state, cls, True, nodes)].tolist()
    for resource in range(3):
        largest = max((int(total[resource][node]) for node in left), default=0)
        if asked[resource] > largest:
            return _too_small(resource, int(asked[resource]), largest)
        left = [node for node in left if asked[resource] <= total[resource][node]]
    return None


def _too_small(resource: int, asked: int, largest: int) -> Reason:
    return Reason(
        NEVER_NODE_TOO_SMALL,
        asked,
        largest,
        resource=resource,
        change=LESS_PER_NODE,
        to=largest,
    )
