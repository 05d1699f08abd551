"""The generator of workloads like the golden EASY traces."""

import time

import numpy as np
import pytest

from arkwright.errors import InputError
from arkwright.twin.workload.golden import YEAR_STRETCH, golden
from arkwright.twin.workload.read import read_jobs
from twin.workload.traces import DATA


def offered(table, gpus):
    return table.gpu_hours * 3_600_000 / (gpus * int(table.submit_ms[-1]))


@pytest.mark.parametrize("load", [0.85, 0.95, 1.05])
def test_the_load_is_the_one_asked_for(load):
    # GPU time asked for over GPU time there is until the last submission, rounded to seconds.
    assert offered(golden(10_000, 1024, load), 1024) == pytest.approx(load, rel=1e-5)


def test_the_year_is_a_million_jobs_of_36_hours_in_a_cpu_second():
    began = time.process_time()
    table = golden(1_000_000, 102_400, 0.85, 7, YEAR_STRETCH)
    assert time.process_time() - began < 1.0
    assert len(table) == 1_000_000
    # twins.md: mean 35.8 h, 368 days; runs have a heavy tail.
    assert table.run_ms.mean() / 3.6e6 == pytest.approx(35.8, rel=0.01)
    assert table.span_ms / 86.4e6 == pytest.approx(368, rel=0.02)
    assert (table.estimate_ms == table.run_ms).all()
    assert (np.diff(table.submit_ms) == 0).any()
    assert (table.submit_ms % 1000 == 0).all()
    assert (table.run_ms % 1000 == 0).all()


def test_without_ties_no_second_has_two_submissions():
    table = golden(10_000, 1_000_000, 0.9, is_tied=False)
    assert (np.diff(table.submit_ms) >= 1000).all()


def test_a_seed_gives_the_same_jobs_and_another_gives_others():
    assert (golden(100, 64, 0.8, 1).run_ms == golden(100, 64, 0.8, 1).run_ms).all()
    assert (golden(100, 64, 0.8, 1).run_ms != golden(100, 64, 0.8, 2).run_ms).any()


def test_another_load_moves_submissions_alone():
    low, high = golden(500, 1024, 0.5), golden(500, 1024, 1.0)
    assert (low.run_ms == high.run_ms).all()
    assert (low.gpus_milli == high.gpus_milli).all()
    assert low.submit_ms == pytest.approx(2 * high.submit_ms, abs=2000)


def test_no_job_is_larger_than_the_pool():
    assert golden(1000, 24, 0.8).gpus_milli.max() == 16_000


@pytest.mark.parametrize(
    "wrong", [(0, 8, 0.5, 0, 1), (5, 0, 0.5, 0, 1), (5, 8, 0, 0, 1), (5, 8, 1, 0, 0)]
)
def test_what_makes_no_workload_is_refused(wrong):
    with pytest.raises(InputError):
        golden(*wrong)


@pytest.mark.skipif(not (DATA / "golden_easy").exists(), reason="the golden traces are not here")
@pytest.mark.parametrize(("load", "gpus_mean"), [(85, 21.05), (95, 21.86)])
def test_generated_jobs_are_like_the_golden_ones(load, gpus_mean):
    real = read_jobs(DATA / "golden_easy" / f"trace_10k_1024_load{load}.csv").table
    made = golden(100_000, 1024, load / 100)
    assert len(real) == 10_000
    assert real.gpus_milli.mean() / 1000 == pytest.approx(gpus_mean, abs=0.01)
    assert offered(real, 1024) == pytest.approx(load / 100, rel=0.02)
    for quantile in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert np.quantile(made.run_ms, quantile) == pytest.approx(
            np.quantile(real.run_ms, quantile), rel=0.06
        )
    sizes = [2**power * 1000 for power in range(11)]
    for size in sizes:
        assert (made.gpus_milli == size).mean() == pytest.approx(
            (real.gpus_milli == size).mean(), abs=0.008
        )
    assert np.isin(real.gpus_milli, sizes).all()
