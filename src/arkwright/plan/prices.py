"""What the rules cost: dual values of the policy, by rule and by what each limit is of."""

from __future__ import annotations

import numpy as np

from arkwright.plan.master import Master
from arkwright.plan.solution import Price

LIMITS = {
    "starts": ("R5", "a tranche once", "tranche"),
    "halls": ("R6", "number of halls", "place"),
    "racks": ("R7", "allocation up to then", "rack"),
    "signed": ("R16", "size of an offer", "offer"),
    "drawn": ("R10", "limit of a loan", "facility"),
}
"""Rules that are bounds of columns, by what the columns count."""
SMALL = 1e-7


def prices(master: Master) -> tuple[Price, ...]:
    """Of every rule that binds at the last optimum, M of the objective per unit of its limit.

    A price is what one more unit on the limit's right side is worth: not below zero for a most, not
    above zero for a least. `rack` counts place x generation.
    """
    solution = master.highs.getSolution()
    dual = np.array(solution.row_dual)
    out, at = [], 0
    for block in master.rules:
        value = dual[at : at + len(block)]
        at += len(block)
        binding = np.flatnonzero(np.abs(value) > SMALL)
        if block.rule == "R0" or "group" in block.axes or not len(binding):
            continue
        out.append(
            Price(
                rule=block.rule,
                words=block.words,
                axes=block.axes,
                index=tuple(axis[binding] for axis in block.index),
                value=value[binding],
            )
        )
    return (*out, *_cash(master, dual), *_bounds(master, np.array(solution.col_dual)))


def _cash(master: Master, dual: np.ndarray) -> list[Price]:
    """R9: of the outcomes and quarters in which cash runs short."""
    cuts = dual[master.fixed :]
    short = [
        (what[1], what[2], value)
        for what, value in zip(master.cut_of, cuts, strict=True)
        if what[0] == "cash" and abs(value) > SMALL
    ]
    if not short:
        return []
    outcome, quarter, value = zip(*short, strict=True)
    return [
        Price(
            rule="R9",
            words="cash",
            axes=("outcome", "quarter"),
            index=(np.array(outcome), np.array(quarter)),
            value=np.array(value),
        )
    ]


def _bounds(master: Master, dual: np.ndarray) -> list[Price]:
    layout, out = master.columns, []
    before = np.where(layout.parent >= 0, layout.by[:, layout.parent], -1)
    for kind, (rule, words, axis) in LIMITS.items():
        by = layout.by[layout.kind[kind]]
        fresh = (by >= 0) & (by != before[layout.kind[kind]])
        item, slot = np.nonzero(fresh & (np.where(by >= 0, dual[by], 0.0) > SMALL))
        if len(item):
            value = dual[by[item, slot]]
            out.append(
                Price(rule=rule, words=words, axes=(axis, "slot"), index=(item, slot), value=value)
            )
    return out
