"""Who is told to stop for whom: the kernels against the naive rules, and the rules by numbers."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from naive.random_factory import (
    POLICIES,
    decide_both,
    make_announced_so,
    random_event,
    random_eviction,
    random_pair,
    random_placing,
)


def run_random(seed, steps, mode=sched.EASY, policy=None):
    random = Random(seed)
    placing = None if policy is None else random_placing(random, policy)
    pair = random_pair(random, placing, random_eviction(random))
    found = []
    for _ in range(steps):
        make_announced_so(pair, random)
        for _ in range(random.randint(0, 4)):
            random_event(pair, random)
            assert sched.check(pair.state) == []
        ours, theirs = decide_both(pair, mode)
        assert ours == theirs
        assert sched.check(pair.state) == []
        found += [notice for notice in ours if isinstance(notice[0], str)]
        pair.now_ms += random.choice([0, 1, 1, 3, 10])
    assert sched.same(pair.rebuilt(), pair.state)
    return found


@pytest.mark.parametrize("mode", [sched.EASY, sched.STRICT, sched.GREEDY])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_every_notice_equals_that_of_the_naive_rules(mode, seed):
    run_random(seed, 25, mode)


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_notices_equal_the_naive_ones_under_every_placement_policy(policy, seed):
    run_random(seed, 15, sched.EASY, policy)
