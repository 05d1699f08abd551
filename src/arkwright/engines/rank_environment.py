"""What a rank finds in its environment: torch's words, Slurm's words, and ours.

Standard library only: supervisors import this. Meaning of the names: torchrun's documentation of
environment variables, and the OUTPUT ENVIRONMENT VARIABLES section of Slurm's srun and sbatch
manuals.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from arkwright.engines.attempt_files import Plan, ranks_of
from arkwright.engines.batch.batch_environment import (
    address,
    array_variables,
    job_number,
    script_environment,
)
from arkwright.engines.marks import PART_MARK

BASE_NAMES = ("PATH", "HOME", "LANG", "USER", "TMPDIR", "TZ")
"""All that a job inherits from the server: everything else there may be a secret."""
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def base_environment(server: Mapping[str, str]) -> dict[str, str]:
    """The clean start of every rank's environment."""
    base = {name: server[name] for name in BASE_NAMES if name in server}
    base.setdefault("PATH", DEFAULT_PATH)
    return base


def rank_environment(
    plan: Plan, index: int, local_rank: int, part_directory: str
) -> dict[str, str]:
    """Environment of one rank of part `index`. The job's own variables win over defaults, ours
    over the job's: a rank that lied about its place would break its gang, or take another's GPU."""
    part = plan["parts"][index]
    threads = max(1, int(part["cpus"] // ranks_of(plan)[index]))
    if plan.get("batch") is not None:
        environment = {**plan["env"], **_script(plan)}
    else:
        environment = {"OMP_NUM_THREADS": str(threads), **plan["env"]}
        environment.update(_torch(plan, index, local_rank))
        environment.update(_slurm(plan, index, local_rank, threads))
        environment.update(array_variables(plan))
    environment.update(
        {
            "ARKWRIGHT_JOB_ID": plan["job_id"],
            "ARKWRIGHT_JOB_NAME": plan["job_name"],
            "ARKWRIGHT_ATTEMPT": plan["attempt_id"],
            "ARKWRIGHT_ATTEMPT_INDEX": attempt_index(plan["attempt_id"]),
            "ARKWRIGHT_PROJECT": plan["project"],
            "ARKWRIGHT_USER": plan["user"],
            "ARKWRIGHT_NODE": part["node"],
            "ARKWRIGHT_NODES": ",".join(each["node"] for each in plan["parts"]),
            "ARKWRIGHT_NODE_ADDRESSES": "\n".join(map(address, range(len(plan["parts"])))),
            "ARKWRIGHT_GPUS": str(part["gpus"]),
            "ARKWRIGHT_GPUS_ARE_VIRTUAL": "1" if plan["is_virtual"] else "0",
            PART_MARK: part_directory,
            # Absent until there is a cap; `null` in it once the cap is lifted.
            "ARKWRIGHT_POWER_CAP_FILE": str(Path(part_directory).parent / "cap.json"),
            # Empty, not absent: a virtual GPU must not let the job reach a real one.
            "CUDA_VISIBLE_DEVICES": ",".join(map(str, part["gpu_indices"])),
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        }
    )
    if (fraction := part.get("gpu_fraction")) is not None:
        environment["ARKWRIGHT_GPU_FRACTION"] = f"{fraction:g}"
    if (group := part.get("gang_group")) is not None:
        environment["ARKWRIGHT_GROUP"] = group
    if plan["checkpoint_dir"] is not None:
        environment["ARKWRIGHT_CHECKPOINT_DIR"] = plan["checkpoint_dir"]
    return environment


def attempt_index(attempt_id: str) -> str:
    """The `n` of `<job>.<n>`; 0 when the id has another form."""
    tail = attempt_id.rpartition(".")[2]
    return tail if tail.isdigit() else "0"


def _script(plan: Plan) -> dict[str, str]:
    """A batch script's own: Slurm's words alone, and the way to `srun`."""
    restarts = max(0, int(attempt_index(plan["attempt_id"])) - 1)
    environment = script_environment(plan, restarts)
    tools = (plan["batch"] or {})["tools"]
    environment["PATH"] = f"{tools}:{plan['env'].get('PATH', DEFAULT_PATH)}"
    program, *options = plan["argv"][:2]
    if program.endswith("bash") and (options or [""])[0] in ("-l", "--login"):
        # A login shell makes its PATH anew; this file adds ours again.
        environment["BASH_ENV"] = f"{tools}/.path"
    return environment


def _torch(plan: Plan, index: int, local_rank: int) -> dict[str, str]:
    ranks = ranks_of(plan)
    return {
        "RANK": str(sum(ranks[:index]) + local_rank),
        "LOCAL_RANK": str(local_rank),
        "WORLD_SIZE": str(sum(ranks)),
        "LOCAL_WORLD_SIZE": str(ranks[index]),
        "NODE_RANK": str(index),
        "GROUP_RANK": str(index),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(plan["master_port"]),
    }


def _slurm(plan: Plan, index: int, local_rank: int, cpus_per_task: int) -> dict[str, str]:
    parts, ranks = plan["parts"], ranks_of(plan)
    names = [part["node"].rpartition("/")[2] for part in parts]
    count, tasks = str(len(parts)), str(sum(ranks))
    runs = [(each, len(list(same))) for each, same in groupby(ranks)]
    each = ",".join(f"{many}(x{times})" if times > 1 else str(many) for many, times in runs)
    return {
        "SLURM_JOB_ID": job_number(plan),
        "SLURM_JOBID": job_number(plan),
        "SLURM_JOB_NAME": plan["job_name"],
        "SLURM_JOB_USER": plan["user"],
        "SLURM_JOB_ACCOUNT": plan["project"],
        "SLURM_JOB_NUM_NODES": count,
        "SLURM_NNODES": count,
        "SLURM_JOB_NODELIST": ",".join(names),
        "SLURM_NODELIST": ",".join(names),
        "SLURMD_NODENAME": names[index],
        "SLURM_NODEID": str(index),
        "SLURM_NTASKS": tasks,
        "SLURM_NPROCS": tasks,
        "SLURM_NTASKS_PER_NODE": str(ranks[index]),
        "SLURM_TASKS_PER_NODE": each,
        "SLURM_PROCID": str(sum(ranks[:index]) + local_rank),
        "SLURM_LOCALID": str(local_rank),
        "SLURM_CPUS_PER_TASK": str(cpus_per_task),
        "SLURM_CPUS_ON_NODE": str(cpus_per_task * ranks[index]),
        "SLURM_GPUS_ON_NODE": str(parts[index]["gpus"]),
        "SLURM_RESTART_COUNT": str(max(0, int(attempt_index(plan["attempt_id"])) - 1)),
        "SLURM_SUBMIT_DIR": plan["workdir"],
    }
