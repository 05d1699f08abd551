"""`read`: a trace of any known format to a table, saying which format it was and what it dropped.

The format is recognised by content, never by the file's name: by its first bytes, then by the
columns of its header. A format given by name is obeyed, and its errors say what it misses.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from arkwright.errors import InputError
from arkwright.twin.workload.cluster_csv import acme, helios
from arkwright.twin.workload.delimited import Cells, delimited, first_line
from arkwright.twin.workload.generic import generic, parquet
from arkwright.twin.workload.openb import openb
from arkwright.twin.workload.opening import Opened, opened
from arkwright.twin.workload.philly import philly
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.request_table import RequestTable, mooncake, requests
from arkwright.twin.workload.slurm import sacct_json, sacct_text
from arkwright.twin.workload.spec import ColumnMap
from arkwright.twin.workload.swf import swf
from arkwright.twin.workload.table import JobTable

_SNIFFED_BYTES = 64 * 2**10


class _Options(Struct, frozen=True):
    offset_s: float
    columns: ColumnMap | None
    processor_is_gpu: bool


class Format(Struct, frozen=True):
    """A format that `read` knows."""

    title: str
    read: Callable[[Opened, _Options], Reading[Any]]
    signature: frozenset[str] = frozenset()
    """Columns that tell it from other delimited text."""


def read(
    path: Path,
    format: str | None = None,
    *,
    utc_offset_s: float = 0.0,
    columns: ColumnMap | None = None,
    processor_is_gpu: bool = False,
) -> Reading[JobTable] | Reading[RequestTable]:
    """The jobs or requests of the trace at `path`.

    `format` is a name of `FORMATS`; None recognises it. `utc_offset_s` is how far the trace's local
    clock is ahead of UTC, `columns` maps those of a CSV or Parquet, `processor_is_gpu` reads the
    processors of an SWF log as GPUs. Raises InputError naming file, line and column for what is no
    trace; single bad records are dropped and counted instead.
    """
    file = opened(path)
    name = recognised(file) if format is None else format
    if columns is not None and format is None and name not in ("csv", "parquet"):
        name = "csv"
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise InputError(f"unknown trace format {name!r}; write one of {known}")
    return FORMATS[name].read(file, _Options(utc_offset_s, columns, processor_is_gpu))


def read_accounting(text: str, source: str, as_of_ms: int) -> Reading[JobTable]:
    """Jobs of what `sacct -P` printed at `as_of_ms` under TZ=UTC0, those that still run included;
    see `slurm.sacct_text`."""
    file = Opened(source, text.encode(), False)
    return sacct_text(delimited(file, "|", quoted=False), as_of_ms=as_of_ms)


def read_jobs(path: Path, format: str | None = None, **options: Any) -> Reading[JobTable]:
    """`read`, and InputError where the file holds requests."""
    reading = read(path, format, **options)
    if not isinstance(reading.table, JobTable):
        raise InputError(f"{path.name} is {reading.format}: requests to a model, not jobs")
    return reading


def read_requests(path: Path, format: str | None = None, **options: Any) -> Reading[RequestTable]:
    """`read`, and InputError where the file holds jobs."""
    reading = read(path, format, **options)
    if not isinstance(reading.table, RequestTable):
        raise InputError(f"{path.name} is {reading.format}: jobs, not requests to a model")
    return reading


def recognised(file: Opened) -> str:
    """The name of the format that the content is in; InputError where it is none of them."""
    head = file.content[:_SNIFFED_BYTES].lstrip()
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"[", b"{")):
        return _recognised_json(head, file.name)
    if _is_swf(head):
        return "swf"
    line = head.partition(b"\n")[0]
    if b"|" in line and _has_columns(line, b"|", FORMATS["sacct"].signature):
        return "sacct"
    for name, known in FORMATS.items():
        if known.signature and _has_columns(line, b",", known.signature):
            return name
    if b"," not in line:
        said = line[:40].decode("utf-8", errors="replace")
        raise InputError(
            f"{file.name}:1: {said!r} begins no known trace; known are "
            + ", ".join(format_.title for format_ in FORMATS.values())
        )
    return "csv"


def _recognised_json(head: bytes, source: str) -> str:
    if b'"input_length"' in head:
        return "mooncake"
    if b'"attempts"' in head or b'"submitted_time"' in head:
        return "philly"
    if head.startswith(b"{") and (b'"jobs"' in head or b'"meta"' in head):
        return "sacct-json"
    raise InputError(
        f"{source} is JSON, but not of Philly (attempts), sacct --json (jobs) or Mooncake "
        "(input_length); convert it to CSV with a column for each fact"
    )


def _is_swf(head: bytes) -> bool:
    lines = head.split(b"\n")
    comment = bool(lines) and lines[0].startswith(b";")
    record = next((line for line in lines if line.strip() and not line.startswith(b";")), b"")
    cells = record.split()
    return comment or (len(cells) == 18 and all(_is_number(cell) for cell in cells))


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _has_columns(line: bytes, delimiter: bytes, wanted: frozenset[str]) -> bool:
    names = line.decode("utf-8", errors="replace").split(delimiter.decode())
    return wanted <= {name.strip().strip('"').lower().replace(" ", "_") for name in names}


def _slurm(file: Opened, options: _Options) -> Reading[JobTable]:
    line = first_line(file)
    delimiter = next((mark for mark in "|;\t," if mark.encode() in line), "|")
    cells = delimited(file, delimiter, quoted=delimiter == ",")
    return sacct_text(cells, options.offset_s)


def _comma(
    reader: Callable[[Cells, float], Reading[Any]],
) -> Callable[[Opened, _Options], Reading[Any]]:
    return lambda file, options: reader(delimited(file), options.offset_s)


def _csv(file: Opened, options: _Options) -> Reading[JobTable]:
    line = first_line(file)
    delimiter = max(",;\t|", key=lambda mark: line.count(mark.encode()))
    return generic(delimited(file, delimiter), options.columns, options.offset_s)


def _parquet(file: Opened, options: _Options) -> Reading[Any]:
    cells = parquet(file)
    if cells.has(*FORMATS["requests"].signature):
        return requests(cells, "Parquet of LLM requests", options.offset_s)
    return generic(cells, options.columns, options.offset_s, "Parquet")


FORMATS: dict[str, Format] = {
    "sacct": Format("Slurm sacct -P", _slurm, frozenset({"submit", "state"})),
    "sacct-json": Format("Slurm sacct --json", lambda file, _: sacct_json(file)),
    "philly": Format(
        "Philly cluster_job_log", lambda file, options: philly(file, options.offset_s)
    ),
    "helios": Format(
        "Helios cluster_log.csv",
        _comma(helios),
        frozenset({"vc", "gpu_num", "cpu_num", "node_num", "state", "submit_time"}),
    ),
    "acme": Format(
        "Acme trace_*.csv",
        _comma(acme),
        frozenset({"type", "gpu_num", "cpu_num", "node_num", "state", "submit_time"}),
    ),
    "openb": Format(
        "Alibaba openb pod list",
        _comma(lambda cells, _: openb(cells)),
        frozenset({"name", "cpu_milli", "num_gpu", "gpu_milli"}),
    ),
    "swf": Format(
        "Standard Workload Format", lambda file, options: swf(file, options.processor_is_gpu)
    ),
    "azure": Format(
        "Azure LLM inference",
        _comma(lambda cells, offset_s: requests(cells, "Azure LLM inference", offset_s)),
        frozenset({"timestamp", "contexttokens", "generatedtokens"}),
    ),
    "burstgpt": Format(
        "BurstGPT",
        _comma(lambda cells, offset_s: requests(cells, "BurstGPT", offset_s)),
        frozenset({"timestamp", "request_tokens", "response_tokens"}),
    ),
    "requests": Format(
        "CSV of LLM requests",
        _comma(lambda cells, offset_s: requests(cells, "CSV of LLM requests", offset_s)),
        frozenset({"input_tokens", "output_tokens"}),
    ),
    "mooncake": Format("Mooncake JSON lines", lambda file, _: mooncake(file)),
    "parquet": Format(
        "Parquet",
        _parquet,
    ),
    "csv": Format("CSV", _csv),
}
"""Every format by the name that a user writes, the most telling first."""
