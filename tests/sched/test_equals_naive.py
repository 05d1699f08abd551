"""The kernels decide what a slow, obvious scheduler decides, and keep every invariant."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from naive.random_factory import (
    POLICIES,
    QUICK,
    decide_both,
    make_announced_so,
    random_event,
    random_pair,
    random_placing,
)
from naive.random_quota import open_market


def run_random(seed, steps, mode=sched.EASY, policy=None, has_quotas=None, sells=False):
    random = Random(seed)
    placing = None if policy is None else random_placing(random, policy)
    pair = random_pair(random, placing, has_quotas, mode != sched.CONSERVATIVE, sells=sells)
    if sells:
        open_market(pair)
    for _ in range(steps):
        make_announced_so(pair, random)
        for _ in range(random.randint(0, 4)):
            random_event(pair, random)
            assert sched.check(pair.state) == []
        ours, theirs = decide_both(pair, mode)
        assert ours == theirs
        assert sched.check(pair.state) == []
        pair.now_ms += random.choice([0, 1, 1, 3, 10])
    return pair


@pytest.mark.slow
@pytest.mark.parametrize("mode", [sched.EASY, sched.STRICT, sched.GREEDY, sched.CONSERVATIVE])
@settings(max_examples=45, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_every_decision_equals_that_of_the_naive_scheduler(mode, seed):
    run_random(seed, 25, mode)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(policy, marks=() if policy in QUICK else pytest.mark.slow)
        for policy in POLICIES
    ],
)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_every_policy_decides_as_it_is_written_in_its_paper(policy, seed):
    pair = run_random(seed, 15, random_mode(seed), policy)
    rebuilt = sched.empty(pair.nodes, pair.rows, pair.placing)
    for event in pair.log:
        rebuilt = sched.apply(rebuilt, event)
    assert sched.same(rebuilt, pair.state)


def random_mode(seed):
    return [sched.EASY, sched.EASY, sched.STRICT, sched.GREEDY][seed % 4]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_a_state_rebuilt_from_its_event_log_has_the_same_bytes(seed):
    pair = run_random(seed, 15)
    rebuilt = sched.empty(pair.nodes, pair.rows, pair.placing)
    for event in pair.log:
        rebuilt = sched.apply(rebuilt, event)
    assert sched.same(rebuilt, pair.state)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [sched.EASY, sched.CONSERVATIVE])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_a_cycle_that_remembers_decides_as_one_that_does_not(mode, seed):
    """Jobs run past their estimates while cycles come with no event between them."""
    random = Random(seed)
    pair = random_pair(random, forms=mode != sched.CONSERVATIVE)
    for _ in range(30):
        if random.random() < 0.5:
            make_announced_so(pair, random)
        if random.random() < 0.3:
            random_event(pair, random)
        ours, theirs = decide_both(pair, mode)
        assert ours == theirs
        pair.now_ms += random.choice([0, 1, 2, 7])


@pytest.mark.slow
@pytest.mark.parametrize("tenth", range(10))
def test_decisions_under_quotas_equal_those_of_the_naive_rules(tenth):
    for seed in range(tenth * 20, tenth * 20 + 20):
        pair = run_random(seed, 25, random_mode(seed), has_quotas=True)
        rebuilt = sched.empty(pair.nodes, pair.rows, pair.placing)
        for event in pair.log:
            rebuilt = sched.apply(rebuilt, event)
        assert sched.same(rebuilt, pair.state)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [sched.EASY, sched.GREEDY, sched.CONSERVATIVE])
def test_decisions_ahead_of_contracts_equal_those_of_the_naive_rules(mode):
    """Large parts of the factory are pledged and taken back all the time."""
    for seed in range(2000, 2025):
        pair = run_random(seed, 20, mode, has_quotas=True, sells=True)
        rebuilt = sched.empty(pair.nodes, pair.rows, pair.placing)
        for event in pair.log:
            rebuilt = sched.apply(rebuilt, event)
        assert sched.same(rebuilt, pair.state)


@pytest.mark.slow
def test_budgets_and_use_are_those_of_the_naive_books():
    for seed in range(60):
        random = Random(seed)
        pair = random_pair(random, None, True)
        for _ in range(20):
            make_announced_so(pair, random)
            for _ in range(3):
                random_event(pair, random)
            decide_both(pair)
            pair.now_ms += random.choice([0, 1, 5, 20])
            books, state = pair.factory.budgets, pair.state
            for own in books.of_row.values():
                assert books.used(own) == state.row_used[own]
                assert books.settled(own) == state.row_settled[own]
            if pair.factory.shares.half_life_ms:
                total, own_use = pair.factory.shares.usage()
                assert list(total.values()) == state.row_usage.tolist()
                assert list(own_use.values()) == state.row_usage_own.tolist()
