"""Environment: what is known, and None with words where it is not."""

import pytest

from arkwright import design, factory
from arkwright.design.environment import Year, environment
from arkwright.design.span import Span


def found(system="dgx-h100", country="NO", **year):
    halls = f"{{h: {{system: {system}, racks: 4}}}}"
    text = f"factory: x\nsites: {{a: {{country: {country}, halls: {halls}}}}}"
    read = factory.loads(text.encode())
    whole = {"it_kwh": 1e6, "facility_kwh": 1.1e6} | year
    return environment(read, design.blueprint(read).sites[0], Year(**whole))


def test_operation_is_location_based():
    # 1,100,000 kWh x 29 g = 31.9 t
    assert found().carbon_t_per_year == pytest.approx(31.9)
    assert "lowcarbonpower.org" in found().carbon_source


def test_a_country_without_a_figure_has_none():
    here = found(country="US")
    assert here.carbon_t_per_year is None
    assert "carbon intensity" in here.findings[0].text


def test_embodied_carbon_is_a_range_where_it_was_read():
    # 128 GPUs x 164 to 625 kg
    here = found()
    assert here.embodied_t.low == pytest.approx(20.992)
    assert here.embodied_t.high == pytest.approx(80.0)
    assert any("building" in finding.text for finding in here.findings)


def test_embodied_carbon_that_was_not_read_is_left_out_in_words():
    here = found("gb300-nvl72")
    assert here.embodied_t is None
    assert "GB300 NVL72 was not read" in here.findings[0].text


def test_water_and_heat_follow_the_year():
    here = found(wue_l_per_kwh=0.3, heat_reused_kwh=2e6, heat_reused_c=52.0)
    assert here.water_m3_per_year == pytest.approx(300)  # 0.3 l x 1,000,000 kWh
    assert here.heat_reused_gwh_per_year == 2
    assert here.heat_reused_c == 52
    assert found().water_m3_per_year is None


def test_spans_of_two_halls_add():
    assert Span(1, 2) + Span(3, 4) == Span(4, 6)
