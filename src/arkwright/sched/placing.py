"""Which placement policy a state follows, and the columns it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from arkwright.errors import InternalError
from arkwright.sched.codes import ANY_TYPE, ARKWRIGHT, FGD, GPU_CLUSTERING, GPU_PACKING

MILLI: Final = 1000

# Bounds that keep every sum of weight times amount times amount inside int64.
WEIGHT_SUM_MAX: Final = 1 << 24
TYPICAL_GPU_MILLI_MAX: Final = 1 << 16
TYPICAL_CPU_MILLI_MAX: Final = 1 << 30

_Ints = npt.NDArray[np.int64]


class Typical(NamedTuple):
    """A demand per node that is typical of the workload, and how common it is."""

    gpu_milli: int
    cpu_milli: int
    weight: int
    gpu_types: int = ANY_TYPE


class Placing(NamedTuple):
    """The placement policy: which one, the seed of its draws, what it takes for typical."""

    policy: int = ARKWRIGHT
    seed: int = 0
    typical: Sequence[Typical] = ()


def placing_columns(node_gpu_milli: _Ints, placing: Placing) -> dict[str, _Ints]:
    """The columns of `State` for single GPUs and for the policy. InternalError when it is wrong."""
    _refuse_bad(placing)
    if bool(np.any(node_gpu_milli % MILLI)):
        raise InternalError("a node has whole GPUs: nodes.gpu_milli must be multiples of 1000")
    counts = node_gpu_milli // MILLI
    first = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=first[1:])
    typical = np.array(placing.typical, np.int64).reshape(len(placing.typical), 4)
    weight = typical[:, 2].copy()
    kinds = int(counts.max(initial=0)) + 1 if placing.policy == GPU_CLUSTERING else 0
    kept = needs_single_gpus(placing)
    return {
        "node_gpu_first": first,
        "node_kind_count": np.zeros((len(counts), kinds), np.int64),
        "gpus_kept": np.array([int(kept)], np.int64),
        "gpu_milli_free": np.full(int(first[-1]), MILLI, np.int64),
        "gpu_job": np.full(int(first[-1]), -1, np.int64),
        "policy": np.array([placing.policy, placing.seed, weight.sum()], np.int64),
        "typical_gpu_milli": typical[:, 0].copy(),
        "typical_cpu_milli": typical[:, 1].copy(),
        "typical_gpu_types": typical[:, 3].copy(),
        "typical_weight": weight,
    }


def needs_single_gpus(placing: Placing) -> bool:
    """Whether the policy tells GPUs of one node apart even for jobs of whole GPUs."""
    by_shape = placing.policy in (FGD, ARKWRIGHT) and len(placing.typical) > 0
    return by_shape or placing.policy == GPU_PACKING


def _refuse_bad(placing: Placing) -> None:
    if not ARKWRIGHT <= placing.policy <= FGD:
        raise InternalError(f"placement policy {placing.policy}; codes are {ARKWRIGHT}..{FGD}")
    if not 0 <= placing.seed < 1 << 32:
        raise InternalError(f"placement seed {placing.seed}; a seed is 0..2^32-1")
    if placing.policy == FGD and not placing.typical:
        raise InternalError("FGD needs the typical shapes of the workload; none are given")
    for shape in placing.typical:
        if (
            not 0 <= shape.gpu_milli < TYPICAL_GPU_MILLI_MAX
            or (shape.gpu_milli > MILLI and shape.gpu_milli % MILLI)
            or not 0 <= shape.cpu_milli < TYPICAL_CPU_MILLI_MAX
            or shape.weight < 1
        ):
            raise InternalError(
                f"typical shape {tuple(shape)}: needs whole GPUs or a fraction of one, "
                f"amounts below {TYPICAL_GPU_MILLI_MAX} milli-GPU and "
                f"{TYPICAL_CPU_MILLI_MAX} milli-CPU, a weight of 1 or more"
            )
    if sum(shape.weight for shape in placing.typical) > WEIGHT_SUM_MAX:
        raise InternalError(f"the weights of the typical shapes exceed {WEIGHT_SUM_MAX} in sum")
