"""Two virtual clusters of Helios Venus: mean wait and completion time beside an independent replay.

The rules of the replay: each virtual cluster is a pool of eight-GPU nodes. A job below 8 GPUs takes
the tightest node with room, one of 8 or more whole free nodes, lowest index first. Durations are
known. FIFO orders by (submit, job), SJF by (duration, submit, job). Strict stops at the first job
that does not fit, best effort tries every one.
"""

import csv
import gzip
from pathlib import Path

import pytest

from arkwright import sched
from naive.flat_pool import pool

DATA = Path(__file__).parents[3] / "shared" / "data" / "helios"
NODES = {"vcvGl": 20, "vcvlY": 2}
SCANS = {"strict_head_of_line": sched.STRICT, "best_effort": sched.GREEDY}


def replay(jobs, n_nodes, mode, shortest_first):
    """Wait and completion seconds of jobs given as (submit_s, job_id, gpus, duration_s)."""
    state = pool(n_nodes, 8)
    timetable = []
    for submit_s, _, gpus, duration_s in sorted(jobs):
        shape = sched.Shape(1, 1000 * gpus) if gpus < 8 else sched.Shape(-(-gpus // 8), 8000)
        if sched.find_class(state, shape) < 0:
            state = sched.apply(state, sched.add_class(0, shape))
        priority = -duration_s if shortest_first else 0
        cls = sched.find_class(state, shape)
        event = sched.submit(1000 * submit_s, cls, max(1, 1000 * duration_s), priority)
        timetable.append((event, 1000 * duration_s))
    course = sched.forward(state, sched.timetable(timetable), 0, sched.BIG - 1, backfill=mode)
    assert sched.check(course.state) == []
    start_s = course.state.job_start_ms[: len(jobs)] // 1000
    return [
        (int(start) - job[0], int(start) - job[0] + job[3])
        for start, job in zip(start_s, sorted(jobs), strict=True)
    ]


def means(results):
    """Mean wait and completion time to a tenth of a second, and how many jobs waited."""
    waits = [wait for wait, _ in results]
    done = [completion for _, completion in results]
    count = len(results)
    return round(sum(waits) / count, 1), round(sum(done) / count, 1), sum(w > 0 for w in waits)


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("order", ["fifo", "sjf_oracle"])
def test_the_helios_slice_waits_as_in_the_independent_replay(scan, order):
    if not DATA.exists():
        pytest.skip("the Helios slice is not beside the checkout")
    with gzip.open(DATA / "venus_2vc_sept2020_jobs.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1867
    results = []
    for cluster, n_nodes in NODES.items():
        jobs = [
            tuple(int(row[name]) for name in ("submit_s", "job_id", "num_gpus", "duration_s"))
            for row in rows
            if row["vc"] == cluster
        ]
        results += replay(jobs, n_nodes, SCANS[scan], order == "sjf_oracle")
    with (DATA / "reference_replay.csv").open() as file:
        expected = {(row["scan"], row["policy"]): row for row in csv.DictReader(file)}[scan, order]
    assert means(results) == (
        float(expected["mean_wait_s"]),
        float(expected["mean_jct_s"]),
        int(expected["jobs_that_waited"]),
    )


def test_a_strict_queue_waits_behind_its_head_and_a_best_effort_one_does_not():
    # 1 node. Job 1: 6 GPUs for 100 s; job 2: 8 GPUs for 10 s; job 3: 2 GPUs for 20 s.
    # Strict: 2 waits 100 s, 3 waits 110 s. Best effort: 3 starts at once and is done at 20.
    jobs = [(0, 1, 6, 100), (0, 2, 8, 10), (0, 3, 2, 20)]
    assert replay(jobs, 1, sched.STRICT, False) == [(0, 100), (100, 110), (110, 130)]
    assert replay(jobs, 1, sched.GREEDY, False) == [(0, 100), (100, 110), (0, 20)]
    # Shortest first: 2 (10 s), then 3 (20 s) and 1 together: 6 + 2 GPUs.
    assert replay(jobs, 1, sched.STRICT, True) == [(10, 110), (0, 10), (10, 30)]


def test_a_small_job_takes_the_tightest_node():
    # 2 nodes. Job 1: 3 GPUs on node 0. Job 2: 5 GPUs fill node 0, so job 3 finds node 1 whole.
    jobs = [(0, 1, 3, 100), (1, 2, 5, 100), (2, 3, 8, 100)]
    assert [wait for wait, _ in replay(jobs, 2, sched.STRICT, False)] == [0, 0, 0]
