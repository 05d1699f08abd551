"""A record of faults, measured or drawn: reading it, and what can be said about it in figures."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from arkwright.errors import InputError, Problem
from arkwright.twin.failures.failed import Failed
from arkwright.twin.failures.spec import MS_PER_DAY, MS_PER_HOUR
from arkwright.twin.record import Ints
from arkwright.twin.streams import Floats

QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.99)
WINDOWS_DAYS = (0.1, 1.0, 7.0, 30.0)
_COLUMNS = ("node", "start_day", "repair_h", "class")
_PROBLEMS_SHOWN = 20


class FaultTrace(NamedTuple):
    """Faults of a fleet in the order of their start; those of one node may overlap."""

    nodes: int
    """Nodes that were watched, those that never failed included."""
    days: float
    node: Ints
    start_day: Floats
    out_h: Floats
    kind: Ints
    """Index into `kinds`."""
    kinds: list[str]


class FaultStatistics(NamedTuple):
    """What a failure model has to reproduce."""

    per_1000_node_days: float
    out_h_quantiles: tuple[float, ...]
    """At `QUANTILES`."""
    out_h_mean: float
    dispersion: tuple[float, ...]
    """Variance over mean of the number of faults in windows of `WINDOWS_DAYS`; 1 is Poisson."""
    never_failed: float
    """Share of the nodes."""
    of_worst_nodes: float
    """Share of the faults on the worst 2.5 % of the nodes."""
    nodes_out_mean: float
    """Sum of the times out over the days; overlapping faults of a node count each."""


def read_fault_trace(path: Path, nodes: int, days: float | None = None) -> FaultTrace:
    """Faults from a CSV (also .gz) with node, start_day, repair_h and class; others are ignored.

    `nodes` counts those without faults too; `days` is the last start where not given. Raises
    InputError with every line that cannot be read.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path} is no fault trace: it has no column {', '.join(missing)}")
        rows = [_row(path, reader.line_num, cells) for cells in reader]
    problems = [row for row in rows if isinstance(row, Problem)]
    if problems:
        left = f", {_PROBLEMS_SHOWN} of them here" if len(problems) > _PROBLEMS_SHOWN else ""
        raise InputError(
            f"{path}: {len(problems)} lines cannot be read{left}", problems[:_PROBLEMS_SHOWN]
        )
    found = sorted(row for row in rows if not isinstance(row, Problem))
    names = sorted({row[1] for row in found})
    if len(names) > nodes or not found:
        raise InputError(f"{path} has faults of {len(names)} nodes; at least one and no more than"
                         f" the {nodes} that were watched would be right")  # fmt: skip
    kinds = sorted({row[3] for row in found})
    return FaultTrace(
        nodes=nodes,
        days=found[-1][0] if days is None else days,
        node=np.array([names.index(row[1]) for row in found], np.int64),
        start_day=np.array([row[0] for row in found]),
        out_h=np.array([row[2] for row in found]),
        kind=np.array([kinds.index(row[3]) for row in found], np.int64),
        kinds=kinds,
    )


def drawn_trace(
    found: Failed, causes: list[str], nodes: int, from_ms: int, until_ms: int
) -> FaultTrace:
    """Drawn failures as a trace; one that took several nodes is one fault on each."""
    many = np.diff(found.node_first)
    return FaultTrace(
        nodes=nodes,
        days=(until_ms - from_ms) / MS_PER_DAY,
        node=found.node,
        start_day=np.repeat((found.at_ms - from_ms) / MS_PER_DAY, many),
        out_h=np.repeat((found.until_ms - found.at_ms) / MS_PER_HOUR, many),
        kind=np.repeat(found.cause, many),
        kinds=causes,
    )


def statistics(trace: FaultTrace) -> FaultStatistics:
    """The figures of a trace with at least one fault."""
    per_node = np.sort(np.bincount(trace.node, minlength=trace.nodes))[::-1]
    worst = max(1, round(0.025 * trace.nodes))
    return FaultStatistics(
        per_1000_node_days=1000.0 * len(trace.node) / (trace.nodes * trace.days),
        out_h_quantiles=tuple(float(hours) for hours in np.quantile(trace.out_h, QUANTILES)),
        out_h_mean=float(trace.out_h.mean()),
        dispersion=tuple(dispersion(trace, days) for days in WINDOWS_DAYS),
        never_failed=float((per_node == 0).mean()),
        of_worst_nodes=float(per_node[:worst].sum() / per_node.sum()),
        nodes_out_mean=float(trace.out_h.sum() / 24.0 / trace.days),
    )


def dispersion(trace: FaultTrace, window_days: float) -> float:
    """Variance over mean of the number of faults per window; whole windows only, NaN below 2."""
    counts = window_counts(trace, window_days)
    return float(counts.var(ddof=1) / counts.mean()) if len(counts) > 1 else math.nan


def window_counts(trace: FaultTrace, window_days: float) -> Ints:
    """Faults in each whole window from the start."""
    whole = int(trace.days / window_days)
    number = np.floor(trace.start_day / window_days).astype(np.int64)
    return np.bincount(number[number < whole], minlength=whole).astype(np.int64)


_Row = tuple[float, str, float, str]


def _row(path: Path, line: int, cells: dict[str, str]) -> _Row | Problem:
    try:
        start, out = float(cells["start_day"]), float(cells["repair_h"])
        if not (0 <= start < math.inf and 0 <= out < math.inf and cells["node"]):
            raise ValueError
    except (TypeError, ValueError):
        found = f"start_day {cells['start_day']!r}, repair_h {cells['repair_h']!r}"
        return Problem(f"{path}:{line}", "", found, "days and hours of at least 0 would be right")
    return start, cells["node"], out, cells["class"] or "unknown"
