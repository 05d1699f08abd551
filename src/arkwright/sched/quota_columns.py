"""The columns of `State` for guarantees, budgets and fair shares, from what `Rows` says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from arkwright.errors import InternalError
from arkwright.sched.codes import BIG, NONE

_Ints: TypeAlias = npt.NDArray[np.int64]
_IntsLike: TypeAlias = Sequence[int] | _Ints

SHARE_MAX: Final = 1 << 30
"""Shares are multiplied by remainders of one another: the product must stay inside int64."""
HALF_LIFE_MS_MAX: Final = 1 << 40
"""35 years: time in a half-life times a step of the table of weights must stay inside int64."""


def quota_columns(
    parent: _IntsLike,
    limit: _IntsLike,
    guarantee: _IntsLike = (),
    kept: _IntsLike = (),
    budget: _IntsLike = (),
    share: _IntsLike = (),
    half_life_ms: int = 0,
) -> dict[str, _Ints]:
    """Columns of idle rows, from the fields of `state.Rows`; InternalError when they disagree."""
    n_rows = len(parent)
    columns = {
        "parent": _column(parent, "parent", n_rows, NONE),
        "guarantee": _column(guarantee, "guarantee", n_rows, NONE),
        "kept": _column(kept, "kept", n_rows, 0),
        "budget": _column(budget, "budget", n_rows, NONE),
        "share": _column(share, "share", n_rows, 1),
    }
    _refuse_bad(**columns, half_life_ms=half_life_ms)
    above, keeps, shares = columns["parent"], columns["kept"], columns["share"]
    used, share_own = np.zeros(n_rows, np.int64), shares.copy()
    for row in reversed(range(n_rows)):
        if above[row] >= 0:
            used[above[row]] += max(used[row], keeps[row])
            share_own[above[row]] -= shares[row]
    limits = np.array(limit, np.int64)
    return {
        "row_used": used,
        "row_ceiling": np.where(limits >= 0, np.maximum(limits, used), limits),
        "row_guarantee": columns["guarantee"],
        "row_kept": keeps,
        "row_budget": columns["budget"],
        "row_settled": np.zeros(n_rows, np.int64),
        "row_period_ms": np.zeros(n_rows, np.int64),
        "row_period_end_ms": np.full(n_rows, NONE, np.int64),
        "fair": np.array([half_life_ms, 0], np.int64),
        "row_share": shares,
        "row_share_own": np.maximum(share_own, 1),
        "row_usage": np.zeros(n_rows, np.int64),
        "row_usage_own": np.zeros(n_rows, np.int64),
    }


def _column(given: _IntsLike, name: str, n_rows: int, default: int) -> _Ints:
    column = np.array(given, np.int64) if len(given) else np.full(n_rows, default, np.int64)
    if column.shape != (n_rows,):
        raise InternalError(f"rows.{name} has shape {column.shape}; {n_rows} rows need ({n_rows},)")
    return column


def _refuse_bad(
    parent: _Ints, guarantee: _Ints, kept: _Ints, budget: _Ints, share: _Ints, *, half_life_ms: int
) -> None:
    for row in range(len(parent)):
        if not NONE <= guarantee[row] < BIG or not 0 <= kept[row] <= max(guarantee[row], 0):
            raise InternalError(
                f"row {row}: guarantee {guarantee[row]}, kept {kept[row]}; a guarantee is -1 or "
                "more, and at most all of it is kept"
            )
        own = budget[row]
        if own >= 0 and (own >= len(parent) or parent[own] >= 0 or own == row):
            raise InternalError(f"row {row}: budget row {own} is no other row without a parent")
        if not 1 <= share[row] < SHARE_MAX:
            raise InternalError(f"row {row}: share {share[row]}; shares are 1..2^30-1")
    taken = budget[budget >= 0].tolist()
    if len(set(taken)) != len(taken) or set(taken) & set(parent.tolist()):
        raise InternalError("a budget row belongs to one quota row and has no rows below it")
    if not 0 <= half_life_ms < HALF_LIFE_MS_MAX:
        raise InternalError(f"half-life {half_life_ms} ms; it is 0 or less than 2^40")
