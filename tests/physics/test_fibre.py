"""Light in fibre, and power in a busway."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.catalog import parts, plant
from arkwright.physics.conductor import three_phase_kw
from arkwright.physics.fibre import great_circle_km, latency_ms

RADIUS_KM = 6371.0088


def test_a_thousand_kilometres_take_4_9_ms():
    # 1,000 km x 1.468 / 299,792.458 km/s = 4.8967 ms
    assert latency_ms(1000, 1.468) == pytest.approx(4.8967, abs=1e-4)


def test_a_quarter_of_the_earth_is_ten_thousand_kilometres():
    # 2 pi 6,371.0088 / 4 = 10,007.6 km from the pole to the equator
    assert great_circle_km((90, 0), (0, 0), RADIUS_KM) == pytest.approx(10_007.56, abs=0.1)


def test_london_and_narvik_are_about_2_100_km_apart():
    distance = great_circle_km((51.51, 68.44), (-0.13, 17.43), RADIUS_KM)
    assert distance == pytest.approx(2103, abs=5)


PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(PLACES, PLACES)
def test_both_ways_are_as_long_and_none_is_longer_than_half_around(a, b):
    there = great_circle_km((a[0], b[0]), (a[1], b[1]), RADIUS_KM)
    back = great_circle_km((b[0], a[0]), (b[1], a[1]), RADIUS_KM)
    assert there == pytest.approx(float(back), abs=1e-6)
    assert 0 <= there <= 3.1416 * RADIUS_KM


def test_a_busway_of_1_000_a_at_415_v_carries_719_kw():
    # sqrt(3) x 415 x 1,000 = 718.8 kW
    assert three_phase_kw(415, 1000, 1.0) == pytest.approx(718.8, abs=0.1)


@pytest.mark.parametrize(("name", "amperes"), [("busway-800", 800), ("busway-1600", 1600)])
def test_a_busway_of_the_catalogue_is_rated_at_the_volts_and_power_factor_of_a_hall(name, amperes):
    volts, factor = parts.rule("busway_v").value, parts.rule("busway_power_factor").value
    rating_kw = plant.power_part(name).rating_kw
    assert three_phase_kw(volts, amperes, factor) == pytest.approx(rating_kw, abs=1)
