"""A trace of several virtual clusters, each a pool of its own: worked by hand, and public ones."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.twin.by_pool import Pools, kept, pools_for_load, replay
from arkwright.twin.waiting import observed, waiting
from arkwright.twin.workload.read import read_jobs
from arkwright.twin.workload.table import NOT_TOLD, Labels, job_table
from twin.workload.traces import DATA, FIXTURES

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))
from benchmarks import traces  # noqa: E402

TWO_POOLS = Pools(nodes={"a": 1, "b": 2})


def trace(*rows):
    """Jobs given as (pool, submit_s, gpus, run_s); "" is a job that names no pool."""
    pools, submit, gpus, run = zip(*rows, strict=True)
    names = tuple(dict.fromkeys(name for name in pools if name))
    codes = np.array([names.index(name) if name else NOT_TOLD for name in pools], np.int32)
    return job_table(
        submit_ms=1000 * np.array(submit, np.int64),
        run_ms=1000 * np.array(run, np.int64),
        gpus_milli=1000 * np.array(gpus, np.int64),
        pool=Labels(codes, names),
    )


def waits_s(jobs, pools, ordering="fifo", backfill="easy"):
    course = replay(jobs, pools, ordering, backfill)
    return ((course.start_ms - jobs.submit_ms) // 1000).tolist()


HEAD_BLOCKS = [("a", 0, 6, 100), ("a", 0, 8, 10), ("a", 0, 2, 20), ("a", 0, 2, 200)]


@pytest.mark.parametrize(
    ("ordering", "backfill", "expected"),
    [
        # One node of 8. The head is 6 GPUs for 100 s, then one of 8, which blocks those behind it.
        ("fifo", "none", [0, 100, 110, 110]),
        # All who fit start: 2 GPUs for 20 s, and after it 2 GPUs for 200 s, which the 8 wait for.
        ("fifo", "greedy", [0, 220, 0, 20]),
        # Only who is gone by 100 s may go ahead of the job of 8.
        ("fifo", "easy", [0, 100, 0, 110]),
        ("fifo", "conservative", [0, 100, 0, 110]),
        # 8 GPUs for 10 s; then 20 s; 100 s beside it (2 + 6); 2 for 200 s as the 20 s end.
        ("shortest-first", "none", [10, 0, 10, 30]),
    ],
)
def test_order_and_backfill_decide_who_waits(ordering, backfill, expected):
    jobs = kept(trace(*HEAD_BLOCKS), TWO_POOLS).jobs
    assert waits_s(jobs, TWO_POOLS, ordering, backfill) == expected


def test_a_pool_never_lends_a_node_to_another():
    # Pool a has one node, and waits though both nodes of b stand idle until 5 s.
    jobs = kept(trace(("a", 0, 8, 60), ("a", 1, 8, 60), ("b", 5, 16, 60)), TWO_POOLS).jobs
    assert waits_s(jobs, TWO_POOLS) == [0, 59, 0]


def test_a_job_larger_than_a_node_holds_whole_nodes():
    jobs = kept(trace(("b", 0, 12, 60), ("b", 1, 1, 60)), TWO_POOLS).jobs
    course = replay(jobs, TWO_POOLS)
    assert course.held_gpu_milli.tolist() == [16_000, 1_000]
    assert course.start_ms.tolist() == [0, 60_000]


def test_what_cannot_run_is_left_out_and_counted():
    jobs = trace(("a", 0, 0, 60), ("c", 1, 1, 60), ("", 2, 1, 60), ("a", 3, 9, 60), ("b", 4, 9, 60))
    found = kept(jobs, TWO_POOLS)
    assert found.dropped == {
        "without a GPU": 1,
        "in a pool of unknown size": 2,
        "larger than their pool": 1,
    }
    assert found.jobs.ids.tolist() == [5]
    with pytest.raises(InputError, match="1 jobs without a GPU, 2 jobs in a pool of unknown size"):
        replay(jobs, TWO_POOLS)


def test_the_limits_users_asked_for_are_kept_where_durations_are_not_to_be_known():
    jobs = trace(("a", 0, 1, 60))
    assert kept(jobs, TWO_POOLS).jobs.estimate_ms.tolist() == [60_000]
    assert kept(jobs, TWO_POOLS, durations_known=False).jobs.estimate_ms.tolist() == [NOT_TOLD]


def test_waits_slowdown_and_utilisation_worked_by_hand():
    # Node a: 8 GPUs for 100 s at 0; 8 GPUs for 2 s at 50 waits 50 s; 4 GPUs for 100 s at 100
    # waits 2 s; the last submission is at 200, when 98 s of the third have passed.
    rows = [("a", 0, 8, 100), ("a", 50, 8, 2), ("a", 100, 4, 100), ("a", 200, 1, 10)]
    pools = Pools(nodes={"a": 1})
    jobs = kept(trace(*rows), pools).jobs
    course = replay(jobs, pools, backfill="none")
    found = waiting(jobs, course.start_ms, course.held_gpu_milli, pools.gpus)
    assert (found.jobs, found.started, found.waited) == (4, 4, 2)
    assert found.wait_s_mean == pytest.approx((0 + 50 + 2 + 0) / 4)
    assert (found.wait_s_p50, found.wait_s_p90) == (0.0, 50.0)
    assert found.completion_s_mean == pytest.approx((100 + 52 + 102 + 10) / 4)
    # (50 + 2) / 10, not / 2; (2 + 100) / 100.
    assert found.bounded_slowdown_mean == pytest.approx((1 + 5.2 + 1.02 + 1) / 4)
    assert found.utilisation == pytest.approx((8 * 100 + 8 * 2 + 4 * 98) / (8 * 200))


def test_what_the_trace_observed_counts_the_jobs_whose_start_it_tells():
    # Of the fixture: 10 s, 1,800 s and 1 s of queueing; the others have no GPU or no end.
    jobs = read_jobs(FIXTURES / "helios_cluster_log.csv").table
    told = observed(kept(jobs, Pools(nodes={"vc1": 1, "vc2": 2})).jobs, 24)
    assert (told.jobs, told.started, told.waited) == (3, 3, 3)
    assert told.wait_s_mean == pytest.approx((10 + 1800 + 1) / 3)
    nothing = observed(kept(trace(("a", 0, 1, 60)), TWO_POOLS).jobs, 24)
    assert (nothing.jobs, nothing.started, nothing.wait_s_mean) == (1, 0, 0.0)


def test_pools_for_a_load_offer_no_more_than_it_and_hold_the_largest_job():
    # Over 100 s pool a is asked for 8 x 170 GPU s: 1.7 nodes, so 2 at a load of 0.85, 4 at 0.5.
    # Pool b is asked for next to nothing, by a job of 3 nodes.
    jobs = trace(("a", 0, 8, 170), ("b", 0, 24, 1), ("a", 100, 0, 1))
    assert pools_for_load(jobs, 0.85).nodes == {"a": 2, "b": 3}
    assert pools_for_load(jobs, 0.5).nodes == {"a": 4, "b": 3}
    with pytest.raises(InputError, match="above 0"):
        pools_for_load(jobs, 0.0)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.integers(0, 50),
            st.integers(1, 8),
            st.integers(0, 40),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["none", "greedy", "easy", "conservative"]),
)
def test_pools_run_as_if_each_were_alone(rows, backfill):
    jobs = kept(trace(*rows), TWO_POOLS).jobs
    together = dict(zip(jobs.ids.tolist(), waits_s(jobs, TWO_POOLS, "fifo", backfill), strict=True))
    for name, nodes in TWO_POOLS.nodes.items():
        alone = kept(jobs, Pools(nodes={name: nodes})).jobs
        if len(alone):
            waits = waits_s(alone, Pools(nodes={name: nodes}), "fifo", backfill)
            assert waits == [together[job] for job in alone.ids.tolist()]


needs_traces = pytest.mark.skipif(not DATA.exists(), reason="the shared traces are not here")
REPLAYED = {"none": "strict_head_of_line", "greedy": "best_effort"}


@needs_traces
@pytest.mark.slow
@pytest.mark.parametrize("backfill", REPLAYED)
@pytest.mark.parametrize("ordering", ["fifo", "shortest-first"])
def test_the_helios_slice_waits_as_in_the_independent_replay(ordering, backfill, kernels):
    case = traces.cases()["helios"]
    course = replay(case.jobs, case.pools, ordering, backfill, kernels)
    found = waiting(case.jobs, course.start_ms, course.held_gpu_milli, case.pools.gpus)
    with (DATA / "helios" / "reference_replay.csv").open() as file:
        policy = "fifo" if ordering == "fifo" else "sjf_oracle"
        rows = {(row["scan"], row["policy"]): row for row in csv.DictReader(file)}
    expected = rows[REPLAYED[backfill], policy]
    assert round(found.wait_s_mean, 1) == float(expected["mean_wait_s"])
    assert round(found.completion_s_mean, 1) == float(expected["mean_jct_s"])
    assert found.waited == int(expected["jobs_that_waited"])


@needs_traces
@pytest.mark.slow
def test_under_fifo_easy_and_conservative_start_the_helios_slice_alike(kernels):
    case = traces.cases()["helios"]
    easy, conservative = (
        replay(case.jobs, case.pools, "fifo", backfill, kernels)
        for backfill in ("easy", "conservative")
    )
    assert (easy.start_ms == conservative.start_ms).all()


@needs_traces
@pytest.mark.slow
def test_the_tables_of_the_page_are_what_the_twin_finds(kernels):
    page = (ROOT / "docs" / "twin-traces.md").read_text()
    for case in traces.cases().values():
        for lines in (traces.table(case, kernels), traces.by_pool(case, kernels)):
            assert "\n".join(lines) in page


def test_the_traces_benchmark_says_so_where_the_traces_are_not(monkeypatch, tmp_path):
    monkeypatch.setattr(traces, "DATA", tmp_path / "nowhere")
    assert list(traces.run()) == ["skipped"]
