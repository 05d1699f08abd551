"""What is found from sums over domains is what is found by looking at every node."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.sched import constraints, index, placement
from arkwright.sched.work import FEW_DEFAULT, STRIP_NODES, workspace
from naive.random_factory import (
    POLICIES,
    decide_both,
    make_announced_so,
    random_event,
    random_pair,
    random_placing,
)

SUMS = ("ask_free", "ask_fit", "ask_sum", "ask_under", "ask_row_tight", "ask_tight")


def walked(state, work, cls, job):
    """Where the job would go when every node is looked at; None when nowhere."""
    constraints.row_room(state, state.row_used, state.row_limit, work.row_left)
    found = placement.place_now(state, work, cls, job)
    return work.chosen[: state.class_nodes[cls]].tolist() if found else None


def asked_one_by_one(state, cls):
    """The nodes that could take one node's share now."""
    free = (state.node_cpu_milli_free, state.node_memory_mib_free)
    nodes = np.zeros(len(state.node_state), np.int64)
    gpu = state.node_gpu_milli_free
    count = constraints.admit_nodes(state, cls, nodes, gpu, state.gpu_milli_free, *free)
    return nodes[:count].tolist()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_the_sums_say_what_walking_says_after_every_event(seed):
    random = Random(seed)
    policy = random.choice([None, None, *POLICIES])
    pair = random_pair(random, None if policy is None else random_placing(random, policy))
    few_max, strip_nodes = random.choice([0, FEW_DEFAULT]), random.choice([1, STRIP_NODES])
    work = workspace(pair.state, 1, few_max, strip_nodes)
    for _ in range(25):
        make_announced_so(pair, random)
        random_event(pair, random)
        state = pair.state
        for cls in random.sample(range(len(pair.shapes)), 2):
            count = placement.fitting_now(state, work, cls)
            assert work.fit[:count].tolist() == asked_one_by_one(state, cls)
            found = placement.place_by_index(state, work, cls, 0)
            if found == placement.UNKNOWN:
                continue
            nodes = work.chosen[: state.class_nodes[cls]].tolist()
            assert (nodes if found == placement.PLACED else None) == walked(state, work, cls, 0)
        if random.random() < 0.5:
            ours, theirs = decide_both(pair)
            assert ours == theirs
        pair.now_ms += random.choice([0, 1, 3])
    for cls in range(len(pair.shapes)):
        fresh = workspace(pair.state, 1)
        assert index.is_current(pair.state, work, cls)
        assert index.is_current(pair.state, fresh, cls)
        ask = work.class_ask[cls]
        for name in SUMS:
            kept, anew = getattr(work, name)[ask], getattr(fresh, name)[ask]
            assert kept.tolist() == anew.tolist(), name
        for level in range(len(pair.state.node_domain)):
            best = index.best_domain(pair.state, fresh, cls, level)
            assert index.best_domain(pair.state, work, cls, level) == best


def two_racks(row_limit):
    """Racks of three nodes of four GPUs, each with a power row under one for the hall."""
    zeros = [0] * 6
    rack = [0, 0, 0, 1, 1, 1]
    nodes = sched.Nodes(
        [rack, zeros], zeros, zeros, zeros, [4000] * 6, zeros, zeros, [1, 1, 1, 2, 2, 2]
    )
    state = sched.empty(nodes, sched.Rows([-1, 0, 0], row_limit))
    return sched.apply(state, sched.add_class(0, sched.Shape(2, 4000, level_required=1, watts=10)))


def test_a_rack_that_lost_a_node_is_found_from_the_sums():
    state = two_racks([-1, -1, -1])
    state = sched.apply(state, sched.node_state(0, 4, sched.DOWN))
    work = workspace(state, 1)
    assert placement.place_by_index(state, work, 0, 0) == placement.PLACED
    assert work.chosen[:2].tolist() == [3, 5]


def test_a_row_that_could_refuse_a_node_leaves_the_answer_to_walking():
    """Rack 0 has power for one node only, so the gang goes to rack 1: the sums cannot see that."""
    state = two_racks([-1, 19, 40])
    work = workspace(state, 1)
    assert placement.place_by_index(state, work, 0, 0) == placement.UNKNOWN
    assert walked(state, work, 0, 0) == [3, 4]
    state = sched.apply(state, sched.row_limit(0, 1, 20))
    assert placement.place_by_index(state, work, 0, 0) == placement.PLACED
    assert work.chosen[:2].tolist() == [0, 1]


def test_a_row_above_all_nodes_without_room_refuses_the_gang_at_once():
    """The hall has power for one node of ten watts; the gang wants two."""
    state = two_racks([19, -1, -1])
    work = workspace(state, 1)
    assert placement.place_by_index(state, work, 0, 0) == placement.NO_ROOM
    assert walked(state, work, 0, 0) is None
    state = sched.apply(state, sched.row_limit(0, 0, 20))
    assert placement.place_by_index(state, work, 0, 0) == placement.PLACED


def test_more_moves_than_the_ring_remembers_are_made_good_by_summing_anew():
    state = two_racks([-1, -1, -1])
    work = workspace(state, 1)
    assert index.is_current(state, work, 0)
    for _ in range(len(state.moved)):
        state = sched.apply(state, sched.node_state(0, 0, sched.DOWN))
    state = sched.apply(state, sched.node_state(0, 1, sched.DOWN))
    assert placement.place_by_index(state, work, 0, 0) == placement.PLACED
    assert work.chosen[:2].tolist() == [3, 4]


def test_a_demand_beyond_the_budget_is_served_by_walking():
    state = two_racks([-1, -1, -1])
    work = workspace(state, 1)
    work.class_ask[0] = work.class_demand[0] = -1
    assert placement.place_by_index(state, work, 0, 0) == placement.UNKNOWN


def test_jobs_of_several_projects_that_ask_the_same_share_their_sums():
    state = two_racks([-1, -1, -1])
    state = sched.apply(state, sched.add_class(0, sched.Shape(2, 4000, level_required=0, watts=10)))
    state = sched.apply(state, sched.add_class(0, sched.Shape(3, 4000, level_required=0, watts=10)))
    assert workspace(state).class_demand.tolist() == [0, 0, 1]
    assert workspace(state).class_ask.tolist() == [0, 0, 0]
