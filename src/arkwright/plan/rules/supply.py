"""R7 and R8: how many racks may and must be ordered."""

from __future__ import annotations

import numpy as np

from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Rollout


def allocation(rollout: Rollout, futures: Futures, columns: Columns) -> Rows:
    """R7: racks of a generation ordered in a slot, over all places, <= allocation[g, quarter]."""
    supply = rollout.supply
    by = columns.by[columns.kind["racks"]].reshape(*supply.rack_mw.shape, columns.slots)
    before = np.where(columns.parent >= 0, by[:, :, columns.parent], -1)
    g, slot = np.nonzero((by != before).any(axis=0))
    n = np.arange(len(g))
    one = np.ones((by.shape[0], len(n)))
    changes = by[:, g, slot] != before[:, g, slot]
    return rows(
        "R7",
        "allocation",
        [
            (n, np.where(changes, by[:, g, slot], -1), one),
            (n, np.where(changes, before[:, g, slot], -1), -one),
        ],
        axes=("generation", "slot"),
        index=(g, slot),
        upper=supply.allocation[g, futures.slot_quarter[slot]],
        count=len(n),
    )


def minimum(rollout: Rollout, futures: Futures, columns: Columns) -> Rows:
    """R8: racks of a generation ordered up to a slot, over all places, >= minimum[g, quarter]."""
    supply = rollout.supply
    by = columns.by[columns.kind["racks"]].reshape(*supply.rack_mw.shape, columns.slots)
    least = supply.minimum[:, futures.slot_quarter]
    g, slot = np.nonzero(least > 0)
    return rows(
        "R8",
        "least supply taken",
        [(np.arange(len(g)), by[:, g, slot], np.ones((by.shape[0], len(g))))],
        axes=("generation", "slot"),
        index=(g, slot),
        lower=least[g, slot],
        count=len(g),
    )
