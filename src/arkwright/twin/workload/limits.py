"""The time limits that users of generated jobs ask for: too much, and rounded up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arkwright.catalog.workloads import round_limits_s, workload_figure
from arkwright.twin.workload.draws import Draws
from arkwright.twin.workload.spec import Limits
from arkwright.twin.workload.table import NOT_TOLD, Int64
from arkwright.units import MS_PER_S


class Asked(NamedTuple):
    """Limits, and the run times that jobs have under them."""

    limit_ms: Int64
    run_ms: Int64
    is_hit: NDArray[np.bool_]
    """Where a job was ended at its limit."""


def asked(kind: Limits, run_ms: Int64, accuracy: Draws, hit: Draws) -> Asked:
    """Limits for jobs that would run `run_ms`.

    Realistic: run over limit is even between the catalogue's least accuracy and 1, then the limit
    is rounded up to one that people write. Who wants more than the longest of those asks for it
    and makes do; a job that runs longer still asks for a multiple of it. A share of the jobs that
    are long enough asked for the round limit below their run time instead, and end there.
    """
    never = np.zeros(len(run_ms), dtype=np.bool_)
    if kind is Limits.NONE:
        return Asked(np.full(len(run_ms), NOT_TOLD, dtype=np.int64), run_ms, never)
    if kind is Limits.EXACT:
        return Asked(run_ms.copy(), run_ms, never)
    round_ms = np.rint(np.array(round_limits_s()) * MS_PER_S).astype(np.int64)
    least = workload_figure("limit_accuracy_min")
    share = least + (1.0 - least) * accuracy.uniforms(len(run_ms))
    wanted = np.ceil(run_ms / share).astype(np.int64)
    place = np.searchsorted(round_ms, wanted, side="left")
    longest = round_ms[-1]
    highest = -(-run_ms // longest) * longest
    above = np.where(run_ms > longest, highest, round_ms[place.clip(max=len(round_ms) - 1)])
    below = np.searchsorted(round_ms, run_ms, side="right") - 1
    is_hit = (hit.uniforms(len(run_ms)) < workload_figure("limit_hit")) & (below >= 0)
    limit_ms = np.where(is_hit, round_ms[below.clip(min=0)], above)
    return Asked(limit_ms, np.where(is_hit, limit_ms, run_ms), is_hit)
