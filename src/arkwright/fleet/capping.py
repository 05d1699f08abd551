"""Which running jobs are slowed, and how far, where a limit was cut below what runs.

One rule. Rows of the power tree are looked at from the lowest up. In a row that is over its limit,
tiers give in turn, the least protected first; a tier gives nothing while one below it could still
give. Within a tier every job keeps the same watts per GPU, the most at which the row fits, but none
goes below its own floor nor above what it drew: who draws most gives most, and order plays no part.
Where all floors together do not fit, what is left over is said; nothing is ended.

Pure and without memory: the caps follow from what runs and from the limits alone. So a cap is
raised, or lifted, when room returns, the most protected first, and the same events give the same
caps. Room that capped jobs could use is not given to new ones: the scheduler goes on counting what
each job would draw without its cap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

GPU_MILLI = 1000


class Draw(NamedTuple):
    """What a running job draws. Watts are per whole GPU, with its share of the node."""

    tier: int
    """0 is the most protected."""
    gpu_milli: int
    """On each node."""
    full_w: int
    floor_w: int
    nodes: Mapping[int, int]
    """How many of its nodes lie below each row."""


def caps(draws: Sequence[Draw], limits: Mapping[int, int], rows: Sequence[int]) -> list[int]:
    """Watts per GPU that each job keeps; `full_w` where it is not capped.

    `rows`: those with a limit, children before parents; `limits` in watts. O(rows · jobs · log
    watts), and only rows over their limit cost anything.
    """
    kept = [draw.full_w for draw in draws]
    for row in rows:
        below = [job for job, draw in enumerate(draws) if draw.nodes.get(row)]
        for tier in sorted({draws[job].tier for job in below}, reverse=True):
            if drawn(draws, kept, row) <= limits[row]:
                break
            _lower(draws, kept, row, limits[row], [j for j in below if draws[j].tier == tier])
    return kept


def drawn(draws: Sequence[Draw], kept: Sequence[int], row: int) -> int:
    """Expected watts in a row when each job keeps `kept` per GPU."""
    return sum(
        draw.nodes.get(row, 0) * node_watts(watts, draw.gpu_milli)
        for draw, watts in zip(draws, kept, strict=True)
    )


def node_watts(watts_per_gpu: int, gpu_milli: int) -> int:
    """Watts of a node's share of the job, rounded up."""
    return -(-watts_per_gpu * gpu_milli // GPU_MILLI)


def _lower(
    draws: Sequence[Draw], kept: list[int], row: int, limit: int, jobs: Sequence[int]
) -> None:
    """Find the highest level for these jobs at which the row fits; their floors where none does."""

    def at(level: int) -> list[int]:
        trial = list(kept)
        for job in jobs:
            trial[job] = min(kept[job], max(draws[job].floor_w, level))
        return trial

    low, high = 0, max(kept[job] for job in jobs)
    while low < high:
        middle = (low + high + 1) // 2
        if drawn(draws, at(middle), row) <= limit:
            low = middle
        else:
            high = middle - 1
    kept[:] = at(low)
