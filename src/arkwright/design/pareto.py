"""The Pareto front: what nothing else beats in every respect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def front(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows of `values`, shape (points, objectives), no other row dominates.

    Less is better in every column. A row dominates another that it is nowhere worse than and
    somewhere better; of equal rows none dominates the other, so they stay together.
    """
    kept = np.ones(len(values), dtype=np.bool_)
    for at, row in enumerate(values):
        is_nowhere_worse = (values <= row).all(axis=1)
        is_somewhere_better = (values < row).any(axis=1)
        kept[at] = not (is_nowhere_worse & is_somewhere_better).any()
    return kept
