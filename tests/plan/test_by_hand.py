"""Programmes solved by hand: every number is worked out beside it (see `plan.plain`)."""

import time

import numpy as np
import pytest

from arkwright.plan.solve import solve
from naive.plan_enumeration import enumerate_all
from plan.instances import changed
from plan.plain import plain


def best(rollout, futures):
    return solve(rollout, futures, clock=time.process_time, gap=1e-7)


def test_a_second_hall_is_built_for_one_rack_when_that_rack_comes_in_time():
    # A rack of the first quarter earns 2 x 4.5 for 4: 5 M. One of the second 4.5 for 4: 0.5 M.
    # First hall:  4 racks of the first quarter, 4 x 5 = 20, less 3 + 2 x 0.25 = 3.5: 16.5.
    # Second hall: the fifth rack that may be ordered then, 5, and a sixth in the second quarter,
    #              0.5 (60 H100-equivalents are wanted, 10 a rack), less 3.5: 2.
    # Third hall:  nothing more is wanted.
    # All less 8 for the tranche: 16.5 + 2 - 8 = 10.5.
    rollout, futures = plain()
    rollout = changed(rollout, allocation=np.array([[5.0, 2.0]]))
    found = enumerate_all(rollout, futures)
    assert found.value == pytest.approx(10.5)
    assert found.starts == ((1, 0),)
    assert found.halls == ((2, 0),)
    assert found.racks == (((5, 1),),)
    assert best(rollout, futures).value == pytest.approx(10.5)


def test_what_is_decided_after_it_is_known_is_worth_more():
    # 20 H100-equivalents are wanted at first; then 60 or still 20, as likely as not.
    # Two racks in the first quarter: 2 x 5 = 10, less 3.5 for a hall and 2 for the tranche: 4.5.
    # Two more fit into that hall. Ordered in the second quarter they cost 8 and earn 2 x 4.5 = 9,
    # but only if 60 are wanted: 4.5 on average, a loss. Who may wait and see earns 9 - 8 = 1 in one
    # outcome of two.
    two_stages = plain(outcomes=2)
    tree = plain(outcomes=2, path=[[0, 1], [0, 2]])
    worth = []
    for rollout, futures in (two_stages, tree):
        rollout = changed(
            rollout,
            pay_tranche=rollout.capital.pay_tranche / 4,
            hall_count_max=np.array([1]),
            allocation=np.array([[2.0, 3.0]]),
        )
        demand = np.array([[[20.0, 60.0], [20.0, 20.0]]])
        futures = changed(futures, demand=demand)
        worth.append((enumerate_all(rollout, futures).value, best(rollout, futures).value))
    assert worth == [pytest.approx((4.5, 4.5)), pytest.approx((5.0, 5.0))]


def test_a_loan_is_drawn_for_just_what_the_second_hall_lacks():
    # The plan of 10.5 pays 8 + 2 x 3 + 5 x 4 = 34 at first and earns 5 x 4.5 - 0.5 = 22: it needs
    # 12 M of cash, and 10 are there. One hall less pays 8 + 3 + 16 = 27, earns 18 - 0.25 = 17.75,
    # needs 9.25 and is worth 16.5 - 8 = 8.5.
    # A loan of 2 M for a quarter costs 0.2: 10.3.
    rollout, futures = plain(loans=1)
    rollout = changed(rollout, cash_now=10.0)
    found = best(rollout, futures)
    assert found.value == pytest.approx(10.3)
    assert found.schedule.drawn == pytest.approx(np.array([[2.0, 0.0]]))
    alone, _ = plain()
    alone = changed(alone, cash_now=10.0, allocation=np.array([[5.0, 2.0]]))
    assert enumerate_all(alone, futures).value == pytest.approx(8.5)


def test_weight_on_the_tail_gives_up_what_only_good_outcomes_pay():
    # One quarter, 40 H100-equivalents wanted or none, as likely as not; the connection and the hall
    # are there, a rack costs 1. Four racks earn 4 x 4.5 - 4 = 14 or lose 4; the mean is 5, the
    # worst half -4. With weight v on the tail: 4 x ((1 - v) 1.25 - v) = 4 x (1.25 - 2.25 v), worth
    # doing below v = 5/9. The hall costs 0.25 either way.
    rollout, futures = plain(quarters=1, outcomes=2)
    rollout = changed(
        rollout,
        mw_now=np.array([10.0]),
        halls_now=np.array([1]),
        may_start=np.array([[False]]),
        may_build=np.array([[False]]),
        pay_rack=rollout.capital.pay_rack / 4,
    )
    futures = changed(futures, demand=np.array([[[40.0], [0.0]]]))
    for weight, value in ((0.0, 5.0), (0.5, 0.5), (0.6, 0.0), (1.0, 0.0)):
        weighted = changed(rollout, risk_weight=weight)
        assert enumerate_all(weighted, futures).value == pytest.approx(value - 0.25)
        assert best(weighted, futures).value == pytest.approx(value - 0.25)
