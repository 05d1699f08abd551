"""R5: in what order and on what condition a site's grid connection grows."""

from __future__ import annotations

import numpy as np

from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns
from arkwright.plan.rollout import Rollout


def tranche_order(rollout: Rollout, columns: Columns) -> Rows:
    """R5: started[k] <= started[before k], in every slot.

    That a tranche starts once at most on a path is the bound 1 of its column.
    """
    before = rollout.power.tranche_before
    by = columns.by[columns.kind["starts"]]
    k, slot = np.nonzero((before >= 0)[:, None] & (by >= 0))
    n = np.arange(len(k))
    return rows(
        "R5",
        "tranches in order",
        [(n, by[k, slot], np.ones(len(n))), (n, by[before[k], slot], -np.ones(len(n)))],
        axes=("tranche", "slot"),
        index=(k, slot),
        upper=0.0,
        count=len(n),
    )


def tranche_offtake(rollout: Rollout, columns: Columns) -> Rows:
    """R5: sum of rack_mw x racks ordered at the site so far >= offtake[k] x started[k].

    In every slot from the start on, which says the same as in the slot of the start alone: orders
    only add up.
    """
    power, supply = rollout.power, rollout.supply
    by = columns.by[columns.kind["starts"]]
    racks = columns.by[columns.kind["racks"]].reshape(*supply.rack_mw.shape, columns.slots)
    k, slot = np.nonzero((power.tranche_offtake_mw > 0)[:, None] & (by >= 0))
    n = np.arange(len(k))
    here = power.place_site[None, :] == power.tranche_site[k][:, None]  # (n, P)
    row, place = np.nonzero(here)
    entries = [
        (row[:, None], racks[place, :, slot[row]], -supply.rack_mw[place]),
        (n, by[k, slot], power.tranche_offtake_mw[k]),
    ]
    return rows(
        "R5",
        "offtake before the next tranche",
        entries,
        axes=("tranche", "slot"),
        index=(k, slot),
        upper=0.0,
        count=len(n),
    )
