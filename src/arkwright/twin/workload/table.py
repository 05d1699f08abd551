"""`JobTable`: the one form every reader and generator gives, a numpy column per fact.

Times are integer milliseconds, GPUs and CPUs thousandths, because that is what decisions compare.
A fact that a trace does not tell is `NOT_TOLD`, an empty label, or zero where zero asks for
nothing; nothing is invented to fill a column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from arkwright.errors import InternalError
from arkwright.units import MILLI, MS_PER_S, S_PER_HOUR

Int64 = NDArray[np.int64]

NOT_TOLD = -1
"""In `estimate_ms`, `start_ms`, `end_ms` and label codes."""
ONE_GPU_MILLI = MILLI


class Outcome(IntEnum):
    """How a job ended."""

    UNKNOWN = 0
    COMPLETED = 1
    FAILED = 2
    CANCELLED = 3
    TIMEOUT = 4
    NODE_FAIL = 5


class Labels(Struct, frozen=True, eq=False):
    """A column of names: a code per job and the names, in the order in which they first came."""

    codes: NDArray[np.int32]
    """Shape (jobs,); NOT_TOLD where the trace says nothing."""
    names: tuple[str, ...] = ()

    def of(self, job: int) -> str | None:
        """The name at one row."""
        code = int(self.codes[job])
        return None if code < 0 else self.names[code]


class JobTable(Struct, frozen=True, eq=False, kw_only=True):
    """Jobs by (submit, original order); every column has one entry per job."""

    ids: NDArray[Any]
    """As the trace names them: int64 where all are plain integers, else text (dtype object)."""
    submit_ms: Int64
    """Since the Unix epoch (UTC) where `is_dated`, else since the trace's own zero."""
    run_ms: Int64
    """How long it truly ran, in total where it ran several times; 0 is possible."""
    estimate_ms: Int64
    """The limit its user asked for; NOT_TOLD where there was none."""
    nodes: Int64
    """Nodes asked for; 0 where the trace leaves it to the scheduler."""
    gpus_milli: Int64
    """Of the whole job; below 1,000 it is a part of one GPU, 0 a job of CPUs alone."""
    cpus_milli: Int64
    """Of the whole job; 0 not told."""
    memory_mib: Int64
    """Of the whole job; 0 not told."""
    gpu_type: Labels
    """What it asked for, or ran on; several acceptable ones are joined by `|`."""
    user: Labels
    project: Labels
    """Account, organisation or tenant."""
    pool: Labels
    """Slurm partition, Helios and Philly virtual cluster."""
    workload: Labels
    """What kind of work it is, where the trace says: Pretrain, SFT, Evaluation, …"""
    qos: Labels
    """Service class in the trace's own words: LS, BE, HP, Spot, a Slurm QOS."""
    priority: Int64
    """As told, higher first; 0 where it is not."""
    outcome: NDArray[np.int8]
    """`Outcome`."""
    preemptible: NDArray[np.bool_]
    """True where the trace says that it could be stopped for others."""
    start_ms: Int64
    """First start as observed; NOT_TOLD where it is not. Never an input to decisions."""
    end_ms: Int64
    """Last end as observed; NOT_TOLD where it is not."""
    is_dated: bool

    def __len__(self) -> int:
        return len(self.submit_ms)

    @property
    def gpu_hours(self) -> float:
        """GPU-hours that all jobs hold together while they run."""
        held = self.gpus_milli.astype(np.float64) * self.run_ms
        return float(held.sum()) / (MILLI * MS_PER_S * S_PER_HOUR)

    @property
    def span_ms(self) -> int:
        """From the first submission to the last."""
        return int(self.submit_ms[-1] - self.submit_ms[0]) if len(self) else 0


def job_table(
    *, submit_ms: Int64, run_ms: Int64, is_dated: bool = False, **columns: Any
) -> JobTable:
    """A table of what is given, defaults for the rest, sorted by (submit, order given).

    Raises InternalError for columns of different lengths.
    """
    count = len(submit_ms)
    filled = {name: make(count) for name, make in _DEFAULTS.items() if name not in columns}
    if "ids" not in columns:
        filled["ids"] = np.arange(1, count + 1, dtype=np.int64)
    table = JobTable(submit_ms=submit_ms, run_ms=run_ms, is_dated=is_dated, **(columns | filled))
    for name, column in _columns(table).items():
        length = len(column.codes if isinstance(column, Labels) else column)
        if length != count:
            raise InternalError(f"column {name} has {length} entries for {count} jobs")
    if bool(np.all(submit_ms[1:] >= submit_ms[:-1])):
        return table
    return take(table, np.argsort(submit_ms, kind="stable"))


def unlabelled(count: int) -> Labels:
    """A column of labels where nothing is told."""
    return Labels(np.full(count, NOT_TOLD, dtype=np.int32))


def _zeros(count: int) -> Int64:
    return np.zeros(count, dtype=np.int64)


def _untold(count: int) -> Int64:
    return np.full(count, NOT_TOLD, dtype=np.int64)


_DEFAULTS: dict[str, Callable[[int], Any]] = {
    "estimate_ms": _untold,
    "nodes": _zeros,
    "gpus_milli": _zeros,
    "cpus_milli": _zeros,
    "memory_mib": _zeros,
    "gpu_type": unlabelled,
    "user": unlabelled,
    "project": unlabelled,
    "pool": unlabelled,
    "workload": unlabelled,
    "qos": unlabelled,
    "priority": _zeros,
    "outcome": lambda count: np.zeros(count, dtype=np.int8),
    "preemptible": lambda count: np.zeros(count, dtype=np.bool_),
    "start_ms": _untold,
    "end_ms": _untold,
}


def take(table: JobTable, rows: NDArray[Any]) -> JobTable:
    """The rows of a mask or of an index, in its order; the index must keep submissions ordered."""
    picked = {name: _picked(column, rows) for name, column in _columns(table).items()}
    return structs.replace(table, **picked)


def within(table: JobTable, from_ms: int, until_ms: int) -> JobTable:
    """Jobs submitted in [from_ms, until_ms); one that runs past the window is whole."""
    first, last = np.searchsorted(table.submit_ms, (from_ms, until_ms), side="left")
    return take(table, np.arange(first, last))


def gpu_jobs(table: JobTable) -> JobTable:
    """Jobs that ask for a GPU or a part of one."""
    return take(table, table.gpus_milli > 0)


def shifted(table: JobTable, by_ms: int, is_dated: bool | None = None) -> JobTable:
    """Every instant moved by `by_ms`, for example from the trace's zero to a date."""
    return structs.replace(
        table,
        submit_ms=table.submit_ms + by_ms,
        start_ms=_moved(table.start_ms, by_ms),
        end_ms=_moved(table.end_ms, by_ms),
        is_dated=table.is_dated if is_dated is None else is_dated,
    )


def stretched(table: JobTable, run_by: float = 1.0, arrivals_by: float = 1.0) -> JobTable:
    """Run times and limits times `run_by`, gaps between submissions times `arrivals_by`.

    What was observed of starts and ends is forgotten: it is of another workload.
    """
    first = table.submit_ms[0] if len(table) else 0
    gaps = (table.submit_ms - first).astype(np.float64)
    told = table.estimate_ms >= 0
    limits = np.where(told, _scaled(table.estimate_ms, run_by), NOT_TOLD)
    return structs.replace(
        table,
        submit_ms=first + _scaled(gaps, arrivals_by),
        run_ms=_scaled(table.run_ms, run_by),
        estimate_ms=limits,
        start_ms=_untold(len(table)),
        end_ms=_untold(len(table)),
    )


def merged(tables: Sequence[JobTable]) -> JobTable:
    """All jobs of several tables in one, by (submit, table, order); names are joined by name.

    Tables must agree on `is_dated`: shift the others first. Ids are kept, so they may repeat.
    """
    if not tables or len({table.is_dated for table in tables}) > 1:
        raise InternalError("tables to merge are none, or differ in is_dated")
    parts = [_columns(table) for table in tables]
    columns = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    return job_table(is_dated=tables[0].is_dated, **columns)


def id_texts(table: JobTable) -> list[str]:
    """Ids as text, one per job."""
    return [str(name) for name in table.ids.tolist()]


def _columns(table: JobTable) -> dict[str, Any]:
    return {name: getattr(table, name) for name in table.__struct_fields__ if name != "is_dated"}


def _picked(column: Any, rows: NDArray[Any]) -> Any:
    if isinstance(column, Labels):
        return Labels(column.codes[rows], column.names)
    return column[rows]


def _moved(instants: Int64, by_ms: int) -> Int64:
    return np.where(instants == NOT_TOLD, NOT_TOLD, instants + by_ms)


def _scaled(times: NDArray[Any], factor: float) -> Int64:
    return np.rint(times * factor).astype(np.int64)


def _joined(columns: list[Any]) -> Any:
    if not isinstance(columns[0], Labels):
        if len({column.dtype for column in columns}) > 1:
            columns = [np.array([str(name) for name in c.tolist()], dtype=object) for c in columns]
        return np.concatenate(columns)
    places: dict[str, int] = {}
    codes = []
    for column in columns:
        # The last entry is what NOT_TOLD, -1, picks.
        places_of = [places.setdefault(name, len(places)) for name in column.names]
        codes.append(np.array([*places_of, NOT_TOLD], dtype=np.int32)[column.codes])
    return Labels(np.concatenate(codes), tuple(places))
