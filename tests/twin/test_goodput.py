"""Goodput of a run: every GPU-hour has one place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.physics.reliability import ettr, goodput
from arkwright.twin.checkpoint import JobCheckpoints, lost_ms, saved_ms, wall_ms
from arkwright.twin.goodput import goodput_of
from arkwright.twin.record import Attempts, Ending, Outages, Record
from twin.fleets import fleet

HOUR = 3_600_000


def attempts(rows):
    """Rows of (job, start, end, ending, lost, nodes), eight GPUs held on each node."""
    first = np.cumsum([0, *(len(row[5]) for row in rows)])
    columns = [np.array([row[k] for row in rows], np.int64) for k in range(5)]
    node = np.array([n for row in rows for n in row[5]], np.int64)
    return Attempts(*columns, node_first=first, node=node, gpu_milli=np.full(len(node), 8000))


def outages(*rows):
    """Rows of (node, from, until, cause, failure)."""
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    return Outages(*columns, causes=["gpu", "leaf"])


def record(rows, *out, until_ms=10 * HOUR, nodes=4):
    return Record(0, until_ms, fleet(nodes), attempts(rows), outages(*out), "")


def plan(interval_h, cost_h, restart_h, jobs=1):
    columns = [np.full(jobs, round(hours * HOUR)) for hours in (interval_h, cost_h, restart_h)]
    return JobCheckpoints(*columns, overhead=np.ones(jobs), goodput_expected=np.ones(jobs))


# A gang of two nodes runs 5 h, fails, waits an hour, restarts and runs 3.5 h to its end.
FAILED_ONCE = [
    (0, 0, 5 * HOUR, Ending.NODE_FAILED, HOUR, (0, 1)),
    (0, 6 * HOUR, int(9.5 * HOUR), Ending.COMPLETED, 0, (2, 3)),
]


def test_a_gang_that_failed_once():
    out = [(0, 5 * HOUR, 8 * HOUR, 0, 7), (1, 5 * HOUR, 10 * HOUR, 0, 7)]
    # Every 1.5 h a write of half an hour: 2 writes in 5 h, then 1 h lost; restart 0.5 h, and in
    # the 3 h after it one more write.
    found = goodput_of(record(FAILED_ONCE, *out), plan(1.5, 0.5, 0.5))
    assert found.capacity_gpu_h == 320  # 4 nodes x 8 x 10 h
    assert found.held_gpu_h == 136  # 16 x 8.5 h
    assert found.lost_to_failures_gpu_h == 16
    assert found.restarting_gpu_h == 8
    assert found.writing_gpu_h == 24  # 16 x 3 x 0.5 h
    assert found.productive_gpu_h == 88  # 3 h saved, 2.5 h to the end
    assert found.goodput == pytest.approx(88 / 136)
    assert found.out_gpu_h == 64  # 8 x (3 + 5) h
    assert found.idle_gpu_h == 120
    assert found.interruptions == {"node_failed": 1}
    assert found.failures_by_cause == {"gpu": 1}
    assert found.nodes_out_mean == 0.8
    # 5.5 h of progress in 9.5 h, an hour of waiting included
    assert found.ettr.tolist() == pytest.approx([5.5 / 9.5])
    # One failure in 17 node-hours
    assert found.node_failed_per_1000_node_days == pytest.approx(1000 / (17 / 24))


def test_without_checkpoints_told_only_what_was_lost_is_taken_off():
    found = goodput_of(record(FAILED_ONCE))
    assert found.writing_gpu_h == found.restarting_gpu_h == 0
    assert found.productive_gpu_h == 120


def test_what_others_made_stop_is_told_apart_from_failures():
    rows = [
        (0, 0, HOUR, Ending.PREEMPTED, HOUR // 2, (0,)),
        (1, 0, HOUR, Ending.CANCELLED, 0, (1,)),
        (2, 0, 2 * HOUR, Ending.RUNNING, 0, (2,)),
    ]
    found = goodput_of(record(rows))
    assert found.lost_to_stops_gpu_h == 4
    assert found.lost_to_failures_gpu_h == 0
    assert found.interruptions == {"preempted": 1, "cancelled": 1}


def test_a_run_without_jobs_has_no_goodput():
    found = goodput_of(record([]))
    assert found.held_gpu_h == 0
    assert np.isnan(found.goodput)
    assert np.isnan(found.ettr_mean)
    assert found.idle_gpu_h == 320


ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 100),
        st.integers(0, 100),
        st.sampled_from(list(Ending)),
        st.integers(0, 100),
        st.sets(st.integers(0, 3), max_size=4).map(tuple),
    ),
    max_size=12,
)


@given(ROWS, st.integers(0, 20), st.integers(0, 5), st.integers(0, 9))
def test_every_gpu_hour_held_has_one_place(rows, interval, cost, restart):
    rows = sorted(((j, a, a + ran, e, lost, n) for j, a, ran, e, lost, n in rows),
                  key=lambda row: row[1])  # fmt: skip
    columns = [np.full(4, value) for value in (interval, cost, restart)]
    given = JobCheckpoints(*columns, overhead=np.ones(4), goodput_expected=np.ones(4))
    found = goodput_of(record(rows, until_ms=300), given)
    parts = (
        found.productive_gpu_h, found.lost_to_failures_gpu_h, found.lost_to_stops_gpu_h,
        found.writing_gpu_h, found.restarting_gpu_h,
    )  # fmt: skip
    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(found.held_gpu_h, abs=1e-12)


def test_a_long_job_played_out_has_the_goodput_of_the_formula():
    """Failures of a 512-node gang at 6.5 per 1,000 node-days, spares at hand: Daly and Meta."""
    mttf_s = 24_000 / (512 * 6.5) * 3600  # 7.2 h
    interval, cost, restart = 1_800_000, 60_000, 300_000
    lives = np.random.default_rng(3).exponential(mttf_s * 1000, 4000).astype(np.int64)
    left, now, rows = 150 * 24 * HOUR, 0, []
    for life in lives:
        head = restart if rows else 0
        whole = head + wall_ms(left, interval, cost)
        if life >= whole:
            rows.append((0, now, now + whole, Ending.COMPLETED, 0, (0,)))
            break
        lost = lost_ms(int(life) - head, interval, cost)
        rows.append((0, now, now + int(life), Ending.NODE_FAILED, lost, (0,)))
        left -= saved_ms(int(life) - head, interval, cost)
        now += int(life)
    else:
        pytest.fail("the job never ended")
    told = plan(interval / HOUR, cost / HOUR, restart / HOUR)
    found = goodput_of(record(rows, until_ms=rows[-1][2], nodes=1), told)
    assert found.productive_gpu_h == pytest.approx(8 * 150 * 24)
    expected = goodput(interval / 1000, cost / 1000, restart / 1000, mttf_s)
    assert found.goodput == pytest.approx(float(expected), abs=0.01)
    assert found.ettr_mean == pytest.approx(
        float(ettr(512, 6.5, restart / 1000, interval / 1000, cost / 1000)), abs=0.015
    )
