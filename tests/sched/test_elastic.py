"""Elastic gangs: they wait for their smallest size and take the largest that fits."""

import pytest

from arkwright import sched
from arkwright.errors import InternalError
from naive.flat_pool import pool


def elastic(state, nodes, *sizes, **fields):
    """The state with the classes of a gang of whole 8-GPU nodes; its class."""
    gang = sched.Gang(sched.Shape(nodes, 8000, **fields), sizes)
    cls, classes = sched.class_of(state, gang, 0)
    for event in classes:
        state = sched.apply(state, event)
    return state, cls


def decide(state, now_ms=0, mode=sched.EASY):
    out = sched.room(state)
    started = out[: sched.cycle(state, now_ms, out, mode)].tolist()
    return {job: sched.nodes_of(state, job) for job in started}


def test_it_takes_the_largest_size_that_fits():
    """5 nodes are free; of 2, 4 and 6 nodes the largest that fits is 4."""
    state, cls = elastic(pool(5, 8), 2, 4, 6)
    state = sched.apply(state, sched.submit(0, cls, 100))
    assert decide(state) == {0: (0, 1, 2, 3)}
    assert sched.check(state) == []


def test_its_quota_bounds_its_size():
    """32 GPUs of quota are 4 nodes of 8; a size of 5 would be one too many."""
    state, cls = elastic(pool(8, 8, rows=sched.Rows([-1], [32000])), 1, 2, 3, 4, 5, row=0)
    state = sched.apply(state, sched.submit(0, cls, 100))
    assert decide(state) == {0: (0, 1, 2, 3)}
    assert state.row_used.tolist() == [32000]


def test_a_gang_of_the_smallest_size_waits_when_not_even_that_fits():
    state, cls = elastic(pool(2, 8), 2, 4)
    state = sched.apply(state, sched.node_state(0, 0, sched.DOWN))
    state = sched.apply(state, sched.submit(0, cls, 100))
    assert decide(state) == {}


def test_beside_the_head_it_grows_only_into_what_the_head_leaves():
    """Job 0 holds 2 of 6 nodes to 100. The head wants 5 and gets them at 100: those 2 and 3 of
    the 4 that are free. The elastic gang outlasts that: it starts on 1 node, though 4 are free."""
    state, cls = elastic(pool(6, 8), 1, 2, 3, 4)
    state, two = elastic(state, 2)
    state, five = elastic(state, 5)
    state = sched.apply(state, sched.submit(0, two, 100))
    state = sched.apply(state, sched.start(0, 0, (0, 1)))
    state = sched.apply(state, sched.submit(1, five, 100))
    state = sched.apply(state, sched.submit(2, cls, 1000))
    assert {job: len(nodes) for job, nodes in decide(state, 2).items()} == {2: 1}


def test_after_a_requeue_it_asks_for_the_smallest_size_again():
    state, cls = elastic(pool(4, 8), 2, 4)
    state = sched.apply(state, sched.submit(0, cls, 100))
    assert decide(state) == {0: (0, 1, 2, 3)}
    state = sched.apply(state, sched.requeue(5, 0))
    state = sched.apply(state, sched.node_state(5, 3, sched.DOWN))
    assert decide(state, 5) == {0: (0, 1)}


def test_a_start_names_one_of_its_sizes():
    state, cls = elastic(pool(4, 8), 2, 4)
    state = sched.apply(state, sched.submit(0, cls, 100))
    with pytest.raises(InternalError, match="as many nodes as its class"):
        sched.apply(state, sched.start(0, 0, (0, 1, 2)))
    state = sched.apply(state, sched.start(0, 0, (3, 1, 2, 0)))
    assert sched.nodes_of(state, 0) == (3, 1, 2, 0)


def test_equal_gangs_share_their_classes():
    state, cls = elastic(pool(4, 8), 2, 4)
    count = int(state.class_count[0])
    assert elastic(state, 2, 4)[1] == cls
    assert int(state.class_count[0]) == count
    assert elastic(state, 2)[1] != cls
