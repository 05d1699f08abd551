"""Job logs of Helios (`cluster_log.csv`) and Acme (`trace_seren.csv`, `trace_kalos.csv`).

Both come from the same house and share their columns. Formats as their READMEs describe them:
S-Lab-System-Group/HeliosData and InternLM/AcmeTrace.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arkwright.twin.workload import convert
from arkwright.twin.workload.convert import Numbers
from arkwright.twin.workload.delimited import Cells
from arkwright.twin.workload.draft import Draft
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.table import JobTable
from arkwright.units import MIB, MILLI

_GB_IN_MIB = 1e9 / MIB


def helios(cells: Cells, offset_s: float = 0.0) -> Reading[JobTable]:
    """SenseTime Helios; instants without a zone are of a clock `offset_s` ahead of UTC."""
    draft = _shared(cells, "Helios", offset_s)
    draft.labels("pool", cells.first("vc"))
    return draft.reading()


def acme(cells: Cells, offset_s: float = 0.0) -> Reading[JobTable]:
    """Shanghai AI Laboratory Acme, Seren or Kalos. Memory is told per pod: a pod is a node."""
    draft = _shared(cells, "Acme", offset_s)
    draft.labels("workload", cells.first("type"))
    memory = cells.first("mem_per_pod_gb")
    if memory is not None:
        per_pod = convert.numbers(memory)
        nodes = draft.columns["nodes"].clip(min=1)
        whole = Numbers(per_pod.values * nodes, per_pod.junk)
        draft.wished("memory_mib", whole, "the memory", _GB_IN_MIB)
    return draft.reading()


def _shared(cells: Cells, format_: str, offset_s: float) -> Draft:
    wanted = ("job_id", "user", "gpu_num", "cpu_num", "node_num", "state", "submit_time")
    found = cells.require(f"a job log of {format_}", **{name: (name,) for name in wanted})
    draft = Draft(cells, format_, offset_s)
    draft.ids(found["job_id"])
    draft.submit(found["submit_time"])
    start = draft.observed("start_ms", cells.first("start_time"))
    end = draft.observed("end_ms", cells.first("end_time"))
    # Kalos counts `duration` from the submission: start and end, where told, are the run.
    duration = cells.first("duration")
    seconds = None if duration is None else convert.numbers(duration)
    if seconds is not None:
        both = start.told & end.told
        seconds = Numbers(_without(seconds, both), seconds.junk & ~both)
    draft.run(seconds, start, end)
    draft.needed("gpus_milli", convert.numbers(found["gpu_num"]), "the number of GPUs", MILLI)
    draft.needed("nodes", convert.numbers(found["node_num"]), "the number of nodes")
    draft.wished("cpus_milli", convert.numbers(found["cpu_num"]), "the number of CPUs", MILLI)
    draft.labels("user", found["user"])
    draft.states(found["state"])
    return draft


def _without(found: Numbers, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(rows, np.nan, found.values)
