"""Building and plant cost by what is installed: a usual hall is the published price."""

import pytest

from arkwright import factory
from arkwright.design.plant_cost import money_of, plant_factor, usual_chain
from arkwright.design.span import Span
from arkwright.design.whole import whole
from arkwright.factory import Redundancy


def built(redundancy: str = "N+1", cooling: str = "{kind: direct-liquid}"):
    text = (
        "factory: f\nsites: {a: {country: US, "
        f"power: {{ups: {{redundancy: {redundancy}}}}}, cooling: {cooling}, "
        "halls: {h: {system: gb300-nvl72, racks: 40}}}}"
    )
    asked = factory.loads(text.encode())
    return asked, whole(asked)


def factor(redundancy: str) -> Span:
    asked, design = built(redundancy)
    site = design.sites[0]
    return plant_factor(site.plant, usual_chain(asked.sites["a"].power, site.plant.power))


def test_the_usual_power_chain_is_its_own_measure():
    asked, design = built("N+1")
    chain = design.sites[0].plant.power
    assert usual_chain(asked.sites["a"].power, chain) is chain


def test_reserve_costs_in_the_order_of_what_it_installs():
    costs = [factor(scheme.value) for scheme in (Redundancy.N, Redundancy.N_PLUS_1,
                                                 Redundancy.TWO_N)]  # fmt: skip
    assert costs[0].high < costs[1].high < costs[2].high
    assert all(cost.low <= cost.high for cost in costs)


def test_it_is_in_the_money_of_the_site_and_in_its_words():
    asked, design = built("2N")
    money = money_of(asked, design, design.sites[0])
    (line,) = [line for line in money.capex if line.group == "facility"]
    assert "for its plant" in line.how


def test_chillers_for_all_heat_are_what_a_usual_hall_has():
    # In the USA with 45 °C coolant no liquid loop has a chiller: less than a usual hall's plant.
    _, warm = built(cooling="{supply: W45}")
    _, cold = built(cooling="{supply: W17}")
    asked, _ = built()
    factors = [
        plant_factor(d.sites[0].plant, usual_chain(asked.sites["a"].power, d.sites[0].plant.power))
        for d in (warm, cold)
    ]
    assert factors[0].high < factors[1].high
    assert factors[1].high == pytest.approx(1.0, abs=0.25)
