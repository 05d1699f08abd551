"""Gangs whose GPUs are the same on every node, worked by hand: three nodes of eight GPUs."""

import pytest

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched.event import Event


def nodes(count=3, gpus=8):
    zeros = [0] * count
    return sched.empty(
        sched.Nodes([zeros], zeros, zeros, zeros, [1000 * gpus] * count, zeros, zeros)
    )


def aligned(count, gpus):
    return sched.Shape(count, 1000 * gpus, level_required=0, rails=1)


def run(state, shape, lasts_ms=1000, at_ms=0):
    """One more job; what it holds on each of its nodes after a cycle, {} when it waits."""
    cls = sched.find_class(state, shape)
    if cls < 0:
        cls = int(state.class_count[0])
        state = sched.apply(state, sched.add_class(at_ms, shape))
    state = sched.apply(state, sched.submit(at_ms, cls, lasts_ms))
    sched.cycle(state, at_ms, sched.room(state))
    assert sched.check(state) == []
    return state, held(state, int(state.job_count[0]) - 1)


def held(state, job):
    first = state.node_gpu_first
    return {
        node: [g - int(first[node]) for g in range(first[node], first[node + 1])
               if state.gpu_job[g] == job]
        for node in sched.nodes_of(state, job)
    }  # fmt: skip


def test_blocks_are_taken_in_order_of_their_places():
    state, first = run(nodes(), aligned(3, 2))
    state, second = run(state, aligned(3, 2))
    assert first == {0: [0, 1], 1: [0, 1], 2: [0, 1]}
    assert second == {0: [2, 3], 1: [2, 3], 2: [2, 3]}


def test_a_block_that_one_node_lacks_is_passed_over():
    state, _ = run(sched.apply(nodes(), sched.add_class(0, aligned(3, 2))), sched.Shape(1, 3000))
    state, found = run(state, aligned(3, 2))
    assert found == {0: [4, 5], 1: [4, 5], 2: [4, 5]}


def test_blocks_of_three_start_at_zero_and_three_only():
    state, first = run(nodes(2), aligned(2, 3))
    state, second = run(state, aligned(2, 3))
    state, third = run(state, aligned(2, 3))
    assert (first[0], second[1], third) == ([0, 1, 2], [3, 4, 5], {})


def test_free_gpus_at_other_places_do_not_do_and_why_says_so():
    """Node 0 has the upper half free, node 1 the lower one."""
    state = sched.apply(nodes(2), sched.add_class(0, aligned(2, 4)))
    state = sched.apply(state, sched.add_class(0, sched.Shape(1, 4000)))
    for job, (where, lasts) in enumerate([(0, 10), (1, 10), (1, 20)]):
        state = sched.apply(state, sched.submit(0, 1, lasts))
        state = sched.apply(state, sched.start(0, job, (where,)))
    state = sched.apply(state, sched.end(1, 1))
    state = sched.apply(state, sched.submit(1, 0, 100))
    assert sched.cycle(sched.copy(state), 1, sched.room(state)) == 0
    assert sched.explain(state, 3, 1) == sched.Reason(
        sched.RAILS, 2, 1, limit=4000, change=sched.ANY_RAILS, to=0
    )
    # The job on the lower half of node 0 ends at 10: from then on the lower halves are free.
    course = sched.forward(state, sched.timetable([]), 1, 100)
    assert course.start_at_ms.tolist() == [10]


def test_a_backfilled_job_leaves_the_head_its_block():
    """At 20 the head gets places 4..7 of both nodes. A long job that took two of them on node 0
    would leave it six free GPUs there, and no such block."""
    state = sched.apply(nodes(2), sched.add_class(0, aligned(2, 4)))
    state = sched.apply(state, sched.add_class(0, sched.Shape(1, 4000)))
    state = sched.apply(state, sched.add_class(0, sched.Shape(1, 2000)))
    for job, (where, lasts) in enumerate([(0, 20), (1, 1000), (1, 20)]):
        state = sched.apply(state, sched.submit(0, 1, lasts))
        state = sched.apply(state, sched.start(0, job, (where,)))
    state = sched.apply(state, sched.submit(0, 0, 50))
    for lasts in (100, 15):
        state = sched.apply(state, sched.submit(0, 2, lasts))
    course = sched.forward(state, sched.timetable([]), 0, 200)
    starts = dict(zip(course.start_job.tolist(), course.start_at_ms.tolist(), strict=True))
    assert starts == {5: 0, 3: 20, 4: 20}


def test_a_start_on_nodes_without_a_common_block_is_refused():
    state = sched.apply(nodes(2), sched.add_class(0, aligned(2, 8)))
    state = sched.apply(state, sched.add_class(0, sched.Shape(1, 1000)))
    state = sched.apply(state, sched.submit(0, 1, 10))
    state = sched.apply(state, sched.start(0, 0, (1,)))
    state = sched.apply(state, sched.add_class(0, aligned(2, 7)))
    state = sched.apply(state, sched.submit(0, 2, 10))
    with pytest.raises(InternalError, match="rails need the same places"):
        sched.apply(state, sched.start(0, 1, (0, 1)))


def waiting_gang():
    state = sched.apply(nodes(2), sched.add_class(0, aligned(2, 2)))
    return sched.apply(state, sched.submit(0, 0, 10))


def test_a_start_that_names_its_places_takes_those_and_not_the_first_that_are_free():
    state = sched.apply(waiting_gang(), sched.start(0, 0, (1, 0), (12, 4)))
    assert sched.gpus_of(state, 0) == (12, 4)
    assert state.gpu_job.tolist().count(0) == 4
    assert sched.check(state) == []


@pytest.mark.parametrize("named", [(12,), (12, 2), (13, 5), (4, -4), (16, 8), (8, 4)])
def test_places_that_are_no_block_of_all_the_nodes_are_refused(named):
    with pytest.raises(InternalError, match="rails need the same places"):
        sched.apply(waiting_gang(), sched.start(0, 0, (1, 0), named))


def test_check_finds_gpus_that_are_not_aligned():
    state, _ = run(nodes(), aligned(3, 2))
    state.gpu_job[0], state.gpu_milli_free[0] = -1, 1000
    state.gpu_job[7], state.gpu_milli_free[7] = 0, 0
    assert sched.check(state) == [
        "job 0 wants the same block of 2 GPUs on every node: [(1, 7), (0, 1), (0, 1)]"
    ]


@pytest.mark.parametrize(("gpu_milli", "rails"), [(500, 1), (0, 1), (2000, 2), (2000, -1)])
def test_only_whole_gpus_are_aligned(gpu_milli, rails):
    with pytest.raises(InternalError, match="out of range"):
        sched.apply(nodes(), sched.add_class(0, sched.Shape(2, gpu_milli, rails=rails)))


def test_the_class_event_keeps_every_field():
    state = sched.apply(nodes(), sched.add_class(0, aligned(2, 2)))
    assert isinstance(sched.add_class(0, aligned(2, 2)), Event)
    assert state.class_rails.tolist()[0] == 1
    assert int(state.gpus_kept[0]) == 1
