"""Energy of a run's attempts and nodes: by node and job over the whole run, by hall and hour.

Power is constant between starts, ends and outages, so every sum is exact. Nothing here walks over
attempts or hours: the log is taken in slices so that what is in memory stays small, and each slice
is a handful of array operations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arkwright.physics.steps import HourSums, summed
from arkwright.twin.draw import Draws
from arkwright.twin.record import Record
from arkwright.units import MILLI

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SLICE = 2**17
"""Attempts at a time: with some nodes each, a slice's columns stay within a few megabytes."""


class Stretches(NamedTuple):
    """What a job holds in one hall in one attempt; the nodes of a gang there are one stretch."""

    job: Ints
    hall: Ints
    from_ms: Ints
    until_ms: Ints
    """Within the run."""
    busy_w: Floats
    """What the job draws."""
    freed_w: Floats
    """What the GPUs it holds would draw idle."""


class Changes(NamedTuple):
    """What outages add to the idle draw of their nodes; mostly less than nothing."""

    hall: Ints
    from_ms: Ints
    until_ms: Ints
    more_w: Floats


class Books(NamedTuple):
    """Watts times milliseconds, by node and by hall and hour."""

    stretches: Stretches
    changes: Changes
    always_w: Floats
    """[n_halls]: what their nodes draw with no job and no outage [W]."""
    node_busy: Floats
    """[n_nodes]: of jobs."""
    node_idle: Floats
    """[n_nodes]: of GPUs that no job holds, and of nodes that are out."""
    hall_busy: Floats
    hall_idle: Floats
    """[n_halls, n_hours]: the same two, summed on their own."""


def books(record: Record, draws: Draws, edges_ms: Ints) -> Books:
    """The books of `record`. A job draws its watts for the GPUs it holds, whole or in parts.

    Takes it as given that no GPU is held while its node is out. NaN where a draw is NaN.
    """
    places = record.places
    n_nodes, n_halls = len(places.path), len(places.halls)
    node_busy, node_freed = np.zeros(n_nodes), np.zeros(n_nodes)
    busy, idle = HourSums(edges_ms, n_halls), HourSums(edges_ms, n_halls)
    slices = []
    for first in range(0, len(record.attempts.job), _SLICE):
        part = _slice(record, draws, first, node_busy, node_freed)
        busy.add(part.hall, part.from_ms, part.until_ms, part.busy_w)
        idle.add(part.hall, part.from_ms, part.until_ms, -part.freed_w)
        slices.append(part)
    changes, out_ms = _out(record, draws)
    idle.add(changes.hall, changes.from_ms, changes.until_ms, changes.more_w)
    span_ms = record.until_ms - record.from_ms
    own = draws.node_idle_w * (span_ms - out_ms) + draws.node_out_w * out_ms
    always_w = summed(places.hall, draws.node_idle_w, n_halls)
    return Books(
        stretches=_joined(slices),
        changes=changes,
        always_w=always_w,
        node_busy=node_busy,
        node_idle=own - node_freed,
        hall_busy=busy.sums(),
        hall_idle=idle.sums() + np.outer(always_w, np.diff(edges_ms)),
    )


def _slice(
    record: Record, draws: Draws, first: int, node_busy: Floats, node_freed: Floats
) -> Stretches:
    """The attempts from `first` on; adds what their nodes spend to the last two columns."""
    log, places = record.attempts, record.places
    last = min(first + _SLICE, len(log.job))
    job = log.job[first:last]
    from_ms = np.clip(log.start_ms[first:last], record.from_ms, record.until_ms)
    until_ms = np.clip(log.end_ms[first:last], from_ms, record.until_ms)
    pairs = slice(int(log.node_first[first]), int(log.node_first[last]))
    node = log.node[pairs]
    gpus = log.gpu_milli[pairs] / MILLI
    row = np.repeat(np.arange(last - first), np.diff(log.node_first[first : last + 1]))
    busy_w = gpus * _per_gpu(draws, node, row, job)
    freed_w = gpus * _idle_per_gpu(draws, places.gpus)[node]
    lasted = (until_ms - from_ms).astype(np.float64)[row]
    node_busy += summed(node, busy_w * lasted, len(node_busy))
    node_freed += summed(node, freed_w * lasted, len(node_freed))
    hall = places.hall[node]
    is_new = np.ones(len(row), dtype=np.bool_)
    is_new[1:] = (row[1:] != row[:-1]) | (hall[1:] != hall[:-1])
    begin = np.flatnonzero(is_new)
    row = row[begin]
    return Stretches(
        job=job[row],
        hall=hall[begin],
        from_ms=from_ms[row],
        until_ms=until_ms[row],
        busy_w=_summed(busy_w, begin),
        freed_w=_summed(freed_w, begin),
    )


def _per_gpu(draws: Draws, node: Ints, row: Ints, job: Ints) -> Floats:
    """Watts per GPU of every pair of an attempt and a node."""
    n_kinds = draws.busy_w_per_gpu.shape[1]
    cell = draws.node_system[node] * n_kinds + draws.job_kind[job][row]
    known: Floats = draws.busy_w_per_gpu.ravel()[cell]
    if not len(draws.job_w_per_gpu):
        return known
    own = draws.job_w_per_gpu[job][row]
    return np.asarray(np.where(np.isnan(own), known, own))


def _idle_per_gpu(draws: Draws, gpus: Ints) -> Floats:
    return draws.node_idle_w / np.maximum(gpus, 1) * (gpus > 0)


def _summed(values: Floats, begin: Ints) -> Floats:
    return np.asarray(np.add.reduceat(values, begin)) if len(begin) else np.zeros(0)


def _out(record: Record, draws: Draws) -> tuple[Changes, Ints]:
    """What outages change, and the milliseconds that every node is out."""
    outages, places = record.outages, record.places
    from_ms = np.clip(outages.from_ms, record.from_ms, record.until_ms)
    until_ms = np.clip(outages.until_ms, from_ms, record.until_ms)
    more_w = (draws.node_out_w - draws.node_idle_w)[outages.node]
    lasted = np.bincount(outages.node, until_ms - from_ms, len(places.path))
    changes = Changes(places.hall[outages.node], from_ms, until_ms, more_w)
    return changes, lasted.astype(np.int64)


def _joined(slices: list[Stretches]) -> Stretches:
    if not slices:
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Stretches(none, none, none, none, nothing, nothing)
    return Stretches(*(np.concatenate(columns) for columns in zip(*slices, strict=True)))
