"""How many nodes, tasks, GPUs, CPUs and how much memory a script asks for, as a gang's shape.

sbatch leaves much of this open until the job starts: Slurm fills nodes as it finds them. A gang has
the same share on each of its nodes, so it is decided here, as Slurm decides on an empty cluster
of equal nodes; what contradicts itself is refused with its line.
"""

from __future__ import annotations

from typing import NamedTuple

from arkwright.jobs.sbatch import values
from arkwright.jobs.sbatch.reading import Reading

MIB_PER_GB = 1e9 / 2**20


class NodeSize(NamedTuple):
    """The largest node of the factory, where one is known: what `-n 64` without `-N` needs."""

    gpus: int
    cpus: float


class Shape(NamedTuple):
    """What each node of the gang gives, and how many tasks there are."""

    nodes: int
    nodes_max: int
    nodes_step: int
    ntasks: int | None
    """None where the script does not say it and it follows from the nodes."""
    ntasks_per_node: int | None
    cpus_per_task: int | None
    gpus_per_task: int | None
    gpus_per_node: int
    gpu_type: str
    cpus_per_node: float
    memory_per_node_mib: float


class _Gpus(NamedTuple):
    total: int | None
    per_node: int | None
    per_task: int | None
    kind: str


def shape_of(reading: Reading, size: NodeSize | None) -> Shape:
    """The shape; contradictions are noted in `reading`."""
    gpus = _gpus(reading)
    per_node = reading.value("ntasks-per-node", values.count)
    ntasks = _ntasks(reading, gpus)
    cpus_per_task = reading.value("cpus-per-task", values.count)
    nodes = reading.value("nodes", values.nodes)
    if nodes is None:
        fewest = _nodes(gpus, ntasks, per_node, cpus_per_task or 1, size)
        nodes = values.Nodes(fewest, fewest, 1)
    if ntasks is not None and ntasks < nodes.least:
        reading.warn("ntasks", f"{ntasks} tasks take {ntasks} nodes, not {nodes.least}, as sbatch")
        nodes = values.Nodes(ntasks, ntasks, 1)
    if per_node is None and ntasks is None and gpus.per_task and gpus.per_node:
        per_node = gpus.per_node // gpus.per_task or None
    _check_tasks(reading, nodes, ntasks, per_node)
    tasks = per_node if ntasks is None else -(-ntasks // nodes.least)
    tasks = min(tasks or 1, per_node or tasks or 1)
    gpus_per_node = _gpus_per_node(reading, gpus, nodes, tasks)
    cpus = _cpus(reading, cpus_per_task, tasks, gpus_per_node, size)
    return Shape(
        nodes=nodes.least,
        nodes_max=nodes.most,
        nodes_step=nodes.step,
        ntasks=ntasks,
        ntasks_per_node=per_node,
        cpus_per_task=cpus_per_task,
        gpus_per_task=gpus.per_task,
        gpus_per_node=gpus_per_node,
        gpu_type=gpus.kind,
        cpus_per_node=cpus,
        memory_per_node_mib=_memory(reading, cpus or tasks, gpus_per_node),
    )


def _gpus(reading: Reading) -> _Gpus:
    total = reading.value("gpus", values.gpus)
    per_node = reading.value("gpus-per-node", values.gpus)
    per_task = reading.value("gpus-per-task", values.gpus)
    listed = reading.value("gres", values.gres)
    if listed is not None:
        for other in listed[1]:
            reading.warn("gres", f"{other} is known to Slurm only; other engines ignore it")
        if listed[0] is not None and per_node is not None and listed[0].number != per_node.number:
            found = f"{listed[0].number} GPUs beside --gpus-per-node={per_node.number}"
            reading.wrong("gres", found, "say it once")
        per_node = per_node or listed[0]
    given = [each for each in (per_node, total, per_task) if each is not None]
    kinds = {each.kind for each in given if each.kind}
    if len(kinds) > 1:
        reading.wrong("gpus", f"the types {' and '.join(sorted(kinds))}", "ask for one type")
    return _Gpus(
        total.number if total else None,
        per_node.number if per_node else None,
        per_task.number if per_task else None,
        min(kinds, default=""),
    )


def _ntasks(reading: Reading, gpus: _Gpus) -> int | None:
    ntasks = reading.value("ntasks", values.count)
    per_gpu = reading.value("ntasks-per-gpu", values.count)
    if ntasks is None and gpus.total and gpus.per_task:
        if gpus.total % gpus.per_task:
            found = f"{gpus.total} GPUs, {gpus.per_task} per task"
            reading.wrong("gpus", found, f"give a multiple of {gpus.per_task}")
        return max(1, gpus.total // gpus.per_task)
    if ntasks is None and per_gpu and gpus.total:
        return per_gpu * gpus.total
    return ntasks


def _nodes(
    gpus: _Gpus, ntasks: int | None, per_node: int | None, cpus: int, size: NodeSize | None
) -> int:
    """The fewest nodes that hold it, where the script gives no number of nodes."""
    wanted = [1]
    if ntasks is not None and per_node is not None:
        wanted.append(-(-ntasks // per_node))
    if gpus.total is not None and gpus.per_node:
        wanted.append(-(-gpus.total // gpus.per_node))
    if ntasks is not None and gpus.per_task and gpus.per_node:
        wanted.append(-(-ntasks * gpus.per_task // gpus.per_node))
    if size is not None:
        if ntasks is not None and size.cpus >= cpus:
            wanted.append(-(-ntasks // int(size.cpus // cpus)))
        total = gpus.total if gpus.total is not None else (ntasks or 0) * (gpus.per_task or 0)
        if size.gpus:
            wanted.append(-(-total // size.gpus))
    return max(wanted)


def _check_tasks(
    reading: Reading, nodes: values.Nodes, ntasks: int | None, per_node: int | None
) -> None:
    if ntasks is not None and per_node is not None and ntasks > nodes.most * per_node:
        found = f"{ntasks} tasks on {nodes.most} nodes with {per_node} each"
        right = f"give --ntasks={nodes.most * per_node}, or --nodes={-(-ntasks // per_node)}"
        reading.wrong("ntasks", found, right)


def _gpus_per_node(reading: Reading, gpus: _Gpus, nodes: values.Nodes, tasks: int) -> int:
    by_tasks = None if gpus.per_task is None else gpus.per_task * tasks
    if gpus.per_node is not None:
        if gpus.total is not None and gpus.total != gpus.per_node * nodes.least:
            found = f"{gpus.total} GPUs on {nodes.least} nodes with {gpus.per_node} each"
            reading.wrong("gpus", found, f"give --gpus={gpus.per_node * nodes.least}")
        if by_tasks is not None and by_tasks > gpus.per_node:
            found = f"{tasks} tasks with {gpus.per_task} GPUs on a node that gives {gpus.per_node}"
            reading.wrong("gpus-per-task", found, f"ask for {by_tasks} GPUs per node")
        return gpus.per_node
    if gpus.total is not None:
        if nodes.most != nodes.least:
            right = "give --gpus-per-node: the number of nodes is not known yet"
            reading.wrong(
                "gpus", f"{gpus.total} GPUs on {nodes.least} to {nodes.most} nodes", right
            )
        elif gpus.total % nodes.least:
            found = f"{gpus.total} GPUs cannot be divided among {nodes.least} nodes"
            more = -(-gpus.total // nodes.least) * nodes.least
            reading.wrong("gpus", found, f"give --gpus={more}, or --gpus-per-node")
        return gpus.total // nodes.least
    return by_tasks or 0


def _cpus(
    reading: Reading, per_task: int | None, tasks: int, gpus: int, size: NodeSize | None
) -> float:
    """CPUs of each node; 0 takes the share that goes with the GPUs."""
    per_gpu = reading.value("cpus-per-gpu", values.count)
    least = reading.value("mincpus", values.count) or 0
    if reading.has("exclusive") and size is not None:
        return size.cpus
    if per_gpu is not None and gpus:
        return float(max(per_gpu * gpus, least))
    if per_task is None and gpus:
        return float(least)
    return float(max((per_task or 1) * tasks, least))


def _memory(reading: Reading, cpus: float, gpus: int) -> float:
    """MiB of each node; 0 for no limit."""
    given = [name for name in ("mem", "mem-per-cpu", "mem-per-gpu") if name in reading.held]
    if len(given) > 1:
        reading.wrong(given[1], f"given beside --{given[0]}", "give one of them")
    if (per_gpu := reading.value("mem-per-gpu", values.mebibytes)) is not None:
        if not gpus:
            reading.wrong("mem-per-gpu", "a job without GPUs", "give --mem")
        return per_gpu * gpus
    if (per_cpu := reading.value("mem-per-cpu", values.mebibytes)) is not None:
        if not cpus:
            reading.warn("mem-per-cpu", "ignored: give --cpus-per-task or --mem beside it")
        return per_cpu * cpus
    return reading.value("mem", values.mebibytes) or 0.0
