"""The most whole racks that money builds: each count that is named was designed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import factory, units
from arkwright.design.budget import capex, funded, limit_of, most_racks, open_halls
from arkwright.design.checker import check, passes
from arkwright.design.whole import whole
from arkwright.errors import InfeasibleError, InputError, UnitError


def text_of(hall: str, rest: str = "") -> bytes:
    return f"factory: f\nsites: {{a: {{country: US, halls: {{{hall}}}}}}}\n{rest}".encode()


def racks_of(asked, hall: str = "h") -> int:
    return asked.sites["a"].halls[hall].racks


def test_a_hall_with_a_budget_gets_the_most_racks_whose_dearest_price_fits():
    asked = factory.loads(text_of("h: {system: gb300-nvl72, budget: 100 M USD}"))
    filled, design = funded(asked)
    racks = racks_of(filled)
    assert capex(filled, design).high <= 100e6
    more = factory.loads(text_of(f"h: {{system: gb300-nvl72, racks: {racks + 1}}}"))
    assert capex(more, whole(more)).high > 100e6
    assert passes(check(filled, design))


def test_it_says_what_was_built_and_what_one_more_would_take():
    _, design = funded(factory.loads(text_of("h: {system: dgx-h100, budget: 20 M USD}")))
    (note,) = [finding for finding in design.findings if finding.rule == "budget"]
    assert note.where == "a/h"
    assert note.text.startswith("20 M USD builds ")
    assert "the high end has to fit" in note.text
    assert "one rack more takes up to 1" in note.text  # more than 100 %


def test_a_budget_in_another_currency_is_converted():
    asked = factory.loads(text_of("h: {system: gb300-nvl72, budget: 100 M EUR}"))
    dollars = limit_of(asked, "100 M EUR")
    assert dollars > 100e6
    assert limit_of(asked, "100 M USD") == 100e6


def test_what_a_factory_s_budget_leaves_goes_into_the_hall_without_a_number():
    halls = "h: {system: gb300-nvl72, racks: 8}, g: {system: dgx-h100}"
    asked = factory.loads(text_of(halls, "money: {budget: 100 M USD}"))
    filled, design = funded(asked)
    assert racks_of(filled) == 8
    assert racks_of(filled, "g") > 0
    assert capex(filled, design).high <= 100e6
    assert not [fault for fault in check(filled, design) if fault.rule == "M1"]


def test_power_and_money_together_give_what_both_carry():
    # 1 MW is 7.04 racks of 142 kW
    hall = "h: {system: gb300-nvl72, power: 1 MW, budget: 500 M USD}"
    filled, design = funded(factory.loads(text_of(hall)))
    assert racks_of(filled) == 7
    assert "the power of the hall carries no more" in design.findings[0].text


def test_a_factory_that_costs_more_than_its_budget_is_a_fault():
    text = text_of("h: {system: gb300-nvl72, racks: 8}", "money: {budget: 10 M USD}")
    asked = factory.loads(text)
    (fault,) = [fault for fault in check(asked, whole(asked)) if fault.rule == "M1"]
    assert "even at the low end more than the budget of 10 M USD" in fault.text


def test_money_for_less_than_one_rack_says_what_one_takes():
    with pytest.raises(InfeasibleError, match="1 M USD builds no rack of GB300 NVL72: one takes"):
        funded(factory.loads(text_of("h: {system: gb300-nvl72, budget: 1 M USD}")))


def test_without_a_price_of_the_system_a_budget_is_refused():
    with pytest.raises(InputError, match="no price of DGX H200 was read"):
        funded(factory.loads(text_of("h: {system: dgx-h200, budget: 100 M USD}")))


def test_a_budget_that_nobody_worked_out_is_not_taken_for_no_racks():
    asked = factory.loads(text_of("h: {system: gb300-nvl72, budget: 100 M USD}"))
    with pytest.raises(InputError, match="give the hall racks"):
        whole(asked)


def test_a_factory_without_budgets_is_left_as_it_is():
    asked = factory.loads(text_of("h: {system: gb300-nvl72, racks: 1}"))
    filled, design = funded(asked)
    assert filled is asked
    assert design.findings == whole(asked).findings
    assert not open_halls(asked)


@pytest.mark.parametrize(
    ("hall", "rest", "right"),
    [
        ("h: {system: gb300-nvl72, gpus: 72, budget: 1 B USD}", "", "leave one out"),
        ("h: {system: gb300-nvl72, budget: 0 USD}", "", "for example 2.5 B USD"),
        ("h: {system: gb300-nvl72}, g: {system: dgx-h100}", "money: {budget: 1 B USD}", "only one"),
        ("h: {system: gb300-nvl72}", "", "for example gpus: 5184"),
    ],
)
def test_a_budget_that_says_nothing_clear_is_refused(hall, rest, right):
    with pytest.raises(InputError) as refused:
        factory.loads(text_of(hall, rest))
    assert right in str(refused.value)


@given(st.integers(1, 5_000), st.integers(0, 9), st.integers(1, 400), st.integers(0, 100_000))
def test_the_count_is_the_largest_that_fits_whatever_the_steps(each, step, every, limit):
    # Rising costs with a jump at each `every` racks.
    def cost(racks: int) -> float:
        return racks * each + racks // every * step * each

    found = most_racks(cost, limit, 1_000)
    naive = max((n for n in range(1, 1_001) if cost(n) <= limit), default=0)
    assert found == naive


@pytest.mark.parametrize(
    ("text", "value"),
    [("2.5 B USD", 2.5e9), ("300 M EUR", 3e8), ("450k GBP", 4.5e5), ("1_000_000 USD", 1e6)],
)
def test_money_reads_as_it_is_written(text, value):
    assert units.parse_amount(text) == (pytest.approx(value), text[-3:])


@pytest.mark.parametrize("text", ["2.5 B", "USD 3", "3 usd", "3 T USD", "-1 M USD", "1" * 99])
def test_what_is_no_money_is_refused(text):
    with pytest.raises(UnitError, match="not an amount of money"):
        units.parse_amount(text)
