"""Variables of a step and of each of its tasks. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from arkwright.engines.attempt_files import Plan
from arkwright.engines.batch.batch_environment import address, gpu_variables, node_names
from arkwright.engines.batch.step_layout import Layout, Task
from arkwright.engines.batch.tasks import counted
from arkwright.hostlist import hostlist

KEPT = ("SLURM_", "SLURMD_", "ARKWRIGHT_", "CUDA_")
"""Prefixes of what a task gets whatever `--export` says."""
BASE = ("PATH", "HOME", "LANG", "USER", "TMPDIR", "TZ")


def step_environment(plan: Plan, layout: Layout, number: int, export: str | None) -> dict[str, str]:
    """What all tasks of step `number` have; `export` is srun's option."""
    names = node_names(plan)
    nodes = hostlist([names[node] for node in layout.nodes])
    counts, tasks = counted(layout.counts), str(len(layout.tasks))
    environment = _exported(export)
    environment.update(
        {
            "SLURM_STEP_ID": str(number),
            "SLURM_STEPID": str(number),
            "SLURM_STEP_NODELIST": nodes,
            "SLURM_STEP_NUM_NODES": str(len(layout.nodes)),
            "SLURM_STEP_NUM_TASKS": tasks,
            "SLURM_STEP_TASKS_PER_NODE": counts,
            "SLURM_NODELIST": nodes,
            "SLURM_NNODES": str(len(layout.nodes)),
            "SLURM_NTASKS": tasks,
            "SLURM_NPROCS": tasks,
            "SLURM_TASKS_PER_NODE": counts,
            "SLURM_LAUNCH_NODE_IPADDR": address(0),
            "SLURM_SRUN_COMM_HOST": address(0),
        }
    )
    if layout.cpus_per_task > 1 or "SLURM_CPUS_PER_TASK" in environment:
        environment["SLURM_CPUS_PER_TASK"] = str(layout.cpus_per_task)
    return environment


def task_environment(
    plan: Plan,
    layout: Layout,
    task: Task,
    base: Mapping[str, str],
    reserved: Sequence[int] | None,
) -> dict[str, str]:
    """What one task has; `reserved` are the places of the GPUs that its node gives this step."""
    names = node_names(plan)
    part = plan["parts"][task.node]
    local = [each.rank for each in layout.tasks if each.place == task.place]
    environment = dict(base)
    environment.update(
        {
            "SLURM_PROCID": str(task.rank),
            "SLURM_LOCALID": str(task.local_rank),
            "SLURM_NODEID": str(task.place),
            "SLURM_GTIDS": ",".join(map(str, local)),
            "SLURMD_NODENAME": names[task.node],
            "SLURM_CPUS_ON_NODE": str(layout.counts[task.place] * layout.cpus_per_task),
            "ARKWRIGHT_NODE": part["node"],
            "ARKWRIGHT_GPUS": str(part["gpus"]),
        }
    )
    environment.update(gpu_variables(plan, task.node, _places(layout, task, reserved),
                                     "SLURM_STEP_GPUS"))  # fmt: skip
    return environment


def _places(layout: Layout, task: Task, reserved: Sequence[int] | None) -> list[int] | None:
    """Which of its node's GPUs a task sees; None for all."""
    each = layout.gpus_per_task
    if each is not None:
        first = task.local_rank * each
        mine = list(range(first, first + each))
        return mine if reserved is None else list(reserved)[first : first + each]
    if reserved is not None:
        return list(reserved)
    return None if layout.gpus_per_node is None else list(range(layout.gpus_per_node))


def _exported(export: str | None) -> dict[str, str]:
    """`--export` of srun: ALL by default, else the variables named and Slurm's own.

    Beside ALL a value is given only to what has none: srun merges the environment over it.
    """
    here = dict(os.environ)
    items = (export or "ALL").split(",")
    words = {item.upper() for item in items}
    if "ALL" in words:
        found = here
    else:
        found = {name: value for name, value in here.items() if name.startswith(KEPT)}
        found |= {name: here[name] for name in BASE if name in here}
    for item in items:
        name, equals, value = item.partition("=")
        if equals and not ("ALL" in words and name in here):
            found[name] = value
        elif name in here and name.upper() not in ("ALL", "NONE", "NIL"):
            found[name] = here[name]
    return found
