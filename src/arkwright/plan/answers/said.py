"""What the file declares as announced and as contracted, quarter by quarter, beside the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from arkwright.design.timeline import date_text
from arkwright.factory import Factory, quarters
from arkwright.factory.declared_spec import DeclaredKind
from arkwright.plan.answers.funnel import Said
from arkwright.plan.audit.statements import Statement, record
from arkwright.plan.rollout import Floats

_KINDS = {"announced": DeclaredKind.ANNOUNCED, "contracted": DeclaredKind.CONTRACTED}


def said(factory: Factory, names: Sequence[str]) -> dict[str, Said]:
    """By step of the funnel what is in force, each figure from the quarter it is promised by.

    `names` are the plan's quarters. Statements that lie within others are counted once. A figure
    for the programme as a whole stands beside those of its sites: the larger of both counts. What
    gives no date counts from the first quarter.
    """
    if factory.programme is None or not factory.programme.declared:
        return {}
    known = record(factory)
    found = {}
    for name, kind in _KINDS.items():
        chosen = known.outermost(
            one for one in known.in_force(kind) if one.headline.gpus or one.headline.power_kw
        )
        if chosen:
            mw = _by_quarter(chosen, names, lambda one: (one.headline.power_kw or 0.0) / 1000)
            gpus = _by_quarter(chosen, names, lambda one: float(one.headline.gpus or 0))
            found[name] = Said(mw=mw, gpus=gpus)
    return found


def _by_quarter(
    chosen: Sequence[Statement], names: Sequence[str], size: Callable[[Statement], float]
) -> Floats:
    whole, parts = np.zeros(len(names)), np.zeros(len(names))
    for one in chosen:
        figure = parts if one.sites else whole
        figure[_from(one, names) :] += size(one)
    larger = np.maximum(whole, parts)
    return larger if larger.any() else np.full(len(names), np.nan)


def _from(one: Statement, names: Sequence[str]) -> int:
    by = one.headline.by
    if by is None:
        return 0
    return max(0, quarters.number(date_text(by.last)) - quarters.number(names[0]))
