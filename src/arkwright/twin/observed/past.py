"""What a cluster's accounting tells of the last weeks, and what it teaches about jobs to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from msgspec import structs

from arkwright.design.inventory import main_type
from arkwright.engines.slurm.description_inventory import inventory_of
from arkwright.engines.slurm.description_reading import Observed
from arkwright.factory import Inventory
from arkwright.fleet import ATTEMPTS_MAX, Finished, group_of
from arkwright.hostlist import expand
from arkwright.twin.observed.present import NO_LIMIT_S, type_names
from arkwright.twin.workload.read import read_accounting
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.table import JobTable, Labels, Outcome
from arkwright.units import MILLI, MS_PER_S


class Past(NamedTuple):
    """Jobs that ran between two instants, those still running included."""

    jobs: JobTable
    """`submit_ms` is when a job could first start; GPU types are the scheduler's names, of jobs
    that asked for none those of the nodes they ran on."""
    reading: Reading[JobTable]
    from_ms: int
    until_ms: int
    names: dict[str, str]
    """What people call tasks of arrays (`13_0`), and the numbers that `jobs` has."""


def past_of(found: Observed) -> Past | None:
    """The accounting; None where there is none, or nothing ran."""
    if found.history.count("\n") < 2:
        return None
    reading = read_accounting(found.history, "sacct", found.now_ms)
    jobs = reading.table
    if not len(jobs):
        return None
    inventory = inventory_of(found.cluster).inventory
    asked = _renamed(type_names(inventory), jobs.gpu_type)
    nodes = _column(found.history, "NodeList")
    jobs = structs.replace(jobs, gpu_type=_ran_on(inventory, nodes, jobs, asked))
    # sacct gives what was there at any time since its -S: without that, the first end.
    since_ms = found.since_ms
    from_ms = int(jobs.end_ms[jobs.end_ms >= 0].min()) if since_ms is None else since_ms
    from_ms = min(from_ms, found.now_ms - 1)
    names = {name: number for number, name in _column(found.history, "JobID").items()}
    return Past(jobs, reading, from_ms, found.now_ms, names)


def lessons_of(past: Past | None) -> tuple[Finished, ...]:
    """Attempts that are over, oldest first, as `present` takes them. Those that somebody cancelled
    or that lost a node say nothing of how long such a job lasts."""
    if past is None:
        return ()
    jobs = past.jobs
    says = np.isin(jobs.outcome, (Outcome.COMPLETED, Outcome.FAILED, Outcome.TIMEOUT))
    rows = np.flatnonzero(says & (jobs.end_ms < past.until_ms))
    rows = rows[np.argsort(jobs.end_ms[rows], kind="stable")][-ATTEMPTS_MAX:]
    limit_ms = np.where(jobs.estimate_ms > 0, jobs.estimate_ms, NO_LIMIT_S * MS_PER_S)
    return tuple(
        Finished(
            group_of(
                jobs.project.of(row) or "", jobs.user.of(row) or "", jobs.gpus_milli[row] / MILLI
            ),
            int(limit_ms[row]),
            int(jobs.run_ms[row]),
        )
        for row in rows.tolist()
    )


def _column(history: str, wanted: str) -> dict[str, str]:
    """A column of sacct's by the number of the job; of one that ran twice the later row."""
    header, *lines = history.splitlines()
    columns = header.split("|")
    if not {wanted, "JobIDRaw"} <= set(columns):
        return {}
    place, number = columns.index(wanted), columns.index("JobIDRaw")
    last = len(columns) - 1
    cells = (line.split("|", last) for line in lines)
    return {row[number]: row[place] for row in cells if len(row) == len(columns)}


def _renamed(known: Mapping[str, str], types: Labels) -> Labels:
    """Slurm's types in the scheduler's words; a type no node is counted as is not told."""
    names = list(dict.fromkeys(known.values()))
    table = [names.index(known[name]) if name in known else -1 for name in types.names]
    return Labels(np.array([*table, -1], np.int32)[types.codes], tuple(names))


def _ran_on(
    inventory: Inventory, nodes: Mapping[str, str], jobs: JobTable, asked: Labels
) -> Labels:
    """The type asked for, else that of all nodes it ran on. Slurm tells what was asked for only
    where AccountingStorageTRES names the type; held to what it got, a job is no easier to place
    than it was."""
    type_of = {name: main_type(group) for group in inventory.nodes for name in expand(group.names)}
    names = list(dict.fromkeys([*asked.names, *(kind for kind in type_of.values())]))
    number = {name: place for place, name in enumerate(names)}
    of_list: dict[str, int] = {}
    codes = asked.codes.copy()
    for row in np.flatnonzero((codes < 0) & (jobs.gpus_milli > 0)).tolist():
        text = nodes.get(str(jobs.ids[row]), "")
        if text not in of_list:
            kinds = {type_of.get(name) for name in _nodes(text)}
            only = kinds.pop() if len(kinds) == 1 else None
            of_list[text] = -1 if only is None else number[only]
        codes[row] = of_list[text]
    return Labels(codes, tuple(names))


def _nodes(text: str) -> list[str]:
    return [] if text in ("", "None assigned", "Unknown") else expand(text)
