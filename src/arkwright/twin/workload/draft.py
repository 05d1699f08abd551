"""From columns as they were read to a `JobTable`: the checks every job reader shares.

A job without a readable submission, run time or size is dropped and counted. Where an optional
column cannot be read the job stays, the fact is not told, and that is counted too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from arkwright.twin.workload import convert
from arkwright.twin.workload.convert import Instants, Numbers
from arkwright.twin.workload.delimited import Cells
from arkwright.twin.workload.outcomes import outcomes
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.table import NOT_TOLD, Int64, JobTable, Labels, job_table
from arkwright.units import MILLI, MS_PER_S, render

AMOUNT_MAX = 10**12
"""GPUs, CPUs and MiB beyond it are no sizes of a job."""


class Draft:
    """Columns of a table in the making, and which of its records stay."""

    def __init__(self, cells: Cells, format_: str, offset_s: float = 0.0) -> None:
        """`offset_s`: how far the local clock of the trace is ahead of UTC."""
        self.cells, self.format, self.offset_s = cells, format_, offset_s
        self.sieve = cells.sieve()
        self.columns: dict[str, Any] = {}
        self.is_dated = False

    def submit(self, column: pa.Array, unit_ms: float | None = None) -> Instants:
        """Submissions; a job without one is dropped."""
        found = convert.instants(column, self.offset_s, unit_ms)
        self.sieve.drop(found.junk, "the submit time cannot be read")
        self.sieve.drop(~found.told, "no submit time")
        said = self.cells.is_dated
        self.columns["submit_ms"] = found.ms
        self.is_dated = found.is_dated if said is None else said
        return found

    def observed(self, key: str, column: pa.Array | None, unit_ms: float | None = None) -> Instants:
        """Observed starts or ends into column `key`; not told where there is no column."""
        if column is None:
            count = self.cells.count
            nothing = np.zeros(count, dtype=np.bool_)
            found = Instants(np.full(count, NOT_TOLD, dtype=np.int64), nothing, nothing, False)
        else:
            found = convert.instants(column, self.offset_s, unit_ms)
        self.columns[key] = found.ms
        return found

    def run(self, seconds: Numbers | None, start: Instants, end: Instants) -> None:
        """Run times: `seconds` where told, else from first start to last end; else dropped."""
        between = np.where(start.told & end.told, end.ms - start.ms, 0)
        told = start.told & end.told
        if seconds is not None:
            given, wild = convert.milliseconds(seconds.values, float(MS_PER_S))
            self.sieve.drop(seconds.junk | wild, "the run time is not a number")
            between = np.where(seconds.told, given, between)
            told = told | seconds.told
        self.sieve.drop(~told & ~start.told, "neither a run time nor a start")
        self.sieve.drop(~told, "no end, and no run time")
        self.sieve.drop(between < 0, "a run time below zero")
        self.columns["run_ms"] = between

    def estimate(self, seconds: Numbers | None) -> None:
        """Limits asked for; zero and below is none."""
        if seconds is None:
            return
        self._unread(seconds.junk, "a time limit that cannot be read: taken as none")
        given, wild = convert.milliseconds(seconds.values, float(MS_PER_S))
        told = seconds.told & ~wild & (given > 0)
        self.columns["estimate_ms"] = np.where(told, given, NOT_TOLD)

    def needed(self, key: str, found: Numbers, what: str, scale: float = 1.0) -> Int64:
        """An amount without which a job means nothing; nothing told is zero."""
        self.sieve.drop(found.junk, f"{what} is not a number")
        amount, wild = _amounts(found.values * scale)
        self.sieve.drop(wild, f"{what} is too large")
        self.sieve.drop(amount < 0, f"{what} is below zero")
        self.columns[key] = amount
        return amount

    def wished(
        self, key: str, found: Numbers | None, what: str, scale: float = 1.0, low: int = 0
    ) -> None:
        """A number of at least `low` that a job can do without."""
        if found is None:
            return
        amount, wild = _amounts(found.values * scale)
        odd = found.junk | wild | (amount < low)
        self._unread(odd, f"{what} cannot be read: taken as not told")
        self.columns[key] = np.where(odd, 0, amount)

    def labels(self, key: str, column: pa.Array | None) -> Labels | None:
        """Names into column `key`."""
        if column is None:
            return None
        found = convert.labels(column)
        self.columns[key] = found
        return found

    def states(self, column: pa.Array | None) -> Labels | None:
        """Final states, as outcomes."""
        if column is None:
            return None
        found = convert.labels(column)
        self.columns["outcome"] = outcomes(found)
        return found

    def ids(self, column: pa.Array | None) -> None:
        """Names of jobs; where there is no column, their places in the file from 1."""
        count = self.cells.count
        given = np.arange(1, count + 1, dtype=np.int64) if column is None else convert.ids(column)
        self.columns["ids"] = given

    def reading(self) -> Reading[JobTable]:
        """The table of the jobs that stay, sorted, and what was dropped and noted."""
        self._notes()
        keep = self.sieve.keep
        picked = {key: _kept(column, keep) for key, column in self.columns.items()}
        table = job_table(is_dated=self.is_dated, **picked)
        return self.sieve.reading(table, self.cells.source, self.format)

    def _notes(self) -> None:
        run, submit = self.columns["run_ms"], self.columns["submit_ms"]
        self.sieve.note(run == 0, "ran for no time")
        kept = submit[self.sieve.keep]
        if len(kept) > 1:
            span = int(kept.max() - kept.min())
            window = render(span / MS_PER_S, "s", 4)
            self.sieve.note(run > span, f"ran longer than the {window} of submissions")
        limit = self.columns.get("estimate_ms")
        if limit is not None:
            self.sieve.note((limit >= 0) & (run > limit), "ran past the limit asked for")
        gpus = self.columns.get("gpus_milli")
        if gpus is None or bool((gpus > 0).any()):
            nothing = np.ones(len(run), dtype=np.bool_) if gpus is None else gpus == 0
            self.sieve.note(nothing, "asks for no GPU")

    def _unread(self, rows: NDArray[np.bool_], what: str) -> None:
        self.sieve.note(rows, what)


def gpus_to_milli(found: Numbers) -> Numbers:
    """Whole and fractional GPUs to thousandths."""
    return Numbers(found.values * MILLI, found.junk)


def _amounts(values: NDArray[np.float64]) -> tuple[Int64, NDArray[np.bool_]]:
    wild = np.abs(values) > AMOUNT_MAX
    safe = np.where(np.isnan(values) | wild, 0.0, values)
    return np.rint(safe).astype(np.int64), wild


def _kept(column: Any, keep: NDArray[np.bool_]) -> Any:
    if isinstance(column, Labels):
        return Labels(column.codes[keep], column.names)
    return column[keep]
