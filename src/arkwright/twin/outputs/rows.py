"""Rows of figures as CSV and Parquet: what a sweep leaves."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from arkwright.twin.tables import write_table

Rows = Sequence[Mapping[str, Any]]


def write_csv(path: Path, rows: Rows) -> None:
    """A line for each row; a figure that a row does not have is an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _names(rows), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)


def write_parquet(path: Path, rows: Rows) -> None:
    """The same; swept values are text, as they were written."""
    write_table(path, {name: _column([row.get(name) for row in rows]) for name in _names(rows)})


def _names(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _column(values: list[Any]) -> Any:
    is_mixed = any(isinstance(v, float) for v in values) and any(type(v) is int for v in values)
    return pa.array(values, pa.float64()) if is_mixed else pa.array(values)
