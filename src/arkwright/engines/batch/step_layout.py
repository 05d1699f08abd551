"""Which tasks of a job step run on which nodes, from srun's options and the job's own shape.

Standard library only. What cannot be is told in srun's words, for scripts that look for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from arkwright.engines.batch.batch_environment import ADDRESSES_MAX, LOOPBACK
from arkwright.engines.batch.tasks import block
from arkwright.errors import InputError
from arkwright.hostlist import expand
from arkwright.jobs.sbatch import values

PERMITTED = "More processors requested than permitted"


class JobShape(NamedTuple):
    """The job: names of its nodes, tasks, CPUs and GPUs of each, and what `srun` takes over."""

    names: Sequence[str]
    tasks: Sequence[int]
    cpus: Sequence[int]
    gpus: Sequence[int]
    cpus_per_task: int | None
    gpus_per_task: int | None


class Task(NamedTuple):
    """One task of a step: its rank, and its node by place in the step and in the job."""

    rank: int
    local_rank: int
    place: int
    node: int


class Layout(NamedTuple):
    """A step: its nodes as places in the job, tasks of each, and what one task gets."""

    nodes: Sequence[int]
    counts: Sequence[int]
    tasks: Sequence[Task]
    cpus_per_task: int
    gpus_per_task: int | None
    gpus_per_node: int | None
    """GPUs of each node for the step; None for all that the job has there."""


def layout_of(given: Mapping[str, str], job: JobShape) -> Layout:
    """The step that these options ask for. Raises ValueError in srun's words."""
    nodes = _nodes(given, job)
    ntasks, per_node = _tasks(given, job, nodes)
    if ntasks < len(nodes):
        nodes = nodes[:ntasks]
    is_whole = list(nodes) == list(range(len(job.names))) and ntasks == sum(job.tasks)
    if is_whole and per_node is None:
        counts = list(job.tasks)
    else:
        counts = block(ntasks, len(nodes), per_node)
    if per_node is not None and max(counts) > per_node:
        raise ValueError(f"{ntasks} tasks do not fit {len(nodes)} nodes with {per_node} each")
    cpus = _number(given, "cpus-per-task") or job.cpus_per_task or 1
    if "overcommit" not in given:
        for node, count in zip(nodes, counts, strict=True):
            if count * cpus > job.cpus[node]:
                raise ValueError(PERMITTED)
    per_task, gpus = _gpus(given, job, nodes, counts)
    return Layout(nodes, counts, _numbered(given, nodes, counts), cpus, per_task, gpus)


def _nodes(given: Mapping[str, str], job: JobShape) -> list[int]:
    places = list(range(len(job.names)))
    left_out = _named(given, "exclude", job)
    first = int(_number(given, "relative", 0) or 0)
    free = [place for place in places[first:] if place not in left_out]
    wanted = _named(given, "nodelist", job)
    if set(wanted) & set(left_out):
        raise ValueError("a node is both asked for and excluded")
    count = values.nodes(given["nodes"]).least if "nodes" in given else None
    if wanted and (count is None or count <= len(wanted)):
        return sorted(wanted)
    rest = [place for place in free if place not in wanted]
    found = sorted([*wanted, *rest[: (count or len(rest)) - len(wanted)]])
    if count is not None and len(found) < count:
        raise ValueError("Requested node configuration is not available")
    if not found:
        raise ValueError("Requested nodes are not available: none is left")
    return found


def _tasks(given: Mapping[str, str], job: JobShape, nodes: Sequence[int]) -> tuple[int, int | None]:
    """Tasks of the step, and how many a node may have at most."""
    per_node = _number(given, "ntasks-per-node")
    ntasks = _number(given, "ntasks")
    if ntasks is not None:
        return ntasks, per_node
    if per_node is not None:
        return per_node * len(nodes), per_node
    if "gpus" in given and "gpus-per-task" in given:
        each = max(1, values.gpus(given["gpus-per-task"]).number)
        return max(1, values.gpus(given["gpus"]).number // each), None
    return sum(job.tasks[node] for node in nodes), None


def _gpus(
    given: Mapping[str, str], job: JobShape, nodes: Sequence[int], counts: Sequence[int]
) -> tuple[int | None, int | None]:
    """GPUs of one task, and of each node for the step."""
    per_task = values.gpus(given["gpus-per-task"]).number if "gpus-per-task" in given else None
    per_node = values.gpus(given["gpus-per-node"]).number if "gpus-per-node" in given else None
    if "gres" in given and (listed := values.gres(given["gres"])[0]) is not None:
        per_node = listed.number
    if "gpus" in given and per_task is None and per_node is None:
        per_node = -(-values.gpus(given["gpus"]).number // len(nodes))
    if per_task is None and per_node is None:
        per_task = job.gpus_per_task
    for node, count in zip(nodes, counts, strict=True):
        wanted = per_task * count if per_task is not None else per_node or 0
        if wanted > job.gpus[node]:
            raise ValueError("Invalid generic resource (gres) specification")
    return per_task, per_node


def _numbered(given: Mapping[str, str], nodes: Sequence[int], counts: Sequence[int]) -> list[Task]:
    """Tasks in order of rank: node after node, or in turns (`--distribution=cyclic`)."""
    slots = [(place, local) for place, count in enumerate(counts) for local in range(count)]
    if given.get("distribution", "").partition(":")[0] == "cyclic":
        slots.sort(key=lambda slot: (slot[1], slot[0]))
    return [Task(rank, local, place, nodes[place]) for rank, (place, local) in enumerate(slots)]


def _named(given: Mapping[str, str], option: str, job: JobShape) -> list[int]:
    """Places in the job of the nodes that an option names, by name or by address."""
    places = []
    try:
        names = expand(given.get(option, ""))
    except InputError as error:
        raise ValueError(f"Invalid node name specified: {error}") from None
    for name in names:
        short = name.partition(".")[0]
        if name.startswith(LOOPBACK) and name.removeprefix(LOOPBACK).isdecimal():
            place = int(name.removeprefix(LOOPBACK)) - 1
        elif short in job.names:
            place = list(job.names).index(short)
        else:
            place = -1
        if not 0 <= place < min(len(job.names), ADDRESSES_MAX):
            raise ValueError(f"Invalid node name specified: {name} is no node of this job")
        places.append(place)
    return list(dict.fromkeys(places))


def _number(given: Mapping[str, str], option: str, least: int = 1) -> int | None:
    if option not in given:
        return None
    try:
        return values.count(given[option], least)
    except ValueError as error:
        raise ValueError(f"--{option}={given[option]}: {error}") from None
