"""Standard Workload Format of the Parallel Workloads Archive: 18 numbers a line, `;` comments.

The format is described at https://www.cs.huji.ac.il/labs/parallel/workload/swf.html: -1 is
"not told", times are seconds since the log's start (`UnixStartTime` in its header), memory is
kilobytes per processor. It knows processors, not GPUs: they are CPUs here, unless the reader is
told that a processor of this log is a GPU.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from arkwright.errors import InputError, Problem
from arkwright.twin.workload import convert
from arkwright.twin.workload.convert import Instants, Numbers
from arkwright.twin.workload.delimited import Cells, delimited
from arkwright.twin.workload.draft import Draft
from arkwright.twin.workload.opening import Opened
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.table import JobTable, Outcome
from arkwright.units import MILLI, MS_PER_S

FIELDS = (
    "job", "submit", "wait", "run", "processors_used", "cpu_used", "memory_used",
    "processors_asked", "time_asked", "memory_asked", "status", "user", "group", "executable",
    "queue", "partition", "preceding", "think",
)  # fmt: skip
_STATUS = {0: Outcome.FAILED, 1: Outcome.COMPLETED, 5: Outcome.CANCELLED}
_PART_OF_A_JOB = (2, 3, 4)
"""Status of lines that tell of one partial run of a job that has its own summary line."""
_START = re.compile(rb"^;\s*UnixStartTime:\s*(\d+)", re.MULTILINE)
_KIB_PER_MIB = 1024


def swf(file: Opened, processor_is_gpu: bool = False) -> Reading[JobTable]:
    """Jobs of a log; its partial runs (status 2, 3, 4) are dropped, their summaries stay."""
    start_of_log = _START.search(file.content)
    cells = _cells(file)
    number = {name: _told(cells, name) for name in FIELDS}
    draft = Draft(cells, "SWF")
    zero_ms = int(start_of_log[1]) * MS_PER_S if start_of_log else 0
    draft.ids(cells.columns["job"])
    submit = draft.submit(cells.columns["submit"], MS_PER_S)
    draft.columns["submit_ms"] = submit.ms + zero_ms
    draft.is_dated = bool(zero_ms) or submit.is_dated
    status = number["status"].values
    draft.sieve.drop(np.isin(status, _PART_OF_A_JOB), "one part of a job that has its own line")
    _times(draft, number)
    asked, used = number["processors_asked"], number["processors_used"]
    size = Numbers(np.where(asked.told, asked.values, used.values), asked.junk & used.junk)
    key, other = ("gpus_milli", "cpus_milli") if processor_is_gpu else ("cpus_milli", "gpus_milli")
    amount = draft.needed(key, size, "the number of processors", MILLI)
    draft.sieve.drop(amount == 0, "no number of processors")
    draft.columns[other] = np.zeros(cells.count, dtype=np.int64)
    asked_kib = number["memory_asked"]
    memory = Numbers(asked_kib.values * size.values / _KIB_PER_MIB, asked_kib.junk)
    draft.wished("memory_mib", memory, "the memory")
    for key, name in (("user", "user"), ("project", "group"), ("pool", "partition")):
        column = cells.columns[name]
        draft.labels(key, pc.if_else(pc.equal(column, "-1"), None, column))
    codes = [_STATUS.get(int(value), Outcome.UNKNOWN) for value in np.nan_to_num(status, nan=-1)]
    draft.columns["outcome"] = np.array(codes, dtype=np.int8)
    return draft.reading()


def _times(draft: Draft, number: dict[str, Numbers]) -> None:
    submit_ms = draft.columns["submit_ms"]
    wait_ms, _ = convert.milliseconds(number["wait"].values, MS_PER_S)
    told = number["wait"].told
    never = np.zeros(len(told), dtype=np.bool_)
    start = Instants(np.where(told, submit_ms + wait_ms, -1), told, never, draft.is_dated)
    end = Instants(np.full(len(told), -1, dtype=np.int64), never, never, draft.is_dated)
    draft.run(number["run"], start, end)
    draft.columns["start_ms"] = start.ms
    ended = told & number["run"].told
    draft.columns["end_ms"] = np.where(ended, start.ms + draft.columns["run_ms"], -1)
    draft.estimate(number["time_asked"])


def _cells(file: Opened) -> Cells:
    lines = file.content.split(b"\n")
    # Comments become empty lines, so that records keep their line numbers.
    packed = [b"" if line.lstrip()[:1] == b";" else b" ".join(line.split()) for line in lines]
    first = next((place for place, line in enumerate(packed) if line), None)
    if first is None or packed[first].count(b" ") + 1 != len(FIELDS):
        there = 0 if first is None else packed[first].count(b" ") + 1
        line = 1 if first is None else first + 1
        right = f"{len(FIELDS)} numbers between blanks"
        problem = Problem(f"{file.name}:{line}", "", f"{there} values", right)
        raise InputError(f"{file.name} is not an SWF log", [problem])
    text = Opened(file.name, b"\n".join(packed), file.is_cut)
    return delimited(text, " ", quoted=False, names=FIELDS)


def _told(cells: Cells, name: str) -> Numbers:
    """-1 is not told; anything further below zero stays, to be refused where it matters."""
    found = convert.numbers(cells.columns[name])
    values: NDArray[np.float64] = np.where(found.values == -1, np.nan, found.values)
    return Numbers(values, found.junk)
