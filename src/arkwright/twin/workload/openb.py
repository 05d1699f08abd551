"""Pods of Alibaba's GPU-sharing cluster (`openb_pod_list_*.csv`, cluster-trace-gpu-v2023).

`gpu_milli` counts only where `num_gpu` is 1: several GPUs are whole ones. Instants are seconds
since the trace's own zero. Best-effort pods (`BE`) could be stopped for others.
"""

from __future__ import annotations

import numpy as np

from arkwright.twin.workload import convert
from arkwright.twin.workload.convert import Numbers
from arkwright.twin.workload.delimited import Cells
from arkwright.twin.workload.draft import Draft
from arkwright.twin.workload.reading import Reading
from arkwright.twin.workload.table import JobTable
from arkwright.units import MILLI, MS_PER_S

_BEST_EFFORT = "BE"


def openb(cells: Cells) -> Reading[JobTable]:
    """Every pod: from being scheduled, or else created, until deleted."""
    wanted = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "creation_time")
    also = ("deletion_time",)
    found = cells.require("a pod list of openb", **{name: (name,) for name in (*wanted, *also)})
    draft = Draft(cells, "Alibaba openb")
    draft.ids(found["name"])
    submit = draft.submit(found["creation_time"], MS_PER_S)
    start = draft.observed("start_ms", cells.first("scheduled_time"), MS_PER_S)
    end = draft.observed("end_ms", found["deletion_time"], MS_PER_S)
    began = start._replace(
        ms=np.where(start.told, start.ms, submit.ms), told=start.told | submit.told
    )
    draft.run(None, began, end)
    gpus, share = convert.numbers(found["num_gpu"]), convert.numbers(found["gpu_milli"])
    milli = np.where(gpus.values == 1, share.values, gpus.values * MILLI)
    draft.needed("gpus_milli", Numbers(milli, gpus.junk | share.junk), "the number of GPUs")
    draft.columns["nodes"] = np.ones(cells.count, dtype=np.int64)
    draft.wished("cpus_milli", convert.numbers(found["cpu_milli"]), "cpu_milli")
    draft.wished("memory_mib", convert.numbers(found["memory_mib"]), "memory_mib")
    draft.labels("gpu_type", cells.first("gpu_spec"))
    qos = draft.labels("qos", cells.first("qos"))
    if qos is not None and _BEST_EFFORT in qos.names:
        draft.columns["preemptible"] = qos.codes == qos.names.index(_BEST_EFFORT)
    draft.states(cells.first("pod_phase"))
    draft.sieve.note(~start.told, "never scheduled: runs as long as it was there")
    return draft.reading()
