"""Microsoft Philly's `cluster_job_log`: a JSON list of jobs, each with its attempts.

Format as the README of msr-fiddle/philly-traces describes it. A job asks for the GPUs of its first
attempt and ran for the sum of its attempts, without the gaps between them. Its instants have no
zone (the cluster's clock was Pacific time).
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct

from arkwright.errors import InputError
from arkwright.twin.workload import convert
from arkwright.twin.workload.convert import Instants, Numbers
from arkwright.twin.workload.delimited import NOT_IN_JSON, Cells
from arkwright.twin.workload.draft import Draft
from arkwright.twin.workload.opening import Opened
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.table import Int64, JobTable
from arkwright.units import MILLI, MS_PER_S


class _Machine(Struct):
    gpus: list[str] = []


class _Attempt(Struct):
    start_time: str | None = None
    end_time: str | None = None
    detail: list[_Machine] = []


class _Job(Struct):
    jobid: str
    submitted_time: str | None = None
    status: str | None = None
    vc: str | None = None
    user: str | None = None
    attempts: list[_Attempt] = []


def philly(file: Opened, offset_s: float = 0.0) -> Reading[JobTable]:
    """Jobs that have run; lines of the report are places in the list, from 1."""
    jobs, bad = _jobs(file)
    cells = _cells(file.name, jobs, bad)
    draft = Draft(cells, "Philly", offset_s)
    draft.ids(cells.columns["id"])
    draft.submit(cells.columns["submit"])
    owner = np.repeat(np.arange(len(jobs)), [len(job.attempts) for job in jobs])
    attempts = [attempt for job in jobs for attempt in job.attempts]
    starts = _stamps([attempt.start_time for attempt in attempts], offset_s)
    ends = _stamps([attempt.end_time for attempt in attempts], offset_s)
    ran = starts.told & ends.told
    sums = np.zeros(len(jobs), dtype=np.int64)
    np.add.at(sums, owner[ran], (ends.ms - starts.ms)[ran])
    has_run = np.bincount(owner[ran], minlength=len(jobs)) > 0
    draft.sieve.drop(np.array([not job.attempts for job in jobs], dtype=np.bool_), "never started")
    last = _last(owner, len(jobs))
    is_open = starts.told[last] & ~ends.told[last] if len(attempts) else ~has_run
    draft.sieve.drop(is_open, "no end: still running when the log was taken")
    seconds = np.where(has_run, sums / MS_PER_S, np.nan)
    start, end = _bounds(owner, ran, starts, ends, len(jobs))
    nothing = np.zeros(len(jobs), dtype=np.bool_)
    draft.run(Numbers(seconds, nothing), start, end)
    draft.columns["start_ms"], draft.columns["end_ms"] = start.ms, end.ms
    for key in ("gpus", "nodes"):
        found = convert.numbers(cells.columns[key])
        name, scale = ("gpus_milli", MILLI) if key == "gpus" else ("nodes", 1)
        draft.needed(name, found, f"the number of {key}", scale)
    for key, name in (("user", "user"), ("pool", "vc")):
        draft.labels(key, cells.columns[name])
    draft.states(cells.columns["status"])
    lost = np.bincount(owner[~ran], minlength=len(jobs)) > 0
    draft.sieve.note(lost, "an attempt without start or end: not counted")
    draft.sieve.note(_changed(jobs), "other numbers of GPUs in later attempts: the first counts")
    return draft.reading()


def _jobs(file: Opened) -> tuple[list[_Job], list[int]]:
    try:
        raws = msgspec.json.decode(file.content, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise InputError(f"{file.name} is not a JSON list of jobs as Philly's: {error}") from None
    decoder = msgspec.json.Decoder(_Job)
    jobs, bad = [], []
    for number, raw in enumerate(raws, start=1):
        try:
            jobs.append(decoder.decode(raw))
        except msgspec.DecodeError:
            bad.append(number)
    return jobs, bad


def _cells(source: str, jobs: list[_Job], bad: list[int]) -> Cells:
    first = [next((a.detail for a in job.attempts if a.detail), []) for job in jobs]
    columns: dict[str, Any] = {
        "id": pa.array([job.jobid for job in jobs], pa.string()),
        "submit": pa.array([job.submitted_time for job in jobs], pa.string()),
        "gpus": pa.array([sum(len(m.gpus) for m in detail) for detail in first], pa.int64()),
        "nodes": pa.array([len(detail) for detail in first], pa.int64()),
        "user": pa.array([job.user for job in jobs], pa.string()),
        "vc": pa.array([job.vc for job in jobs], pa.string()),
        "status": pa.array([job.status for job in jobs], pa.string()),
    }
    skipped = np.array([number - 1 for number in bad], dtype=np.int64)
    return Cells(source, columns, len(jobs), 1, skipped, tuple(bad), NOT_IN_JSON)


def _stamps(texts: list[str | None], offset_s: float) -> Instants:
    return convert.instants(pa.array(texts, pa.string()), offset_s)


def _last(owner: Int64, count: int) -> Int64:
    """The last attempt of every job; of one without attempts that of another."""
    last = np.searchsorted(owner, np.arange(count), side="right") - 1
    return np.maximum(last, 0)


def _bounds(
    owner: Int64, ran: Any, starts: Instants, ends: Instants, count: int
) -> tuple[Instants, Instants]:
    first = np.full(count, np.iinfo(np.int64).max)
    final = np.full(count, -1, dtype=np.int64)
    np.minimum.at(first, owner[ran], starts.ms[ran])
    np.maximum.at(final, owner[ran], ends.ms[ran])
    told = final >= 0
    first = np.where(told, first, -1)
    junk = np.zeros(count, dtype=np.bool_)
    return Instants(first, told, junk, True), Instants(final, told, junk, True)


def _changed(jobs: list[_Job]) -> Any:
    sizes = [
        {sum(len(m.gpus) for m in attempt.detail) for attempt in job.attempts if attempt.detail}
        for job in jobs
    ]
    return np.array([len(found) > 1 for found in sizes], dtype=np.bool_)
