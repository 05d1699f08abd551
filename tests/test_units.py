"""Quantities: text in the user's unit, a float in the canonical one."""

import contextlib
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import units
from arkwright.errors import UnitError

UNITS = st.sampled_from(list(units.DIMENSIONS))
VALUES = st.floats(min_value=-1e12, max_value=1e12).filter(lambda v: v == 0 or abs(v) > 1e-9)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("132 kW", "kW", 132),
        ("1.3 GW", "kW", 1_300_000),  # 1.3 x 10^6 kW
        ("45 °C", "°C", 45),
        ("-5.5 °C", "°C", -5.5),
        ("400 Gbit/s", "Gbit/s", 400),
        ("400 Gbps", "Gbit/s", 400),
        ("2 h", "s", 7200),
        ("90 min", "s", 5400),
        ("80 GB", "GB", 80),
        ("1 TiB", "GB", 1099.511627776),  # 2^40 / 10^9
        ("30 kg/MWh", "g/kWh", 30),  # 30 kg / 1000 kWh
        ("40 MWh", "kWh", 40_000),
        ("1_000 W", "kW", 1),
        ("12kW", "kW", 12),
    ],
)
def test_a_quantity_reads_as_its_canonical_unit(text, unit, value):
    assert units.parse(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("12", "kW", "has no unit"),
        ("12 horses", "kW", "not a unit of power"),
        ("kW", "kW", "is not a power"),
        ("12 kWh", "kW", "not a unit of power"),
        ("1e999 kW", "kW", "too large"),
        ("12 mw", "kW", "not a unit of power"),  # case matters: m is milli, M is mega
    ],
)
def test_a_text_that_is_no_quantity_says_what_it_is_not(text, unit, said):
    with pytest.raises(UnitError, match=said):
        units.parse(text, unit)


@given(VALUES, UNITS)
def test_what_is_rendered_reads_back_to_six_digits(value, unit):
    assert units.parse(units.render(value, unit), unit) == pytest.approx(value, rel=1e-5, abs=1e-12)


@given(UNITS, st.data())
def test_every_unit_of_a_dimension_is_understood_and_scales(unit, data):
    dimension = units.DIMENSIONS[unit]
    name = data.draw(st.sampled_from(list(dimension.factors)))
    assert units.parse(f"2 {name}", unit) == pytest.approx(2 * dimension.factors[name])


@given(UNITS)
def test_every_example_is_itself_right(unit):
    assert math.isfinite(units.parse(units.DIMENSIONS[unit].example, unit))


@given(st.text(max_size=30), UNITS)
def test_any_text_is_read_or_refused_but_never_crashes(text, unit):
    with contextlib.suppress(UnitError):
        assert math.isfinite(units.parse(text, unit))


def test_memory_is_rounded_up_to_whole_mib():
    assert units.gigabytes_to_mib(1.073741824) == 1024  # exactly 1 GiB
    assert units.gigabytes_to_mib(1.0738) == 1025


@pytest.mark.parametrize(
    ("text", "per_kwh", "currency"),
    [("80 EUR/MWh", 0.08, "EUR"), ("0.08 EUR/kWh", 0.08, "EUR"), ("-5 GBP/MWh", -0.005, "GBP")],
)
def test_a_price_reads_as_money_per_kwh(text, per_kwh, currency):
    price = units.parse_price(text)
    assert price.per_kwh == pytest.approx(per_kwh)
    assert price.currency == currency


@pytest.mark.parametrize(
    "text", ["80", "80 EUR", "EUR/MWh", "80 eur/MWh", "8x EUR/MWh", "1e999 EUR/kWh"]
)
def test_a_price_without_currency_and_energy_is_refused(text):
    with pytest.raises(UnitError):
        units.parse_price(text)


@given(st.integers(-2_208_988_800, 32_503_680_000))
def test_an_instant_is_rendered_as_the_calendar_has_it(second):
    """From 1900 to 3000, against the standard library."""
    expected = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert units.render_instant(1000 * second + 7) == expected
