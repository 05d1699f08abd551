"""The checker: silent about what keeps the rules, and never about what does not."""

import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from arkwright.plan.checker import Use, check
from arkwright.plan.outcome import evaluate
from arkwright.plan.schedule import Schedule
from arkwright.plan.solve import solve
from plan.instances import changed, smalls
from plan.plain import plain

# The plain programme's best plan, worth 10.5 M (see `test_by_hand`).
BEST = {"starts": [[1, 0]], "halls": [[2, 0]], "racks": [[[5, 1]]]}


def schedule(rollout, futures, **decided):
    """A schedule with only these decisions; a row too few is nothing decided."""
    names, slots = rollout.names, len(futures.slot_quarter)
    whole = {
        "starts": np.zeros((len(names.tranches), slots)),
        "halls": np.zeros((len(names.places), slots)),
        "racks": np.zeros((len(names.places), len(names.generations), slots)),
        "signed": np.zeros((len(names.offers), slots)),
        "drawn": np.zeros((len(names.facilities), slots)),
    }
    for name, rows in (BEST | decided).items():
        given_ = np.asarray(rows, dtype=float)
        if whole[name].size:
            whole[name][tuple(slice(n) for n in given_.shape)] = given_
    return Schedule(**whole)


@settings(max_examples=15)
@given(smalls())
def test_to_decide_nothing_keeps_every_rule(programme):
    nothing = schedule(*programme, starts=[[0]], halls=[[0]], racks=[[[0]]])
    assert check(*programme, nothing) == []


@settings(max_examples=6)
@given(smalls(outcomes=3, sites=1))
def test_what_the_solver_decides_and_runs_keeps_every_rule(programme):
    solution = solve(*programme, clock=time.process_time, gap=0.05, limit_s=0.4)
    use = Use(running_mw=solution.outcome.active, served=solution.outcome.served)
    assert check(*programme, solution.schedule, use=use) == []


def test_the_best_plain_plan_keeps_every_rule():
    programme = plain(tranches=2, generations=2, sites=2, loans=1, offers=1)
    assert check(*programme, schedule(*programme)) == []


# What breaks which rule: (rule, shape of the programme, changes of it, changes of the plan).
BROKEN = {
    "a tranche twice": (5, {}, {}, {"starts": [[1, 1]]}),
    "half a tranche": (5, {}, {}, {"starts": [[0.5, 0]]}),
    "a tranche too early": (5, {}, {"may_start": np.array([[False, True]])}, {}),
    "a tranche before its first": (5, {"tranches": 2}, {}, {"starts": [[0, 1], [1, 0]]}),
    "a tranche without offtake": (5, {}, {"tranche_offtake_mw": np.array([5.5])}, {}),
    "halls without room": (6, {}, {}, {"halls": [[2, 2]]}),
    "half a hall": (6, {}, {}, {"halls": [[2.5, 0]]}),
    "fewer than no halls": (6, {}, {}, {"halls": [[2, -1]]}),
    "a hall too early": (6, {}, {"may_build": np.array([[False, True]])}, {}),
    "racks over the allocation": (7, {}, {}, {"racks": [[[6, 0]]]}),
    "half a rack": (7, {}, {}, {"racks": [[[4.5, 0]]]}),
    "racks that are not sold yet": (7, {}, {"may_order": np.array([[[False, True]]])}, {}),
    "racks short of what was agreed": (8, {}, {"minimum": np.array([[0.0, 7.0]])}, {}),
    "cash": (9, {}, {"cash_now": 11.9}, {}),
    "a loan": (10, {"loans": 1}, {}, {"drawn": [[60, 41]]}),
    "a negative loan": (10, {"loans": 1}, {}, {"drawn": [[-1, 0]]}),
    # 5 x 4.5 + 4 is earned in the second quarter and 1.1 x 10 is due.
    "cover": (11, {"loans": 1}, {"cover_min": 2.5}, {"drawn": [[10, 0]]}),
    "a vendor": (
        13,
        {"generations": 2},
        {"vendor_share_max": np.array([0.8, 1.0])},
        {"racks": [[[5, 0], [1, 0]]]},
    ),
    "a country": (14, {"sites": 2}, {"country_share_max": np.array([0.9, 1.0])}, {}),
    "power bought ahead": (16, {"offers": 1}, {}, {"signed": [[10.1, 0]]}),
    "more power than is offered": (16, {"offers": 1}, {"offer_mw_max": [4.0]}, {"signed": [[5]]}),
    "power sold ahead": (16, {"offers": 1}, {}, {"signed": [[-1, 0]]}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_rule_broken_on_purpose_is_found_and_no_other(name):
    rule, shape, changes, decided = BROKEN[name]
    rollout, futures = plain(**shape)
    rollout = changed(rollout, **{key: np.asarray(value) for key, value in changes.items()})
    found = check(rollout, futures, schedule(rollout, futures, **decided))
    assert {breach.rule for breach in found} == {rule}
    assert all(breach.words.startswith(f"R{rule}: ") for breach in found)


# The plain plan runs 5 MW, then 6, and serves 50 and 60: (rule, running, served, class's country).
MISUSED = {
    "more than the connection": (1, [5, 6], [50, 60], {"tranche_mw": np.array([5.5])}),
    "more than the halls": (2, [5, 6], [50, 60], {"hall_mw": np.array([2.9])}),
    "more than stands": (3, [5, 6.1], [50, 60], {}),
    "more than runs": (12, [5, 5], [50, 60], {}),
    "from abroad": (12, [5, 6], [50, 60], {"class_country": np.array([1])}),
    "more than is wanted": (15, [5, 7], [50, 70], {}),
    "more than a customer's share": (15, [5, 6], [50, 60], {"class_share_max": np.array([0.9])}),
}


@pytest.mark.parametrize("name", MISUSED)
def test_a_use_of_what_stands_that_breaks_a_rule_is_found(name):
    rule, running, served, changes = MISUSED[name]
    rollout, futures = plain(sites=2)
    rollout = changed(rollout, **changes)
    racks = [[[5, 5]]] if rule == 15 and running[1] == 7 else BEST["racks"]
    plan = schedule(rollout, futures, racks=racks)
    use = Use(running_mw=np.zeros((2, 1, 1, 2)), served=np.zeros((1, 2, 1, 2)))
    use.running_mw[0, 0, 0], use.served[0, 0, 0] = running, served
    assert {breach.rule for breach in check(rollout, futures, plan, use=use)} == {rule}


def test_a_breach_says_where_when_in_which_outcome_and_by_how_much():
    rollout, futures = plain(outcomes=2)
    # The second outcome wants nothing in the first quarter: 34 are paid and 0.5 for halls.
    demand = np.array([[[60.0, 60.0], [0.0, 60.0]]])
    rollout, futures = changed(rollout, cash_now=20.0), changed(futures, demand=demand)
    (breach,) = check(rollout, futures, schedule(rollout, futures))
    assert (breach.rule, breach.when, breach.outcome) == (9, "2027-Q1", "outcome 1")
    assert (breach.found, breach.allowed, breach.unit) == (pytest.approx(-14.5), 0.0, "M")
    assert breach.times == 1
    assert breach.words == (
        "R9: -14.5 M of cash are left at the end of 2027-Q1; 0 M must be (outcome 1)"
    )


def test_on_a_tree_only_the_outcomes_that_pass_a_slot_are_held_to_it():
    rollout, futures = plain(outcomes=2, path=[[0, 1], [0, 2]])
    plan = schedule(rollout, futures, racks=[[[5, 1, 6]]])
    (breach,) = check(rollout, futures, plan)
    assert (breach.rule, breach.outcome, breach.times) == (7, "outcome 1", 1)


def test_a_schedule_of_another_shape_is_refused():
    rollout, futures = plain()
    odd = msgspec.structs.replace(schedule(rollout, futures), halls=np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"halls is \(2, 2\) and must be \(1, 2\)"):
        check(rollout, futures, odd)


@settings(max_examples=10)
@given(smalls())
def test_the_margin_found_again_is_the_one_the_solver_prices(programme):
    rollout, futures = programme
    some = np.random.default_rng(1)
    plan = Schedule(
        starts=some.integers(0, 2, (len(rollout.names.tranches), len(futures.slot_quarter))) * 1.0,
        halls=some.integers(0, 3, (len(rollout.names.places), len(futures.slot_quarter))) * 1.0,
        racks=some.uniform(0, 9, (*rollout.supply.rack_mw.shape, len(futures.slot_quarter)))
        * rollout.supply.may_order.any(axis=2)[:, :, None],
        signed=np.zeros((len(rollout.names.offers), len(futures.slot_quarter))),
        drawn=np.zeros((len(rollout.names.facilities), len(futures.slot_quarter))),
    )
    cash = evaluate(rollout, futures, plan).cash.min()
    # Cash that is just enough, by the solver's count, is enough by the checker's and no more.
    for least, enough in ((cash - 1e-3, True), (cash + 1e-3, False)):
        rules = {breach.rule for breach in check(changed(rollout, cash_min=least), futures, plan)}
        assert (9 not in rules) == enough
