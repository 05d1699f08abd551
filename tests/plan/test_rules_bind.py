"""Every rule is felt: the programme of `plan.plain` with one rule tight, then loosened.

The worth of both is worked out by hand from the table there, and found by the solver and by trying
everything: 10.5 M is the plain programme (five
racks in the first quarter and a sixth in the second, in two halls). In a schedule that is best
under the loose rule the checker finds the tight one broken, and in the best under the tight rule it
finds a slightly tighter one broken: the rule has no slack.
"""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from arkwright.plan.checker import check
from arkwright.plan.rollout import ANYWHERE
from arkwright.plan.solve import solve
from naive.plan_enumeration import enumerate_all
from naive.plan_extensive import extensive
from plan.instances import changed
from plan.plain import after, paid_at_once, plain


@dataclass(frozen=True)
class Case:
    rule: int
    programme: object  # of the limit: (Rollout, Futures)
    tight: float
    worth_tight: float
    loose: float
    worth_loose: float
    tighter: float  # slightly
    of_dispatch: bool = False  # limits the use of what stands, not decisions


def grid(mw):
    # The connection carries `mw` racks. With 5: 5 x 5 - 7 for two halls - 8 = 10.
    rollout, futures = plain()
    return changed(rollout, tranche_mw=np.array([mw])), futures


def hall(mw):
    # One hall of `mw`. With 4: 4 x 5 - 3.5 - 8 = 8.5; with 5: 13.5.
    rollout, futures = plain()
    return changed(rollout, hall_mw=np.array([mw]), hall_count_max=np.array([1])), futures


def delivery(share):
    # `share` of an order arrives. With 0.8 four of five stand: 4 x 9 - 5 x 4 - 3.5 - 8 = 4.5.
    rollout, futures = plain()
    return rollout, changed(futures, arrived=futures.arrived * share)


def life(quarters):
    # Racks for 2 M that stand for `quarters`. With 1, ordered five and five: 2.5 each,
    # 25 - 7 - 8 = 10. With 2: five that earn 9 - 2 = 7 and one of the second quarter, 2.5: 22.5.
    rollout, futures = plain()
    rollout = changed(rollout, pay_rack=rollout.capital.pay_rack / 2)
    ends = after(quarters, futures.arrived) if quarters < 2 else 0
    return rollout, changed(futures, arrived=futures.arrived - ends)


def offtake(mw):
    # Two tranches of 3 MW, the second for 1 M more if `mw` of racks are ordered. With 5 both start
    # at once: 25.5 - 7 - 9 = 9.5. With 6 the second would come too late: 3 x 5 - 3.5 - 8 = 3.5.
    rollout, futures = plain(tranches=2)
    rollout = changed(
        rollout,
        tranche_mw=np.array([3.0, 3.0]),
        pay_tranche=paid_at_once([8.0, 1.0], 2),
        tranche_offtake_mw=np.array([0.0, mw]),
        hall_count_max=np.array([2]),
    )
    return rollout, futures


def order(before):
    # A first tranche of 0.1 MW for 8 M must come before the second (before = 0), or need not (-1).
    rollout, futures = plain(tranches=2)
    rollout = changed(
        rollout,
        tranche_mw=np.array([0.1, 10.0]),
        tranche_before=np.array([-1, before]),
        hall_count_max=np.array([2]),
    )
    return rollout, futures


def halls(count):
    rollout, futures = plain()
    return changed(rollout, hall_count_max=np.array([count])), futures


def allocation(racks):
    # With 4 in the first quarter a second hall does not pay: 4 x 5 - 3.5 - 8 = 8.5.
    rollout, futures = plain()
    return changed(rollout, allocation=np.array([[racks, 5.0]])), futures


def minimum(racks):
    # Two racks more than the six that are of use cost 8.
    rollout, futures = plain()
    return changed(rollout, minimum=np.array([[0.0, racks]])), futures


def cash(m):
    # One hall needs 8 + 3 + 16 - (18 - 0.25) = 9.25 M to begin with; two need 34 - 22 = 12.
    rollout, futures = plain()
    return changed(rollout, cash_now=m), futures


def residency(country):
    # Loughton's tranche costs 4 M more than Narvik's; demand is British (1), or from anywhere.
    rollout, futures = plain(sites=2)
    rollout = changed(
        rollout,
        class_country=np.array([country]),
        pay_tranche=paid_at_once([8.0, 12.0], 2),
        allocation=np.array([[5.0, 1.0]]),
        hall_count_max=np.array([2, 2]),
        may_start=np.array([[True, False], [True, False]]),
        may_build=np.array([[True, False], [True, False]]),
        may_order=np.array([[[True, False]], [[True, False]]]),
    )
    return rollout, futures


def vendor(share):
    # A second vendor's racks cost 5. Six at once: 5 x 5 + 4 = 29, less 7 + 8: 14. Of each three:
    # 15 + 12 = 27: 12.
    rollout, futures = plain(generations=2)
    rollout = changed(
        rollout,
        pay_rack=paid_at_once([[4.0, 5.0]], 2),
        vendor_share_max=np.array([share, 1.0]),
        hall_count_max=np.array([2]),
        may_build=np.array([[True, False]]),
        may_order=np.array([[[True, False], [True, False]]]),
    )
    return rollout, futures


def country(share):
    # As much must be started in the other country, for 8 M and nothing.
    rollout, futures = plain(sites=2)
    rollout = changed(
        rollout,
        country_share_max=np.array([share, 1.0]),
        hall_count_max=np.array([2, 0]),
        may_order=np.array([[[True, True]], [[False, False]]]),
    )
    return rollout, futures


def customer(share):
    # One customer for 1 M an H100-equivalent. With half of what stands sold a rack earns 4.75 a
    # quarter, and eight stand for the four that one hall can run: five of 5.5 M and three of the
    # second quarter of 0.75, less 3.5 + 8: 18.25. With all of it 9.5: five of 15 and one of 5.5,
    # less 7 + 8: 65.5.
    rollout, futures = plain()
    rollout = changed(rollout, class_share_max=np.array([share]), hall_count_max=np.array([2]))
    return rollout, changed(futures, price=futures.price * 2)


CASES = {
    "R1 grid": Case(1, grid, 5.0, 10.0, 10.0, 10.5, 4.9, True),
    "R2 hall": Case(2, hall, 4.0, 8.5, 5.0, 13.5, 3.9, True),
    "R3 delivery": Case(3, delivery, 0.8, 4.5, 1.0, 10.5, 0.79, True),
    "R4 end of life": Case(4, life, 1, 10.0, 2, 22.5, 0, True),
    "R5 offtake": Case(5, offtake, 6.0, 3.5, 5.0, 9.5, 6.0),
    "R5 order": Case(5, order, 0, 2.5, -1, 10.5, 0),
    "R6 halls": Case(6, halls, 1, 8.5, 2, 10.5, 0),
    "R7 allocation": Case(7, allocation, 4.0, 8.5, 5.0, 10.5, 3.0),
    "R8 minimum": Case(8, minimum, 8.0, 2.5, 0.0, 10.5, 9.0),
    "R9 cash": Case(9, cash, 9.25, 8.5, 12.0, 10.5, 9.24),
    "R12 residency": Case(12, residency, 1, 6.0, ANYWHERE, 10.0, 1, True),
    "R13 vendor": Case(13, vendor, 0.5, 12.0, 1.0, 14.0, 0.49),
    "R14 country": Case(14, country, 0.5, 2.5, 1.0, 10.5, 0.49),
    "R15 customer": Case(15, customer, 0.5, 18.25, 1.0, 65.5, 0.49, True),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_rule_costs(name):
    case = CASES[name]
    tight, loose = case.programme(case.tight), case.programme(case.loose)
    with_it, without = best(tight), best(loose)
    assert with_it.value == pytest.approx(case.worth_tight)
    assert without.value == pytest.approx(case.worth_loose)
    assert check(*tight, with_it.schedule) == []
    assert check(*loose, without.schedule) == []
    tighter = case.programme(case.tighter)
    if case.of_dispatch:
        # Nothing that was decided breaks it; what stands is of less use.
        if case.tighter != case.tight:
            assert best(tighter).value < with_it.value - 1e-6
        return
    assert {breach.rule for breach in check(*tight, without.schedule)} == {case.rule}
    if case.tighter != case.tight:
        assert {breach.rule for breach in check(*tighter, with_it.schedule)} == {case.rule}


def best(programme, whole=True):
    return solve(*programme, clock=time.process_time, gap=1e-7, whole=whole)


def loan(limit):
    # Racks for 6 M, a tranche for 1: one earns 3 M in two quarters and needs 1.5 M of cash at
    # first; 1 + 3 + 0.25 besides. 7.25 M are there, for two racks: 2 x 3 - 3.5 - 1 = 1.5. A loan of
    # 1.5 M pays for a third, 3 - 0.15, one of 3 M for the hall's fourth.
    rollout, futures = plain(loans=1)
    rollout = changed(
        rollout,
        cash_now=7.25,
        pay_tranche=rollout.capital.pay_tranche / 8,
        pay_rack=rollout.capital.pay_rack * 1.5,
        draw_limit=np.full((1, 2), limit),
    )
    return rollout, futures


def cover(least):
    # The same with the loan of 3 M: it costs 3.3 M in the second quarter, in which four racks earn
    # 4 x 4.5 - 0.25 = 17.75. Ten times as much must be earned: with racks in parts, d M drawn and
    # 2 + d / 1.5 racks, 11 d <= 8.75 + 3 d, so d = 1.09375: 1.5 + d / 1.5 x 3 - d / 10.
    rollout, futures = loan(3.0)
    return changed(rollout, cover_min=least), futures


def hedge(share):
    # A contract for a MW brings 0.5 - 0.3 = 0.2 M a quarter; 10 MW are connected.
    rollout, futures = plain(offers=1)
    return changed(rollout, hedge_share_max=share), futures


MONEY = {
    "R10 loans": Case(10, loan, 1.5, 4.35, 3.0, 7.2, 1.49),
    "R11 cover": Case(11, cover, 10.0, 1.5 + 1.9 * 1.09375, 5.0, 7.2, 10.1),
    "R16 hedge": Case(16, hedge, 0.5, 12.5, 1.0, 14.5, 0.49),
}


@pytest.mark.parametrize("name", MONEY)
def test_what_a_rule_of_money_costs(name):
    case = MONEY[name]
    tight, loose = case.programme(case.tight), case.programme(case.loose)
    with_it, without = best(tight, whole=False), best(loose, whole=False)  # racks in parts
    assert with_it.value == pytest.approx(case.worth_tight)
    assert without.value == pytest.approx(case.worth_loose)
    rules = {breach.rule for breach in check(*tight, without.schedule)}
    assert rules == {case.rule}
    slightly = check(*case.programme(case.tighter), with_it.schedule)
    assert case.rule in {breach.rule for breach in slightly}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_everything_tried_costs_a_rule_the_same(name):
    case = CASES[name]
    for limit, worth in ((case.tight, case.worth_tight), (case.loose, case.worth_loose)):
        assert enumerate_all(*case.programme(limit)).value == pytest.approx(worth)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES | MONEY)
def test_one_programme_over_every_outcome_costs_a_rule_the_same(name):
    case = (CASES | MONEY)[name]
    whole = "all" if name in CASES else "mw"
    for limit, worth in ((case.tight, case.worth_tight), (case.loose, case.worth_loose)):
        assert extensive(*case.programme(limit), whole).value == pytest.approx(worth)
