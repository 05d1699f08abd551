"""Money: ranges that hold what was published, in one currency, with nothing made up."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import design, factory
from arkwright.catalog import money as figures
from arkwright.design.money import Drawn, Exchange, annuity, published, site_money
from arkwright.design.span import Span
from arkwright.errors import InputError
from arkwright.factory import Money


def priced(system="gb300-nvl72", country="US", size="racks: 1000", money="{}", energy="{}"):
    text = f"""
factory: somewhere
money: {money}
energy: {energy}
sites:
  here: {{country: {country}, halls: {{h1: {{system: {system}, {size}}}}}}}
"""
    read = factory.loads(text.encode())
    plan = design.blueprint(read).sites[0]
    it_kw = plan.rack_power_kw_max * 1.10  # for these sums: 10 % beside the racks, PUE 1.10
    drawn = Drawn(it_kw, it_kw * 1.10, it_kw * 1.10 * 8760 * 0.95)
    return site_money(read, plan, drawn)


@pytest.mark.parametrize(
    "name", [n for n, b in figures.cost_bands().items() if b.measure == "capex"]
)
def test_capex_overlaps_what_was_published_for_a_gigawatt(name):
    # NVIDIA's 50 to 60 is met by GB300's upper end: 5.0 + 1.15 + 0.12 + 2.75 = 9.02 million USD
    # a rack of 142 kW x 1.10 x 1.10 = 171.8 kW of facility power is 52.5 billion a GW.
    band = figures.cost_bands()[name]
    # 900 racks: more of GB200 are beyond three tiers of the switches it is sold with.
    found = priced(band.system or "gb300-nvl72", size="racks: 900").capex_per_gw.times(1e-9)
    assert found.overlaps(Span(band.low, band.high)), f"{found.text()} against {name}"
    assert 26 < found.low < found.high < 80


@pytest.mark.parametrize(("utilisation", "dollars"), [(0.85, 2.72), (0.60, 3.84)])
def test_a_used_gpu_hour_of_gb300_holds_the_published_figure(utilisation, dollars):
    found = priced(money=f"{{utilisation: {utilisation}}}").per_gpu_hour
    assert found.low <= dollars <= found.high


def test_a_gpu_hour_by_hand():
    # 1,000 racks, low end: IT 3.7 x (1 + 0.10 + 0.024) = 4.1588 B over 5 years at 10 %: 0.26380;
    # building 156.2 MW x 9,000 = 1.4058 B over 14 years: 0.13575; electricity 171,820 kW x 8,760 h
    # x 0.95 x 0.0655 = 93.66 M; maintenance 1 % of the building; staff (15 + 0.5 x 156.2) x 60,000.
    yearly = 4.1588e9 * 0.263797 + 1.4058e9 * 0.135746 + 93.66e6 + 14.058e6 + 5.586e6
    assert priced().per_gpu_hour.low == pytest.approx(yearly / (72_000 * 8760 * 0.85), rel=1e-3)


def test_operation_beside_energy_holds_what_epoch_gives():
    # 0.3 B USD a year for 1 GW of IT; 1,000 racks are 0.1562 GW.
    found = priced()
    beside = [line.cost for line in found.opex if line.group != "energy"]
    per_gw = Span(sum(c.low for c in beside), sum(c.high for c in beside)).over(0.1562e9)
    band = figures.cost_bands()["epoch-opex"]
    assert per_gw.overlaps(Span(band.low, band.high))


def test_an_annuity_pays_back_with_interest():
    # 1 = a x sum of 1.1^-n over 5 years = a x 3.790787
    assert annuity(0.10, 5) == pytest.approx(1 / 3.790787, rel=1e-6)
    assert annuity(0, 5) == 0.2


@given(st.floats(0.0001, 0.5), st.floats(1, 40))
def test_capital_never_makes_things_cheaper(rate, years):
    assert annuity(rate, years) >= 1 / years


def test_currencies_are_converted_by_a_rate_that_is_named():
    dollars, euros = priced(), priced(money="{currency: EUR, rates: {USD: 0.5}}")
    assert euros.capex_total.low == pytest.approx(dollars.capex_total.low / 2)
    assert {line.source for line in euros.assumptions if line.name == "1 USD"} == {"factory file"}
    default = next(a for a in priced(money="{currency: EUR}").assumptions if a.name == "1 USD")
    assert default.value == "0.8573 EUR"  # 1 / 1.1665
    assert "European Central Bank" in default.source


def test_a_currency_nobody_gave_a_rate_for_is_an_error_not_a_sum():
    with pytest.raises(InputError, match=r"what XAU is worth in USD; add money: .*rates: \{XAU"):
        Exchange(Money()).convert(Span(1, 2), "XAU")
    with pytest.raises(InputError, match="in XAU"):
        priced(money="{currency: XAU}")


def test_a_price_that_was_not_read_is_left_out_and_said():
    found = priced("dgx-h200")
    assert [line.group for line in found.capex] == ["facility"]
    assert found.per_gpu_hour is None
    assert "no price of DGX H200" in found.findings[0].text


def test_without_a_price_of_electricity_there_is_no_price_of_an_hour():
    found = priced(country="FR")
    assert found.per_gpu_hour is None
    assert "electricity" in found.findings[0].text
    assert priced(country="FR", energy="{price: 60 EUR/MWh}").per_gpu_hour is not None


def test_a_cost_outside_what_was_published_is_a_finding():
    assert published(priced(), {"gb300-nvl72"}) == []
    dear = priced(money="{rates: {EUR: 1}}", energy="{price: 50 EUR/MWh}")
    assert published(dear, {"gb300-nvl72"}) == []
    high = msgspec.structs.replace(dear, facility_kw_max=dear.facility_kw_max / 3)
    assert "published" in published(high, {"gb300-nvl72"})[0].text


def test_a_rack_in_a_university_hires_nobody():
    staff = next(line for line in priced(size="racks: 1").opex if line.group == "staff")
    # 0.1562 MW of 5: (15..50) x 0.03124 + (0.5..2) x 0.1562 = 0.55 to 1.9 people
    assert staff.how == "0.55 to 1.9 people"


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 300), st.integers(1, 100))
def test_more_racks_cost_more(racks, more):
    one, other = (priced(size=f"racks: {n}") for n in (racks, racks + more))
    assert one.capex_total.low < other.capex_total.low
    assert one.capex_total.high < other.capex_total.high


def test_a_rate_for_the_currency_of_the_totals_is_refused():
    with pytest.raises(InputError, match="worth 1 of itself"):
        factory.loads(b"factory: x\nmoney: {currency: EUR, rates: {EUR: 1}}\n"
                      b"sites: {a: {halls: {h: {system: dgx-h100, nodes: 1}}}}")  # fmt: skip
