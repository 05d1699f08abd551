"""Variables that a batch script finds because sbatch puts them there. Pure.

slurmctld and slurmd set most of SLURM_*; what sbatch itself adds is missing where slurmrestd takes
the job, and comes from options that nobody gave where `sbatch` takes it. So each is set here, or
taken away: scripts compute with them, and `srun` reads some as its own options.
"""

from __future__ import annotations

from arkwright.engines.port import Attempt
from arkwright.jobs.spec import SlurmOptions

BY_OPTIONS = (
    "SLURM_CPUS_PER_TASK",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_GPUS_PER_TASK",
    "SLURM_GPUS_PER_NODE",
    "SLURM_TRES_PER_TASK",
)
"""sbatch sets them by its own options, and Arkwright's are not the user's."""


def script_variables(attempt: Attempt, host: str) -> dict[str, str]:
    """What sbatch sets by the user's options, and `SRUN_CPUS_PER_TASK`, so that steps have the
    CPUs that were asked for, which Slurm's versions do differently. `host` is the first node."""
    options = attempt.slurm or SlurmOptions()
    gpus = attempt.placements[0].gpus if options.gpus_per_task is None else 0
    found = {
        "SLURM_CPUS_PER_TASK": options.cpus_per_task,
        "SRUN_CPUS_PER_TASK": options.cpus_per_task,
        "SLURM_NTASKS_PER_NODE": options.ntasks_per_node,
        "SLURM_GPUS_PER_TASK": options.gpus_per_task,
        "SLURM_GPUS_PER_NODE": gpus or None,
        "SLURM_PRIO_PROCESS": 0,
        "SLURM_SUBMIT_HOST": host,
    }
    return {name: str(value) for name, value in found.items() if value is not None}
