"""Who is told to stop for whom: the kernels against the naive rules, and the rules by numbers."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.errors import InternalError
from naive.random_factory import (
    POLICIES,
    QUICK,
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
    pair = random_pair(
        random, placing, forms=False, has_quotas=False, eviction=random_eviction(random)
    )
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


@pytest.mark.slow
@pytest.mark.parametrize("mode", [sched.EASY, sched.STRICT, sched.GREEDY])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_every_notice_equals_that_of_the_naive_rules(mode, seed):
    run_random(seed, 25, mode)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(policy, marks=() if policy in QUICK else pytest.mark.slow)
        for policy in POLICIES
    ],
)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_notices_equal_the_naive_ones_under_every_placement_policy(policy, seed):
    run_random(seed, 15, sched.EASY, policy)


GPUS_4 = {"gpu_milli": 4000, "preemptible": 1, "grace_ms": 10}


def factory(n_nodes=2, eviction=None, rows=None, domain=(), **shapes):
    """Equal nodes of four GPUs; a class per shape, in their order."""
    nodes = sched.Nodes(
        domain, *([[0] * n_nodes] * 3), [4000] * n_nodes, [0] * n_nodes, [0] * n_nodes
    )
    policy = eviction or sched.Eviction(enabled=1)
    state = sched.empty(nodes, rows, None, policy)
    for shape in shapes.values():
        state = sched.apply(state, sched.add_class(0, shape))
    return state


def running(state, at_ms, cls, *nodes, lasts_ms=1000, priority=0):
    """A job of the class that runs on these nodes since `at_ms`."""
    job = int(state.job_count[0])
    state = sched.apply(state, sched.submit(at_ms, cls, lasts_ms, priority))
    return sched.apply(state, sched.start(at_ms, job, nodes))


def told(state, now_ms, mode=sched.EASY):
    """The state after a cycle, and who was told to stop for whom."""
    draft = sched.copy(state)
    notices = sched.decisions(draft, now_ms, mode).notices
    assert sched.check(draft) == []
    return draft, [(n.job, n.claimant) for n in notices if n.kind == sched.PREEMPT]


def both(tier=2, **changes):
    """A class of one-node jobs that may be stopped, and a critical one of one node."""
    return {
        "soft": sched.Shape(1, tier=tier, **GPUS_4 | changes),
        "firm": sched.Shape(1, 4000, tier=0),
    }


def test_a_less_protected_job_stops_within_its_grace_and_its_nodes_are_claimed():
    state = running(factory(1, **both()), 0, 0, 0)
    state = sched.apply(state, sched.submit(100, 1, 50))
    after, stops = told(state, 100)
    assert stops == [(0, 1)]
    assert int(after.job_state[0]) == sched.STOPPING
    assert int(after.job_key_first[0]) == 110  # not 1,000
    assert sched.claimed_by(after, 1) == [0]
    assert sched.nodes_of(after, 0) == (0,)  # holds what it has until it ends
    ended = sched.apply(after, sched.requeue(108, 0))
    assert sched.decisions(ended, 108).starts == [1]
    assert (int(ended.job_evictions[0]), int(ended.claim_count[0])) == (1, 0)


def test_with_the_policy_off_nobody_is_told():
    state = running(factory(1, sched.Eviction(), **both()), 0, 0, 0)
    state = sched.apply(state, sched.submit(100, 1, 50))
    assert told(state, 100)[1] == []


@pytest.mark.parametrize(
    ("tier", "priority", "gap", "expected"),
    [
        (2, 0, 1, [(0, 1)]),  # flexible for critical
        (0, 0, 1, []),  # equal tier, equal priority
        (0, 1, 1, [(0, 1)]),
        (0, 1, 2, []),  # not by enough
        (0, 2, 2, [(0, 1)]),
    ],
)
def test_tier_goes_first_and_priority_decides_within_it(tier, priority, gap, expected):
    policy = sched.Eviction(enabled=1, priority_gap=gap)
    state = running(factory(1, policy, **both(tier)), 0, 0, 0)
    state = sched.apply(state, sched.submit(100, 1, 50, priority))
    assert told(state, 100)[1] == expected


def test_a_standard_job_never_stops_a_critical_one_whatever_its_priority():
    shapes = {"soft": sched.Shape(1, tier=0, **GPUS_4), "other": sched.Shape(1, 4000, tier=1)}
    state = running(factory(1, **shapes), 0, 0, 0)
    state = sched.apply(state, sched.submit(100, 1, 50, 1_000_000))
    assert told(state, 100)[1] == []


def test_nobody_is_told_who_is_not_preemptible():
    state = running(factory(1, **both(preemptible=0)), 0, 0, 0)
    state = sched.apply(state, sched.submit(100, 1, 50))
    assert told(state, 100)[1] == []


def test_nobody_is_told_before_it_has_run_for_a_while():
    policy = sched.Eviction(enabled=1, run_min_ms=60)
    state = running(factory(1, policy, **both()), 0, 0, 0)
    state = sched.apply(state, sched.submit(10, 1, 50))
    assert told(state, 59)[1] == []
    assert told(state, 60)[1] == [(0, 1)]


def test_a_job_loses_its_place_only_so_often():
    policy = sched.Eviction(enabled=1, evictions_max=1)
    state = running(factory(1, policy, **both()), 0, 0, 0)
    state = sched.apply(state, sched.submit(10, 1, 50))
    state, stops = told(state, 20)
    assert stops == [(0, 1)]
    state = sched.apply(state, sched.requeue(25, 0))
    state = sched.apply(state, sched.end(25, 1))
    state = sched.apply(state, sched.start(25, 0, [0]))
    state = sched.apply(state, sched.submit(30, 1, 50))
    assert told(state, 90)[1] == []


def test_nobody_is_told_for_a_job_that_starts_within_their_grace_anyway():
    state = running(factory(1, **both()), 0, 0, 0, lasts_ms=108)
    state = sched.apply(state, sched.submit(90, 1, 50))
    assert told(state, 98)[1] == []  # it ends at 108, the grace would as well
    assert told(state, 97)[1] == [(0, 1)]


def test_a_job_past_its_estimate_is_told_although_it_is_expected_any_moment():
    state = running(factory(1, **both()), 0, 0, 0, lasts_ms=20)
    state = sched.apply(state, sched.submit(90, 1, 50))
    after, stops = told(state, 90)
    assert stops == [(0, 1)]
    assert int(after.job_key_first[0]) == 100


def test_the_job_with_less_work_to_lose_stops_and_saving_makes_it_less():
    state = factory(2, **both())
    state = running(state, 0, 0, 0)
    state = running(state, 50, 0, 1)
    state = sched.apply(state, sched.submit(100, 1, 50))
    assert told(state, 100)[1] == [(1, 2)]  # 50 ms of work against 100
    state = sched.apply(state, sched.saved(100, 0, 80))
    assert told(state, 100)[1] == [(0, 2)]  # 20 against 50


def test_a_claim_bars_everybody_else_and_ends_when_its_job_leaves():
    shapes = both() | {"small": sched.Shape(1, 1000, tier=2)}
    state = running(factory(2, **shapes), 0, 0, 0)
    state = running(state, 0, 0, 1)
    state = sched.apply(state, sched.submit(100, 1, 50))
    state, stops = told(state, 100)
    assert stops == [(0, 2)]  # all else is equal: the lowest index
    state = sched.apply(state, sched.end(105, 0))
    state = sched.apply(state, sched.submit(99, 2, 5))  # is before the claimant, and fits
    assert sched.decisions(sched.copy(state), 105).starts == [2]
    held = sched.apply(sched.copy(state), sched.hold(105, 2))
    assert sched.decisions(held, 105).starts == [3]


def reclaiming(guarantee, used_by_owner):
    """Row 0 has a guarantee; a stranger of row 1, guaranteed one node, runs on three of four."""
    rows = sched.Rows([-1, -1], [-1, -1], guarantee)
    shapes = {
        "mine": sched.Shape(1, 4000, row=0, tier=1),
        "theirs": sched.Shape(1, row=1, tier=1, **GPUS_4),
    }
    state = factory(4, rows=rows, **shapes)
    for node in range(used_by_owner):
        state = running(state, 0, 0, node)
    for node in range(used_by_owner, 4):
        state = running(state, node, 1, node)
    return sched.apply(state, sched.submit(100, 0, 50))


def test_a_quota_below_its_guarantee_takes_back_what_others_borrow():
    assert told(reclaiming([8000, 4000], 1), 100)[1] == [(3, 4)]


def test_reclaim_stops_at_the_guarantee_counting_the_job_itself():
    assert told(reclaiming([4000, 4000], 1), 100)[1] == []


def test_reclaim_takes_nothing_that_its_row_is_guaranteed():
    assert told(reclaiming([8000, 12000], 1), 100)[1] == []


def test_two_jobs_reclaim_only_as_much_as_is_borrowed():
    state = reclaiming([16000, 8000], 1)
    state = sched.apply(state, sched.submit(100, 0, 50))
    assert told(state, 100)[1] == [(3, 4)]  # row 1 keeps two nodes


def test_the_cheapest_domain_is_the_one_with_the_least_work_lost():
    domain = [[0, 0, 1, 1]]
    shapes = both() | {"pair": sched.Shape(2, 4000, level_required=0, tier=0)}
    state = factory(4, domain=domain, **shapes)
    for node, at_ms in enumerate([0, 90, 50, 60]):
        state = running(state, at_ms, 0, node)
    state = sched.apply(state, sched.submit(100, 2, 50))
    after, stops = told(state, 100)
    assert sorted(stops) == [(2, 4), (3, 4)]  # 90 against 110
    assert sched.claimed_by(after, 4) == [2, 3]


def defragmenting(**policy):
    """One job in each of two domains of two nodes; a gang of their tier needs a whole one."""
    shapes = {
        "soft": sched.Shape(1, tier=1, **GPUS_4),
        "pair": sched.Shape(2, 4000, level_required=0, tier=1),
    }
    policy = sched.Eviction(enabled=1, defragment=1)._replace(**policy)
    state = factory(4, policy, domain=[[0, 0, 1, 1]], **shapes)
    state = running(running(state, 0, 0, 0), 10, 0, 2)
    return sched.apply(state, sched.submit(100, 1, 50))


def test_a_gang_that_waits_for_shape_has_the_cheapest_job_in_its_way_moved():
    state, stops = told(defragmenting(), 100)
    assert stops == [(1, 2)]
    state = sched.apply(state, sched.requeue(105, 1))
    assert (int(state.job_moves[1]), int(state.job_evictions[1])) == (1, 0)
    assert sorted(sched.decisions(state, 105).starts) == [1, 2]
    assert (sched.nodes_of(state, 1), sched.nodes_of(state, 2)) == ((1,), (2, 3))


def test_nobody_is_moved_without_the_policy_nor_more_often_than_it_says():
    assert told(defragmenting(defragment=0), 100)[1] == []
    assert told(defragmenting(moves_max=0), 100)[1] == []


def test_nobody_is_moved_who_would_find_no_place():
    state = running(defragmenting(), 20, 0, 1)
    assert told(state, 100)[1] == []


def test_the_claim_is_given_up_when_its_nodes_do_not_come_back():
    state = running(factory(1, **both()), 0, 0, 0)
    state = sched.apply(state, sched.submit(100, 1, 50))
    state, _ = told(state, 100)
    state = sched.apply(state, sched.node_state(105, 0, sched.DOWN))
    state = sched.apply(state, sched.requeue(105, 0))
    notices = sched.decisions(state, 105).notices
    assert [(n.kind, n.job) for n in notices] == [(sched.UNCLAIM, 1)]
    assert sched.claimed_by(state, 1) == []


def test_forward_gives_the_grace_and_then_only_what_was_not_saved():
    state = running(factory(1, **both()), 0, 0, 0, lasts_ms=1000)
    state = sched.apply(state, sched.saved(80, 0, 80))
    table = sched.timetable([(sched.submit(100, 1, 50), 50)])
    course = sched.forward(state, table, 100, 10_000)
    starts = list(zip(course.start_job.tolist(), course.start_at_ms.tolist(), strict=True))
    assert starts == [(1, 110), (0, 160)]
    assert int(course.state.job_state[0]) == sched.DONE
    assert course.state.job_evictions[0] == 1
    again = sched.forward(running(factory(1, **both()), 0, 0, 0), table, 100, 1_159)
    assert int(again.state.job_state[0]) != sched.DONE  # nothing saved: 160 + 1,000


def test_forward_with_a_job_that_ends_within_its_grace_ends_it():
    state = running(factory(1, **both()), 0, 0, 0, lasts_ms=1000)
    table = sched.timetable([(sched.submit(100, 1, 50), 50)])
    actual = sched.forward(state, table, 100, 10_000, actual_ms=np.array([104]))
    assert actual.start_at_ms.tolist() == [104]
    assert int(actual.state.job_evictions[0]) == 0


def test_why_names_the_claim_the_barred_and_the_stopping():
    shapes = both() | {"small": sched.Shape(1, 1000, tier=2)}
    state = running(factory(1, **shapes), 0, 0, 0)
    state = sched.apply(state, sched.submit(100, 1, 50))
    state, _ = told(state, 100)
    state = sched.apply(state, sched.submit(100, 2, 5))
    claim = sched.explain(state, 1, 101)
    assert (claim.code, claim.asked, claim.job, claim.at_ms) == (sched.CLAIM_STANDS, 1, 0, 110)
    stops = sched.explain(state, 0, 101)
    assert (stops.code, stops.job, stops.at_ms) == (sched.STOPS_FOR, 1, 110)
    state = sched.apply(state, sched.node_state(101, 0, sched.UP))
    gone = sched.apply(sched.copy(state), sched.end(105, 0))
    bigger = sched.apply(gone, sched.hold(105, 1))
    assert sched.explain(bigger, 2, 105).code == sched.STARTS_NOW


def test_a_job_barred_by_a_claim_alone_is_told_so():
    shapes = both() | {"small": sched.Shape(1, 1000, tier=2)}
    state = running(running(factory(2, **shapes), 0, 0, 0), 0, 0, 1)
    shape = sched.Shape(2, 4000, tier=0)
    state = sched.apply(state, sched.add_class(0, shape))
    state = sched.apply(state, sched.submit(100, 3, 50))
    state, stops = told(state, 100)
    assert len(stops) == 2
    state = sched.apply(state, sched.requeue(105, 1))
    state = sched.apply(state, sched.hold(105, 1))
    state = sched.apply(state, sched.submit(105, 2, 5))
    reason = sched.explain(state, 3, 105)
    assert (reason.code, reason.asked, reason.free, reason.job) == (sched.CLAIMED, 1, 0, 2)


@pytest.mark.parametrize(
    "event",
    [
        sched.claim(0, 0, [0]),  # it runs
        sched.claim(0, 1, [0, 1]),  # more nodes than it asks for
        sched.claim(0, 1, [7]),
        sched.unclaim(0, 1),  # it has none
        sched.preempt(0, 0, 1),  # job 1 has no claim
        sched.preempt(0, 1),  # it waits
        sched.saved(0, 1, 5),
        sched.saved(0, 0, -1),
        sched.recalled(0, 0, -1, 0),
    ],
)
def test_an_illegal_event_changes_nothing(event):
    state = running(factory(2, **both()), 0, 0, 0)
    state = sched.apply(state, sched.submit(0, 1, 50))
    before = sched.copy(state)
    with pytest.raises(InternalError):
        sched.apply(state, event)
    assert sched.same(before, state)


@pytest.mark.parametrize(
    "policy", [{"priority_gap": 0}, {"evictions_max": 21}, {"tries": 0}, {"run_min_ms": -1}]
)
def test_a_policy_that_makes_no_sense_is_refused_by_its_field(policy):
    with pytest.raises(InternalError, match=next(iter(policy))):
        factory(1, sched.Eviction(**policy), **both())
