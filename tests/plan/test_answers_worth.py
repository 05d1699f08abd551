"""Answers on the harbour, each number by hand.

Eight racks give 80 H100-equivalents from 2027-Q1 on where there is power:

  as promised: 80 served in 3 quarters at 0.1 = 24.  few buyers: 40 in 3 = 12.
  grid late:   80 in 2 quarters = 16.                no grid: 0.
  Paid at once in all: 2 tranche + 2 x 1 halls + 8 x 0.5 racks = 8.
  NPV: 16, 4, 8, -8.  E = 5.  The worst quarter of four equal outcomes is the last alone: CVaR -8.
"""

import numpy as np
import pytest

from arkwright.plan.answers.bands import quantile, spread
from arkwright.plan.answers.breakeven import break_even, root
from arkwright.plan.answers.changed import later
from arkwright.plan.answers.dependence import dependences
from arkwright.plan.answers.frontier import Found, frontier
from arkwright.plan.answers.funnel import Said, funnel, missing
from arkwright.plan.answers.milestones import milestones
from arkwright.plan.answers.money import flow, worth
from arkwright.plan.answers.overbuild import overbuild
from arkwright.plan.answers.steps import steps
from arkwright.plan.answers.tornado import tornado
from arkwright.plan.outcome import evaluate
from plan.harbour import all_at_once, harbour

close = pytest.approx


@pytest.fixture(scope="module")
def plan():
    rollout, futures = harbour()
    schedule = all_at_once()
    return rollout, futures, schedule, evaluate(rollout, futures, schedule)


def test_the_harbour_is_worth_what_the_head_of_this_file_says(plan):
    rollout, futures, _, outcome = plan
    assert outcome.npv.tolist() == close([16, 4, 8, -8])
    found = worth(rollout, futures, outcome)
    assert (found.npv.mean, found.cvar, found.loss) == close((5, -8, 0.25))
    assert found.objective == close(0.5 * 5 + 0.5 * -8)
    assert found.capex.low == found.capex.high == close(8)
    # 20 at first, 8 paid: 12 is the least, whatever comes.
    assert found.cash_least.mean == close(12)


def test_cash_is_told_by_quarter(plan):
    _, futures, _, outcome = plan
    found = flow(futures, outcome)
    assert found.spent.mean.tolist() == close([8, 0, 0, 0])
    # 2027-Q1: 8, 4, 0, 0 earned, 3 in the mean; then 8, 4, 8, 0, 5 in the mean.
    assert found.cash.mean.tolist() == close([12, 15, 20, 25])
    assert found.cash.low.tolist() == close([12, 12, 12, 12])


def test_a_band_ends_on_outcomes_and_takes_their_probability(plan):
    values = np.array([3.0, 1.0, 2.0])
    probability = np.array([0.05, 0.15, 0.8])
    # Below 1 lies nothing, up to 1 lie 15 %: the tenth of a hundred is 1. Up to 2 lie 95 %.
    assert spread(values, probability).low == 1
    assert spread(values, probability).high == 2
    assert quantile(values, probability, 0.96) == 3


def test_milestones_say_what_is_promised_and_how_likely_it_is_late(plan):
    rollout, futures, schedule, _ = plan
    grid, hall, racks = milestones(rollout, futures, schedule)
    assert (grid.kind, grid.name, grid.mw, grid.promised) == ("grid", "quay/1", 10, 1)
    # Quarters 1, 1, 2 and never, which counts as the one after the last.
    assert (grid.low, grid.median, grid.high) == (1, 1, 4)
    assert (grid.late, grid.never, grid.quarters_late) == close((0.5, 0.25, (1 + 3) / 4))
    assert (hall.amount, hall.mw, hall.promised, hall.late) == (2, 10, 0, 0)
    assert (racks.amount, racks.gpus, racks.place, racks.promised) == (8, 64, "quay/h", 1)


def test_what_only_some_outcomes_begin_has_a_probability_and_dates_of_those(plan):
    rollout, futures, schedule, _ = plan
    from msgspec.structs import replace

    # From 2027-Q2 on outcomes 2 and 3 are told apart from the others: slots 4 and 5 are theirs.
    path = futures.path.copy()
    path[2:, 2:] = [4, 5]
    told = replace(futures, path=path, slot_quarter=np.array([0, 1, 2, 3, 2, 3]),
                   slot_name=tuple("abcdef"))  # fmt: skip
    racks = np.zeros((1, 1, 6))
    racks[0, 0, 4] = 3
    wider = {
        name: np.pad(
            getattr(schedule, name), [(0, 0)] * (getattr(schedule, name).ndim - 1) + [(0, 2)]
        )
        for name in ("starts", "halls", "signed", "drawn")
    }
    found = milestones(rollout, told, replace(schedule, racks=racks, **wider))[-1]
    assert (found.begun, found.probability, found.amount) == (2, 0.5, 3)
    assert (found.promised, found.low, found.high) == (3, 3, 3)


def test_steps_join_what_a_site_begins_of_a_kind_in_a_year(plan):
    rollout, futures, schedule, _ = plan
    from msgspec.structs import replace

    racks = np.array([[[8.0, 2.0, 1.0, 0.0]]])
    found = steps(
        milestones(rollout, futures, replace(schedule, racks=racks)), rollout.names.quarters
    )
    lines = [(s.kind, s.begun, s.until, s.amount, s.promised) for s in found]
    assert lines == [
        ("grid", 0, 0, 1, 1),
        ("hall", 0, 0, 2, 0),
        ("racks", 0, 0, 8, 1),
        ("racks", 1, 2, 3, 3),
    ]


def test_the_funnel_narrows_from_what_is_agreed_to_what_is_used(plan):
    rollout, futures, schedule, outcome = plan
    found = {step.name: step for step in funnel(rollout, futures, schedule, outcome)}
    assert found["secured"].mw.mean.tolist() == [10, 10, 10, 10]
    # Energised in 2 of 4 outcomes in 2027-Q1, in 3 of 4 from 2027-Q2.
    assert found["energised"].mw.mean.tolist() == close([0, 5, 7.5, 7.5])
    assert found["energised"].mw.low.tolist() == [0, 0, 0, 0]
    assert found["ready"].mw.mean.tolist() == [10, 10, 10, 10]
    assert found["installed"].gpus.mean.tolist() == close([0, 64, 64, 64])
    # In use: 8 and 4 racks, then 8, 4 and 8.
    assert found["utilised"].mw.mean.tolist() == close([0, 3, 5, 5])
    # 1 MW carries 8 GPUs.
    assert found["secured"].gpus.mean.tolist() == close([80, 80, 80, 80])
    assert missing(tuple(found.values())) == ("announced", "contracted")


def test_what_is_declared_stands_before_what_is_planned(plan):
    rollout, futures, schedule, outcome = plan
    said = {"announced": Said(mw=np.full(4, 230.0), gpus=np.full(4, np.nan))}
    first, *_ = found = funnel(rollout, futures, schedule, outcome, said)
    assert (first.name, first.mw.mean[0], first.gpus) == ("announced", 230, None)
    assert missing(found) == ("contracted",)


def test_overbuilding_is_little_use_of_what_stands(plan):
    rollout, futures, schedule, outcome = plan
    # Of 24 rack-quarters 24, 12, 16 and 0 are used: 1, 0.5, 2/3 and 0.
    found = overbuild(rollout, futures, schedule, outcome, least=0.6)
    assert found.utilisation.mean == close((1 + 0.5 + 2 / 3 + 0) / 4)
    assert found.probability == close(0.5)
    assert found.probability_by_quarter.tolist() == close([0, 0.75, 0.5, 0.5])
    # 4 M of racks, idle 0, 1/2, 1/3 and 1 of the time.
    assert found.regret.mean == close(4 * (0 + 1 / 2 + 1 / 3 + 1) / 4)
    assert np.isnan(found.by_quarter.mean[0])
    assert found.by_quarter.mean[1:].tolist() == close([(1 + 0.5 + 0 + 0) / 4] + [2.5 / 4] * 2)


def test_break_even_is_where_the_expected_worth_is_nothing(plan):
    rollout, futures, schedule, outcome = plan
    found = break_even(rollout, futures, schedule, outcome)
    # 13 M earned in the mean against 8 M paid.
    assert found.price_factor == close(8 / 13, rel=1e-4)
    # 0.1 M a quarter of 2190 hours is 45.66 an hour.
    assert found.price_mean == close(1e5 / 2190)
    assert found.price == close(1e5 / 2190 * 8 / 13, rel=1e-4)
    # Demand factor f <= 0.8 is served whole: 0.25 (30 f + 12 f + 20 f) = 8, so f = 32 / 62.
    assert found.demand_factor == close(32 / 62, rel=1e-4)
    # Used: (3 + 1.2 + 2) x 100 f equivalent-quarters of 4 x 240.
    assert found.utilisation == close(6.2 * 100 * (32 / 62) / 960, rel=1e-4)


def test_a_plan_that_earns_without_any_price_has_no_break_even():
    assert root(lambda factor: 1.0 + factor) is None
    assert root(lambda factor: -1.0) is None
    # Convex and piecewise linear: 0 up to 1, then steep.
    assert root(lambda f: max(0.0, 5 * (f - 1)) - 1) == close(1.2, rel=1e-5)


def test_the_tornado_moves_each_input_alone(plan):
    rollout, futures, schedule, _ = plan
    bars = {bar.name: bar for bar in tornado(rollout, futures, schedule)}
    # 13 earned: a fifth is 2.6; 4 paid for racks: a fifth is 0.8; 4 for grid and halls.
    price = bars["rental price"]
    assert (price.npv_lower, price.npv_higher) == close((5 - 2.6, 5 + 2.6))
    assert (bars["price of racks"].npv_lower, bars["price of racks"].npv_higher) == close(
        (5.8, 4.2)
    )
    assert bars["price of grid and halls"].width == close(1.6)
    # Demand 80: served 80, 32, 80 of 80; demand 120: 80, 48, 80.
    demand = bars["demand"]
    assert (demand.npv_lower, demand.npv_higher) == close((5 - 0.6, 5 + 0.6))
    # Grid a quarter sooner would be there before the racks: outcome 2 gains a quarter, 8 / 4.
    grid = bars["grid connections"]
    assert grid.npv_lower == close(7)
    # A quarter later: 16 + 8 + 8 + 0 earned.
    assert grid.npv_higher == close(32 / 4 - 8)
    assert [bar.width for bar in bars.values()] == sorted(
        (b.width for b in bars.values()), reverse=True
    )


def test_later_never_comes_before_its_decision():
    ahead = np.array([[True, True], [False, True]])  # there at once
    assert later(ahead, 1).tolist() == [[False, True], [False, False]]
    assert later(ahead, -1).tolist() == ahead.tolist()
    next_quarter = np.array([[False, True], [False, False]])
    assert later(next_quarter, -1).tolist() == [[True, True], [False, False]]


def test_losing_a_party_costs_what_the_plan_is_worth_less_without_it(plan):
    rollout, futures, schedule, outcome = plan
    by_kind = {d.kind: d for d in dependences(rollout, futures, schedule, outcome)}
    # Without its racks nothing is earned and 4 less is paid: -4, 9 less than 5.
    assert (by_kind["vendor"].npv_without, by_kind["vendor"].lost) == close((-4, 9))
    # Without power, or buyers, nothing is earned and 8 is paid.
    assert by_kind["country"].lost == by_kind["customer"].lost == close(13)
    assert by_kind["vendor"].capex == close(0.5)
    assert by_kind["country"].capex == close(1)
    assert all(d.compute == d.revenue == 1 and d.limit is None for d in by_kind.values())


def test_the_frontier_has_a_point_for_each_weight_and_marks_the_files_own(plan):
    rollout, futures, schedule, _ = plan
    from msgspec.structs import replace

    nothing = replace(
        schedule, starts=0 * schedule.starts, halls=0 * schedule.halls, racks=0 * schedule.racks
    )
    made = []

    def solve(changed):
        made.append(changed.risk_weight)
        # For weight 0 the search ended with nothing; the plan of another weight is better for it.
        return Found(schedule=nothing, bound=6.0)

    own = Found(schedule=schedule, bound=0.0)
    found, kept = frontier(rollout, futures, solve, (0.0, 0.5, 1.0), own=own)
    assert made == [0.0, 1.0]
    assert kept is nothing  # 0.5 x 5 - 0.5 x 8 is less than nothing
    points = [(p.risk_weight, p.npv, p.cvar, p.is_own) for p in found]
    assert points == [(0.0, close(5), close(-8), False), (0.5, 0, 0, True), (1.0, 0, 0, False)]
    assert found[0].gap == close((6 - 5) / 5)
    assert [p.mw for p in found] == [10, 0, 0]
