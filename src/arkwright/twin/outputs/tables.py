"""The Parquet tables of a simulation: what rows and columns each has.

Every table begins with `run`, the name of the run the row is of, so that several policies lie in
one file. Times are milliseconds since 1970 (UTC), or since the trace's own zero where it has no
date; units end the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from arkwright.twin.headline import held_milli, spans
from arkwright.twin.outcome import Outcome
from arkwright.twin.outputs.telling import told
from arkwright.twin.power import STEPPED
from arkwright.twin.record import Ending, Ints
from arkwright.twin.report.steps import Steps
from arkwright.twin.report.tally import tally
from arkwright.twin.tables import Column
from arkwright.twin.workload.table import Labels
from arkwright.units import MILLI, MS_PER_S, S_PER_HOUR

Columns = Mapping[str, Column]
_MS_PER_HOUR = MS_PER_S * S_PER_HOUR


def jobs_columns(outcome: Outcome) -> Columns:
    """A row for every job of the table, also those that never started."""
    jobs, attempts = outcome.jobs, outcome.record.attempts
    first, last, is_complete = spans(attempts, len(jobs))
    times = np.bincount(attempts.job, minlength=len(jobs))
    ending = np.full(len(jobs), -1, np.int64)
    ending[attempts.job] = attempts.ending
    again = np.isin(ending, (Ending.NODE_FAILED, Ending.PREEMPTED, Ending.MOVED))
    state = np.where(is_complete, 2, np.where((ending < 0) | again, 0, 1)).astype(np.int32)
    held = np.bincount(attempts.job, (attempts.end_ms - attempts.start_ms), len(jobs))
    lost = np.bincount(attempts.job, attempts.lost_ms, len(jobs))
    return {
        "job": _ids(jobs.ids),
        "submit_ms": jobs.submit_ms,
        "start_ms": _or_null(first),
        "end_ms": _or_null(np.where(is_complete, last, -1)),
        "wait_ms": _or_null(np.where(first >= 0, first - jobs.submit_ms, -1)),
        "run_ms": jobs.run_ms,
        "estimate_ms": _or_null(jobs.estimate_ms),
        "held_ms": held.astype(np.int64),
        "lost_ms": lost.astype(np.int64),
        "gpus_milli": jobs.gpus_milli,
        "attempts": times.astype(np.int64),
        "state": Labels(state, ("waiting", "running", "done")),
        "ending": _endings(ending),
        "project": jobs.project,
        "pool": jobs.pool,
        "user": jobs.user,
        "workload": jobs.workload,
        **_job_energy(outcome),
    }


def attempts_columns(outcome: Outcome) -> Columns:
    """A row for every start of a job, in the order of starting; `nodes` index `nodes.parquet`."""
    attempts = outcome.record.attempts
    return {
        "job": _ids(outcome.jobs.ids[attempts.job]),
        "attempt": _numbers(attempts.job),
        "start_ms": attempts.start_ms,
        "end_ms": attempts.end_ms,
        "ending": _endings(attempts.ending),
        "lost_ms": attempts.lost_ms,
        "gpus_milli": held_milli(attempts),
        "nodes": pa.ListArray.from_arrays(
            pa.array(attempts.node_first, pa.int32()), pa.array(attempts.node, pa.int32())
        ),
    }


def nodes_columns(outcome: Outcome) -> Columns:
    """A row for every node: where it is, and what became of its time."""
    record = outcome.record
    places, attempts, outages = record.places, record.attempts, record.outages
    n_nodes = len(places.path)
    ran_ms = np.repeat(attempts.end_ms - attempts.start_ms, np.diff(attempts.node_first))
    held = np.bincount(attempts.node, ran_ms * (attempts.gpu_milli / MILLI), n_nodes)
    out = np.bincount(outages.node, outages.until_ms - outages.from_ms, n_nodes)
    return {
        "node": np.arange(n_nodes, dtype=np.int64),
        "path": pa.array(places.path, pa.string()),
        "site": Labels(places.site.astype(np.int32), tuple(places.sites)),
        "hall": Labels(places.hall.astype(np.int32), tuple(places.halls)),
        "row": Labels(places.row.astype(np.int32), tuple(places.rows)),
        "rack": Labels(places.rack.astype(np.int32), tuple(places.racks)),
        "gpu_type": Labels(places.gpu_type.astype(np.int32), tuple(places.gpu_types)),
        "gpus": places.gpus,
        "held_gpu_h": held / _MS_PER_HOUR,
        "out_h": out / _MS_PER_HOUR,
        "outages": np.bincount(outages.node, minlength=n_nodes).astype(np.int64),
        "attempts": np.bincount(attempts.node, minlength=n_nodes).astype(np.int64),
        "kwh": _floats(None if outcome.energy is None else outcome.energy.node_kwh, n_nodes),
    }


def queue_columns(outcome: Outcome) -> Columns:
    """A row for every instant at which one of the figures changes; each holds until the next."""
    counted = tally(told(outcome))
    named = {
        "waiting_jobs": counted.queue,
        "waiting_gpus_milli": counted.queue_gpus,
        "held_gpus_milli": counted.held,
        "out_gpus_milli": counted.out,
    }
    at_ms = np.unique(np.concatenate([steps.t_ms for steps in named.values()]))
    return {"at_ms": at_ms, **{name: _at(steps, at_ms) for name, steps in named.items()}}


def power_columns(outcome: Outcome) -> Columns:
    """A row for every site and step of its power; null where it is not modelled."""
    sites = outcome.power.sites
    counts = [len(site.t_ms) for site in sites]
    names = tuple(site.site for site in sites)
    codes = np.repeat(np.arange(len(sites), dtype=np.int32), counts)
    columns: dict[str, Column] = {
        "site": Labels(codes, names),
        "at_ms": _joined([site.t_ms for site in sites], np.int64),
    }
    for name in STEPPED:
        parts = [
            column if len(column := getattr(site, name)) else np.full(count, np.nan)
            for site, count in zip(sites, counts, strict=True)
        ]
        whole = _joined(parts, np.float64)
        # A cap that is not there is infinite in the account, and nothing in a table.
        columns[name] = pa.array(whole, pa.float64(), mask=~np.isfinite(whole))
    return columns


def events_columns(outcome: Outcome) -> Columns:
    """A row for every outage of a node and everything else that happened beside jobs, by time."""
    record, happenings = outcome.record, outcome.happenings
    outages, n_made = record.outages, len(happenings)
    n_out = len(outages.node)
    paths = [record.places.path[node] for node in outages.node.tolist()]
    at_ms = np.concatenate([outages.from_ms, [one.at_ms for one in happenings]]).astype(np.int64)
    until = [-1 if one.until_ms is None else one.until_ms for one in happenings]
    until_ms = np.concatenate([outages.until_ms, until]).astype(np.int64)
    order = np.argsort(at_ms, kind="stable")
    kind = ["outage"] * n_out + [one.kind for one in happenings]
    subject = paths + [one.subject for one in happenings]
    causes = [outages.causes[code] for code in outages.cause.tolist()] + [""] * n_made
    failure = np.concatenate([outages.failure, np.full(n_made, -1)]).astype(np.int64)
    value = np.array([-1] * n_out + [_value(one.value) for one in happenings], np.int64)
    return {
        "at_ms": at_ms[order],
        "until_ms": _or_null(until_ms[order]),
        "kind": _texts(kind, order),
        "subject": _texts(subject, order),
        "cause": _texts(causes, order),
        "failure": _or_null(failure[order]),
        "limit_w": _or_null(value[order]),
    }


TABLES: Final[Mapping[str, Callable[[Outcome], Columns]]] = {
    "jobs": jobs_columns,
    "attempts": attempts_columns,
    "nodes": nodes_columns,
    "power": power_columns,
    "queue": queue_columns,
    "events": events_columns,
}


def table_of(columns: Callable[[Outcome], Columns], outcomes: Sequence[Outcome]) -> Columns:
    """The rows of several runs under each other, with the name of the run before them."""
    parts = [dict(columns(outcome)) for outcome in outcomes]
    counts = [len(_arrow(next(iter(part.values())))) for part in parts]
    runs = np.repeat(np.arange(len(outcomes), dtype=np.int32), counts)
    whole: dict[str, Column] = {"run": Labels(runs, tuple(each.name for each in outcomes))}
    for name in parts[0]:
        chunks = [_arrow(part[name]) for part in parts]
        if chunks[0].type == pa.string() or pa.types.is_dictionary(chunks[0].type):
            whole[name] = _one_dictionary(chunks)
        else:
            whole[name] = pa.concat_arrays(_of_one_type(chunks))
    return whole


def _job_energy(outcome: Outcome) -> dict[str, Column]:
    """Of all attempts of each job; null where it is not modelled."""
    found = outcome.energy
    return {
        name: _floats(None if found is None else getattr(found.jobs, name), len(outcome.jobs))
        for name in ("it_kwh", "meter_kwh", "carbon_kg", "cost")
    }


def _floats(values: np.ndarray | None, count: int) -> Any:
    there = np.full(count, np.nan) if values is None or len(values) != count else values
    return pa.array(there, pa.float64(), mask=np.isnan(there))


def _arrow(column: Column) -> Any:
    if isinstance(column, Labels):
        codes = pa.array(column.codes, pa.int32(), mask=column.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(column.names, pa.string()))
    return column if isinstance(column, pa.Array) else pa.array(column)


def _one_dictionary(chunks: Sequence[Any]) -> Any:
    whole = pa.chunked_array([_plain(chunk) for chunk in chunks], pa.string())
    return whole.combine_chunks().dictionary_encode()


def _plain(chunk: Any) -> Any:
    return chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk


def _of_one_type(chunks: Sequence[Any]) -> Sequence[Any]:
    """Ids of one trace may be numbers and of another text: then all are text."""
    if len({str(chunk.type) for chunk in chunks}) == 1:
        return chunks
    return [chunk.cast(pa.string()) for chunk in chunks]


def _ids(ids: np.ndarray) -> Any:
    return pa.array(ids.tolist(), pa.string()) if ids.dtype == object else pa.array(ids, pa.int64())


def _or_null(column: Ints) -> Any:
    return pa.array(column, pa.int64(), mask=np.asarray(column) < 0)


def _value(value: int | None) -> int:
    return -1 if value is None else value


def _texts(texts: Sequence[str], order: Ints) -> Any:
    return pa.array([texts[place] or None for place in order.tolist()], pa.string())


def _endings(ending: Ints) -> Labels:
    names = tuple(each.name.lower() for each in Ending)
    return Labels(ending.astype(np.int32), names)


def _numbers(job: Ints) -> Ints:
    """[n_attempts]: which attempt of its job each is, from 1."""
    order = np.argsort(job, kind="stable")
    ordered = job[order]
    fresh = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(job)])
    since = np.repeat(fresh, np.diff(np.append(fresh, len(job))))
    number = np.empty(len(job), np.int64)
    number[order] = np.arange(len(job)) - since + 1
    return number


def _at(steps: Steps, at_ms: Ints) -> Ints:
    place = np.searchsorted(steps.t_ms, at_ms, side="right") - 1
    return np.asarray(steps.value[place.clip(min=0)], np.int64)


def _joined(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)
