"""Parquet: what a twin writes, and workloads on disk.

Any columns can be written; of a job or request table `workload.read` gets back what was written.
A file appears whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from arkwright.errors import InputError, InternalError
from arkwright.twin.workload.generic import DATED_KEY
from arkwright.twin.workload.request_table import RequestTable
from arkwright.twin.workload.table import NOT_TOLD, JobTable, Labels, Outcome

Column: TypeAlias = NDArray[Any] | Labels | Sequence[str] | pa.Array
_ROW_GROUP = 2**20
_UNTOLD = ("estimate_ms", "start_ms", "end_ms")


def write_table(
    path: Path, columns: Mapping[str, Column], about: Mapping[str, str] | None = None
) -> int:
    """Write `columns`, all of one length, to `path`; the file's size in bytes.

    Labels become dictionary columns, null where nothing is told. `about` is kept in the schema's
    metadata. Raises InputError where the file cannot be written, InternalError for columns of
    different lengths.
    """
    arrays = {name: _array(column) for name, column in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InternalError(f"columns of {path.name} differ in length: {lengths}")
    table = pa.table(arrays).replace_schema_metadata(dict(about or {}))
    part = path.with_name(f".{path.name}.part")
    try:
        pq.write_table(table, part, row_group_size=_ROW_GROUP, compression="zstd")
        part.replace(path)
    except (OSError, pa.ArrowException) as error:
        part.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error}") from None
    return path.stat().st_size


def write_jobs(path: Path, table: JobTable) -> int:
    """Write a job table; `workload.read.read_jobs` reads it back."""
    columns = {name: _told(name, getattr(table, name)) for name in table.__struct_fields__[1:-1]}
    return write_table(path, {"id": table.ids, **columns}, {DATED_KEY: str(table.is_dated)})


def write_requests(path: Path, table: RequestTable) -> int:
    """Write a request table; `workload.read.read_requests` reads it back."""
    blocks = pa.ListArray.from_arrays(pa.array(table.block_starts, pa.int32()), table.blocks)
    columns: dict[str, Column] = {
        "at_ms": table.at_ms,
        "input_tokens": table.input_tokens,
        "output_tokens": table.output_tokens,
        "model": table.model,
        "prefix_block_ids": blocks,
    }
    return write_table(path, columns, {DATED_KEY: str(table.is_dated)})


def _told(name: str, column: Any) -> Column:
    """A column of a job table with nulls for what is not told, and outcomes in words."""
    if name in _UNTOLD:
        return pa.array(column, mask=column == NOT_TOLD)
    if name == "outcome":
        codes = np.where(column == Outcome.UNKNOWN, NOT_TOLD, column).astype(np.int32)
        return Labels(codes, tuple(outcome.name.lower() for outcome in Outcome))
    found: Column = column
    return found


def _array(column: Column) -> pa.Array:
    if isinstance(column, Labels):
        codes = pa.array(column.codes, pa.int32(), mask=column.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(column.names, pa.string()))
    if isinstance(column, np.ndarray) and column.dtype == object:
        return pa.array(column, pa.string())
    return column if isinstance(column, pa.Array) else pa.array(column)
