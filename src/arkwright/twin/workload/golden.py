"""The golden EASY traces' generator: Poisson arrivals, sizes 1..1,024 in powers of two.

Run times are log-normal and clipped, limits equal run times, everything is in whole seconds, and
submissions may tie. It makes jobs like those of the golden traces, not the same ones: their random
numbers are another generator's.
"""

from __future__ import annotations

import numpy as np

from arkwright.catalog.workloads import job_classes
from arkwright.errors import InputError
from arkwright.twin.workload.draws import Draws
from arkwright.twin.workload.table import JobTable, Outcome, job_table
from arkwright.units import MILLI, MS_PER_S

MIX = "golden"
YEAR_STRETCH = 23.3
"""With it 1,000,000 jobs on 102,400 GPUs at a load of 0.85 are submitted over about a year."""


def golden(
    jobs: int, gpus: int, load: float, seed: int = 0, stretch: float = 1.0, is_tied: bool = True
) -> JobTable:
    """`jobs` jobs that ask for `load` times what `gpus` GPUs can give until the last submission.

    Run times are multiplied by `stretch` once they are clipped. With `is_tied` false no two jobs
    are submitted in the same second. Sizes above `gpus` are left out. Times count from the trace's
    own zero. Raises InputError for what makes no trace.
    """
    _refuse(jobs, gpus, load, stretch)
    classes = [row for row in job_classes(MIX) if row.gpus <= gpus]
    shares = np.array([row.share for row in classes])
    kind = Draws(seed, "golden/size").picks(jobs, shares)
    size = np.array([row.gpus for row in classes], dtype=np.int64)[kind]
    like = classes[0]
    run_s = Draws(seed, "golden/run").normals(jobs)
    run_s *= like.run_sigma
    np.exp(run_s, out=run_s)
    run_s *= like.run_s_median
    np.clip(run_s, like.run_s_min, like.run_s_max, out=run_s)
    run_s = np.rint(run_s * stretch)
    at = np.cumsum(Draws(seed, "golden/arrival").exponentials(jobs))
    # Poisson arrivals, given how many there are until the last one: any scale of them is as likely.
    span_s = float(np.dot(run_s, size)) / (gpus * load)
    submit_s = np.rint(at * (span_s / at[-1])).astype(np.int64)
    if not is_tied:
        place = np.arange(jobs)
        submit_s = np.maximum.accumulate(submit_s - place) + place
    run_ms = run_s.astype(np.int64) * MS_PER_S
    return job_table(
        submit_ms=submit_s * MS_PER_S,
        run_ms=run_ms,
        estimate_ms=run_ms.copy(),
        gpus_milli=size * MILLI,
        outcome=np.full(jobs, Outcome.COMPLETED, dtype=np.int8),
    )


def _refuse(jobs: int, gpus: int, load: float, stretch: float) -> None:
    if jobs < 1 or gpus < 1:
        raise InputError(f"{jobs} jobs on {gpus} GPUs make no workload; both must be at least 1")
    if not (load > 0 and stretch > 0):
        raise InputError(f"load {load:g} and stretch {stretch:g} must be above 0")
