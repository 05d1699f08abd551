"""The columns of `State` for guarantees, budgets and fair shares, from what `Rows` says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from arkwright.errors import InternalError
from arkwright.sched.codes import BIG, NONE

_Ints = npt.NDArray[np.int64]

SHARE_MAX: Final = 1 << 30
"""Shares are multiplied by remainders of one another: the product must stay inside int64."""
HALF_LIFE_MS_MAX: Final = 1 << 40
"""35 years: time in a half-life times a step of the table of weights must stay inside int64."""


class QuotaRows(Protocol):
    """The part of `state.Rows` that is read here."""

    @property
    def parent(self) -> Sequence[int] | _Ints: ...
    @property
    def limit(self) -> Sequence[int] | _Ints: ...
    @property
    def guarantee(self) -> Sequence[int] | _Ints: ...
    @property
    def kept(self) -> Sequence[int] | _Ints: ...
    @property
    def budget(self) -> Sequence[int] | _Ints: ...
    @property
    def share(self) -> Sequence[int] | _Ints: ...
    @property
    def half_life_ms(self) -> int: ...


def quota_columns(rows: QuotaRows) -> dict[str, _Ints]:
    """The columns of idle rows. InternalError when `rows` disagrees with itself."""
    parent = np.array(rows.parent, np.int64)
    guarantee = _column(rows.guarantee, "guarantee", len(parent), NONE)
    kept = _column(rows.kept, "kept", len(parent), 0)
    budget = _column(rows.budget, "budget", len(parent), NONE)
    share = _column(rows.share, "share", len(parent), 1)
    _refuse_bad(parent, guarantee, kept, budget, share, rows.half_life_ms)
    used = np.zeros(len(parent), np.int64)
    share_own = share.copy()
    for row in reversed(range(len(parent))):
        if parent[row] >= 0:
            used[parent[row]] += max(used[row], kept[row])
            share_own[parent[row]] -= share[row]
    limit = np.array(rows.limit, np.int64)
    return {
        "row_used": used,
        "row_ceiling": np.where(limit >= 0, np.maximum(limit, used), limit),
        "row_guarantee": guarantee,
        "row_kept": kept,
        "row_budget": budget,
        "row_settled": np.zeros(len(parent), np.int64),
        "row_period_ms": np.zeros(len(parent), np.int64),
        "fair": np.array([rows.half_life_ms, 0], np.int64),
        "row_share": share,
        "row_share_own": np.maximum(share_own, 1),
        "row_usage": np.zeros(len(parent), np.int64),
        "row_usage_own": np.zeros(len(parent), np.int64),
    }


def _column(given: Sequence[int] | _Ints, name: str, n_rows: int, default: int) -> _Ints:
    column = np.array(given, np.int64) if len(given) else np.full(n_rows, default, np.int64)
    if column.shape != (n_rows,):
        raise InternalError(f"rows.{name} has shape {column.shape}; {n_rows} rows need ({n_rows},)")
    return column


def _refuse_bad(
    parent: _Ints, guarantee: _Ints, kept: _Ints, budget: _Ints, share: _Ints, half_life_ms: int
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
