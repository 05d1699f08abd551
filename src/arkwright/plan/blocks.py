"""Rows in blocks of one rule, as numpy arrays, into HiGHS without a Python object a row."""

from __future__ import annotations

from collections.abc import Sequence

import highspy
import numpy as np
from msgspec import Struct

from arkwright.plan.rollout import Bools, Floats, Ints


class Rows(Struct, frozen=True, kw_only=True, eq=False):
    """n rows `lower <= A x <= upper` of one rule, A in coordinates (duplicates are summed)."""

    rule: str
    """`R7`."""
    words: str
    """What the rule is about: `allocation`."""
    axes: tuple[str, ...]
    """What `index` counts: `generation`, `slot`, …"""
    index: tuple[Ints, ...]
    """(n,) each: what each row is of."""
    lower: Floats
    upper: Floats
    row: Ints
    """(nonzeros,)"""
    column: Ints
    """-1 stands for a variable that is always zero."""
    value: Floats

    def __len__(self) -> int:
        return len(self.lower)

    def name(self, i: int, names: dict[str, tuple[str, ...]]) -> str:
        """`R7 allocation gb300, 2027-Q2`, with the names of each axis."""
        where = ", ".join(
            names[axis][at[i]] for axis, at in zip(self.axes, self.index, strict=True)
        )
        return f"{self.rule} {self.words} {where}".strip()


def rows(
    rule: str,
    words: str,
    entries: Sequence[tuple[Ints, Ints, Floats]],
    *,
    axes: tuple[str, ...] = (),
    index: Sequence[Ints] = (),
    lower: Floats | float = -np.inf,
    upper: Floats | float = np.inf,
    count: int,
) -> Rows:
    """Rows from entries (row, column, value), each broadcast to one shape."""
    parts = [[np.ravel(part) for part in np.broadcast_arrays(*entry)] for entry in entries if entry]
    row, column, value = (
        np.concatenate(part) if parts else np.empty(0)
        for part in (zip(*parts, strict=True) if parts else ([], [], []))
    )
    return Rows(
        rule=rule,
        words=words,
        axes=axes,
        index=tuple(np.ravel(at) for at in index),
        lower=np.broadcast_to(np.asarray(lower, dtype=float), (count,)),
        upper=np.broadcast_to(np.asarray(upper, dtype=float), (count,)),
        row=row.astype(np.int64),
        column=column.astype(np.int64),
        value=value.astype(float),
    )


def compressed(block: Rows, width: int) -> tuple[Ints, Ints, Floats]:
    """(starts, columns, values) by row, with duplicates summed and zeros left out."""
    some = block.column >= 0
    key = block.row[some] * width + block.column[some]
    unique, where = np.unique(key, return_inverse=True)
    value = np.bincount(where, weights=block.value[some], minlength=len(unique))
    # Sums of decisions cancel to the last digit.
    kept = np.abs(value) > 1e-11 * np.abs(block.value).max(initial=0.0)
    unique, value = unique[kept], value[kept]
    starts = np.searchsorted(unique // width, np.arange(len(block)))
    return starts, unique % width, value


def add(highs: highspy.Highs, block: Rows, width: int) -> None:
    """Append a block's rows."""
    starts, column, value = compressed(block, width)
    add_compressed(highs, block.lower, block.upper, starts, column, value)


def add_compressed(
    highs: highspy.Highs, lower: Floats, upper: Floats, starts: Ints, column: Ints, value: Floats
) -> None:
    """Append rows given by row."""
    if len(lower):
        highs.addRows(
            len(lower),
            lower,
            upper,
            len(value),
            starts.astype(np.int32),
            column.astype(np.int32),
            value,
        )


def dense(coefficients: Floats) -> tuple[Ints, Ints, Floats]:
    """(starts, columns, values) of a full matrix (n, width)."""
    row, column = np.nonzero(coefficients)
    return np.searchsorted(row, np.arange(len(coefficients))), column, coefficients[row, column]


def empty(
    lower: Floats, upper: Floats, cost: Floats, integral: Bools, offset: float
) -> highspy.Highs:
    """A quiet HiGHS that maximises `cost` over columns without rows, as a linear programme."""
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    n = len(lower)
    nothing = np.empty(0, dtype=np.int32)
    highs.addCols(n, cost, lower, upper, 0, np.zeros(n, dtype=np.int32), nothing, np.empty(0))
    highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
    highs.changeObjectiveOffset(offset)
    if integral.any():
        at = np.flatnonzero(integral).astype(np.int32)
        kind = np.full(len(at), int(highspy.HighsVarType.kInteger), dtype=np.uint8)
        highs.changeColsIntegrality(len(at), at, kind)
    return highs
