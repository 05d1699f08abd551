"""Placement policies, kernel: how well one node suits one node's share of a job. Higher is better.

Each policy is one small function of the free amounts; ties go to the lower index, except for
Arkwright (see `placement`). All are integers. Where the literature has fractions:

- best fit, dot product: amounts as fractions of the largest node of the factory, a score out of
  100 cut to a whole number; dot product in fixed point of 20 bits.
- GPU packing, GPU clustering: the bands of scores of the FGD study (Weng et al., USENIX ATC 2023),
  whole numbers there too; the settings of the two above are those of its experiments.
- FGD, Arkwright with typical shapes: see `fragments`.
- random: a draw that depends on seed, job and node only.
"""

from __future__ import annotations

from typing import Final

from arkwright.sched import draw, fragments, gpus
from arkwright.sched.codes import (
    ARKWRIGHT,
    BEST_FIT,
    DOT_PRODUCT,
    FGD,
    FIRST_FIT,
    GPU_CLUSTERING,
    GPU_PACKING,
    RANDOM,
)
from arkwright.sched.state import Ints, State

SCORE_MAX: Final = 100
FIXED_POINT_BITS: Final = 20


def score(
    state: State, cls: int, job: int, node: int, gpu_milli: int, cpu_milli: int, each: Ints
) -> int:
    """The score of a node that fits, with this much free in sum and `each` GPU by GPU."""
    policy = state.policy[0]
    if policy == RANDOM:
        return draw.draw(state.policy[1], draw.NODE_STREAM, job, node)
    if policy == BEST_FIT:
        return _best_fit(state, cls, gpu_milli, cpu_milli)
    if policy == DOT_PRODUCT:
        return _dot_product(state, cls, gpu_milli, cpu_milli)
    if policy == GPU_PACKING:
        return _gpu_packing(state, cls, node, each)
    if policy == GPU_CLUSTERING:
        return _gpu_clustering(state, cls, node, gpu_milli)
    if policy in (FGD, ARKWRIGHT) and len(state.typical_weight) > 0:
        return _saved(state, cls, job, node, cpu_milli, each)
    return 0


def depends_on_node_alone(state: State) -> bool:
    """Whether the score stays what it is until the node's free amounts move."""
    policy = state.policy[0]
    return bool(policy not in (RANDOM, FIRST_FIT))


def _best_fit(state: State, cls: int, gpu_milli: int, cpu_milli: int) -> int:
    cpu_max = max(state.node_largest[1], 1)
    gpu_max = max(state.node_largest[0], 1)
    left = (cpu_milli - state.class_cpu_milli[cls]) * gpu_max
    left += (gpu_milli - state.class_gpu_milli[cls]) * cpu_max
    whole = 2 * cpu_max * gpu_max
    return int(SCORE_MAX * (whole - left) // whole)


def _dot_product(state: State, cls: int, gpu_milli: int, cpu_milli: int) -> int:
    product = _share(cpu_milli, state.node_largest[1])
    product *= _share(state.class_cpu_milli[cls], state.node_largest[1])
    gpu_product = _share(gpu_milli, state.node_largest[0])
    gpu_product *= _share(state.class_gpu_milli[cls], state.node_largest[0])
    whole = 2 << (2 * FIXED_POINT_BITS)
    return int(SCORE_MAX * (whole - product - gpu_product) // whole)


def _share(amount: int, largest: int) -> int:
    return (amount << FIXED_POINT_BITS) // max(largest, 1)


def _gpu_packing(state: State, cls: int, node: int, each: Ints) -> int:
    """Shared GPUs first, then free GPUs of a node in use, then free nodes; tightest in each."""
    asked = state.class_gpu_milli[cls]
    if asked == 0:
        return 0
    count = 0
    free_count = 0
    tightest = gpus.WHOLE_MILLI
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        count += 1
        if each[gpu] == gpus.WHOLE_MILLI:
            free_count += 1
        if asked <= each[gpu] < tightest:
            tightest = each[gpu]
    if free_count == count:
        return max(SCORE_MAX // 3 - free_count, free_count)
    if asked >= gpus.WHOLE_MILLI or tightest == gpus.WHOLE_MILLI:
        return int(max(SCORE_MAX // 2 - max(asked // gpus.WHOLE_MILLI, 1), SCORE_MAX // 3))
    return int(max(SCORE_MAX - tightest * 100 // gpus.WHOLE_MILLI // 10, SCORE_MAX // 2))


def _gpu_clustering(state: State, cls: int, node: int, gpu_milli: int) -> int:
    """Nodes that run only jobs of this GPU demand first, then some such, then idle, then others."""
    asked = state.class_gpu_milli[cls]
    if asked == 0:
        return 0
    quarter = SCORE_MAX // 4
    largest = max(state.node_largest[0], 1)
    filled = quarter * (largest - gpu_milli) // largest
    kinds = 0
    for kind in range(state.node_kind_count.shape[1]):
        if state.node_kind_count[node, kind] > 0:
            kinds += 1
    if state.node_kind_count[node, gpus.kind_of(asked)] > 0:
        return int(filled + (3 * quarter if kinds == 1 else 2 * quarter))
    return int(filled + (quarter if kinds == 0 else 0))


def _saved(state: State, cls: int, job: int, node: int, cpu_milli: int, each: Ints) -> int:
    """What it is worth by how much the node's waste falls when it serves the class."""
    gpu = -1
    if gpus.is_fraction(state, cls):
        gpu = gpus.shared_gpu(state, cls, job, node, cpu_milli, each)
    before = fragments.waste(state, node, cpu_milli, each)
    after = gpus.waste_after(state, cls, node, gpu, cpu_milli, each)
    return fragments.value(state, before - after)
