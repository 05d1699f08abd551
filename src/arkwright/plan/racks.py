"""Whole racks: orders rounded so that every rule holds, with loans and contracts fitted to them."""

from __future__ import annotations

import highspy
import numpy as np

from arkwright.plan import blocks
from arkwright.plan.blocks import Rows
from arkwright.plan.cutting import around
from arkwright.plan.master import Master
from arkwright.plan.outcome import Outcome
from arkwright.plan.progress import Search
from arkwright.plan.rollout import Bools, Floats, Ints

LEANINGS = ((1e4, 1.0), (1.0, 1.0), (1.0, 1e4))
"""What one rack too many counts, and one too few: rather fewer, the nearest, rather more."""
TRIALS = 3
"""Roundings of one leaning, while cash is short of what was known when they were made."""
REACHES = (0, 2)
"""Racks beyond the whole numbers on both sides that are tried: more only where rules ask for it."""
NEAR = 1e-6
"""How near to a whole number is whole."""
NODES_MAX = 200
"""Of branching, after which the nearest rounding found so far is taken."""


def whole_racks(master: Master, search: Search, found: Outcome) -> Outcome | None:
    """The best plan with its tranches, halls and whole racks; None where no rounding keeps rules.

    What has been ordered up to each slot is rounded, so that a place is hardly ever more than a
    rack from the plan.
    """
    best: Outcome | None = None
    for leaning in LEANINGS:
        made = _made(master, search, found, leaning, best)
        if made is not None and (best is None or made.value > best.value):
            best = made
        if best is not None and leaning != LEANINGS[0]:
            break
    return best


def _made(
    master: Master,
    search: Search,
    found: Outcome,
    leaning: tuple[float, float],
    best: Outcome | None,
) -> Outcome | None:
    """The plan with racks rounded one way, unless it is worth less than `best`."""
    layout = master.columns
    items = layout.whole_items(racks=True)
    values = layout.values(found.schedule)
    floor = -float("inf") if best is None else best.value
    service = (found.money.service.max(axis=0) > 0).astype(float)
    for _ in range(TRIALS):
        rounded = _rounded(master, search, values, leaning)
        if rounded is None:
            return None
        sums = layout.sums(rounded).round(6)
        reached = around(master, search, items, sums, service=service, floor=floor)
        if reached is not None and reached.best is not None:
            return reached.best
    return None


def _rounded(
    master: Master, search: Search, values: Floats, leaning: tuple[float, float]
) -> Floats | None:
    """(n,) columns with whole racks, the nearest that rules and known cuts of cash allow.

    Rounding one by one breaks what binds: what a site must have ordered before its next tranche
    (R5), a quarter's allocation (R7), a vendor's share (R13), cash (R9). Loans and contracts may
    change with the racks; nothing else does. None if nothing near keeps the rules.
    """
    layout = master.columns
    racks = layout.of(layout.kind["racks"])
    fitted = [layout.of(layout.kind[name]) for name in ("signed", "drawn")]
    at = np.sort(np.concatenate([racks, *fitted]))
    known = [*master.rules[: master.first_stage], master.cash_rows()]
    rules = [_of(block, at, values) for block in known]
    is_rack, wanted = np.isin(at, racks), values[at]
    for reach in REACHES:
        lower, upper = master.lower[at], master.upper[at]
        least, most = np.floor(wanted + NEAR) - reach, np.ceil(wanted - NEAR) + reach
        lower = np.where(is_rack, np.maximum(lower, least), lower)
        upper = np.where(is_rack, np.minimum(np.floor(upper + NEAR), most), upper)
        found = _nearest(search, wanted, is_rack, (lower, upper), rules, leaning)
        if found is not None:
            out = values.copy()
            out[at] = found
            return out
    return None


def _of(block: Rows, at: Ints, values: Floats) -> Rows:
    """A rule as the columns `at` see it, numbered from 0, with all others held."""
    mine = np.isin(block.column, at)
    held = ~mine & (block.column >= 0)
    given = np.bincount(
        block.row[held],
        weights=block.value[held] * values[block.column[held]],
        minlength=len(block),
    )
    asked = np.isin(np.arange(len(block)), block.row[mine])
    slack = 1e-7 * (1 + np.abs(given))
    return blocks.rows(
        block.rule,
        block.words,
        [(block.row[mine], np.searchsorted(at, block.column[mine]), block.value[mine])],
        lower=np.where(asked, block.lower - given - slack, -np.inf),
        upper=np.where(asked, block.upper - given + slack, np.inf),
        count=len(block),
    )


def _nearest(
    search: Search,
    wanted: Floats,
    is_rack: Bools,
    bounds: tuple[Floats, Floats],
    rules: list[Rows],
    leaning: tuple[float, float],
) -> Floats | None:
    """Columns between the bounds that keep the rules, racks whole and at the least distance."""
    racks = np.flatnonzero(is_rack)
    n, r = len(wanted), len(racks)
    if (bounds[0] > bounds[1]).any():
        return None
    cost = -np.concatenate([np.zeros(n), np.repeat(leaning, r)])
    whole = np.append(is_rack, np.zeros(2 * r, dtype=bool))
    lower = np.append(bounds[0], np.zeros(2 * r))
    upper = np.append(bounds[1], np.full(2 * r, np.inf))
    highs = blocks.empty(lower, upper, cost, whole, offset=0.0)
    each, one = np.arange(r), np.ones(r)
    off = [(each, racks, one), (each, n + each, -one), (each, n + r + each, one)]
    wanted_rows = blocks.rows("", "", off, lower=wanted[racks], upper=wanted[racks], count=r)
    for block in (wanted_rows, *rules):
        blocks.add(highs, block, n + 2 * r)
    highs.setOptionValue("mip_max_nodes", NODES_MAX)
    search.watch(highs)
    highs.run()
    if highs.getInfo().primal_solution_status != highspy.kSolutionStatusFeasible:
        return None
    values = np.array(highs.getSolution().col_value)[:n]
    values[racks] = values[racks].round()
    return values
