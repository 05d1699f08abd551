"""What binds on the harbour, by hand.

In outcome 0 of 2027-Q1, with 8 racks there, 80 of 100 equivalents are served: one more MW of racks
would earn 10 x 0.1 = 1 M.
"""

import numpy as np
import pytest
from msgspec.structs import replace

from arkwright.plan.answers.binding import bounds, earlier, tightest
from arkwright.plan.answers.marginal import marginal
from arkwright.plan.answers.whole import Proof, answered
from arkwright.plan.answers.words import bound_words, sentences, worth_of
from arkwright.plan.outcome import evaluate
from plan.harbour import all_at_once, harbour

close = pytest.approx
PROOF = Proof(gap=0.008, bound=1.0, stopped="stopped at the gap asked for", seconds=1.0)


def planned(**decided):
    rollout, futures = harbour()
    schedule = replace(all_at_once(), **{
        name: np.array([[amount, 0, 0, 0]]) if name != "racks" else np.array([[[amount, 0, 0, 0]]])
        for name, amount in decided.items()
    })  # fmt: skip
    return rollout, futures, evaluate(rollout, futures, schedule)


def test_racks_bind_where_they_are_all_used_and_more_is_asked_for():
    rollout, futures, outcome = planned(starts=1.0, halls=2.0, racks=8.0)
    found = {
        bound.quarter: bound
        for bound in bounds(rollout, futures, outcome, marginal(rollout, futures, outcome))
    }
    last = found[3]
    # Of outcomes 0 and 2; in 1 too few buy, in 3 there is no grid.
    assert (last.kind, last.rule, last.probability) == ("racks", "R3", 0.5)
    assert last.worth == close(0.5 * 1.0)
    # In the first quarter halls stand alone: neither grid nor a rack would help without the other.
    assert (found[0].kind, found[0].worth) == ("several", 0)


def test_demand_binds_where_more_could_run_than_does():
    rollout, futures, _ = planned()
    few = replace(futures, demand=futures.demand * 0.1)
    outcome = evaluate(rollout, few, all_at_once())
    found = bounds(rollout, few, outcome, marginal(rollout, few, outcome))
    # 10 and 4 are asked for. In outcome 3 the first MW of grid would still serve 10.
    assert (found[-1].kind, found[-1].worth) == ("grid", close(0.25))
    lit = replace(few, powered=np.broadcast_to(few.powered[:1], few.powered.shape))
    outcome = evaluate(rollout, lit, all_at_once())
    found = bounds(rollout, lit, outcome, marginal(rollout, lit, outcome))
    assert (found[-1].kind, found[-1].probability, found[-1].worth) == ("demand", 1, 0)


def test_grid_binds_where_racks_stand_without_power():
    rollout, futures, outcome = planned(starts=1.0, halls=3.0, racks=12.0)
    last = {
        bound.quarter: bound
        for bound in bounds(rollout, futures, outcome, marginal(rollout, futures, outcome))
    }[3]
    # 100 served by 10 MW in outcomes 0 and 2: demand is met, and one more MW worth nothing there.
    # In outcome 3 a first MW would serve 10 at 0.1.
    assert (last.kind, last.rule) == ("grid", "R1")
    assert last.worth == close(0.25)


def test_halls_bind_where_racks_have_no_room():
    rollout, futures, outcome = planned(starts=1.0, halls=1.0, racks=8.0)
    last = {
        bound.quarter: bound
        for bound in bounds(rollout, futures, outcome, marginal(rollout, futures, outcome))
    }[3]
    # 5 MW of halls hold 8 racks of 1 MW: 50 served of 100. In outcome 1 40 are asked for.
    assert (last.kind, last.rule, last.probability) == ("hall", "R2", 0.5)
    assert last.worth == close(0.5)


def test_a_quarter_earlier_is_worth_what_a_mw_earns_in_the_quarter_before_it_comes():
    rollout, futures, outcome = planned(starts=1.0, halls=2.0, racks=8.0)
    found = {
        one.kind: one
        for one in earlier(rollout, futures, outcome.schedule, marginal(rollout, futures, outcome))
    }
    # Outcome 2 has grid from 2027-Q2: in Q1 the first MW would serve 10 at 0.1 = 1 M. Outcome 3
    # has none within the horizon: in its last quarter too. In 0 and 1 racks come no sooner.
    grid = found["grid"]
    assert (grid.name, grid.mw) == ("quay/1", 10)
    assert grid.worth == close(0.25 * 1 + 0.25 * 1)
    assert grid.most == close(10 * grid.worth)
    assert "racks" not in found  # a quarter before they come there is no power


def test_of_each_quarter_the_dearest_is_told():
    rollout, futures, outcome = planned(starts=1.0, halls=1.0, racks=8.0)
    found = tightest(bounds(rollout, futures, outcome, marginal(rollout, futures, outcome)))
    assert [bound.quarter for bound in found] == sorted({b.quarter for b in found})
    assert bound_words(found[-1], "EUR") == (
        "halls at quay (R2), in 50% of outcomes; one MW more is worth 500 k EUR"
    )


def test_a_plan_is_told_in_sentences_with_its_numbers():
    rollout, futures, outcome = planned(starts=1.0, halls=2.0, racks=8.0)
    found = sentences(answered(rollout, futures, outcome, PROOF))
    assert found[0] == (
        "Start 1 grid tranche (10.0 MW), build 2 halls and order 8 racks (64 GPUs) at 1 site by "
        "2026-Q4."
    )
    assert found[1] == (
        "It is worth 5.00 M EUR in expectation and −8.00 M EUR in the worst 25% of 4 outcomes; "
        "it loses money in 25%. No plan is better by more than 0.8%."
    )
    assert found[2] == (
        "Likeliest to be late: grid tranche quay/1, promised for 2027-Q1, late in 50% of "
        "outcomes, by 1.0 quarters on average, and in 25% not there by 2027-Q3."
    )
    assert found[3] == (
        "One MW a quarter earlier of grid at quay (quay/1) is worth 500 k EUR; all 10.0 MW of it, "
        "at most 5.00 M EUR."
    )
    assert found[4] == (
        "It breaks even at a rental price of 28.10 EUR per H100-equivalent hour, 38% below the "
        "expected 45.66, or at a utilisation of 33% instead of 54%."
    )
    assert found[-1] == (
        "Most hangs on the country NO: 100% of revenue, and 13.0 M EUR if it is lost."
    )


def test_a_plan_that_builds_nothing_says_so():
    rollout, futures, outcome = planned(starts=0.0, halls=0.0, racks=0.0)
    answers = answered(rollout, futures, outcome, PROOF)
    assert sentences(answers)[0].startswith("Build nothing")
    assert answers.milestones == ()
    assert answers.overbuild.probability == 0
    assert worth_of  # told only where something is begun
