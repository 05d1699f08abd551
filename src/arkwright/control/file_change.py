"""What a changed factory file may not take away: the nodes, room and projects of jobs in hand.

A job that runs goes on whatever the file says, so the file has to keep what it holds; a job that
waits keeps its project. Everything that is wrong is said at once, before the log is replayed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Row, select

from arkwright.control.store import Reader
from arkwright.control.tables import ATTEMPTS, JOBS
from arkwright.design import Node
from arkwright.errors import InputError, Problem
from arkwright.fleet import Fleet
from arkwright.jobs.lifecycle import FINAL, PLACED
from arkwright.jobs.spec import JobSpec, parts_by_node
from arkwright.units import MILLI, gigabytes_to_mib

_ADVICE = "start with the earlier file, cancel the job or let it end, then change the file"
_WHERE = "factory file"


def refuse_lost_ground(reader: Reader, fleet: Fleet, earlier: Path) -> None:
    """Raises InputError with every job for which the factory, as now written, has no place.

    `earlier` is the file the last server ran with: what to go back to.
    """
    placed = _placed(reader)
    nodes = {node.path: node for node in fleet.nodes}
    problems = [*_without_project(reader, fleet), *_without_nodes(placed, nodes)]
    if not problems:
        problems = _without_room(placed, nodes.values())
    if problems:
        raise InputError(
            f"the factory file leaves out what jobs hold or wait for; the earlier is {earlier}",
            problems,
        )


def _placed(reader: Reader) -> Sequence[Row[Any]]:
    states = [state.value for state in PLACED]
    query = (
        select(ATTEMPTS.c.id, ATTEMPTS.c.nodes, JOBS.c.spec)
        .join(JOBS, JOBS.c.id == ATTEMPTS.c.job_id)
        .where(JOBS.c.state.in_(states), ATTEMPTS.c.n == JOBS.c.attempt)
    )
    return reader.rows(query.order_by(JOBS.c.seq))


def _without_project(reader: Reader, fleet: Fleet) -> list[Problem]:
    active = JOBS.c.state.not_in([state.value for state in FINAL])
    query = select(JOBS.c.project, JOBS.c.id).where(active).order_by(JOBS.c.seq)
    jobs: dict[str, list[str]] = {}
    for row in reader.rows(query):
        jobs.setdefault(row.project, []).append(row.id)
    return [
        Problem(_WHERE, "organisations", f"no {path}, to which {_named(ids)} belongs", _ADVICE)
        for path, ids in jobs.items()
        if not fleet.has_project(path)
    ]


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return f"job {ids[0]}{more}"


def _without_nodes(placed: Sequence[Row[Any]], nodes: dict[str, Node]) -> list[Problem]:
    missing = [(row.id, [path for path in row.nodes if path not in nodes]) for row in placed]
    return [
        Problem(_WHERE, "sites", f"no {', '.join(paths)}, on which {attempt} runs", _ADVICE)
        for attempt, paths in missing
        if paths
    ]


def _without_room(placed: Sequence[Row[Any]], nodes: Iterable[Node]) -> list[Problem]:
    """Nodes that became smaller than what runs on them, reckoned as the scheduler does."""
    used: dict[str, list[int]] = {}
    for row in placed:
        parts = parts_by_node(msgspec.convert(row.spec, JobSpec), len(row.nodes))
        for path, part in zip(row.nodes, parts, strict=True):
            ask = part.resources
            on_node = used.setdefault(path, [0, 0, 0])
            on_node[0] += math.ceil(ask.gpus_per_node * MILLI)
            on_node[1] += math.ceil(ask.cpus_per_node * MILLI)
            on_node[2] += gigabytes_to_mib(ask.memory_per_node)
    problems = []
    for node in nodes:
        has = (node.gpus * MILLI, math.floor(node.cpus * MILLI), node.memory_mib)
        for amount, limit, name, unit in zip(used.get(node.path, ()), has, *_NAMES, strict=False):
            if amount > limit:
                found = f"{node.path} has {limit / unit:g} {name}, its jobs hold {amount / unit:g}"
                problems.append(Problem(_WHERE, "sites", found, _ADVICE))
    return problems


_NAMES = (("GPUs", "CPUs", "MiB of memory"), (MILLI, MILLI, 1))
