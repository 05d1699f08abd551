"""Futures of a programme from its section, in two stages."""

import numpy as np
import pytest

from arkwright.factory import loads
from arkwright.plan.build import build
from arkwright.plan.draw import futures
from plan.fjord import STILL, met, programme

NARVIK_1, NARVIK_2, LOUGHTON_1 = 0, 1, 2
GB300, RUBIN = 0, 1
LAB, STATE, MARKET = 0, 1, 2


def test_without_chance_everything_comes_as_promised():
    _, built = programme(STILL)
    promised, future = built.as_promised, met(STILL, outcomes=3)
    for field in ("price", "demand", "energy", "spot"):
        expected = np.repeat(getattr(promised, field), 3, axis=1)
        assert getattr(future, field) == pytest.approx(expected), field
    power, supply = built.rollout.power, built.rollout.supply
    for field, may in (
        ("powered", power.may_start),
        ("opened", power.may_build),
        ("arrived", supply.may_order.any(axis=0)),
    ):
        mine, theirs = getattr(future, field), getattr(promised, field)
        assert may.any(), field
        assert (mine[:, may] == theirs[:, may]).all(), field


def test_two_stages_tell_no_outcome_from_another():
    future = met(STILL, outcomes=3)
    assert future.path.tolist() == [list(range(12))] * 3
    assert future.slot_name[1] == "2027-Q2"
    assert future.probability.tolist() == pytest.approx([1 / 3] * 3)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    one, again, other = met(outcomes=20), met(outcomes=20), met(outcomes=20, seed=8)
    for field in one.__struct_fields__:
        mine, same = getattr(one, field), getattr(again, field)
        if isinstance(mine, np.ndarray):
            assert mine.tobytes() == same.tobytes(), field
        else:
            assert mine == same
    assert (one.price != other.price).any()


def test_more_outcomes_leave_those_before_as_they_were():
    few, many = met(outcomes=5), met(outcomes=20)
    assert (many.price[:, :5] == few.price).all()
    assert (many.powered[:5] == few.powered).all()


def test_another_site_moves_no_draw_of_those_there():
    more = {
        "sites": "  sines: {country: PT, grid: {connection: 0 MW}, energy: {price: 60 EUR/MWh}}",
        "places": "    sines: {tranches: [{power: 4 MW, lead: 2 quarters}], "
        "halls: {h1: {power: 2 MW, count: 1, build: 2 quarters}}}",
    }
    one, two = met(outcomes=30), met(outcomes=30, **more)
    assert two.energy.shape[0] == one.energy.shape[0] + 1
    assert (two.price == one.price).all()
    assert (two.demand == one.demand).all()
    assert (two.energy[:2] == one.energy).all()
    assert (two.powered[:, :3] == one.powered).all()
    assert (two.arrived == one.arrived).all()


def test_the_mean_of_prices_is_what_the_programme_says():
    # Standard deviation of the market after three years about 0.4: of 8,000 within 0.015.
    future, promised = met(outcomes=8000), programme()[1].as_promised
    assert future.price.mean(axis=1) == pytest.approx(promised.price[:, 0], rel=0.02)
    assert future.demand.mean(axis=1) == pytest.approx(promised.demand[:, 0], rel=0.03)
    assert future.energy.mean(axis=1) == pytest.approx(promised.energy[:, 0], rel=0.05)


def test_what_was_agreed_does_not_wander():
    future = met(outcomes=50)
    assert np.ptp(future.price[[LAB, STATE]], axis=1).max() == pytest.approx(0)
    assert np.ptp(future.demand[LAB], axis=0).max() == 0
    assert np.ptp(future.price[MARKET], axis=0)[1:].min() > 0
    assert np.ptp(future.demand[STATE], axis=0)[1:].min() > 0


def test_the_rental_walk_goes_where_the_file_says():
    section = STILL.replace(
        "rental: {", "rental: {start: 4 USD/GPU-h, reverts_to: 1 USD/GPU-h, half_life: 1 years, "
    )
    future = met(section, outcomes=2)
    hourly = future.price[MARKET, 0] * 1e6 / 2190
    # From 4 to 1: after a year half the gap in the logarithm is left, which is 2.
    assert hourly[[0, 4]].tolist() == pytest.approx([4.0, 2.0])


def test_rental_and_demand_go_together_as_the_file_says():
    section = """
    correlation: {rental_demand: 0.6, classes: 1, rental_energy: 0, demand_energy: 0}
    rental: {volatility: 0.4, jumps: {per_year: 0}}
    demand: {market: {volatility: 0.3}}
"""
    future = met(section, outcomes=8000)
    change = np.log(future.price[MARKET, :, 1] / future.price[MARKET, :, 0])
    asked = np.log(future.demand[MARKET, :, 1] / future.demand[MARKET, :, 0])
    assert np.corrcoef(change, asked)[0, 1] == pytest.approx(0.6, abs=0.025)
    energy = np.log(future.spot[0, :, 1] / future.spot[0, :, 0])
    assert np.corrcoef(change, energy)[0, 1] == pytest.approx(0.0, abs=0.035)


def test_zones_go_together_and_sites_of_one_zone_are_one():
    section = "    correlation: {zones: 0.7}\n"
    future = met(section, outcomes=8000)
    change = np.log(future.spot[:, :, 1] / future.spot[:, :, 0])
    assert np.corrcoef(change)[0, 1] == pytest.approx(0.7, abs=0.02)


def test_carbon_costs_what_the_electricity_emits():
    section = STILL.replace("carbon_price: {", "carbon_price: {start: 100 EUR/t, ")
    future = met(section, outcomes=2)
    beside = (future.energy - future.spot)[:, 0, 0]
    # Loughton emits 200 g/kWh, Narvik 30: 438 and 65.7 t for a MW through a quarter of 2,190 h, at
    # 100 EUR and 1.1665 USD each.
    assert beside.tolist() == pytest.approx([65.7e-4 * 1.1665, 438e-4 * 1.1665], rel=1e-6)


def test_a_tranche_is_energised_its_lead_and_its_delay_after_its_start():
    section = STILL.replace("{0 quarters: 1}, halls", "{2 quarters: 1}, halls")
    powered = met(section, outcomes=2).powered[0]
    # narvik/1: lead 2, delay 2, begun in quarter 1: there from quarter 5.
    assert powered[NARVIK_1, 1].tolist() == [False] * 5 + [True] * 7


def test_the_most_particular_delay_counts():
    section = STILL.replace(
        "delays: {",
        "delays: {sites: {narvik: {tranches: {4 quarters: 1}}}, each: {narvik/2: {never: 1}}, ",
    )
    powered = met(section, outcomes=2).powered[0]
    first = [int(powered[k, 0].argmax()) if powered[k, 0].any() else None for k in range(3)]
    assert first == [2 + 4, None, 6]  # its site's, its own, everybody's


def test_delays_have_the_probabilities_of_the_file_and_go_together_at_a_site():
    section = """
    correlation: {delays: 0.8}
    delays: {tranches: {0 quarters: 0.5, 2 quarters: 0.5}}
"""
    future = met(section, outcomes=8000)
    on_time = np.stack([future.powered[:, NARVIK_1, 0, 2], future.powered[:, NARVIK_2, 1, 5]])
    elsewhere = future.powered[:, LOUGHTON_1, 0, 6]
    assert on_time.mean(axis=1).tolist() == pytest.approx([0.5, 0.5], abs=0.02)
    # Signs of two normal numbers of correlation 0.8 agree with 1/2 + asin(0.8)/pi.
    assert (on_time[0] == on_time[1]).mean() == pytest.approx(
        0.5 + np.arcsin(0.8) / np.pi, abs=0.02
    )
    assert (on_time[0] == elsewhere).mean() == pytest.approx(0.5, abs=0.02)


def test_a_generation_that_slips_delivers_nothing_before_and_then_everything_due():
    section = STILL.replace("generations: {0 quarters: 1}", "generations: {2 quarters: 1}")
    arrived = met(section, outcomes=2).arrived[0]
    # rubin can be ordered from quarter 3, with a lead of 3: first due in 6, now in 8.
    assert arrived[RUBIN, 3].argmax() == 8
    assert arrived[RUBIN, 4].argmax() == 8
    assert arrived[RUBIN, 5].argmax() == 8
    assert arrived[RUBIN, 6].argmax() == 9
    # gb300 can be ordered from the start: it is there already and slips no more.
    assert arrived[GB300, 0].argmax() == 2


def test_racks_are_written_off_after_the_life_that_was_drawn():
    section = STILL.replace("{5 years: 1}", "{1 year: 0.5, 2 years: 0.5}")
    arrived = met(section, outcomes=2000).arrived
    there = arrived[:, GB300, 0]
    assert (there[:, 2:6] == 1).all()
    assert there[:, 6:10].mean() == pytest.approx(0.5, abs=0.03)
    assert (there[:, 10:] == 0).all()
    # One draw for all generations.
    short = arrived[:, GB300, 0, 6] == 0
    assert (arrived[short][:, RUBIN, 3, 10] == 0).all()
    assert (arrived[~short][:, RUBIN, 3, 10] == 1).all()


def test_without_lives_a_generation_keeps_its_own():
    section = STILL.replace("    lives: {5 years: 1}\n", "")
    future = met(section, outcomes=400)
    assert (future.arrived[:, GB300, 0, 2:] == 1).all()  # 5 years by the file: beyond the horizon
    # rubin says none: the catalogue's 4, 5 or 6 years are beyond this horizon too.
    assert (future.arrived[:, RUBIN, 3, 6:] == 1).all()


def test_a_shock_of_supply_brings_a_part_on_time_and_the_rest_later():
    section = STILL.replace(
        "{per_year: 0}\n    rental",
        "{per_year: 4, lasts: 1 quarter, delivered: 0.4, later: 2 quarters}\n    rental",
    )
    arrived = met(section, outcomes=4000).arrived[:, GB300, 0]
    hit = arrived[:, 2] < 1
    # One shock a quarter as often as 1 - exp(-4 / 4) = 63 %.
    assert hit.mean() == pytest.approx(0.632, abs=0.025)
    assert np.unique(arrived[hit][:, 2:6], axis=0).tolist() == [[0.4, 0.4, 1.0, 1.0]]
    assert (arrived[~hit][:, 2:] == 1).all()


def test_a_customer_withdraws_with_its_probability_in_one_of_its_quarters():
    section = (
        STILL + "    withdrawals:\n"
        "      - {class: lab, from: 2028-Q1, until: 2028-Q2, probability: 0.4, share: 0.5}\n"
    )
    future = met(section, outcomes=8000)
    share = future.demand[LAB] / 5000
    assert (share[:, :4] == 1).all()
    assert (share[:, 4] == 0.5).mean() == pytest.approx(0.2, abs=0.015)
    assert (share[:, 5:] == 0.5).mean() == pytest.approx(0.4, abs=0.02)
    assert set(np.unique(share)) == {0.5, 1.0}


def test_one_outcome_is_the_middle_of_everything():
    section = "    delays: {tranches: {0 quarters: 0.3, 2 quarters: 0.4, 4 quarters: 0.3}}\n"
    future, promised = met(section, outcomes=1), programme(section)[1].as_promised
    assert future.price == pytest.approx(promised.price)
    assert future.powered[0, NARVIK_1, 0].argmax() == 2 + 2


def test_an_outcome_says_what_happens_in_it():
    section = STILL.replace("{0 quarters: 1}, halls", "{never: 1}, halls")
    assert met(section, outcomes=2).names[0] == "market 1.00 of its mean, narvik/1 never comes"


def test_a_programme_without_a_new_connection_has_futures_too():
    text = """
factory: bare
sites: {narvik: {country: NO, grid: {connection: 10 MW}, energy: {price: 40 EUR/MWh}}}
programme:
  from: 2027-Q1
  until: 2027-Q4
  sites: {narvik: {halls: {h1: {power: 6 MW, count: 1, build: 1 quarter}}}}
  generations: {gb300: {system: gb300-nvl72, lead: 1 quarter}}
  capital: {cash: 50 M USD}
  demand: {market: {compute: 1000}}
"""
    factory = loads(text.encode())
    future = futures(factory, build(factory).rollout, outcomes=3)
    assert future.price.shape == (1, 3, 4)
    assert future.powered.shape == (3, 0, 4, 4)
    assert future.arrived.shape == (3, 1, 4, 4)
