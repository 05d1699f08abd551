"""Heat: worked numbers, published points, and what must be monotone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.physics import heat

temperature = st.floats(-20, 50)
share = st.floats(0, 1)


def test_a_kilowatt_needs_1_43_litres_a_minute_at_10_k():
    flow = heat.coolant_flow_kg_s(1.0, 10.0, 4.18)
    assert heat.litres_per_minute(flow, 1.0) == pytest.approx(1.435, abs=1e-3)  # 60 / 41.8


def test_115_kw_of_an_nvl72_rack_need_what_is_published():
    # Published: 170 to 195 L/min for 120 to 130 kW at 10 K.
    flow = heat.litres_per_minute(heat.coolant_flow_kg_s(np.array([120.0, 130.0]), 10.0, 4.18), 1.0)
    assert flow == pytest.approx([172.2, 186.6], abs=0.1)


@pytest.mark.parametrize(
    ("dry", "humidity", "wet", "within"),
    [
        (20.0, 0.50, 13.7, 0.1),  # Stull's own example
        (35.0, 0.40, 24.0, 0.7),  # psychrometric chart
        (10.0, 0.99, 9.9, 0.4),
        (0.0, 0.80, -1.1, 0.7),
    ],
)
def test_wet_bulb_of_known_points(dry, humidity, wet, within):
    assert heat.wet_bulb_c(dry, humidity) == pytest.approx(wet, abs=within)


@given(dry=st.floats(10, 50), humidity=st.floats(0.1, 0.9))
def test_wet_bulb_is_below_dry_bulb_and_rises_with_humidity(dry, humidity):
    wet = heat.wet_bulb_c(dry, humidity)
    assert wet <= dry
    assert heat.wet_bulb_c(dry, humidity + 0.05) >= wet - 0.05


def test_half_the_flow_takes_an_eighth_of_the_power():
    assert heat.affinity_power(0.5) == pytest.approx(0.125)
    assert heat.affinity_power(0.1, flow_min=0.4) == pytest.approx(0.064)
    assert heat.affinity_power(1.7) == 1.0


def test_45_degrees_behind_a_cdu_and_a_dry_cooler_need_air_of_35():
    assert heat.air_limit_c(45.0, 3.0, 7.0) == 35.0
    assert heat.air_limit_c(32.0, 3.0, 7.0) == 22.0


def test_chillers_take_over_gradually_over_the_rise_of_the_water():
    shares = heat.chiller_share(np.array([30.0, 35.0, 40.0, 45.0, 50.0]), 35.0, 10.0)
    assert shares.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_chiller_cop_at_the_rating_point_of_air_cooled_machines():
    # 7 °C water (evaporator 4 °C), 35 °C air (condenser 47 °C): 0.45 x 277.15 / 43 = 2.90
    cop = heat.chiller_cop(4.0, 47.0, 0.45, 12.0)
    assert cop == pytest.approx(2.90, abs=0.01)
    assert heat.chiller_cop(32.0, 30.0, 0.45, 12.0) == pytest.approx(11.4, abs=0.1)  # least lift


@given(evaporator=st.floats(2, 40), condenser=st.floats(10, 70), warmer=st.floats(0, 20))
def test_cop_never_rises_with_lift_nor_beats_carnot(evaporator, condenser, warmer):
    cop = heat.chiller_cop(evaporator, condenser, 0.45, 12.0)
    assert heat.chiller_cop(evaporator, condenser + warmer, 0.45, 12.0) <= cop
    assert cop <= (evaporator + heat.KELVIN) / 12.0


def test_part_load_is_one_at_full_load_and_best_at_60_percent():
    factors = heat.part_load(np.array([0.2, 0.6, 1.0]), 0.6, 0.15)
    assert factors == pytest.approx([1.0, 1.15, 1.0])


def test_a_kilowatt_hour_evaporates_a_litre_and_a_half():
    assert heat.evaporated_litres(1.0, 2.4) == pytest.approx(1.5)  # 3.6 MJ / 2.4 MJ/kg


def test_a_pad_of_three_quarters_goes_three_quarters_of_the_way():
    assert heat.adiabatic_dry_bulb_c(40.0, 20.0, 0.75) == 25.0


def test_a_dry_cooler_slows_its_fans_in_the_cold():
    # Rated at a span of 17 K (10 K of rise and 7 K of approach); water returns at 52 °C.
    flows = heat.fan_flow(1.0, np.array([35.0, 18.0, 1.0, 60.0]), 52.0, 17.0)
    assert flows == pytest.approx([1.0, 0.5, 1 / 3, 1.0])


@given(air=temperature, load=share)
def test_fans_never_turn_faster_in_colder_air(air, load):
    assert heat.fan_flow(load, air - 1.0, 52.0, 17.0) <= heat.fan_flow(load, air, 52.0, 17.0)
