"""The jobs of a scenario: traces read, workloads generated, services laid beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs

from arkwright.errors import InputError
from arkwright.factory import instant_ms
from arkwright.twin.scenario.rules import window_ms
from arkwright.twin.scenario.spec import Scenario, Service, Workload
from arkwright.twin.workload.generate import generate
from arkwright.twin.workload.golden import golden
from arkwright.twin.workload.read import read_jobs
from arkwright.twin.workload.table import (
    NOT_TOLD,
    JobTable,
    Labels,
    gpu_jobs,
    job_table,
    merged,
    shifted,
    stretched,
    within,
)
from arkwright.units import MILLI, MS_PER_S

SERVICE = "service"
"""Kind of work of a replica, as the tables and the report name it."""


class Jobs(NamedTuple):
    """What a run is given, and what is to be said of it."""

    table: JobTable
    services: tuple[int, ...]
    """Codes of `table.workload` that stand for replicas of services."""
    notes: tuple[str, ...]
    from_ms: int
    until_ms: int | None


class Span(NamedTuple):
    """The horizon. None of `from_ms`: the first submission; of `until_ms`: when all is over."""

    from_ms: int | None
    until_ms: int | None


def span_of(scenario: Scenario) -> Span:
    """The horizon as numbers [ms since 1970]; one that is only so long has no end yet."""
    asked = scenario.horizon
    from_ms = None if asked.start is None else instant_ms(asked.start)
    if asked.end is not None:
        return Span(from_ms, instant_ms(asked.end))
    if asked.span is not None and from_ms is not None:
        return Span(from_ms, from_ms + round(asked.span * MS_PER_S))
    return Span(from_ms, None)


def jobs_of(scenario: Scenario, folder: Path, gpus: int, seed: int) -> Jobs:
    """All jobs submitted within the horizon, for a fleet of `gpus` GPUs.

    The same seed gives the same jobs, whatever the policy and whatever else is drawn. Raises
    InputError for a trace that cannot be read, or jobs of which none is within the horizon.
    """
    span = span_of(scenario)
    tables, notes = [], []
    for index, work in enumerate(scenario.workloads):
        table, said = _one(work, index, span, folder, gpus, seed)
        tables.append(_to_project(table, work))
        notes += said
    if scenario.services:
        tables.append(_replicas(scenario, span))
    if len({table.is_dated for table in tables}) > 1:
        raise InputError(
            "simulating: some workloads have dates and others count from a zero of their own; "
            "give horizon: {from: 2026-01-01}, or starts to those without dates"
        )
    whole = merged(tables)
    span = _from_first(scenario, span, whole)
    whole, left = _inside(whole, span)
    notes += left
    codes = tuple(code for code, name in enumerate(whole.workload.names) if name == SERVICE)
    return Jobs(whole, codes, tuple(notes), span.from_ms or 0, span.until_ms)


def _one(
    work: Workload, index: int, span: Span, folder: Path, gpus: int, seed: int
) -> tuple[JobTable, list[str]]:
    if work.generate is not None:
        from_ms = span.from_ms or 0
        name = f"workload-{index}"
        table = generate(work.generate, gpus, from_ms, span.until_ms, seed=seed, name=name)
        return _limited(table, work), []
    if work.golden is not None:
        asked = work.golden
        table = golden(asked.jobs, gpus, asked.load, seed + index, asked.stretch)
        return _placed(table, work, span), []
    return _traced(work, span, folder)


def _traced(work: Workload, span: Span, folder: Path) -> tuple[JobTable, list[str]]:
    options: dict[str, Any] = {
        "utc_offset_s": work.utc_offset,
        "columns": work.columns,
        "processor_is_gpu": work.processor_is_gpu,
    }
    reading = read_jobs(folder / (work.trace or ""), work.format, **options)
    table = gpu_jobs(reading.table)
    notes = [f"{reading.source}: dropped {tally}: {why}" for why, tally in reading.dropped.items()]
    if len(table) < len(reading.table):
        left = len(reading.table) - len(table)
        notes.append(f"{reading.source}: {left:,} jobs without a GPU are left out")
    if not len(table):
        raise InputError(f"simulating {reading.source}: it has no job that asks for a GPU")
    if work.window is not None:
        first_ms, dated = int(table.submit_ms[0]), table.is_dated
        edges = [
            window_ms(text, first_ms, dated) if text is not None else None
            for text in (work.window.start, work.window.end)
        ]
        low = first_ms if edges[0] is None else edges[0]
        high = int(table.submit_ms[-1]) + 1 if edges[1] is None else edges[1]
        table = within(table, low, high)
        if not len(table):
            raise InputError(f"simulating {reading.source}: no job is submitted in its window")
    if work.scale is not None:
        table = stretched(table, work.scale.run, work.scale.arrivals)
    return _placed(_limited(table, work), work, span), notes


def _limited(table: JobTable, work: Workload) -> JobTable:
    return structs.replace(table, estimate_ms=table.run_ms.copy()) if work.exact_limits else table


def _placed(table: JobTable, work: Workload, span: Span) -> JobTable:
    """Moved to where its first job is to be submitted."""
    if work.starts is not None:
        at_ms: int | None = instant_ms(work.starts)
    else:
        at_ms = None if table.is_dated else span.from_ms
    if at_ms is None or not len(table):
        return table
    return shifted(table, at_ms - int(table.submit_ms[0]), is_dated=True)


def _to_project(table: JobTable, work: Workload) -> JobTable:
    if work.project is None:
        return table
    return structs.replace(table, project=Labels(np.zeros(len(table), np.int32), (work.project,)))


def _replicas(scenario: Scenario, span: Span) -> JobTable:
    """A job for every replica, which runs until its end or beyond that of the run."""
    rows: list[tuple[str, int, int, Service]] = []
    for name, service in scenario.services.items():
        begin = span.from_ms or 0 if service.start is None else instant_ms(service.start)
        end = span.until_ms or begin if service.end is None else instant_ms(service.end)
        rows += [
            (f"{name}-{number}", begin, end, service) for number in range(1, service.replicas + 1)
        ]
    # One that lasts to the end of the run outlives it, so that it is still running then.
    beyond = [end + 1 if end == span.until_ms else end for _, _, end, _ in rows]
    lasts = np.array([e - b for (_, b, _, _), e in zip(rows, beyond, strict=True)], np.int64)
    projects = tuple(dict.fromkeys(s.project for *_, s in rows if s.project is not None))
    codes = [projects.index(s.project) if s.project is not None else NOT_TOLD for *_, s in rows]
    return job_table(
        ids=np.array([name for name, *_ in rows], dtype=object),
        submit_ms=np.array([begin for _, begin, _, _ in rows], np.int64),
        run_ms=lasts,
        estimate_ms=lasts.copy(),
        nodes=np.array([service.nodes or 0 for *_, service in rows], np.int64),
        gpus_milli=np.array([round(service.gpus * MILLI) for *_, service in rows], np.int64),
        priority=np.array([service.priority for *_, service in rows], np.int64),
        project=Labels(np.array(codes, np.int32), projects),
        workload=Labels(np.zeros(len(rows), np.int32), (SERVICE,)),
        is_dated=True,
    )


def _from_first(scenario: Scenario, span: Span, table: JobTable) -> Span:
    """A horizon without a beginning begins with the first submission."""
    if span.from_ms is not None or not len(table):
        return span
    from_ms, lasts_s = int(table.submit_ms[0]), scenario.horizon.span
    if span.until_ms is None and lasts_s is not None:
        return Span(from_ms, from_ms + round(lasts_s * MS_PER_S))
    return Span(from_ms, span.until_ms)


def _inside(table: JobTable, span: Span) -> tuple[JobTable, list[str]]:
    from_ms = int(table.submit_ms.min(initial=0)) if span.from_ms is None else span.from_ms
    until_ms = int(table.submit_ms.max(initial=0)) + 1 if span.until_ms is None else span.until_ms
    kept = within(table, from_ms, until_ms)
    if not len(kept):
        raise InputError(
            "simulating: no job is submitted within the horizon; give starts to a trace of "
            "another time, or another horizon"
        )
    left = len(table) - len(kept)
    return kept, [f"{left:,} jobs are submitted outside the horizon"] if left else []
