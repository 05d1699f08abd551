"""Reliability against published figures, and against runs played out failure by failure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.physics.reliability import (
    daly_interval_s,
    ettr,
    goodput,
    mttf_h,
    out_share,
    young_interval_s,
)


@pytest.mark.parametrize(
    ("nodes", "rate", "hours", "digit"),
    [
        (2_048, 6.50, 1.80, 0.005),  # 1000 x 24 / (2,048 x 6.5) = 1.803: Meta, 16,384 GPUs
        (16_384, 6.50, 0.23, 0.005),  # 0.2254: Meta, 131,072 GPUs
        (2_048, 3.79, 3.09, 0.005),  # Llama 3: 54 days x 24 / 419
    ],
)
def test_many_nodes_fail_as_often_as_published(nodes, rate, hours, digit):
    assert mttf_h(nodes, rate) == pytest.approx(hours, abs=digit)


def test_nothing_that_never_fails_has_an_end():
    assert mttf_h(10, 0.0) == np.inf


@pytest.mark.parametrize(
    ("mttf_min", "interval_min"),
    [(24 * 60, 117), (6 * 60, 57), (15, 9.1)],  # Daly 2006, figures 3 to 5, cost 5 min
)
def test_the_optimal_interval_is_dalys(mttf_min, interval_min):
    found = daly_interval_s(5 * 60, mttf_min * 60) / 60
    assert found == pytest.approx(interval_min, rel=0.006)


def test_young_is_the_square_root():
    # sqrt(2 x 5 min x 1,440 min) = 120 min
    assert young_interval_s(300, 86_400) == pytest.approx(7200)


COSTS = st.floats(1, 1800)
MTTFS = st.floats(3600, 1e7)


@given(COSTS, MTTFS, st.floats(0, 3600))
def test_no_other_interval_does_better_than_dalys_by_more_than_a_thousandth(cost, mttf, restart):
    best = daly_interval_s(cost, mttf)
    others = best * np.geomspace(0.2, 5, 41)
    assert goodput(others, cost, restart, mttf).max() <= goodput(best, cost, restart, mttf) + 1e-3


@given(COSTS, st.floats(100, 1e7))
def test_dalys_interval_goes_over_into_youngs_where_failures_are_rare(cost, ratio):
    mttf = cost * ratio
    # First correction: sqrt(x)/3 - cost/young = sqrt(x) (1/3 - 1), x = cost / (2 MTTF)
    near = abs(daly_interval_s(cost, mttf) / young_interval_s(cost, mttf) - 1)
    assert near <= np.sqrt(1 / (2 * ratio))


@given(st.floats(60, 3600), st.floats(1, 300), st.floats(0, 600), st.floats(1e5, 1e8))
def test_metas_ettr_is_the_exact_goodput_to_first_order(interval, cost, restart, mttf):
    nodes, rate = 1.0, 1000 * 24 * 3600 / mttf
    exact = goodput(interval, cost, restart, mttf)
    small = (interval + cost + restart) / mttf
    # Meta leaves out the time a broken write took: cost / 2 per failure, first order.
    off = abs(ettr(nodes, rate, restart, interval, cost) - exact)
    assert off <= small**2 + 1.5 * cost / mttf + 1e-12


def test_ettr_of_a_long_run_on_2048_gpus_is_about_09():
    # Meta: about 0.9 for runs of days on 2,000 to 4,000 GPUs. 256 nodes, 6.5: MTTF 14.4 h;
    # hourly checkpoints of 60 s, 5 min restart: (1 - (5 + 30)/865) / (1 + 1/60) = 0.944
    assert ettr(256, 6.5, 300, 3600, 60) == pytest.approx(0.944, abs=1e-3)


def test_ettr_is_not_negative_where_a_job_dies_before_it_has_restarted():
    assert ettr(100_000, 6.5, 3600, 3600, 60) == 0.0


def test_without_failures_only_writing_costs():
    assert goodput(900, 100, 60, np.inf) == pytest.approx(0.9)
    assert ettr(64, 0.0, 60, 900, 100) == pytest.approx(0.9)


def test_goodput_is_what_a_run_played_out_shows():
    # Failures every 2 h on average, 20 min of work, 2 min to write, 5 min to restart.
    interval, cost, restart, mttf = 1200.0, 120.0, 300.0, 7200.0
    rng = np.random.default_rng(7)
    lives = rng.exponential(mttf, 20_000)
    saved = np.floor(np.maximum(lives - restart, 0) / (interval + cost)) * interval
    assert saved.sum() / lives.sum() == pytest.approx(
        float(goodput(interval, cost, restart, mttf)), rel=0.01
    )


def test_a_part_is_out_for_the_share_its_repair_takes():
    # One failure in 1,000 days, a day to repair: about a thousandth of the time.
    assert out_share(1 / 1000) == pytest.approx(0.0009995, abs=1e-7)
    assert out_share(0.0) == 0.0


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=5))
def test_arrays_give_what_their_elements_give(rates):
    many = mttf_h(100.0, np.array(rates))
    assert list(many) == [mttf_h(100.0, rate) for rate in rates]
