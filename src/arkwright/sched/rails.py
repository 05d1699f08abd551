"""Constraint: rail alignment, kernel. The same places of GPUs on every node of the gang.

In a rail-optimised fabric the GPUs of one place of all nodes hang on one leaf. A gang that takes
only some GPUs of each node, but everywhere the same places, keeps each of its rings on one leaf.
The places are a block as wide as the job's share: places k·g to k·g + g − 1, for the least k that
works. A start may name the block (`gpus_of`): replayed without jobs that are over, another one
would be the first that is free.
"""

from __future__ import annotations

from arkwright.sched import gpus
from arkwright.sched.codes import NONE
from arkwright.sched.gpus import WHOLE_MILLI
from arkwright.sched.state import Ints, State


def asked(state: State, cls: int) -> bool:
    """Whether the class wants its GPUs aligned."""
    return bool(state.class_rails[cls] != 0)


def block_count(state: State, cls: int) -> int:
    """How many blocks the largest node has; 1 for a class that does not care."""
    if not asked(state, cls):
        return 1
    return int(state.node_largest[0] // state.class_gpu_milli[cls])


def admit(state: State, cls: int, nodes: Ints, count: int, each: Ints, block: int) -> int:
    """Keep of `nodes[:count]` those whose GPUs of the block are free in `each`; how many."""
    if not asked(state, cls):
        return count
    kept = 0
    for place in range(count):
        if is_free(state, cls, nodes[place], each, block):
            nodes[kept] = nodes[place]
            kept += 1
    return kept


def is_free(state: State, cls: int, node: int, each: Ints, block: int) -> bool:
    """Whether the node has the block and all of it is free in `each`."""
    wide = state.class_gpu_milli[cls] // WHOLE_MILLI
    first = state.node_gpu_first[node] + block * wide
    if first + wide > state.node_gpu_first[node + 1]:
        return False
    free = 0
    for gpu in range(first, first + wide):
        if each[gpu] >= WHOLE_MILLI:
            free += 1
    return bool(free == wide)


def common_block(state: State, cls: int, nodes: Ints) -> int:
    """The first block that is free on all these nodes; -1 when none is."""
    for block in range(block_count(state, cls)):
        found = True
        for place in range(len(nodes)):
            if not is_free(state, cls, nodes[place], state.gpu_milli_free, block):
                found = False
                break
        if found:
            return block
    return NONE


def block_of(state: State, cls: int, nodes: Ints, named: Ints) -> int:
    """The block whose first GPU on each node is `named`, or the first in common where none is; -1
    when it is not free, or no such block."""
    if len(named) == 0:
        return common_block(state, cls, nodes)
    if len(named) != len(nodes):
        return NONE
    wide = state.class_gpu_milli[cls] // WHOLE_MILLI
    block = (named[0] - state.node_gpu_first[nodes[0]]) // wide
    for place in range(len(nodes)):
        first = state.node_gpu_first[nodes[place]] + block * wide
        if block < 0 or named[place] != first:
            return NONE
        if not is_free(state, cls, nodes[place], state.gpu_milli_free, block):
            return NONE
    return int(block)


def apply(state: State, job: int, node: int, block: int) -> None:
    """The job takes the block on the node."""
    wide = state.class_gpu_milli[state.job_class[job]] // WHOLE_MILLI
    first = state.node_gpu_first[node] + block * wide
    for gpu in range(first, first + wide):
        state.gpu_milli_free[gpu] = 0
        state.gpu_job[gpu] = job


def spare_for(
    state: State,
    cls: int,
    job: int,
    node: int,
    each: Ints,
    head: int,
    block: int,
    head_block: int,
) -> bool:
    """Whether the node, with `each` free at the shadow time, serves `head` beside the class.

    The class is looked at on the GPUs it would be given now, which are free then as well; blocks
    are those the two would hold, where they ask for alignment.
    """
    if gpus.is_fraction(state, cls):
        cpu_milli = state.node_cpu_milli_free[node]
        gpu = gpus.shared_gpu(state, cls, job, node, cpu_milli, state.gpu_milli_free)
        each[gpu] -= state.class_gpu_milli[cls]
        serves = _serves_head(state, node, each, head, head_block)
        each[gpu] += state.class_gpu_milli[cls]
        return serves
    missing = state.class_gpu_milli[cls] // WHOLE_MILLI
    first, end = state.node_gpu_first[node], state.node_gpu_first[node + 1]
    for gpu in range(first + _skipped(state, cls, block), end):
        if missing > 0 and state.gpu_milli_free[gpu] == WHOLE_MILLI:
            each[gpu] = gpus.TAKEN
            missing -= 1
    serves = _serves_head(state, node, each, head, head_block)
    for gpu in range(first, end):
        if each[gpu] == gpus.TAKEN:
            each[gpu] = WHOLE_MILLI
    return serves


def version(state: State) -> int:
    """Moves whenever a class refused here might now be admitted: it was refused nodes."""
    return int(state.node_version[0])


def _skipped(state: State, cls: int, block: int) -> int:
    """How many GPUs of a node come before those the class would be given."""
    if not asked(state, cls):
        return 0
    return int(block * (state.class_gpu_milli[cls] // WHOLE_MILLI))


def _serves_head(state: State, node: int, each: Ints, head: int, head_block: int) -> bool:
    if asked(state, head):
        return is_free(state, head, node, each, head_block)
    return gpus.serves(state, node, each, state.class_gpu_milli[head])
