"""What a plan holds beside the rest for a script that starts its tasks itself."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from arkwright.engines.attempt_files import AttemptFiles
from arkwright.engines.batch.patterns import filled, job_values
from arkwright.engines.batch.tasks import block
from arkwright.engines.port import Attempt
from arkwright.jobs.spec import OpenMode, SlurmOptions


class BatchPlan(TypedDict):
    """The script's tasks, files and signal. Paths are absolute, patterns in them replaced."""

    tasks: list[int]
    """Of each node."""
    ntasks: int | None
    """As asked; None where it was not, and Slurm would not set SLURM_NTASKS either."""
    ntasks_per_node: int | None
    cpus_per_task: int | None
    gpus_per_task: int | None
    submit_dir: str
    output: str | None
    """None: only the engine's own log."""
    error: str | None
    """None: where `output` is."""
    input: str | None
    is_appended: bool
    signal: str | None
    signal_before_s: float
    is_signal_for_script: bool
    may_requeue: bool
    account: str | None
    partition: str | None
    qos: str | None
    tools: str
    """The directory of `srun` and `scontrol`."""


def batch_plan(attempt: Attempt, files: AttemptFiles, workdir: str, tools: Path) -> BatchPlan:
    """The plan's part of a script that starts its tasks itself."""
    slurm = attempt.slurm or SlurmOptions()
    nodes = len(attempt.placements)
    ntasks = slurm.ntasks
    if ntasks is None and slurm.ntasks_per_node is not None:
        ntasks = slurm.ntasks_per_node * nodes
    array = attempt.array
    number = str(attempt.number or attempt.job_id)
    names = job_values(
        number,
        attempt.job_name,
        attempt.user,
        None if array is None else (str(array.number or array.job_id), str(array.index)),
        attempt.placements[0].node.rpartition("/")[2],
    )

    def path(name: str | None) -> str | None:
        return None if name is None else str(Path(workdir, filled(name, names)))

    signal = slurm.signal
    return BatchPlan(
        tasks=block(ntasks or nodes, nodes, slurm.ntasks_per_node),
        ntasks=ntasks,
        ntasks_per_node=slurm.ntasks_per_node,
        cpus_per_task=slurm.cpus_per_task,
        gpus_per_task=slurm.gpus_per_task,
        submit_dir=slurm.submit_dir or workdir,
        output=path(slurm.output),
        error=path(slurm.error),
        input=path(slurm.input),
        is_appended=slurm.open_mode is OpenMode.APPEND,
        signal=None if signal is None else signal.name,
        signal_before_s=0.0 if signal is None else signal.before,
        is_signal_for_script=signal is not None and signal.batch_only,
        may_requeue=slurm.requeue,
        account=slurm.account,
        partition=slurm.partition,
        qos=slurm.qos,
        tools=str(tools),
    )
