"""From an attempt to the submission that runs it. Pure."""

from __future__ import annotations

import math
import signal
import zlib
from collections.abc import Container, Mapping, Sequence

from arkwright.engines.master_port import FIRST, LAST
from arkwright.engines.port import Attempt
from arkwright.engines.slurm import text
from arkwright.engines.slurm.batch_script import Gang, batch_script, ranks_of
from arkwright.engines.slurm.entries import Entry
from arkwright.engines.slurm.folder import Folder
from arkwright.engines.slurm.node_watch import MARK
from arkwright.engines.slurm.records import SlurmNode, Submission
from arkwright.engines.slurm.settings import Settings
from arkwright.errors import EngineError
from arkwright.jobs.spec import SlurmOptions, Starts


def submission_of(
    entry: Entry, nodes: Mapping[str, SlurmNode], folder: Folder, settings: Settings
) -> Submission:
    """The job to submit; `nodes` are Slurm's, by name."""
    attempt = entry.attempt
    names = [name_of(each.node) for each in attempt.placements]
    options = attempt.slurm or SlurmOptions()
    tasks = _tasks(attempt, options)
    many = max(tasks)
    gpus = {each.gpus for each in attempt.placements}
    gang = Gang(
        unix_user=entry.unix_user,
        folder=str(folder.path),
        names=names,
        master_address=nodes[names[0]].address,
        master_port=entry.port,
        cpus_per_task=_cpus_per_task(attempt, options, tasks),
        environment=attempt.env,
    )
    limit_s = attempt.time_limit_s
    return Submission(
        name=attempt.attempt_id,
        comment=" ".join(filter(None, (MARK, attempt.attempt_id, options.comment))),
        user=entry.unix_user,
        script=batch_script(attempt, gang),
        workdir=str(folder.home),
        output=str(folder.printed),
        nodes=tuple(names),
        # Uneven gangs take their nodes whole: Slurm counts GPUs per node alike for a whole job.
        gpus_per_node=gpus.pop() if len(gpus) == 1 else 0,
        gpu_gres=text.gpus(nodes[names[0]].gres)[0],
        tasks=sum(tasks),
        tasks_per_node=many,
        cpus_per_task=gang.cpus_per_task,
        memory_per_node_mib=_memory(attempt, nodes[names[0]]),
        # The script keeps the limit to the second; Slurm's own, in minutes, comes after it.
        time_limit_min=None if limit_s is None else math.ceil((limit_s + attempt.grace_s) / 60) + 1,
        is_exclusive=bool(gpus) or options.exclusive,
        partition=options.partition or settings.partition,
        reservation=options.reservation or settings.reservation,
        account=options.account or settings.account,
        qos=options.qos,
        licenses=options.licenses,
        constraint=options.constraint,
        options=options.passthrough if attempt.starts is Starts.BATCH else (),
    )


def check(attempt: Attempt, paths: Mapping[str, str], nodes: Mapping[str, SlurmNode]) -> None:
    """Raises EngineError when the attempt cannot run here whatever happens. `paths` has every
    node's name by its path."""
    what = f"cannot launch {attempt.attempt_id}"
    if (attempt.command is None) == (attempt.script is None) or attempt.command == ():
        raise EngineError(f"{what}: it needs exactly one of a command and a script")
    if not attempt.placements or max(ranks_of(attempt)) < 1:
        raise EngineError(f"{what}: it has no placement or no rank; both must be at least 1")
    for placement in attempt.placements:
        name = paths.get(placement.node)
        if name is None or name not in nodes:
            raise EngineError(f"{what}: there is no node {placement.node} on this cluster")
        if placement.gpus > text.gpus(nodes[name].gres)[1]:
            raise EngineError(
                f"{what}: {placement.gpus} GPUs are asked of {placement.node}, which has"
                f" {text.gpus(nodes[name].gres)[1]}"
            )
        if placement.shared_gpu is not None:
            raise EngineError(
                f"{what}: it asks for a part of a GPU, and Slurm gives whole ones; ask for one GPU"
            )
    if len({each.node for each in attempt.placements}) < len(attempt.placements):
        raise EngineError(f"{what}: a node is named twice; name it once")
    name = attempt.checkpoint_signal
    if name is not None and not isinstance(getattr(signal, name, None), signal.Signals):
        raise EngineError(f"{what}: there is no signal {name}; SIGUSR1 is the usual choice")


def port_of(attempt_id: str, taken: Container[int]) -> int:
    """A port for the gang's rendezvous that no other live attempt has."""
    span = LAST - FIRST + 1
    start = zlib.crc32(attempt_id.encode())
    ports = (FIRST + (start + step) % span for step in range(span))
    return next(port for port in ports if port not in taken)


def name_of(path: str) -> str:
    """Slurm's name of a node."""
    return path.rpartition("/")[2]


def _tasks(attempt: Attempt, options: SlurmOptions) -> list[int]:
    """Tasks of each node, as Slurm is to make room for them."""
    count = len(attempt.placements)
    if attempt.starts is Starts.RANKS:
        return ranks_of(attempt)
    if options.ntasks_per_node is not None:
        return [options.ntasks_per_node] * count
    if options.ntasks is not None:
        return [math.ceil((options.ntasks - index) / count) for index in range(count)]
    return [1] * count


def _cpus_per_task(attempt: Attempt, options: SlurmOptions, tasks: Sequence[int]) -> int:
    if options.cpus_per_task is not None:
        return options.cpus_per_task
    shares = [
        int(each.cpus // many) for each, many in zip(attempt.placements, tasks, strict=True) if many
    ]
    return max(1, min(shares, default=1))


def _memory(attempt: Attempt, node: SlurmNode) -> int:
    """What was asked for; where nothing was, the share of the node that its GPUs or CPUs are: a job
    that names no memory may get all of it, and then no other fits."""
    placement = attempt.placements[0]
    if placement.memory_mib:
        return placement.memory_mib
    gpus = text.gpus(node.gres)[1]
    share = placement.gpus / gpus if gpus and placement.gpus else placement.cpus / (node.cpus or 1)
    # RealMemory of 1 is Slurm's default for a node whose memory nobody told.
    return int(node.memory_mib * share) if share < 1 and node.memory_mib > 1 else 0
