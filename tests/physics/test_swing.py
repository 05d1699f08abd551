"""A square wave, storage and ramps: worked numbers, and the balance of energy as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.physics.swing import Wave, ramp_kj, ramp_s, smoothed, storage_kj

powers = st.floats(0, 1e6)
duties = st.floats(0.05, 0.95)
periods = st.floats(0.01, 100)


def test_storage_takes_from_the_peak_and_gives_to_the_trough():
    # 100 kW for 1.6 s, 20 kW for 0.4 s; 16 kJ lower the peak by 16 / 1.6 and raise by 16 / 0.4
    wave = smoothed(Wave(100.0, 20.0), 2.0, 0.8, 16.0)
    assert wave == pytest.approx((90.0, 60.0))
    assert wave.swing_kw == pytest.approx(30.0)


def test_enough_storage_leaves_the_mean():
    # 0.8 x 100 + 0.2 x 20 = 84; 80 x 0.8 x 0.2 x 2 = 25.6 kJ are enough
    assert storage_kj(80.0, 0.0, 2.0, 0.8) == pytest.approx(25.6)
    assert smoothed(Wave(100.0, 20.0), 2.0, 0.8, 25.6) == pytest.approx((84.0, 84.0))
    assert smoothed(Wave(100.0, 20.0), 2.0, 0.8, 1000.0) == pytest.approx((84.0, 84.0))


def test_sixty_five_joules_hold_a_gpu_of_a_rack_for_some_forty_milliseconds():
    # 142 kW less 15 % over 72 GPUs are 1.68 kW to hold: 65 J / 1,676 W = 39 ms
    swing_kw = 142 * 0.85 / 72
    assert 0.065 / swing_kw == pytest.approx(0.0388, abs=1e-4)
    # A dip of 40 ms in a step of 200 ms is nearly gone, one of 400 ms in 2 s is not.
    short = smoothed(Wave(142 / 72, 142 * 0.15 / 72), 0.2, 0.8, 0.065).swing_kw
    long = smoothed(Wave(142 / 72, 142 * 0.15 / 72), 2.0, 0.8, 0.065).swing_kw
    assert short == pytest.approx(0.0)
    assert long / swing_kw == pytest.approx(0.879, abs=1e-3)


def test_a_floor_burns_power_rather_than_fall():
    assert smoothed(Wave(100.0, 20.0), 2.0, 0.8, 0.0, floor_kw=70.0) == (100.0, 70.0)


@given(powers, st.floats(0, 1), periods, duties, st.floats(0, 1e6))
def test_storage_keeps_the_energy_of_a_period(high_kw, share, period_s, duty, kj):
    low_kw = high_kw * share
    wave = smoothed(Wave(high_kw, low_kw), period_s, duty, kj)
    before = duty * high_kw + (1 - duty) * low_kw
    after = duty * wave.high_kw + (1 - duty) * wave.low_kw
    # Where one side is already at the mean, so is the other.
    assert after == pytest.approx(before, rel=1e-9, abs=1e-6)
    assert -1e-6 <= wave.swing_kw <= high_kw - low_kw + 1e-6


@given(st.floats(1, 1e6), st.floats(0, 0.99), periods, duties)
def test_the_storage_said_to_be_needed_is_just_enough(swing_kw, share, period_s, duty):
    allowed_kw = swing_kw * share
    kj = storage_kj(swing_kw, allowed_kw, period_s, duty)
    left = smoothed(Wave(swing_kw, 0.0), period_s, duty, kj).swing_kw
    assert left == pytest.approx(allowed_kw, rel=1e-6, abs=1e-6)


def test_a_ramp_takes_its_time_and_a_triangle_of_energy():
    # 100 MW at 20 MW/min are 5 min; 100 MW x 5 min / 2 = 4.17 MWh
    assert ramp_s(100_000.0, 20_000.0 / 60) == pytest.approx(300.0)
    assert ramp_kj(100_000.0, 20_000.0 / 60) / 3600 == pytest.approx(4_166.7, abs=0.1)
