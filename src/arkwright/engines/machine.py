"""This machine as nodes of a factory: its real GPUs as one node, or CPU slots that stand in."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from arkwright.engines.nvml import GpuFacts, catalogue_name, open_nvml, visible
from arkwright.engines.port import NodeFacts
from arkwright.errors import EngineError

VIRTUAL = "virtual"


class Wanted(NamedTuple):
    """What the factory file asks of a local site; None leaves the choice to what is found."""

    nodes: int | None = None
    gpus_per_node: int | None = None
    cpus_per_node: float | None = None
    memory_per_node_mib: int | None = None


class MachineFacts(NamedTuple):
    """What this machine has."""

    cpus: int
    memory_mib: int
    gpus: tuple[GpuFacts, ...]


class LocalNodes(NamedTuple):
    """The nodes, the real GPUs behind them (none when virtual), and what `cpus` of a node means."""

    nodes: tuple[NodeFacts, ...]
    gpu_indices: tuple[int, ...]
    cpu_quota: bool


def local_nodes(site: str, wanted: Wanted, machine: MachineFacts) -> LocalNodes:
    """Share the machine out. Real GPUs are used unless nodes or GPUs per node are given: then the
    site is virtual, and says so. Raises EngineError when nothing would be left per node."""
    is_real = bool(machine.gpus) and wanted.nodes is None and wanted.gpus_per_node is None
    count = 1 if wanted.nodes is None else wanted.nodes
    if count < 1:
        raise EngineError(f"local engine of site {site}: {count} nodes asked for; give at least 1")
    cpus = machine.cpus / count if wanted.cpus_per_node is None else wanted.cpus_per_node
    memory = wanted.memory_per_node_mib or machine.memory_mib // count
    if is_real:
        gpu_type, indices = _commonest(machine.gpus)
        gpus = len(indices)
    else:
        gpu_type, indices = VIRTUAL, ()
        shared = max(1, machine.cpus // count)
        gpus = shared if wanted.gpus_per_node is None else wanted.gpus_per_node
    if memory < 1 or cpus <= 0 or gpus < 0:
        raise EngineError(
            f"local engine of site {site}: {count} nodes would have {cpus:g} CPUs, {memory} MiB and"
            f" {gpus} GPUs each; ask for fewer nodes"
        )
    width = max(2, len(str(count)))
    nodes = tuple(
        NodeFacts(
            path=f"{site}/local/r01/n{number:0{width}d}",
            gpus=gpus,
            gpu_type=gpu_type,
            is_virtual=not is_real,
            cpus=cpus,
            memory_mib=memory,
        )
        for number in range(1, count + 1)
    )
    # A ceiling below one CPU, or ceilings that sum to more than there is, would only slow jobs.
    cpu_quota = is_real or (cpus >= 1 and cpus * count <= machine.cpus)
    return LocalNodes(nodes, indices, cpu_quota)


def this_machine() -> MachineFacts:
    """CPUs and GPUs this process may use, and the machine's memory."""
    nvml = open_nvml()
    gpus = visible(nvml.gpus(), os.environ.get("CUDA_VISIBLE_DEVICES")) if nvml else []
    return MachineFacts(
        cpus=len(os.sched_getaffinity(0)),
        memory_mib=total_memory_mib(Path("/proc/meminfo").read_text()),
        gpus=tuple(gpus),
    )


def total_memory_mib(meminfo: str) -> int:
    """`MemTotal` of `/proc/meminfo`, in MiB."""
    line = next(line for line in meminfo.splitlines() if line.startswith("MemTotal:"))
    return int(line.split()[1]) >> 10


def _commonest(gpus: tuple[GpuFacts, ...]) -> tuple[str, tuple[int, ...]]:
    """A node has one GPU type: the most frequent, the first found among equals."""
    names = [catalogue_name(gpu.name) for gpu in gpus]
    chosen = Counter(names).most_common(1)[0][0]
    return chosen, tuple(
        gpu.number for gpu, name in zip(gpus, names, strict=True) if name == chosen
    )
