"""What has been begun stays begun: the running sums of decisions never fall."""

from __future__ import annotations

import numpy as np

from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns


def begun_stays_begun(columns: Columns) -> Rows:
    """by[i, m] - by[i, parent(m)] >= 0."""
    before = np.where(columns.parent >= 0, columns.by[:, columns.parent], -1)
    item, slot = np.nonzero((columns.by != before) & (before >= 0))
    n = np.arange(len(item))
    return rows(
        "R0",
        "decisions are not undone",
        [(n, columns.by[item, slot], np.ones(len(n))), (n, before[item, slot], -np.ones(len(n)))],
        axes=("item", "slot"),
        index=(item, slot),
        lower=0.0,
        count=len(n),
    )
