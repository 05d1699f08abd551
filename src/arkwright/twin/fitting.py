"""Jobs that a setting could never run: left out of a run, and counted, as the live factory refuses
them. Else the first of them would stand at the head of the queue for ever."""

from __future__ import annotations

from typing import Final

import numpy as np

from arkwright.sched import ANY, State
from arkwright.twin.demand import demand_of
from arkwright.twin.setting import Setting
from arkwright.twin.workload.table import JobTable, take

_EXAMPLES: Final = 3


def fitting(setting: Setting, jobs: JobTable) -> tuple[JobTable, str]:
    """The jobs that some site has enough nodes for; and words for the others, empty where none.

    A limit of quota or power that never lets a job start is not looked at: it waits.
    """
    if not len(jobs):
        return jobs, ""
    demand = demand_of(setting, jobs)
    classes = int(demand.state.class_count[0])
    fits = np.array([_fits(demand.state, row) for row in range(classes)], np.bool_)
    keep = fits[demand.job_class]
    if keep.all():
        return jobs, ""
    lost = np.flatnonzero(~keep)
    shown = ", ".join(str(jobs.ids[row]) for row in lost[:_EXAMPLES])
    more = ", …" if len(lost) > _EXAMPLES else ""
    largest = int(jobs.gpus_milli[lost].max()) / 1000
    words = (
        f"{len(lost):,} of {len(jobs):,} jobs can never fit and are left out "
        f"(job {shown}{more}; the largest asks for {largest:,.10g} GPUs)"
    )
    return take(jobs, keep), words


def _fits(state: State, row: int) -> bool:
    """Whether the nodes of one allowed site, all idle, hold a gang of this class."""
    enough = (
        (state.node_gpu_milli_total >= state.class_gpu_milli[row])
        & (state.node_cpu_milli_total >= state.class_cpu_milli[row])
        & (state.node_memory_mib_total >= state.class_memory_mib[row])
        & ((state.class_sites[row] >> state.node_site) & 1 != 0)
        & ((state.class_pool[row] >> state.node_pool) & 1 != 0)
    )
    gpu_type = int(state.class_gpu_type[row])
    if gpu_type != ANY:
        enough &= state.node_gpu_type == gpu_type
    per_site = np.bincount(state.node_site[enough], minlength=1)
    return bool(per_site.max() >= state.class_nodes[row])
