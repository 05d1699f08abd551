"""The twin jumps from event to event; a look at every second sees the same starts and ends."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.twin.record import Ending, Outages
from arkwright.twin.run import Conditions, Saving, run
from arkwright.twin.setting import of_pool
from arkwright.twin.workload.table import job_table
from naive.by_the_tick import Job, Out, attempts

NODES, GPUS, LAST_S = 5, 8, 900
JOBS = st.lists(
    st.builds(Job, st.integers(0, 40), st.integers(1, 30), st.integers(1, NODES)),
    min_size=1,
    max_size=14,
).map(lambda jobs: sorted(jobs, key=lambda job: job.submit_s))
SPANS = st.lists(
    st.tuples(st.integers(0, NODES - 1), st.integers(1, 60), st.integers(1, 20)), max_size=5
)


def in_the_twin(jobs, backfill, outages=(), saving=None):
    run_ms = np.array([1000 * job.run_s for job in jobs], np.int64)
    table = job_table(
        submit_ms=np.array([1000 * job.submit_s for job in jobs], np.int64),
        run_ms=run_ms,
        estimate_ms=run_ms,
        gpus_milli=np.array([1000 * GPUS * job.nodes for job in jobs], np.int64),
    )
    node, begin, end = (
        (
            np.array([1000**k * each for each in column], np.int64)
            for k, column in zip((0, 1, 1), zip(*outages, strict=True), strict=True)
        )
        if outages
        else (np.zeros(0, np.int64),) * 3
    )
    zero = np.zeros(len(node), np.int64)
    out = Outages(node, begin, end, zero, zero, ["node"])
    record = run(
        of_pool(NODES * GPUS, GPUS, backfill=backfill),
        table,
        0,
        1000 * LAST_S,
        Conditions(outages=out, saving=saving),
    )
    rows = zip(*(column.tolist() for column in record.attempts[:4]), strict=True)
    return [
        (job, start // 1000, None if ending == Ending.RUNNING else stop // 1000)
        for job, start, stop, ending in rows
    ]


def apart(spans):
    """Outages of one node that do not touch."""
    found, busy = [], {}
    for node, begin, lasts in sorted(spans, key=lambda span: span[1]):
        if begin > busy.get(node, 0):
            found.append(Out(node, begin, begin + lasts))
            busy[node] = begin + lasts
    return found


@settings(max_examples=80, deadline=None, derandomize=True)
@given(jobs=JOBS)
def test_easy_starts_and_ends_each_job_at_the_second_a_tick_by_tick_run_does(jobs):
    assert in_the_twin(jobs, "easy") == attempts(jobs, NODES, LAST_S, backfill=True)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(jobs=JOBS, spans=SPANS, period_s=st.integers(0, 6), restart_s=st.integers(0, 3))
def test_so_does_first_come_first_served_through_failures_and_restarts(
    jobs, spans, period_s, restart_s
):
    outages = apart(spans)
    every = np.ones(len(jobs), np.int64)
    saving = Saving(1000 * period_s * every, 1000 * restart_s * every)
    assert in_the_twin(jobs, "none", outages, saving) == attempts(
        jobs, NODES, LAST_S, outages, period_s=period_s, restart_s=restart_s
    )
