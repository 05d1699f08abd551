"""How much of a node's free GPU a typical workload could not use, kernel. Lower is better.

A node is judged by the typical shapes of the state (`typical_*`): a list of per-node demands with a
weight each. Two measures, both sums of weight times milli-GPU, exact integers:

- of FGD (Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation
  Gradient Descent", USENIX ATC 2023): all that is free when the node cannot take one job of the
  shape, otherwise what is free on GPUs too full for it. For a shape without GPU, all that is free.
- of Arkwright: the same seven times over, but once in seven the node is credited with no more GPU
  than its free CPU can feed in jobs of that shape. So CPU is not spent where GPUs wait for it.
  Shapes without GPU are left out.

A job goes where the measure falls most. What a fall is worth is cut to steps, so that nearly equal
nodes are equal and the tie keeps a job off untouched ones: FGD by 100 times the logistic function
of the fall in GPUs, found by its 99 thresholds; Arkwright by steps of STEP_MILLI.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from arkwright.sched.codes import ARKWRIGHT
from arkwright.sched.state import Ints, State

MICRO: Final = 1_000_000

THRESHOLDS: Final = np.array(
    [
        -4_595_119_850,
        -3_891_820_298,
        -3_476_098_690,
        -3_178_053_830,
        -2_944_438_979,
        -2_751_535_313,
        -2_586_689_344,
        -2_442_347_035,
        -2_313_634_929,
        -2_197_224_577,
        -2_090_741_097,
        -1_992_430_165,
        -1_900_958_761,
        -1_815_289_967,
        -1_734_601_055,
        -1_658_228_077,
        -1_585_627_264,
        -1_516_347_489,
        -1_450_010_176,
        -1_386_294_361,
        -1_324_925_415,
        -1_265_666_373,
        -1_208_311_206,
        -1_152_679_510,
        -1_098_612_289,
        -1_045_968_555,
        -994_622_575,
        -944_461_609,
        -895_384_047,
        -847_297_860,
        -800_119_300,
        -753_771_802,
        -708_185_058,
        -663_294_217,
        -619_039_208,
        -575_364_145,
        -532_216_814,
        -489_548_225,
        -447_312_218,
        -405_465_108,
        -363_965_377,
        -322_773_392,
        -281_851_152,
        -241_162_057,
        -200_670_695,
        -160_342_650,
        -120_144_312,
        -80_042_708,
        -40_005_335,
        0,
        40_005_335,
        80_042_708,
        120_144_312,
        160_342_650,
        200_670_695,
        241_162_057,
        281_851_152,
        322_773_392,
        363_965_377,
        405_465_108,
        447_312_218,
        489_548_225,
        532_216_814,
        575_364_145,
        619_039_208,
        663_294_217,
        708_185_058,
        753_771_802,
        800_119_300,
        847_297_860,
        895_384_047,
        944_461_609,
        994_622_575,
        1_045_968_555,
        1_098_612_289,
        1_152_679_510,
        1_208_311_206,
        1_265_666_373,
        1_324_925_415,
        1_386_294_361,
        1_450_010_176,
        1_516_347_489,
        1_585_627_264,
        1_658_228_077,
        1_734_601_055,
        1_815_289_967,
        1_900_958_761,
        1_992_430_165,
        2_090_741_097,
        2_197_224_577,
        2_313_634_929,
        2_442_347_035,
        2_586_689_344,
        2_751_535_313,
        2_944_438_979,
        3_178_053_830,
        3_476_098_690,
        3_891_820_298,
        4_595_119_850,
    ],
    np.int64,
)
"""ln(k / (100 - k)) for k in 1..99, in 1e-9: what a saving in micro-milli-GPU must reach for k."""

STEP_MILLI: Final = 50
"""Arkwright takes two falls of the measure for equal within this [milli-GPU, seven times over]."""
GPU_PARTS: Final = 6
CPU_PARTS: Final = 1


def waste(state: State, node: int, cpu_milli: int, gpus: Ints) -> int:
    """What the policy's measure says of the node with this much free."""
    total = _total(state, node, gpus)
    if total == 0:
        return 0
    by_cpu = state.policy[0] == ARKWRIGHT
    wasted = 0
    for shape in range(len(state.typical_weight)):
        asked = state.typical_gpu_milli[shape]
        if asked == 0 and by_cpu:
            continue
        usable = 0
        if asked > 0 and _reaches(state, shape, node, cpu_milli):
            usable = _usable(state, node, asked, gpus)
        lost = total - usable
        if by_cpu:
            fed = _fed(state, shape, cpu_milli, usable)
            lost = GPU_PARTS * lost + CPU_PARTS * (total - fed)
        wasted += state.typical_weight[shape] * lost
    return int(wasted)


def value(state: State, saved: int) -> int:
    """What a fall of the measure by `saved` is worth, in steps; higher is better."""
    weight = state.policy[2]
    if state.policy[0] == ARKWRIGHT:
        return int(saved // (weight * STEP_MILLI))
    return _logistic(saved * MICRO // weight)


def _logistic(saved: int) -> int:
    """100 / (1 + exp(-x)) cut to a whole number, x in GPUs, `saved` the same in 1e-9."""
    low, high = 0, len(THRESHOLDS)
    while low < high:
        middle = (low + high) // 2
        if saved >= THRESHOLDS[middle]:
            low = middle + 1
        else:
            high = middle
    return low


def _fed(state: State, shape: int, cpu_milli: int, usable: int) -> int:
    """How much of the usable milli-GPU the free CPU can feed in jobs of the shape."""
    share = state.typical_cpu_milli[shape]
    if share == 0 or cpu_milli // share >= usable:
        return usable
    return int(min(usable, cpu_milli * state.typical_gpu_milli[shape] // share))


def _total(state: State, node: int, gpus: Ints) -> int:
    total = 0
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        total += max(gpus[gpu], 0)
    return total


def _reaches(state: State, shape: int, node: int, cpu_milli: int) -> bool:
    """Whether GPU type and free CPU let one job of the shape onto the node."""
    if cpu_milli < state.typical_cpu_milli[shape]:
        return False
    types = state.typical_gpu_types[shape]
    return bool((types >> state.node_gpu_type[node]) & 1)


def _usable(state: State, node: int, asked: int, gpus: Ints) -> int:
    """Free milli-GPU on GPUs that could serve the demand; 0 when there are too few of them."""
    each = min(asked, 1000)
    missing = max(asked // 1000, 1)
    usable = 0
    for gpu in range(state.node_gpu_first[node], state.node_gpu_first[node + 1]):
        if gpus[gpu] >= each:
            usable += gpus[gpu]
            missing -= 1
    return usable if missing <= 0 else 0
