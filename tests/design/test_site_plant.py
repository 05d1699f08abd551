"""A site of a blueprint: heat and power together, from ten lines."""

import pytest

from arkwright import design, factory
from arkwright.design.climate import weather_of
from arkwright.design.site_plant import site_plant
from arkwright.errors import InputError

FJORD = """
factory: fjord
sites:
  narvik:
    country: NO
    grid: {connection: 14 MW}
    halls:
      h1: {system: gb300-nvl72, gpus: 5184}
    cooling: {supply: W45, heat_reuse: 0.3}
"""


def built(text=FJORD, site="narvik"):
    read = factory.loads(text.encode())
    place = read.sites[site]
    weather = weather_of(place.climate, place.country)
    return site_plant(read, design.blueprint(read), site, weather)


def test_narvik_from_ten_lines():
    found = built()
    # 72 x 142 = 10,224 kW of racks, 10 % beside them; 87 % of the racks' heat goes to liquid
    assert found.power.it_kw[0] == pytest.approx(11_246.4)
    liquid, air = found.halls[0].loops
    assert liquid.heat_kw == pytest.approx(8_894.88)
    assert air.heat_kw == pytest.approx(2_351.52)
    assert liquid.of("chiller") is None
    assert found.chiller_free_hours == 8760
    assert "synthetic" in found.weather
    assert 1.04 < found.year.pue_mean < 1.10
    assert found.year.pue_mean < found.year.pue_max
    assert found.year.wue_l_per_kwh == 0
    assert found.year.reuse_c == 52
    assert found.power.input_kw[0] < 14_000


def test_a_connection_that_is_too_small_is_a_finding():
    found = built(FJORD.replace("14 MW", "11 MW"))
    assert any(finding.where == "narvik/grid" for finding in found.findings)


def test_two_halls_of_two_kinds():
    text = FJORD.replace(
        "h1: {system: gb300-nvl72, gpus: 5184}",
        "h1: {system: gb300-nvl72, racks: 4}\n      h2: {system: dgx-h100, racks: 10}",
    )
    found = built(text)
    assert [len(plan.loops) for plan in found.halls] == [2, 1]
    assert found.power.count("rack-pdu") == 30  # three for each rack of four DGX H100
    assert found.power.count("shelf") == 32


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("cooling: {supply: 5 °C}", "from 10 to 60 °C"),
        ("cooling: {supply: 1.2.3 °C}", "is not a temperature"),
        ("cooling: {supply: W99}", "W99"),
        ("power: {busway: b}", "unknown busway 'b'"),
    ],
)
def test_a_plant_that_cannot_be_is_refused(section, said):
    text = FJORD.replace("cooling: {supply: W45, heat_reuse: 0.3}", section)
    with pytest.raises(InputError) as e:
        built(text)
    assert said in str(e.value)
