"""What knowing, waiting and choosing are worth, on programmes worked out by hand (`plan.plain`)."""

from types import SimpleNamespace

import numpy as np
import pytest

from arkwright.errors import InputError
from arkwright.plan.information import averaged, blind, everywhere, foreseen, only
from arkwright.plan.options import reserved, without
from arkwright.plan.schedule import Schedule
from arkwright.plan.solve import solve
from arkwright.plan.value import option, perfect_information, stochastic_solution, waiting
from naive.plan_enumeration import enumerate_all
from plan.instances import changed
from plan.plain import plain

TREE = [[0, 1], [0, 2]]


def tried(rollout, futures):
    """A solver that tries everything: value and bound are one."""
    best = enumerate_all(rollout, futures)
    none = np.zeros((0, len(futures.slot_quarter)))
    schedule = Schedule(
        starts=np.array(best.starts, dtype=float),
        halls=np.array(best.halls, dtype=float),
        racks=np.array(best.racks, dtype=float),
        signed=none,
        drawn=none,
    )
    return SimpleNamespace(schedule=schedule, value=best.value, bound=best.value)


def growing(path=None):
    """20 H100-equivalents at first; then 60 or still 20. Up to 2 racks a quarter, one hall.

    Two racks in the first quarter earn 2 x 4.5 twice and cost 8, a hall 3.5, the tranche 2: 4.5.
    Two more fit the hall in the second quarter: they cost 8 and earn 9, if 60 are wanted: 1.
    """
    rollout, futures = plain(outcomes=2, path=path)
    rollout = changed(
        rollout,
        pay_tranche=rollout.capital.pay_tranche / 4,
        hall_count_max=np.array([1]),
        allocation=np.full((1, 2), 2.0),
    )
    return rollout, changed(futures, demand=np.array([[[20.0, 60.0], [20.0, 20.0]]]))


def test_waiting_is_worth_what_two_racks_earn_where_they_are_wanted():
    # Beforehand two more racks earn 4.5 for 8: not bought. Seen first, they bring 1 in one of two.
    worth = waiting(*growing(TREE), tried)
    assert worth.having.value == pytest.approx(5.0)
    assert worth.lacking.value == pytest.approx(4.5)
    assert (worth.value, worth.low, worth.high) == pytest.approx((0.5, 0.5, 0.5))
    assert worth.words == (
        "Deciding as things become known is worth 0.5 M USD: "
        "5 M deciding as things become known, 4.5 M deciding everything beforehand"
    )


def test_waiting_is_worth_nothing_where_there_is_no_more_to_see():
    assert waiting(*growing(), tried).value == pytest.approx(0.0)


def test_perfect_information_is_worth_as_much_as_waiting_where_waiting_shows_all():
    # Known beforehand: 5.5 where 60 come, 4.5 where 20 stay.
    assert perfect_information(*growing(), tried).value == pytest.approx(0.5)
    assert perfect_information(*growing(TREE), tried).value == pytest.approx(0.0)


def test_perfect_information_counts_the_tail_as_the_plan_does():
    # One quarter, 40 wanted or none; connection and hall stand, a rack costs 1: 14 or nothing, less
    # 0.25 for the hall. Half weight on the worst half: 0.5 x 6.75 + 0.5 x -0.25 = 3.25.
    # One plan for both: four racks earn 14 or lose 4, 0.5 x 5 + 0.5 x -4 = 0.5, less 0.25.
    rollout, futures = plain(quarters=1, outcomes=2)
    rollout = changed(
        rollout,
        mw_now=np.array([10.0]),
        halls_now=np.array([1]),
        pay_rack=rollout.capital.pay_rack / 4,
        risk_weight=0.5,
    )
    futures = changed(futures, demand=np.array([[[40.0], [0.0]]]))
    worth = perfect_information(rollout, futures, tried)
    assert worth.having.value == pytest.approx(3.25)
    assert worth.value == pytest.approx(3.0)


def test_planning_for_the_mean_buys_what_one_outcome_does_not_want():
    # For a mean of 40 two racks more are bought in the second quarter: 5.5 where 60 come, and
    # 4.5 - 8 = -3.5 where 20 stay: 1. The plan for both is worth 4.5, on the tree 5.
    worth = stochastic_solution(*growing(), tried)
    assert worth.lacking.value == pytest.approx(1.0)
    assert worth.value == pytest.approx(3.5)
    assert stochastic_solution(*growing(TREE), tried).value == pytest.approx(4.0)


def test_the_mean_plan_that_runs_out_of_cash_has_no_number():
    # With 1.25 a quarter for the hall the first quarter takes 2 + 3 + 8 - 9 + 1.25 = 5.25, which is
    # all there is. For a mean of 40 two more racks are bought in the second: where 20 stay, that
    # quarter brings 9 - 1.25 for the 8 they cost.
    rollout, futures = growing()
    rollout = changed(rollout, hall_opex=np.array([1.25]), cash_now=5.25)
    worth = stochastic_solution(rollout, futures, tried)
    assert worth.value == np.inf
    assert {breach.rule for breach in worth.breaches} == {9}
    assert worth.words.startswith("The plan for the mean outcome cannot be carried out")
    assert "R9" in worth.words


def test_a_tranche_is_worth_the_plan_that_needs_it():
    rollout, futures = growing()
    worth = option("narvik/1", rollout, without(rollout, "narvik/1"), futures, tried)
    assert worth.value == pytest.approx(4.5)
    assert worth.words.startswith("Being able to take narvik/1 is worth 4.5 M USD")


def test_a_reserved_slot_is_worth_a_rack_that_comes_a_quarter_earlier():
    # Of `plain`'s plan the sixth rack comes in the second quarter and brings 0.5; in the first, 5.
    rollout, futures = plain()
    worth = option("a slot a quarter", reserved(rollout, "first", 1, 0), rollout, futures, tried)
    assert worth.value == pytest.approx(4.5)


def test_what_may_not_be_chosen_is_named_among_what_may():
    rollout, _ = plain(loans=1, offers=1)
    assert not without(rollout, "narvik/h1").power.may_build.any()
    assert not without(rollout, "first").supply.may_order.any()
    assert not without(rollout, "ppa0").market.may_sign.any()
    assert not without(rollout, "loan0").capital.draw_limit.any()
    assert rollout.power.may_build.all()  # a copy is changed
    with pytest.raises(InputError, match="did you mean narvik/1"):
        without(rollout, "narvik/2")


def test_a_gap_left_open_is_said():
    def rough(rollout, futures):
        found = tried(rollout, futures)
        return SimpleNamespace(
            schedule=found.schedule, value=found.value - 0.1, bound=found.value + 0.2
        )

    worth = waiting(*growing(TREE), rough)
    # 4.9..5.2 with, 4.4..4.7 without.
    assert (worth.value, worth.low, worth.high) == pytest.approx((0.5, 0.2, 0.8))
    assert worth.words.endswith("proven between 0.2 M and 0.8 M")


def test_a_plan_made_beforehand_is_followed_on_the_tree_where_none_better_is_found():
    def short_sighted(rollout, futures):
        found = tried(rollout, futures)
        lost = 2.0 if len(futures.slot_quarter) > 2 else 0.0  # on the tree it finds 3 of 5
        return SimpleNamespace(schedule=found.schedule, value=found.value - lost, bound=found.value)

    worth = waiting(*growing(TREE), short_sighted)
    assert (worth.value, worth.low, worth.high) == pytest.approx((0.0, 0.0, 0.5))
    assert worth.having.schedule.racks.tolist() == [[[2.0, 0.0, 0.0]]]
    assert "no better plan was found there" in worth.words


def test_information_moves_slots_and_nothing_else():
    _, futures = growing(TREE)
    for same in (blind(futures), foreseen(futures)):
        assert same.demand is futures.demand
        assert (same.slot_quarter[same.path] == [0, 1]).all()
    assert blind(futures).path.tolist() == [[0, 1], [0, 1]]
    assert blind(futures).slot_name == ("2027-Q1", "2027-Q2")
    assert foreseen(futures).path.tolist() == [[0, 1], [2, 3]]
    assert only(futures, 1).demand.tolist() == [[[20.0, 20.0]]]
    assert only(futures, 1).probability.tolist() == [1.0]


def test_the_mean_outcome_has_mean_prices_and_works_done_after_their_mean_delay():
    _, futures = growing()
    powered = futures.powered.copy()
    powered[1] = False  # in the second outcome the grid never comes
    late = averaged(changed(futures, powered=powered, probability=np.array([0.75, 0.25])))
    assert late.demand.tolist() == [[[20.0, 50.0]]]
    # Begun in 0: 0 or never, counted as 2: 0.5 on average, rounded up to 1. In 1: 1.25, so 1.
    assert late.powered[0, 0].tolist() == [[False, True], [False, True]]


def test_a_plan_of_quarters_is_followed_on_every_branch():
    _, futures = growing(TREE)
    plan = Schedule(
        starts=np.array([[1.0, 0.0]]),
        halls=np.array([[1.0, 2.0]]),
        racks=np.array([[[3.0, 4.0]]]),
        signed=np.zeros((0, 2)),
        drawn=np.zeros((0, 2)),
    )
    on_tree = everywhere(plan, futures)
    assert on_tree.racks.tolist() == [[[3.0, 4.0, 4.0]]]
    assert on_tree.starts.tolist() == [[1.0, 0.0, 0.0]]


def test_the_solver_finds_the_same_values():
    def solved(rollout, futures):
        return solve(rollout, futures, clock=lambda: 0.0, gap=1e-6)

    assert waiting(*growing(TREE), solved).value == pytest.approx(0.5, abs=1e-4)
    assert perfect_information(*growing(), solved).value == pytest.approx(0.5, abs=1e-4)
    assert stochastic_solution(*growing(), solved).value == pytest.approx(3.5, abs=1e-4)
    rollout, futures = growing()
    worth = option("narvik/1", rollout, without(rollout, "narvik/1"), futures, solved)
    assert worth.value == pytest.approx(4.5, abs=1e-4)
