"""The GPUs of a node one by one, kernel: who fits, which are taken, which are given back.

A job asks each of its nodes for whole GPUs, each fully free, or for a fraction of one GPU. While
every job asks for whole ones they are alike and a node's sum says it all: nothing here is kept
until the first fraction, or a policy that looks at single GPUs, needs it (`gpus_kept`).

Whole GPUs are taken lowest index first. For a fraction: the GPU that the policy scores best (FGD,
Arkwright with typical shapes), a random one (random), otherwise the fullest that still fits; ties
by index.
"""

from __future__ import annotations

from typing import Final

from arkwright.sched import draw, fragments, together
from arkwright.sched.codes import ARKWRIGHT, FGD, RANDOM, RUNNING, STARTING, STOPPING
from arkwright.sched.state import Ints, State

WHOLE_MILLI: Final = together.WHOLE_MILLI
"""One GPU."""
TAKEN: Final = -1
"""Stands in a list of free amounts for a whole GPU that is taken for a moment."""


def keep(state: State) -> None:
    """From now on every GPU is told apart; those of running jobs are dealt out by job index."""
    if state.gpus_kept[0] != 0:
        return
    state.gpus_kept[0] = 1
    for job in range(state.job_count[0]):
        is_in = state.job_state[job]
        if is_in in (STARTING, RUNNING, STOPPING):
            first = state.job_slot[job]
            for slot in range(first, first + state.class_gang_nodes[state.job_class[job]]):
                take(state, job, slot, -1)


def is_fraction(state: State, cls: int) -> bool:
    """Whether the class asks each node for a part of one GPU."""
    return bool(0 < state.class_gpu_milli[cls] < WHOLE_MILLI)


def kind_of(gpu_milli: int) -> int:
    """Jobs alike to GPU clustering: 0 for any fraction, else the number of whole GPUs."""
    return gpu_milli // WHOLE_MILLI


def hold(state: State, cls: int, node: int, free: Ints, gpus: Ints) -> bool:
    """Whether the GPUs of the node, with `free` in sum and `gpus` each, serve the class's share."""
    asked = state.class_gpu_milli[cls]
    if asked > free[node]:
        return False
    if asked == 0 or state.gpus_kept[0] == 0:
        return True
    return serves(state, node, gpus, asked)


def shared_gpu(state: State, cls: int, job: int, node: int, cpu_milli: int, gpus: Ints) -> int:
    """The GPU on which the node would serve a fraction; -1 when none has the room."""
    asked = state.class_gpu_milli[cls]
    policy = state.policy[0]
    by_score = policy in (FGD, ARKWRIGHT) and len(state.typical_weight) > 0
    before = fragments.waste(state, node, cpu_milli, gpus) if by_score else 0
    best = -1
    best_key = 0
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        if gpus[gpu] < asked:
            continue
        if by_score:
            after = waste_after(state, cls, node, gpu, cpu_milli, gpus)
            key = -fragments.value(state, before - after)
        elif policy == RANDOM:
            key = draw.draw(state.policy[1], draw.GPU_STREAM, job, gpu)
        else:
            key = gpus[gpu]
        if best < 0 or key < best_key:
            best = gpu
            best_key = key
    return best


def waste_after(state: State, cls: int, node: int, gpu: int, cpu_milli: int, gpus: Ints) -> int:
    """What the policy's measure says of the node once it serves the class.

    `gpu` serves a fraction; it says nothing for whole GPUs. `gpus` is changed and changed back.
    """
    left = cpu_milli - state.class_cpu_milli[cls]
    if gpu >= 0:
        gpus[gpu] -= state.class_gpu_milli[cls]
        wasted = fragments.waste(state, node, left, gpus)
        gpus[gpu] += state.class_gpu_milli[cls]
        return wasted
    missing = state.class_gpu_milli[cls] // WHOLE_MILLI
    first, end = state.node_gpu_first[node], state.node_gpu_first[node + 1]
    for each in range(first, end):
        if missing > 0 and gpus[each] == WHOLE_MILLI:
            gpus[each] = TAKEN
            missing -= 1
    wasted = fragments.waste(state, node, left, gpus)
    for each in range(first, end):
        if gpus[each] == TAKEN:
            gpus[each] = WHOLE_MILLI
    return wasted


def take(state: State, job: int, slot: int, shared: int) -> None:
    """The job takes its GPUs on the node of the slot; `shared` names one, or -1 by the rule."""
    cls = together.group_at(state, state.job_class[job], slot - state.job_slot[job])
    node = state.slot_node[slot]
    asked = state.class_gpu_milli[cls]
    if is_fraction(state, cls):
        gpu = shared
        if gpu < 0:
            cpu_milli = state.node_cpu_milli_free[node]
            gpu = shared_gpu(state, cls, job, node, cpu_milli, state.gpu_milli_free)
        state.gpu_milli_free[gpu] -= asked
        state.slot_gpu[slot] = gpu
        return
    missing = asked // WHOLE_MILLI
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        if missing > 0 and state.gpu_milli_free[gpu] == WHOLE_MILLI:
            state.gpu_milli_free[gpu] = 0
            state.gpu_job[gpu] = job
            missing -= 1


def give_back(state: State, job: int, slot: int, gpus: Ints) -> None:
    """In `gpus`, what the job holds on the node of the slot is free again."""
    cls = state.job_class[job]
    if is_fraction(state, cls):
        gpus[state.slot_gpu[slot]] += state.class_gpu_milli[cls]
        return
    node = state.slot_node[slot]
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        if state.gpu_job[gpu] == job:
            gpus[gpu] = WHOLE_MILLI


def hold_in(state: State, job: int, slot: int, gpus: Ints) -> None:
    """In `gpus`, the job holds what it holds on the node of the slot."""
    cls = state.job_class[job]
    if is_fraction(state, cls):
        gpus[state.slot_gpu[slot]] -= state.class_gpu_milli[cls]
        return
    node = state.slot_node[slot]
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        if state.gpu_job[gpu] == job:
            gpus[gpu] = 0


def forget(state: State, job: int, slot: int) -> None:
    """The job no longer stands in the records of its GPUs on the node of the slot."""
    state.slot_gpu[slot] = -1
    node = state.slot_node[slot]
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        if state.gpu_job[gpu] == job:
            state.gpu_job[gpu] = -1


def serves(state: State, node: int, gpus: Ints, asked: int) -> bool:
    """Whether enough GPUs of the node are free enough."""
    if asked == 0:
        return True
    each = min(asked, WHOLE_MILLI)
    missing = max(asked // WHOLE_MILLI, 1)
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        if gpus[gpu] >= each:
            missing -= 1
            if missing == 0:
                return True
    return False
