"""A programme in numbers: what the file, the catalogue and `design` say, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from arkwright import catalog, factory
from arkwright.design.plant_cost import money_of
from arkwright.design.whole import whole
from arkwright.errors import InputError
from arkwright.plan.build import assumptions, build, rollout
from arkwright.plan.rollout import ANYWHERE

ROOT = Path(__file__).resolve().parents[2]
SMALL = factory.load(ROOT / "examples" / "programme-small.yaml")
EXAMPLES = ("programme-small.yaml", "nordic-programme.yaml")

TWO = """
factory: two
sites:
  a: {country: NO, grid: {connection: 3 MW}, energy: {price: 40 EUR/MWh, carbon: 20 g/kWh}}
  b:
    country: GB
    grid: {connection: 1 MW, basis: it}
    halls: {old: {system: dgx-h100, racks: 4}}
    energy: {price: 100 USD/MWh, carbon: 0 g/kWh}
money: {rates: {EUR: 1.2}, cost_of_capital: 0.1, facility_life_years: 10}
programme:
  from: 2027-Q1
  until: 2028-Q4
  sites:
    a:
      spot: 30 EUR/MWh
      tranches:
        - {power: 4 MW, lead: 9 months, cost: 3 M USD}
        - {power: 2 MW, earliest: 2027-Q3, lead: 3 months, cost: 1 M EUR, offtake: 500 kW}
      halls: {h: {power: 2 MW, count: 2, build: 2 quarters, density: 150 kW, cost: 20 M USD}}
    b: {halls: {air: {power: 1 MW, count: 1, build: 2 quarters, liquid: false}}, since: {old: 2023-Q1}}
  generations:
    gb300: {system: gb300-nvl72, lead: 1 quarter, deposit: 0.25, price: 4 M USD, life: 2 years, compute: 2.5}
    vr: {system: vr-nvl72, available: 2027-Q3, lead: 2 quarters, deposit: 0.5}
    h100: {system: dgx-h100, until: 2027-Q2, lead: 0 months, deposit: 0, price: 1 M USD, life: 5 years,
           allocation: [{from: 2027-Q2, racks: 3}]}
  supply: {first: {generation: gb300, gpus: 100, by: 2027-Q3}, next: {generation: gb300, racks: 4, by: 2028-Q1}}
  capital:
    equity: [{amount: 10 M USD, paid: 2026-11-01}, {amount: 7 M USD, paid: 2027-08-15}]
    loans:
      short: {amount: 8 M USD, from: 2027-Q2, maturity: 2028-Q2, rate: 0.08}
      late: {amount: 10 M EUR, maturity: 2029-Q1, rate: 0.08, repayment: bullet}
      grace: {amount: 1 M USD, maturity: 2028-Q2, rate: 0.08, grace: 6 months}
  power: {contracts: {ppa: {site: a, price: 25 EUR/MWh, power: 2 MW, until: 2027-Q2, lead: 1 quarter, term: 1 year}}}
  demand:
    big: {kind: take-or-pay, customer: lab, country: NO, gpus: 144, generation: gb300, from: 2027-Q3, until: 2028-Q2, value: 4 M USD}
    more: {kind: take-or-pay, customer: lab, compute: 176, price: 2 USD/GPU-h, penalty: 0.5 USD/GPU-h}
    market: {compute: 1000, growth: 0.21, price: 1 USD/GPU-h, price_change: -0.19}
  limits: {customers: {lab: 0.6}, countries: {NO: 0.7}}
  carbon_price: 50 USD/t
"""  # noqa: E501
FILE = factory.loads(TWO.encode())
MADE = build(FILE)
ROLL = MADE.rollout
HOURS = 2190  # 8760 / 4
AVAILABLE = 0.9775  # (0.96 + 0.995) / 2


def index(names: tuple[str, ...], name: str) -> int:
    return names.index(name)


OLD, H, AIR = (index(ROLL.names.places, place) for place in ("b/old", "a/h", "b/air"))
GB300, VR, H100 = range(3)


def test_the_axes_are_those_of_the_file():
    names = ROLL.names
    assert names.quarters[0] == "2027-Q1"
    assert names.quarters[-1] == "2028-Q4"
    assert len(names.quarters) == 8
    assert names.sites == ("a", "b")
    assert names.countries == ("NO", "GB")
    assert names.places == ("a/h", "b/old", "b/air")
    assert names.generations == ("gb300", "vr", "h100")
    assert names.tranches == ("a/1", "a/2")
    assert names.customers == ("lab", "market")
    assert list(ROLL.power.tranche_before) == [-1, 0]


def test_a_rack_draws_and_costs_what_a_design_of_such_halls_says():
    # Two halls of 2 MW with 14 racks of 142 kW each, alone at the site.
    text = """
factory: x
sites: {s: {country: NO, energy: {price: 40 EUR/MWh, carbon: 20 g/kWh},
            halls: {h0: {system: gb300-nvl72, racks: 14}, h1: {system: gb300-nvl72, racks: 14}}}}
money: {rates: {EUR: 1.2}}
"""
    alone = factory.loads(text.encode())
    design = whole(alone)
    (site,) = design.sites
    money = money_of(alone, design, site)
    network = sum(line.cost.low + line.cost.high for line in money.capex if line.group == "network")
    assert ROLL.supply.rack_mw[H, GB300] == pytest.approx(site.power.grid_kw_max / 28 / 1000)
    # 4 M for the rack itself, its share of the network at the middle, storage at 2.4 %.
    price = 4 + network / 2 / 28 / 1e6 + 0.024 * 4
    assert ROLL.capital.pay_rack[H, GB300, 0].sum() == pytest.approx(price)
    # A hall's MW at the grid: its IT power times the design's worst hour (one generation fits it).
    ratio = site.power.grid_kw_max / site.power.it_kw_max
    assert ROLL.power.hall_mw[H] == pytest.approx(2 * ratio)
    held = MADE.given.halls[H, GB300]
    assert held.load_factor == pytest.approx(
        site.power.facility_kw_typical / site.power.facility_kw_max
    )
    # One figure for a site: the mean of the generations that fit there.
    other = MADE.given.halls[H, H100]
    assert ROLL.supply.load_factor[0] == pytest.approx((held.load_factor + other.load_factor) / 2)


def test_a_hall_takes_no_denser_racks_and_no_liquid_ones_without_liquid():
    may = ROLL.supply.may_order.any(axis=2)
    assert may[H, GB300]  # 142 kW of 150
    assert not may[H, VR]  # 230 kW of 150
    assert may[AIR, H100]
    assert not may[AIR, GB300]
    # A hall that stands takes what is no denser than its racks: no liquid there.
    assert not may[OLD, GB300]
    assert may[OLD, H100]


def test_orders_are_possible_while_offered_and_when_they_arrive_within_the_horizon():
    assert list(ROLL.supply.rack_lead) == [1, 2, 0]
    assert list(ROLL.supply.may_order[H, GB300]) == [True] * 7 + [False]
    assert list(ROLL.supply.may_order[AIR, H100]) == [True] * 2 + [False] * 6
    assert list(ROLL.power.tranche_lead) == [3, 1]
    assert list(ROLL.power.may_start[0]) == [True] * 5 + [False] * 3
    assert list(ROLL.power.may_start[1]) == [False] * 2 + [True] * 5 + [False]
    assert list(ROLL.power.may_build[H]) == [True] * 6 + [False] * 2
    assert not ROLL.power.may_build[OLD].any()


def test_allocations_and_minimum_orders_of_contracts():
    # Steps as written; nothing before the first. 100 GPUs are 2 racks, 4 more until 2028-Q1.
    assert list(ROLL.supply.allocation[H100]) == [0, 3, 3, 3, 3, 3, 3, 3]
    assert list(ROLL.supply.minimum[GB300]) == [0, 0, 2, 2, 6, 6, 6, 6]
    # Without a limit: as many as all halls hold.
    assert ROLL.supply.allocation[GB300].min() >= 2 * ROLL.power.hall_mw[H] / 0.17


def test_halls_that_stand_have_their_racks_until_the_end_of_their_life():
    assert list(ROLL.power.halls_now) == [0, 1, 0]
    # Since 2023-Q1 for five years: gone from 2028-Q1 on.
    assert list(ROLL.supply.racks_now[OLD, H100]) == [4] * 4 + [0] * 4
    assert ROLL.power.hall_mw[OLD] == pytest.approx(4 * ROLL.supply.rack_mw[OLD, H100])


def test_megawatts_now_are_counted_at_the_grid():
    # 1 MW of IT at b takes the design's losses and cooling on top.
    assert ROLL.power.mw_now[0] == 3
    assert 1.03 < ROLL.power.mw_now[1] < 1.4


def test_a_rack_sells_gpus_times_equivalents_times_availability():
    assert ROLL.supply.rack_compute == pytest.approx(
        np.array([72 * 2.5, 72 * 17500 / 1979, 32]) * AVAILABLE
    )


def test_payments_fall_while_things_are_built():
    pay = ROLL.capital
    assert list(pay.pay_tranche[0, 1, :5]) == [0, 1, 1, 1, 0]  # 3 M in three quarters
    assert list(pay.pay_tranche[1, 2, :4]) == pytest.approx([0, 0, 1.2, 0])  # 1 M EUR at 1.2
    assert list(pay.pay_hall[H, 0, :3]) == [10, 10, 0]
    rack = pay.pay_rack[H, GB300, 2]
    assert rack[2] == pytest.approx(0.25 * rack.sum())  # the deposit
    assert rack[3] == pytest.approx(0.75 * rack.sum())  # a quarter later


def test_worth_at_the_end():
    left = ROLL.capital
    # Ready after 2 quarters and 6 quarters old: 1.5 of 10 years are gone.
    assert left.salvage_hall[H, 0] == pytest.approx(20 * (1 - 1.5 / 10))
    # Ordered in the first quarter, 7 quarters old: between 0.78 at one year and 0.60 at two.
    rack = left.pay_rack[H, GB300, 0].sum()
    assert left.salvage_rack[H, GB300, 0] == pytest.approx(rack * (0.78 - 0.75 * 0.18))
    assert left.salvage_tranche[0, 5] == 0  # not complete within the horizon


def test_money_later_is_worth_less_by_the_cost_of_capital():
    assert ROLL.capital.discount[3] == pytest.approx(1.1 ** -(3.5 / 4))
    assert ROLL.capital.discount_end == pytest.approx(1.1**-2)


def test_equity_paid_before_is_the_cash_at_the_beginning():
    assert ROLL.capital.cash_now == 10
    assert list(ROLL.capital.equity) == [0, 0, 7, 0, 0, 0, 0, 0]
    text = TWO.replace("  capital:\n", "  capital:\n    cash: 4 M USD\n")
    assert rollout(factory.loads(text.encode())).capital.cash_now == 4


def test_an_amortising_loan_is_paid_in_equal_parts_with_interest_on_the_rest():
    short = index(ROLL.names.facilities, "short")
    assert list(ROLL.capital.draw_limit[short]) == [0, 8, 8, 8, 8, 8, 8, 8]
    # Drawn 2027-Q2, due 2028-Q2: four parts of 0.25, 2 % a quarter on 1, 0.75, 0.5, 0.25.
    assert list(ROLL.capital.service[short, 1]) == pytest.approx(
        [0, 0, 0.27, 0.265, 0.26, 0.255, 0, 0]
    )
    assert ROLL.capital.owed[short, 1] == pytest.approx(0)
    # At or after maturity it is paid back at once.
    assert ROLL.capital.service[short, 5, 5] == 1
    assert ROLL.capital.service[short, 7, 7] == 1


def test_a_bullet_is_paid_at_maturity_and_owed_where_that_is_after_the_end():
    late = index(ROLL.names.facilities, "late")
    assert ROLL.capital.draw_limit[late, 0] == 12  # 10 M EUR at 1.2
    assert list(ROLL.capital.service[late, 4]) == pytest.approx([0] * 5 + [0.02] * 3)
    assert ROLL.capital.owed[late, 4] == 1


def test_through_its_grace_a_loan_grows_and_nothing_is_paid():
    grace = index(ROLL.names.facilities, "grace")
    # Drawn 2027-Q1: two quarters without payment, 1.02^2 owed, in three parts until 2028-Q2.
    third = 1.02**2 / 3
    assert list(ROLL.capital.service[grace, 0]) == pytest.approx(
        [0, 0, 0, third + 0.02 * 3 * third, third + 0.02 * 2 * third, third * 1.02, 0, 0]
    )


@pytest.mark.parametrize("facility", range(3))
def test_what_is_paid_and_owed_is_worth_what_was_drawn_at_the_loan_s_own_rate(facility):
    capital = ROLL.capital
    for drawn in range(8):
        later = 1.02 ** -(np.arange(8.0) - drawn)
        worth = capital.service[facility, drawn] @ later
        worth += capital.owed[facility, drawn] * later[-1]
        assert worth == pytest.approx(1)


def test_gpus_of_a_contract_are_equivalents_times_the_hours_they_run():
    promised = MADE.as_promised
    big, more, market = range(3)
    assert promised.demand[big, 0] == pytest.approx(
        np.array([0, 0, 1, 1, 1, 1, 0, 0]) * 144 * 2.5 * AVAILABLE
    )
    # Served in full, the contract brings its value.
    paid = promised.price[big, 0] @ promised.demand[big, 0]
    assert paid == pytest.approx(4)
    # Also if it grows, and pays less each year.
    text = TWO.replace("value: 4 M USD", "value: 4 M USD, growth: 0.5, price_change: -0.2")
    other = build(factory.loads(text.encode())).as_promised
    assert other.price[big, 0] @ other.demand[big, 0] == pytest.approx(4)
    assert promised.price[more, 0, 0] == pytest.approx(2 * HOURS / 1e6)
    assert ROLL.market.class_penalty[more] == pytest.approx(0.5 * HOURS / 1e6)
    assert ROLL.market.class_penalty[big] == pytest.approx(0.25 * promised.price[big, 0, 2])
    assert ROLL.market.class_penalty[market] == 0
    # A year later 21 % more at 19 % less.
    assert promised.demand[market, 0, 4] == pytest.approx(1210)
    assert promised.price[market, 0, 4] == pytest.approx(0.81 * HOURS / 1e6)


def test_who_may_serve_whom_and_how_much_of_it():
    market = ROLL.market
    assert list(market.class_country) == [0, ANYWHERE, ANYWHERE]
    assert list(market.class_customer) == [0, 0, 1]
    # lab: 0.6 in all, split as 144 x 2.5 x 0.9775 to 176.
    big = 144 * 2.5 * AVAILABLE
    assert market.class_share_max == pytest.approx(
        [0.6 * big / (big + 176), 0.6 * 176 / (big + 176), 1]
    )
    assert list(market.country_share_max) == [0.7, 1.0]


def test_a_power_contract_is_in_force_from_its_lead_for_its_term():
    market = ROLL.market
    assert list(market.may_sign[0]) == [True] * 2 + [False] * 6
    assert list(market.offer_active[0, 1]) == [False] * 2 + [True] * 4 + [False] * 2
    assert market.offer_strike[0] == pytest.approx(25 * 1.2 * HOURS / 1e6)
    assert market.offer_site[0] == 0


def test_energy_is_the_site_s_price_with_carbon_and_spot_is_its_own():
    promised = MADE.as_promised
    # 40 EUR/MWh at 1.2, and 20 g/kWh x 50 USD/t = 1 USD/MWh.
    assert promised.energy[0, 0, 0] == pytest.approx((48 + 1) * HOURS / 1e6)
    assert promised.spot[0, 0, 0] == pytest.approx(30 * 1.2 * HOURS / 1e6)
    assert promised.energy[1, 0, 7] == promised.spot[1, 0, 7] == pytest.approx(100 * HOURS / 1e6)


def test_promises_kept():
    promised = MADE.as_promised
    assert list(promised.powered[0, 0, 1]) == [False] * 4 + [True] * 4  # three quarters
    assert list(promised.opened[0, H, 1]) == [False] * 3 + [True] * 5
    # 2 years of life after a quarter of lead.
    assert list(promised.arrived[0, GB300, 0]) == [0] + [1] * 7
    assert list(MADE.lives) == [8, 20, 20]


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_the_numeric_contract_asks_holds(name):
    made = build(factory.load(ROOT / "examples" / name))
    roll, promised = made.rollout, made.as_promised
    power, supply, capital, market = roll.power, roll.supply, roll.capital, roll.market
    names = roll.names
    t, s, p = len(names.quarters), len(names.sites), len(names.places)
    g, k, c = len(names.generations), len(names.tranches), len(names.classes)
    f, j = len(names.facilities), len(names.offers)
    for held, shape in (
        (power.mw_now, (s,)), (power.may_start, (k, t)), (power.may_build, (p, t)),
        (supply.rack_mw, (p, g)), (supply.may_order, (p, g, t)), (supply.allocation, (g, t)),
        (supply.racks_now, (p, g, t)), (capital.pay_rack, (p, g, t, t)),
        (capital.pay_tranche, (k, t, t)), (capital.pay_hall, (p, t, t)),
        (capital.service, (f, t, t)), (capital.owed, (f, t)), (market.may_sign, (j, t)),
        (market.offer_active, (j, t, t)), (market.class_penalty, (c,)),
        (promised.price, (c, 1, t)), (promised.energy, (s, 1, t)),
        (promised.arrived, (1, g, t, t)), (promised.powered, (1, k, t, t)),
    ):  # fmt: skip
        assert held.shape == shape
        assert np.isfinite(held).all()
        assert (held >= 0).all()
    # At one site generations rank alike by compute per megawatt in every place.
    per_mw = supply.rack_compute / supply.rack_mw
    for site in range(s):
        orders = {tuple(np.argsort(row)) for row in per_mw[power.place_site == site]}
        assert len(orders) == 1
    # Nothing may be begun whose promised completion is after the horizon.
    at = np.arange(t)
    for may, lead in ((power.may_start, power.tranche_lead), (power.may_build, power.hall_lead)):
        assert not (may & (at + lead[:, None] >= t)).any()
    assert not (supply.may_order & (at + supply.rack_lead[:, None] >= t)).any()
    # Whatever is paid is paid within the horizon.
    racks = capital.pay_rack.sum(axis=3)[supply.may_order]
    assert (racks > 0).all()


def test_every_assumption_names_its_source_and_nothing_given_is_one():
    made = assumptions(FILE)
    assert all(each.source for each in made)
    named = {(each.where, each.name) for each in made}
    assert ("programme", "availability") in named
    assert ("h100", "H100-equivalents of a GPU") in named
    assert ("vr", "life of racks") in named
    assert ("gb300", "life of racks") not in named
    assert ("gb300", "deposit") not in named
    assert ("b", "MW at the grid over MW of IT") in named
    # Prices: those of racks and halls that the file gives are not the catalogue's.
    assert ("vr", "price of a rack or server") not in named  # it fits no hall
    assert ("gb300", "price of a rack or server") not in named
    assert ("a/h", "Network (gb300)") in named
    assert not any(where == "a/h" and "Building" in name for where, name in named)
    assert ("b/air", "Building and plant (h100)") in named


def test_the_ends_of_the_ranges_are_in_order():
    ends = [
        rollout(
            msgspec.structs.replace(
                SMALL,
                programme=msgspec.structs.replace(SMALL.programme, costs=end),
            )
        )
        for end in type(SMALL.programme.costs)
    ]
    for each in ("pay_rack", "pay_hall"):
        low, middle, high = (getattr(end.capital, each).sum() for end in ends)
        assert low < middle < high


def test_all_money_is_in_the_file_s_currency():
    # Without other rates a dollar is worth 0.8 of the total's currency in every figure of dollars.
    money = factory.Money(currency="EUR", rates={"USD": 0.8})
    euros, dollars = rollout(msgspec.structs.replace(SMALL, money=money)), rollout(SMALL)
    assert euros.currency == "EUR"
    for each in ("pay_rack", "pay_hall", "pay_tranche", "draw_limit", "salvage_rack"):
        held = getattr(dollars.capital, each)
        assert getattr(euros.capital, each) == pytest.approx(0.8 * held)
    assert euros.capital.cash_now == 0.8 * 150
    assert euros.market.class_penalty == pytest.approx(0.8 * dollars.market.class_penalty)


def test_every_gpu_of_a_system_with_a_price_has_a_compute():
    for system in catalog.systems().values():
        text = TWO.replace("system: vr-nvl72", f"system: {system.name}, price: 3 M USD")
        assert rollout(factory.loads(text.encode())).supply.rack_compute[VR] > 0


def test_the_announced_first_phase_of_narvik_costs_what_was_announced():
    # 20 MW for about 1 B USD (2025-07-31): 112 racks of GB300 with their part of a hall, middle.
    nordic = factory.load(ROOT / "examples" / "nordic-programme.yaml")
    middle = type(nordic.programme.costs).MIDDLE
    roll = rollout(
        msgspec.structs.replace(
            nordic, programme=msgspec.structs.replace(nordic.programme, costs=middle)
        )
    )
    place = roll.names.places.index("narvik/h")
    mw = 112 * roll.supply.rack_mw[place, 0]
    racks = 112 * roll.capital.pay_rack[place, 0, 0].sum()
    halls = mw / roll.power.hall_mw[place] * roll.capital.pay_hall[place, 0].sum()
    assert mw == pytest.approx(20, rel=0.1)
    assert racks + halls == pytest.approx(1000, rel=0.15)


def test_a_factory_without_a_programme_has_nothing_to_plan():
    plain = factory.load(ROOT / "examples" / "fjord.yaml")
    with pytest.raises(InputError, match="no roll-out to plan; add programme"):
        rollout(plain)
