"""SLURM_* variables of a batch script and of the tasks of its steps, as Slurm sets them.

Names and meanings: sbatch(1) and srun(1), OUTPUT ENVIRONMENT VARIABLES. SLURM_JOB_ID is a number,
because scripts compute ports from it. Standard library only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from arkwright.engines.attempt_files import Plan
from arkwright.engines.batch.tasks import counted
from arkwright.hostlist import hostlist

LOOPBACK = "127.0.1."
"""Every node of the local engine is this machine: node K is reached as 127.0.1.(K+1)."""
ADDRESSES_MAX = 254


def script_environment(plan: Plan, restarts: int) -> dict[str, str]:
    """Of the script itself, on the first node."""
    batch: Any = plan["batch"]
    parts = plan["parts"]
    names = node_names(plan)
    count = str(len(parts))
    cpus = [max(1, int(part["cpus"])) for part in parts]
    now_s = int(time.time())
    environment = {
        "ENVIRONMENT": "BATCH",
        "SLURM_CLUSTER_NAME": "arkwright",
        "SLURM_JOB_ACCOUNT": batch["account"] or plan["project"],
        "SLURM_JOB_CPUS_PER_NODE": counted(cpus),
        "SLURM_CPUS_ON_NODE": str(cpus[0]),
        "SLURM_JOB_ID": job_number(plan),
        "SLURM_JOBID": job_number(plan),
        "SLURM_JOB_NAME": plan["job_name"],
        "SLURM_JOB_USER": plan["user"],
        "SLURM_JOB_UID": str(os.getuid()),
        "SLURM_JOB_GID": str(os.getgid()),
        "SLURM_JOB_NODELIST": hostlist(names),
        "SLURM_NODELIST": hostlist(names),
        "SLURM_JOB_NUM_NODES": count,
        "SLURM_NNODES": count,
        "SLURM_JOB_PARTITION": batch["partition"] or parts[0]["node"].partition("/")[0],
        "SLURM_JOB_QOS": batch["qos"] or "normal",
        "SLURM_JOB_START_TIME": str(now_s),
        "SLURM_SUBMIT_DIR": batch["submit_dir"],
        "SLURM_SUBMIT_HOST": names[0],
        "SLURM_TASKS_PER_NODE": counted(batch["tasks"]),
        "SLURMD_NODENAME": names[0],
        "SLURM_TOPOLOGY_ADDR": parts[0]["node"].replace("/", "."),
        "SLURM_NODEID": "0",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_GTIDS": "0",
    }
    if plan["time_limit_s"] is not None:
        environment["SLURM_JOB_END_TIME"] = str(now_s + int(plan["time_limit_s"]))
    if restarts:
        environment["SLURM_RESTART_COUNT"] = str(restarts)
    for variable, value in _asked(batch, plan).items():
        if value is not None:
            environment[variable] = str(value)
    environment.update(gpu_variables(plan, 0, None, "SLURM_JOB_GPUS"))
    return environment | array_variables(plan)


def _asked(batch: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Variables that Slurm sets only where the option was given."""
    part = plan["parts"][0]
    gpus = sum(each["gpus"] for each in plan["parts"])
    return {
        "SLURM_NTASKS": batch["ntasks"],
        "SLURM_NPROCS": batch["ntasks"],
        "SLURM_NTASKS_PER_NODE": batch["ntasks_per_node"],
        "SLURM_CPUS_PER_TASK": batch["cpus_per_task"],
        "SLURM_GPUS_PER_TASK": batch["gpus_per_task"],
        "SLURM_GPUS": gpus or None,
        "SLURM_GPUS_PER_NODE": part["gpus"] or None,
        "SLURM_MEM_PER_NODE": part["memory_mib"] or None,
    }


def array_variables(plan: Plan) -> dict[str, str]:
    """Of a task of an array; none for another job."""
    array = plan.get("array")
    if array is None:
        return {}
    return {
        "SLURM_ARRAY_JOB_ID": str(array["number"] or array["job_id"]),
        "SLURM_ARRAY_TASK_ID": str(array["index"]),
        "SLURM_ARRAY_TASK_COUNT": str(array["count"]),
        "SLURM_ARRAY_TASK_MIN": str(array["first"]),
        "SLURM_ARRAY_TASK_MAX": str(array["last"]),
        "SLURM_ARRAY_TASK_STEP": str(array["step"]),
    }


def gpu_variables(
    plan: Plan, index: int, places: Sequence[int] | None, variable: str
) -> dict[str, str]:
    """GPUs of node `index`: all, or those at `places` among its own. Real ones are named to CUDA,
    virtual ones never: they must not let a job reach a real one."""
    part = plan["parts"][index]
    if not part["gpus"]:
        return {"CUDA_VISIBLE_DEVICES": ""}
    real = part["gpu_indices"]
    mine = list(range(part["gpus"])) if places is None else list(places)
    shown = [real[place] for place in mine] if real else mine
    return {
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, shown)) if real else "",
        "SLURM_GPUS_ON_NODE": str(len(mine)),
        variable: ",".join(map(str, shown)),
    }


def job_number(plan: Plan) -> str:
    """SLURM_JOB_ID: the job's number; its id where no number is known."""
    return str(plan.get("number") or plan["job_id"])


def node_names(plan: Plan) -> list[str]:
    """Short names of the nodes, in gang order."""
    return [part["node"].rpartition("/")[2] for part in plan["parts"]]


def address(index: int) -> str:
    """Where node `index` of the gang is reached."""
    return f"{LOOPBACK}{index % ADDRESSES_MAX + 1}"
