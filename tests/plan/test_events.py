"""Trees that the file writes down."""

import numpy as np
import pytest

from plan.fjord import STILL, foresight, met, programme

NARVIK_1, NARVIK_2, LOUGHTON_1 = 0, 1, 2
GB300, RUBIN = 0, 1
LAB, STATE, MARKET = 0, 1, 2
TREE = """
    tree:
      stays: {probability: 0.7, from: 2027-Q3}
      leaves: {probability: 0.3, from: 2027-Q3, demand: {lab: 0}, rental: 0.8}
      boom: {parent: stays, probability: 0.5, from: 2028-Q3, rental: 1.5, supply: {gb300: 0.5}}
      bust: {parent: stays, probability: 0.5, from: 2028-Q3, energy: {GB: 2}}
"""
ONE = "    outcomes: 1\n"
LEAVES, BOOM, BUST = 0, 1, 2


def test_every_way_to_a_leaf_is_an_outcome_with_the_product_of_its_probabilities():
    future = met(STILL + TREE + ONE)
    assert [name.partition(",")[0] for name in future.names] == ["leaves", "boom", "bust"]
    assert future.probability.tolist() == pytest.approx([0.3, 0.35, 0.35])


def test_ways_part_when_the_event_is_known():
    future = met(STILL + TREE + ONE)
    parted = [[len(set(future.path[:, t].tolist())) for t in (0, 1, 2, 5, 6, 11)]]
    assert parted == [[1, 1, 2, 2, 3, 3]]
    assert future.slot_name[:4] == ("2027-Q1", "2027-Q2", "leaves 2027-Q3", "stays 2027-Q3")
    assert future.slot_name[-1] == "bust 2029-Q4"
    assert len(future.slot_quarter) == 2 + 2 * 4 + 3 * 6


def test_an_event_changes_what_it_names_from_its_quarter_on():
    future, promised = met(STILL + TREE + ONE), programme(STILL)[1].as_promised
    rental = future.price[MARKET] / promised.price[MARKET, 0]
    assert rental[:, [1, 2, 5, 6]].tolist() == [
        pytest.approx([1, 0.8, 0.8, 0.8]),
        pytest.approx([1, 1, 1, 1.5]),
        pytest.approx([1, 1, 1, 1]),
    ]
    assert (future.price[LAB] == promised.price[LAB]).all()  # agreed: no event moves it
    assert future.demand[LAB, LEAVES].tolist() == [5000.0] * 2 + [0.0] * 10
    assert future.demand[LAB, BOOM].tolist() == [5000.0] * 12
    spot = future.spot[:, BUST] / promised.spot[:, 0]
    assert spot[:, [5, 6]].tolist() == [pytest.approx([1, 1]), pytest.approx([1, 2])]


def test_a_share_of_supply_never_comes():
    future = met(STILL + TREE + ONE)
    # Ordered in quarter 4, due in 6, when it is known: half. Ordered in 3, due in 5: all.
    assert future.arrived[BOOM, GB300, 4, 6:].tolist() == [0.5] * 6
    assert future.arrived[BOOM, GB300, 3, 5:].tolist() == [1.0] * 7
    assert future.arrived[BUST, GB300, 4, 6:].tolist() == [1.0] * 6


def test_an_event_delays_what_is_not_there_yet():
    section = (
        STILL
        + ONE
        + """
    tree:
      fine: {probability: 0.5, from: 2027-Q4}
      freeze:
        probability: 0.5
        from: 2027-Q4
        tranches: {narvik: 3 quarters, loughton/1: never}
        halls: {narvik/h1: 1 quarter}
        generations: {gb300: 2 quarters}
"""
    )
    future = met(section)
    fine, freeze = future.powered
    # narvik/1 begun in quarter 0 was energised in 2, before the freeze of 3; begun in 1 it is due
    # in 3 and comes in 6.
    assert [int(freeze[NARVIK_1, t].argmax()) for t in (0, 1)] == [2, 6]
    assert [int(fine[NARVIK_1, t].argmax()) for t in (0, 1)] == [2, 3]
    assert int(freeze[NARVIK_2, 1].argmax()) == 1 + 4 + 3
    assert not freeze[LOUGHTON_1].any()
    assert int(future.opened[1, 0, 0].argmax()) == 3 + 1
    assert [int(future.arrived[1, GB300, t].argmax()) for t in (0, 1, 2)] == [2, 5, 6]


def test_an_event_known_from_the_start_branches_nothing():
    section = STILL + ONE + "    tree: {today: {rental: 0.9}}\n"
    future, promised = met(section), programme(STILL)[1].as_promised
    assert future.path.tolist() == [list(range(12))]
    assert future.price[MARKET, 0] == pytest.approx(0.9 * promised.price[MARKET, 0])


def test_nobody_sees_an_event_before_it_is_known():
    assert foresight(met(STILL + TREE + ONE), (2, 6)) == []


def test_every_branch_meets_the_same_samples():
    future = met(TREE + "    outcomes: 30\n")
    assert len(future.probability) == 30
    # Three leaves with ten samples each: the same ten, but for what the events change.
    assert future.probability.tolist() == pytest.approx([0.03] * 10 + [0.035] * 20)
    leaves, boom, bust = (future.price[MARKET, i * 10 : i * 10 + 10] for i in range(3))
    assert (leaves[:, :2] == boom[:, :2]).all()
    assert leaves[:, 2:] == pytest.approx(0.8 * bust[:, 2:])
    assert np.ptp(leaves[:, 1]) > 0
    # Of one sample nothing of a branch is foreseen.
    assert foresight(future, (2, 6), alike=lambda one, other: one % 10 == other % 10) == []
