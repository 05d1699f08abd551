"""Trees grown from samples: nobody sees ahead, and little of the prices is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.plan.grow import forward_selection, grow, widths
from arkwright.plan.outlook import outlook
from arkwright.plan.realise import realise
from arkwright.plan.samples import draws
from plan.fjord import foresight, met, programme

STAGES = "    stages: [2027-Q4, 2028-Q4]\n    outcomes: 150\n"
SPREAD = "    delays: {tranches: {0 quarters: 0.4, 2 quarters: 0.3, 5 quarters: 0.2, never: 0.1}}\n"
MARKET = 2


def test_branches_are_as_equal_as_the_leaves_allow():
    assert widths(64, 3) == [4, 4, 4]
    assert widths(64, 2) == [8, 8]
    assert widths(8, 3) == [2, 2, 2]
    assert widths(100, 3) == [5, 5, 4]


def test_forward_selection_takes_the_middle_first_then_the_farthest_group():
    # Three near 0 and one at 10: 1 leaves the least distance (1 + 0 + 1 + 9), then 10 itself.
    assert forward_selection(np.array([[0.0], [1.0], [2.0], [10.0]]), 2).tolist() == [0, 0, 0, 1]
    assert forward_selection(np.array([[10.0], [0.0], [2.0], [1.0]]), 2).tolist() == [1, 0, 0, 0]


def test_forward_selection_of_all_keeps_all_apart():
    points = np.random.default_rng(1).random((20, 3))
    assert sorted(forward_selection(points, 20).tolist()) == list(range(20))


def test_forward_selection_of_equal_rows_makes_no_empty_group():
    assert forward_selection(np.zeros((5, 2)), 3).tolist() == [0] * 5


def test_a_tree_has_a_slot_for_every_node_and_quarter():
    future = met(STAGES)
    # 12 quarters: 3 before the first stage, 4 in each of 4 nodes, 5 in each of 16.
    assert future.path.shape == (64, 12)
    assert len(future.slot_quarter) == 3 + 4 * 4 + 16 * 5
    assert future.slot_name[0] == "2027-Q1"
    assert future.slot_name[3] == "1 2027-Q4"
    assert "4.4 2029-Q4" in future.slot_name
    assert future.probability.sum() == pytest.approx(1.0)
    assert (future.slot_quarter[future.path] == np.arange(12)).all()


def test_a_tree_is_the_same_every_time():
    one, again = met(STAGES), met(STAGES)
    assert one.price.tobytes() == again.price.tobytes()
    assert one.arrived.tobytes() == again.arrived.tobytes()
    assert (one.path == again.path).all()


@pytest.mark.parametrize("section", [STAGES, STAGES + SPREAD, STAGES + "    leaves: 20\n"])
def test_who_shares_a_slot_has_seen_the_same(section):
    assert foresight(met(section), (3, 7)) == []


def test_shocks_withdrawals_and_lives_are_not_foreseen_either():
    section = (
        STAGES
        + SPREAD
        + (
            "    lives: {1 year: 0.5, 2 years: 0.5}\n"
            "    allocation: {per_year: 2}\n"
            "    withdrawals: [{class: lab, from: 2027-Q2, until: 2029-Q2, probability: 0.7}]\n"
        )
    )
    future = met(section)
    assert foresight(future, (3, 7)) == []
    assert np.ptp(future.demand[0], axis=0).max() > 0
    assert np.ptp(future.arrived, axis=0).max() > 0


@given(seed=st.integers(0, 10_000), leaves=st.integers(8, 16), first=st.integers(1, 5))
@settings(max_examples=8, deadline=None)
def test_no_seed_and_no_stages_see_ahead(seed, leaves, first):
    stages = (first, first + 3)
    names = [f"{2027 + t // 4}-Q{1 + t % 4}" for t in stages]
    section = f"    stages: [{', '.join(names)}]\n    leaves: {leaves}\n    outcomes: 20\n" + SPREAD
    future = met(section, seed=seed)
    assert foresight(future, stages) == []
    assert len(future.probability) <= leaves
    assert future.probability.min() > 0


def test_the_check_of_foresight_finds_it():
    # Samples side by side in one slot a quarter have seen different things by the fourth.
    assert foresight(met("    outcomes: 4\n"), (3,)) != []


def test_who_has_seen_the_same_may_still_meet_different_things():
    future = met(STAGES + SPREAD)
    shared = future.path[0] == future.path[1]
    assert shared.all()  # two outcomes of the last node
    assert (future.price[MARKET, 0, :7] == future.price[MARKET, 1, :7]).all()
    assert (future.price[MARKET, 0, 7:] != future.price[MARKET, 1, 7:]).all()


def test_a_leaf_is_a_real_sample_whose_tranches_come_or_do_not():
    future = met(STAGES + SPREAD)
    assert future.powered.dtype == bool
    # Once it is there it stays.
    assert (np.diff(future.powered.astype(int), axis=3) >= 0).all()


def tail_mean(values, probability, share):
    """Mean of the lowest `share` of a weighted sample."""
    order = np.argsort(values)
    left = np.minimum(np.cumsum(probability[order]), share)
    weight = np.diff(left, prepend=0.0)
    return (weight * values[order]).sum() / share


@pytest.fixture(scope="module")
def both():
    """The market's price in a tree of 64 leaves and in 20,000 samples, over 5 seeds of the tree."""
    factory, built = programme(STAGES)
    of = outlook(factory, built.rollout, built.as_promised)
    names = built.rollout.names.generations
    many = realise(of, built.rollout, draws(of, names, 1, 20_000)).price[MARKET]
    trees = [grow(of, names, seed, (3, 7), 64, 200) for seed in range(4)]
    grown = [
        (realise(of, built.rollout, tree.drawn, (), tree.adjust).price[MARKET], tree.probability)
        for tree in trees
    ]
    return many, grown


def test_reduction_keeps_the_mean_price_of_every_quarter(both):
    many, grown = both
    for price, probability in grown:
        assert probability @ price == pytest.approx(many.mean(axis=0), rel=0.01)


def test_reduction_keeps_the_spread_of_every_quarter(both):
    many, grown = both
    for price, probability in grown:
        log = np.log(price)
        sd = np.sqrt(probability @ (log - probability @ log) ** 2)
        assert sd[1:] == pytest.approx(np.log(many).std(axis=0)[1:], rel=0.12)


def test_reduction_keeps_the_tail_of_the_price(both):
    # Mean of the worst tenth of the price over the last four quarters: within a tenth on average.
    many, grown = both
    truth = tail_mean(many[:, 8:].mean(axis=1), np.full(len(many), 1 / len(many)), 0.1)
    found = [tail_mean(price[:, 8:].mean(axis=1), weight, 0.1) for price, weight in grown]
    assert np.mean(found) == pytest.approx(truth, rel=0.10)
    assert found == pytest.approx([truth] * len(found), rel=0.25)


def test_reduction_keeps_the_delays(both):
    future = [met(STAGES + SPREAD, seed=seed) for seed in range(5)]
    on_time = [f.probability @ f.powered[:, 0, 0, 2] for f in future]
    never = [f.probability @ ~f.powered[:, 0, 0, 11] for f in future]
    assert np.mean(on_time) == pytest.approx(0.4, abs=0.12)
    assert np.mean(never) == pytest.approx(0.1, abs=0.10)
