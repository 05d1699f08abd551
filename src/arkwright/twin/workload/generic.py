"""Any CSV or Parquet table with a job a row: columns by their usual names, or as they are mapped.

Covers the quick form (`job_id,submit_s,duration_s,gpus`) and converted traces such as those of
Philly and Helios that other projects carry. Units are in the names: see `ColumnMap`.
"""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from arkwright.errors import InputError, Problem
from arkwright.twin.workload import convert
from arkwright.twin.workload.convert import Instants, Numbers
from arkwright.twin.workload.delimited import Cells, plain
from arkwright.twin.workload.draft import AMOUNT_MAX, Draft
from arkwright.twin.workload.opening import Opened
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.spec import ColumnMap
from arkwright.twin.workload.table import JobTable
from arkwright.units import MIB, MILLI, MS_PER_S

_UNITS_S = {"_ms": 1e-3, "_s": 1.0, "_sec": 1.0, "_seconds": 1.0, "_min": 60.0, "_minutes": 60.0,
            "_h": 3600.0, "_hours": 3600.0, "_d": 86_400.0, "_days": 86_400.0}  # fmt: skip
_MEMORY_MIB = {"_mib": 1.0, "_mb": 1e6 / MIB, "_gib": 2.0**10, "_gb": 1e9 / MIB}
_TIMES = {
    "submit": ("submit", "submit_time", "submitted_time", "submission_time", "submitted",
               "arrival", "arrival_time", "creation_time", "timestamp", "submit_unix"),
    "run": ("run", "duration", "run_time", "runtime", "elapsed", "execution_time", "active"),
    "start": ("start", "start_time", "started", "scheduled_time"),
    "end": ("end", "end_time", "ended", "finish_time", "deletion_time"),
    "wait": ("wait", "wait_time", "queue_time", "queueing_delay"),
    "estimate": ("estimate", "time_limit", "timelimit", "walltime", "walltime_req", "limit",
                 "requested_time", "time_asked"),
}  # fmt: skip
_PLAIN = {
    "id": ("job_id", "jobid", "id", "job", "job_name", "name"),
    "gpus": ("gpus_milli", "gpus", "num_gpus", "gpu_num", "n_gpus", "ngpus", "gpu_count",
             "gpu_request", "num_gpu"),
    "nodes": ("nodes", "num_nodes", "node_num", "n_nodes", "nnodes", "worker_num"),
    "cpus": ("cpus_milli", "cpus", "num_cpus", "cpu_num", "ncpus", "procs_req", "procs_used",
             "cpu_milli", "cpu_request", "processors"),
    "memory": ("memory_mib", "memory_mb", "mem_mb", "memory_gb", "mem_gb"),
    "gpu_type": ("gpu_type", "gpu_model", "gpu_spec"),
    "user": ("user", "user_id", "username"),
    "project": ("project", "account", "organization", "organisation", "tenant", "group"),
    "pool": ("pool", "partition", "vc", "virtual_cluster"),
    "workload": ("workload", "type", "job_type"),
    "qos": ("qos",),
    "priority": ("priority",),
    "outcome": ("outcome", "state", "status", "final_status"),
}  # fmt: skip
_NEEDED = (
    ("submit", {"submit"}, "a column such as submit_s, or `columns: {submit: NAME}`"),
    ("run", {"run", "end"}, "a column such as duration_s, or start and end"),
    ("gpus", {"gpus", "nodes", "cpus"}, "a column such as gpus, or `columns: {gpus: NAME}`"),
)
DATED_KEY = "arkwright.is_dated"
"""In the metadata of a Parquet file of ours: `True` where its instants count from 1970."""
_PER_WORKER = "worker_num"
_SPOT = "Spot"


def generic(
    cells: Cells, columns: ColumnMap | None = None, offset_s: float = 0.0, format_: str = "CSV"
) -> Reading[JobTable]:
    """Jobs of any table; raises InputError where no submission, run time or size can be found."""
    found = _found(cells, columns or ColumnMap())
    draft = Draft(cells, format_, offset_s)
    draft.ids(_column(cells, found.get("id")))
    submit = draft.submit(cells.columns[found["submit"]], _unit_ms(found["submit"]))
    start, end = (
        draft.observed(f"{key}_ms", _column(cells, found.get(key)), _unit_ms(found.get(key, "")))
        for key in ("start", "end")
    )
    if "wait" in found and "start" not in found:
        start = _after(submit, _seconds(cells, found["wait"]))
        draft.columns["start_ms"] = start.ms
    draft.run(_seconds(cells, found["run"]) if "run" in found else None, start, end)
    draft.estimate(_seconds(cells, found["estimate"]) if "estimate" in found else None)
    _sizes(draft, found)
    for key in ("gpu_type", "user", "project", "pool", "workload", "qos"):
        draft.labels(key, _column(cells, found.get(key)))
    kind = draft.columns.get("workload")
    if kind is not None and _SPOT in kind.names:
        draft.columns["preemptible"] = kind.codes == kind.names.index(_SPOT)
    stoppable = cells.first("preemptible")
    if stoppable is not None:
        draft.columns["preemptible"] = convert.flags(stoppable)
    draft.states(_column(cells, found.get("outcome")))
    return draft.reading()


def parquet(file: Opened) -> Cells:
    """The columns of a Parquet file, of whatever type; records have numbers, no lines."""
    try:
        table = pq.read_table(io.BytesIO(file.content), use_threads=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise InputError(f"{file.name} is not a sound Parquet file: {error}") from None
    arrays = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        whole = column.combine_chunks()
        if pa.types.is_dictionary(whole.type):
            whole = whole.dictionary_decode()
        arrays[plain(name)] = whole
    said = (table.schema.metadata or {}).get(DATED_KEY.encode())
    is_dated = None if said is None else said == b"True"
    nothing = np.zeros(0, dtype=np.int64)
    return Cells(file.name, arrays, table.num_rows, 1, nothing, is_dated=is_dated)


def _found(cells: Cells, asked: ColumnMap) -> dict[str, str]:
    """Names of the columns by what they hold; every problem of the mapping at once."""
    found, problems = {}, []
    there = ", ".join(cells.columns) or "none"
    for key in ColumnMap.__struct_fields__:
        name = getattr(asked, key)
        if name is not None and plain(name) not in cells.columns:
            right = f"columns are {there}"
            problems.append(Problem(f"{cells.source}:1", f"columns.{key}", f"no {name!r}", right))
        given = plain(name) if name is not None else _by_name(cells, key)
        if given is not None:
            found[key] = given
    for key, choices, right in _NEEDED:
        if not choices & found.keys():
            problems.append(Problem(f"{cells.source}:1", key, f"columns {there}", right))
    if problems:
        raise InputError(f"{cells.source} is not a table of jobs", problems)
    return found


def _by_name(cells: Cells, key: str) -> str | None:
    if key in _PLAIN:
        return next((name for name in _PLAIN[key] if name in cells.columns), None)
    endings = ("", *_UNITS_S)
    choices = (f"{name}{ending}" for ending in endings for name in _TIMES[key])
    return next((name for name in choices if name in cells.columns), None)


def _column(cells: Cells, name: str | None) -> pa.Array | None:
    return None if name is None else cells.columns[name]


def _unit_ms(name: str) -> float | None:
    """Milliseconds of the unit that a column's name ends in; None where it ends in none."""
    factor = _UNITS_S.get(name[name.rfind("_") :]) if "_" in name else None
    return None if factor is None else factor * MS_PER_S


def _seconds(cells: Cells, name: str) -> Numbers:
    column = cells.columns[name]
    found = convert.numbers(column)
    if found.junk.any() and 2 * int(found.junk.sum()) > int((found.junk | found.told).sum()):
        found = convert.elapsed_s(column)
    scale = (_unit_ms(name) or MS_PER_S) / MS_PER_S
    return Numbers(found.values * scale, found.junk)


def _after(submit: Instants, wait_s: Numbers) -> Instants:
    wait_ms, wild = convert.milliseconds(wait_s.values, MS_PER_S)
    told = submit.told & wait_s.told & ~wild
    return Instants(np.where(told, submit.ms + wait_ms, -1), told, wait_s.junk, submit.is_dated)


def _sizes(draft: Draft, found: dict[str, str]) -> None:
    cells = draft.cells

    def amounts(key: str) -> Numbers:
        return convert.numbers(cells.columns[found[key]])

    workers = np.ones(cells.count)
    if "nodes" in found:
        nodes = amounts("nodes")
        draft.needed("nodes", nodes, "the number of nodes")
        if found["nodes"] == _PER_WORKER:
            # Alibaba's spot trace asks per worker.
            workers = np.fmax(np.nan_to_num(nodes.values), 1)
    for key, what in (("gpus", "the number of GPUs"), ("cpus", "the number of CPUs")):
        if key in found:
            scale = 1 if found[key].endswith("_milli") else MILLI
            asked = amounts(key)
            whole = Numbers(asked.values * workers, asked.junk)
            draft.needed(f"{key}_milli", whole, what, scale)
    if "memory" in found:
        name = found["memory"]
        draft.wished(
            "memory_mib",
            amounts("memory"),
            "the memory",
            _MEMORY_MIB.get(name[name.rfind("_") :], 1.0),
        )
    if "priority" in found:
        draft.wished("priority", amounts("priority"), "the priority", low=-AMOUNT_MAX)
