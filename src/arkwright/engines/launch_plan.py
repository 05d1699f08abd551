"""From an `Attempt` to the complete plan its supervisors follow."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from arkwright.engines.attempt_files import AttemptFiles, GroupRoots, PartPlan, Plan
from arkwright.engines.batch.batch_plan import batch_plan
from arkwright.engines.batch.container import NoContainers, container_argv
from arkwright.engines.machine import LocalNodes
from arkwright.engines.port import Attempt, Placement
from arkwright.engines.rank_environment import base_environment
from arkwright.engines.rank_process import script_argv
from arkwright.errors import EngineError
from arkwright.jobs.spec import Starts


class Surroundings(NamedTuple):
    """What a plan needs to know of the machine at the moment of launch."""

    local: LocalNodes
    groups: GroupRoots
    gpus_in_use: Collection[int]
    gpus_shared: Mapping[int, int]
    """By the scheduler's number of a GPU that live attempts share, which GPU that is."""
    master_port: int
    server_environment: Mapping[str, str]
    boot_id: str
    now_ms: int
    tools: Path
    """The directory of the commands that batch scripts find first: `srun`, `scontrol`."""


def make_plan(attempt: Attempt, files: AttemptFiles, here: Surroundings) -> Plan:
    """The plan. Raises EngineError when the attempt cannot run here whatever happens."""
    _check(attempt, here.local)
    default = files.directory / "work"
    workdir = attempt.workdir or str(default)
    argv = (
        script_argv(files.script, attempt.script)
        if attempt.script is not None
        else list(attempt.command or ())
    )
    if attempt.slurm is not None:
        argv = [*_container(attempt, workdir, here), *argv, *attempt.slurm.arguments]
    is_batch = attempt.starts is Starts.BATCH
    checkpoint_dir = attempt.checkpoint_dir
    return Plan(
        attempt_id=attempt.attempt_id,
        job_id=attempt.job_id,
        job_name=attempt.job_name,
        project=attempt.project,
        user=attempt.user,
        parts=_parts(attempt, files, here),
        ranks_per_node=attempt.ranks_per_node,
        argv=argv,
        workdir=workdir,
        env={**base_environment(here.server_environment), **attempt.env},
        checkpoint_dir=None if checkpoint_dir is None else str(Path(workdir, checkpoint_dir)),
        checkpoint_signal=attempt.checkpoint_signal,
        grace_s=attempt.grace_s,
        time_limit_s=attempt.time_limit_s,
        master_port=here.master_port,
        boot_id=here.boot_id,
        written_ms=here.now_ms,
        is_virtual=not here.local.gpu_indices,
        cpu_quota=here.local.cpu_quota,
        groups=here.groups,
        number=attempt.number,
        array=None if attempt.array is None else structs.asdict(attempt.array),
        batch=dict(batch_plan(attempt, files, workdir, here.tools)) if is_batch else None,
    )


def _container(attempt: Attempt, workdir: str, here: Surroundings) -> list[str]:
    """What runs the job's program in the container it asks for, if it does."""
    slurm = attempt.slurm
    if slurm is None or slurm.container_image is None:
        return []
    try:
        return container_argv(
            slurm.container_image,
            slurm.container_mounts,
            slurm.container_workdir or workdir,
            has_gpus=bool(here.local.gpu_indices),
        )
    except NoContainers as error:
        raise EngineError(f"cannot launch {attempt.attempt_id}: {error}") from None


def _check(attempt: Attempt, local: LocalNodes) -> None:
    what = f"cannot launch {attempt.attempt_id}"
    if (attempt.command is None) == (attempt.script is None) or attempt.command == ():
        raise EngineError(f"{what}: it needs exactly one of a command and a script")
    ranks = [
        attempt.ranks_per_node,
        *(each.ranks for each in attempt.placements if each.ranks is not None),
    ]
    if not attempt.placements or min(ranks) < 1:
        raise EngineError(f"{what}: it has no placement or no rank; both must be at least 1")
    known = {node.path: node for node in local.nodes}
    seen: set[str] = set()
    for placement in attempt.placements:
        node = known.get(placement.node)
        if node is None:
            raise EngineError(
                f"{what}: there is no node {placement.node} here; nodes are"
                f" {local.nodes[0].path} to {local.nodes[-1].path}"
            )
        if placement.node in seen:
            raise EngineError(f"{what}: node {placement.node} is named twice; name it once")
        if placement.gpus > node.gpus:
            raise EngineError(
                f"{what}: {placement.gpus} GPUs are asked of {placement.node},"
                f" which has {node.gpus}"
            )
        seen.add(placement.node)
    name = attempt.checkpoint_signal
    if name is not None and not isinstance(getattr(signal, name, None), signal.Signals):
        raise EngineError(f"{what}: there is no signal {name} here; SIGUSR1 is the usual choice")


def _parts(attempt: Attempt, files: AttemptFiles, here: Surroundings) -> list[PartPlan]:
    free = [index for index in here.local.gpu_indices if index not in here.gpus_in_use]
    # The directory is in the name because two engines on one machine may run equal attempt ids.
    stem = f"arkwright-{zlib.crc32(os.fsencode(files.directory)):08x}-{attempt.attempt_id}"
    parts = []
    for index, placement in enumerate(attempt.placements):
        taken = _take(free, placement, here, attempt.attempt_id)
        parts.append(
            PartPlan(
                node=placement.node,
                gpus=placement.gpus,
                gpu_indices=taken,
                cpus=placement.cpus,
                memory_mib=placement.memory_mib,
                shared_gpu=placement.shared_gpu,
                gpu_fraction=placement.gpu_fraction,
                group=f"{stem}-{index}",
                ranks=_ranks(attempt, index),
                gang_group=placement.gang_group,
            )
        )
    return parts


def _ranks(attempt: Attempt, index: int) -> int:
    """Processes that the engine itself starts on a node: of a batch job the script, once."""
    if attempt.starts is Starts.BATCH:
        return int(index == 0)
    ranks = attempt.placements[index].ranks
    return attempt.ranks_per_node if ranks is None else ranks


def _take(free: list[int], placement: Placement, here: Surroundings, attempt_id: str) -> list[int]:
    """Take the placement's GPUs out of `free`; none where GPUs are virtual.

    Whole GPUs are alike, so the engine chooses. Who shares one is the scheduler's choice: attempts
    of one number get the same GPU, and as it never deals out more than there is, a number that no
    live attempt has finds a GPU that is free.
    """
    if not here.local.gpu_indices:
        return []
    if placement.shared_gpu is not None and placement.shared_gpu in here.gpus_shared:
        return [here.gpus_shared[placement.shared_gpu]]
    if placement.gpus > len(free):
        raise EngineError(
            f"cannot launch {attempt_id}: {placement.gpus} GPUs are asked of {placement.node},"
            f" where {len(free)} are free; wait for a live attempt to end"
        )
    taken = free[: placement.gpus]
    del free[: placement.gpus]
    return taken
