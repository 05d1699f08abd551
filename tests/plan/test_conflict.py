"""Programmes that cannot be: the smallest set of limits in conflict, and what would do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from arkwright.plan.conflict import conflict
from arkwright.plan.elastic import Elastic
from arkwright.plan.limits import Limit
from naive.plan_enumeration import enumerate_all
from naive.plan_extensive import extensive
from plan.instances import changed, small
from plan.plain import after, paid_at_once, plain


def limits(found):
    return {(limit.rule, limit.where, limit.when) for limit in found.limits}


def gives(relaxations):
    return {
        (part.limit.rule, part.limit.where, part.limit.when): pytest.approx(part.by)
        for part in relaxations
    }


def test_a_programme_that_can_be_is_in_no_conflict():
    assert conflict(*plain()) is None


def test_more_racks_were_agreed_to_than_are_allocated():
    rollout, futures = plain()
    rollout = changed(
        rollout, minimum=np.array([[0.0, 200.0]]), allocation=np.array([[50.0, 70.0]])
    )
    found = conflict(rollout, futures)
    q1, q2 = (7, "first", "2027-Q1"), (7, "first", "2027-Q2")
    assert limits(found) == {(8, "first", "2027-Q2"), q1, q2}
    # 200 - 50 - 70; any of the three alone may give the 80.
    assert gives(found.ways) == {(8, "first", "2027-Q2"): 80, q1: 80, q2: 80}
    assert gives(found.relaxation) == {(8, "first", "2027-Q2"): 80}  # the least share: 80 of 200
    assert found.words == (
        "R7 allows 120 racks of first in 2027-Q1 and 2027-Q2; R8 wants 200 racks of first ordered "
        "by 2027-Q2: these cannot all be kept. Either agree to 80 fewer racks of first by "
        "2027-Q2; or get 80 more racks of first allocated in 2027-Q2; or get 80 more racks of "
        "first allocated in 2027-Q1."
    )


def test_racks_were_agreed_to_before_they_are_sold():
    rollout, futures = plain()
    rollout = changed(
        rollout, minimum=np.array([[3.0, 3.0]]), may_order=np.array([[[False, True]]])
    )
    found = conflict(rollout, futures)
    assert found.words == (
        "R7 lets first be ordered in 2027-Q2 only; R8 wants 3 racks of first ordered by 2027-Q1: "
        "these cannot all be kept. Either let 3 racks of first be ordered at another time; or "
        "agree to 3 fewer racks of first by 2027-Q1."
    )


def test_what_was_agreed_to_costs_more_than_there_is():
    # 5 racks cost 20, and no tranche may start in the first quarter: 12 M are there, and a loan of
    # 5. R9 wants 3 M more: borrowed, found, or not bought for (3 / 4 of a rack).
    rollout, futures = plain(loans=1)
    rollout = changed(
        rollout,
        cash_now=12.0,
        minimum=np.array([[5.0, 5.0]]),
        draw_limit=np.array([[5.0, 5.0]]),
        may_start=np.array([[False, True]]),
    )
    found = conflict(rollout, futures)
    cash, loan, racks = (
        (9, "", "2027-Q1"),
        (10, "loan0", "2027-Q1"),
        (8, "first", "2027-Q1"),
    )
    start = (5, "narvik/1", "in 2027-Q2 only")
    assert {cash, loan, racks} <= limits(found) <= {cash, loan, racks, start}
    assert gives(found.ways).items() >= {cash: 3, loan: 3, racks: 0.75}.items()


def test_one_outcome_alone_runs_out_of_cash_and_is_named():
    # 60 M are owed where the racks come a quarter late, 6 x 10; 50 are there.
    rollout, futures = plain(outcomes=2)
    rollout = changed(
        rollout,
        cash_now=50.0,
        class_penalty=np.array([1.0]),
        hall_count_max=np.array([2]),
    )
    late = np.stack([futures.arrived[0], after(1, futures.arrived[0])])
    futures = changed(futures, arrived=late)
    found = conflict(rollout, futures)
    assert {limit.rule for limit in found.limits} == {9}
    assert all(limit.outcome == "outcome 1" for limit in found.limits)
    assert "in outcome 1" in found.words


def test_shares_of_countries_that_cannot_add_up():
    rollout, futures = plain(sites=2)
    rollout = changed(rollout, mw_now=np.array([10.0, 0.0]), country_share_max=np.array([0.6, 0.3]))
    found = conflict(rollout, futures)
    assert limits(found) == {(14, "NO", ""), (14, "GB", "")}


def test_what_only_whole_tranches_cannot_do():
    # 10 MW stand in Norway, which may have half of all; Britain may have six tenths.
    rollout, futures = plain(sites=2)
    rollout = changed(
        rollout,
        mw_now=np.array([10.0, 0.0]),
        tranche_mw=np.array([10.0, 18.0]),
        country_share_max=np.array([0.5, 0.6]),
    )
    # In parts Britain could start 10 of its tranche's 18 MW. Whole, it has 18 of 28 MW; and with
    # Norway's tranche as well Norway has 20 of 38.
    found = conflict(rollout, futures)
    assert limits(found) == {(14, "NO", ""), (14, "GB", "")}
    # Britain's share with its tranche alone: 18 - 0.6 x 28 = 1.2 MW; Norway's with both:
    # 20 - 0.5 x 38 = 1.
    assert gives(found.ways) == {(14, "NO", ""): 1.0, (14, "GB", ""): 1.2}


def test_two_conflicts_are_both_relaxed():
    rollout, futures = plain(sites=2)
    rollout = changed(
        rollout,
        mw_now=np.array([10.0, 0.0]),
        country_share_max=np.array([0.6, 0.3]),
        minimum=np.array([[7.0, 7.0]]),
        pay_rack=paid_at_once([[1.0], [1.0]], 2),
    )
    found = conflict(rollout, futures)
    assert len({limit.rule for limit in found.limits} & {7, 8, 14}) in (1, 2)
    assert {part.limit.rule for part in found.relaxation} in ({7, 14}, {8, 14})
    assert "The least that makes the whole programme possible" in found.words


def test_what_gives_way_is_whole_where_it_is_counted_and_told_once_for_many_quarters():
    minimum = Limit(rule=8, clause="minimum", where="rubin", when="2027-Q1", limit=7, unit="racks")
    later = replace(minimum, when="2027-Q2")
    assert minimum.relaxed(2.3) == "agree to 3 fewer racks of rubin by 2027-Q1"
    assert minimum.all_relaxed([(minimum, 2.3), (later, 1.0)]) == (
        "agree to 3 fewer racks of rubin by 2027-Q1 and 2027-Q2, or less in some of them"
    )


@settings(max_examples=8)
@given(st.integers(3, 9), st.floats(0.0, 30.0))
def test_a_conflict_is_named_just_when_nothing_can_be_decided(racks, cash):
    # One quarter, one site: everything can be tried.
    rollout, futures = plain(quarters=1)
    rollout = changed(
        rollout,
        minimum=np.array([[float(racks)]]),
        allocation=np.array([[7.0]]),
        cash_now=round(cash, 1),
        hall_count_max=np.array([1]),
    )
    found = conflict(rollout, futures)
    assert (found is None) == (enumerate_all(rollout, futures) is not None)
    if found is not None:
        assert_smallest(rollout, futures, found)


def assert_smallest(rollout, futures, found):
    """The limits contradict each other, and all but any one of them do not."""
    programme = Elastic(rollout, futures)
    keys = {limit.key for limit in found.limits}
    kept = [g for g, limit in enumerate(programme.limits) if limit.key in keys]
    assert programme.shortfall(kept, whole=found.whole).total > 1e-6
    for left_out in kept:
        rest = [g for g in kept if g != left_out]
        assert programme.shortfall(rest, whole=found.whole).total < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_a_conflict_is_named_just_when_the_extensive_form_has_no_answer(seed):
    rollout, futures = small(seed)
    some = np.random.default_rng(seed)
    least = np.zeros_like(rollout.supply.minimum)
    least[0] = rollout.supply.allocation[0].cumsum() * some.uniform(0.2, 1.1)
    money = rollout.capital.cash_now * some.uniform(0.05, 0.6)
    rollout = changed(rollout, minimum=least, cash_now=money)
    found = conflict(rollout, futures)
    assert (found is None) == (extensive(rollout, futures) is not None)
    if found is not None:
        assert_smallest(rollout, futures, found)
