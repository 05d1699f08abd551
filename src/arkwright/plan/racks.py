"""Whole racks: orders rounded down along every path, with loans and contracts fitted to them."""

from __future__ import annotations

import numpy as np

from arkwright.plan.cutting import converge
from arkwright.plan.master import Master
from arkwright.plan.outcome import Outcome
from arkwright.plan.progress import Search
from arkwright.plan.rollout import Floats

UP = (1e-6, 0.5, 1 - 1e-6)
"""What is added before rounding down: first nothing, then to the nearest, then up."""


def whole_racks(master: Master, search: Search, found: Outcome) -> Outcome | None:
    """The best plan with its tranches, halls and whole racks; None where no rounding keeps rules.

    What has been ordered up to each slot is rounded, so that a place is never a rack from the plan;
    what an allocation does not allow is ordered in the next slot that does.
    """
    layout = master.columns
    items = layout.whole_items(racks=True)
    sums = layout.sums(layout.values(found.schedule))
    service = (found.money.service.max(axis=0) > 0).astype(float)
    best: Outcome | None = None
    for up in UP:
        rounded = sums.round(6)
        rounded[layout.kind["racks"]] = _rounded(master, sums, up)
        master.fix(rounded, items)
        if (master.upper[layout.in_service] > 0).any():
            master.fix_columns(layout.in_service, service * master.upper[layout.in_service])
        reached = converge(
            master,
            search,
            gap=0.1 * search.gap,
            floor=-float("inf") if best is None else best.value,
            relaxed=False,
        )
        master.fix(None, items)
        master.free_columns(layout.in_service)
        if reached is None or reached.best is None:
            continue
        if best is None or reached.best.value > best.value:
            best = reached.best
        if up >= 0.5:
            break
    return best


def _rounded(master: Master, sums: Floats, up: float) -> Floats:
    """(P x G, M) running sums of racks in whole numbers, within every slot's allocation."""
    layout, supply = master.columns, master.rollout.supply
    places, generations = supply.rack_mw.shape
    part = layout.kind["racks"]
    wanted = np.floor(sums[part] + up).reshape(places, generations, -1)
    by = layout.by[part].reshape(wanted.shape)
    out = np.zeros_like(wanted)
    for m in np.argsort(master.futures.slot_quarter, kind="stable"):
        parent = layout.parent[m]
        before = out[:, :, parent] if parent >= 0 else np.zeros((places, generations))
        fresh = by[:, :, m] != (by[:, :, parent] if parent >= 0 else -1)
        more = np.where(fresh, np.maximum(0.0, wanted[:, :, m] - before), 0.0)
        room = np.floor(supply.allocation[:, master.futures.slot_quarter[m]] + 1e-9)
        ahead = np.cumsum(more, axis=0) - more
        out[:, :, m] = before + np.clip(room - ahead, 0.0, more)
    return out.reshape(places * generations, -1)
