"""The one mutator: what it refuses, how it grows, and what a quiet cycle costs."""

import pytest

from arkwright import sched
from arkwright.errors import InternalError
from naive.flat_pool import pool, single_gpus


def with_jobs(count=1, n_nodes=4, nodes=2, **more):
    state = sched.apply(pool(n_nodes), sched.add_class(0, single_gpus(nodes)))
    for _ in range(count):
        state = sched.apply(state, sched.submit(0, 0, 1000, **more))
    return state


@pytest.mark.parametrize(
    ("event", "because"),
    [
        (sched.start(0, 0, [0]), "as many nodes"),
        (sched.start(0, 0, [0, 0]), "distinct nodes"),
        (sched.start(0, 0, [0, 4]), "no node of that index"),
        (sched.start(0, 0, [-1, 0]), "no node of that index"),
        (sched.start(0, 7, [0, 1]), "nothing of that index"),
        (sched.run(0, 0), "state does not allow it"),
        (sched.stop(0, 0), "state does not allow it"),
        (sched.requeue(0, 0), "state does not allow it"),
        (sched.release(0, 0), "state does not allow it"),
        (sched.end(0, -1), "nothing of that index"),
        (sched.submit(0, 1, 1000), "nothing of that index"),
        (sched.submit(0, 0, 0), "out of range"),
        (sched.node_state(0, 0, 9), "out of range"),
        (sched.node_state(0, 9, sched.UP), "nothing of that index"),
        (sched.row_limit(0, 0, 5), "nothing of that index"),
        (sched.priority(0, 0, sched.BIG), "out of range"),
        (sched.add_class(0, sched.Shape(0, 1000)), "out of range"),
        (sched.add_class(0, sched.Shape(1, 1000, level_required=0)), "out of range"),
        (sched.add_class(0, sched.Shape(1, 1000, row=0)), "out of range"),
        (sched.add_class(0, sched.Shape(1, -5)), "out of range"),
        (sched.Event(99, 0, 0), "no such kind"),
        (sched.Event(sched.submit(0, 0, 5).kind, 0, 0, (1,)), "out of range"),
    ],
)
def test_an_illegal_event_is_refused_and_changes_nothing(event, because):
    state = with_jobs()
    before = sched.copy(state)
    with pytest.raises(InternalError, match=because):
        sched.apply(state, event)
    assert sched.same(state, before)


def test_a_node_is_not_given_twice():
    state = sched.apply(with_jobs(2), sched.start(0, 0, [0, 1]))
    with pytest.raises(InternalError, match="not that much free"):
        sched.apply(state, sched.start(0, 1, [1, 2]))


def test_a_job_that_stops_holds_its_nodes_until_it_ends():
    state = sched.apply(with_jobs(), sched.start(0, 0, [1, 3]))
    for event in (sched.run(1, 0), sched.stop(2, 0)):
        state = sched.apply(state, event)
        assert sched.nodes_of(state, 0) == (1, 3)
    state = sched.apply(state, sched.end(3, 0))
    assert sched.nodes_of(state, 0) == ()
    assert state.node_gpu_milli_free.tolist() == [1000] * 4


def test_a_requeued_job_is_back_at_its_old_place():
    state = sched.apply(with_jobs(3), sched.start(0, 0, [0, 1]))
    state = sched.apply(state, sched.requeue(5, 0))
    out = sched.room(state)
    assert out[: sched.cycle(state, 5, out)].tolist() == [0, 1]


def test_holding_and_releasing_keeps_the_place_in_the_order():
    state = sched.apply(with_jobs(3), sched.hold(1, 0))
    out = sched.room(state)
    assert out[: sched.cycle(sched.copy(state), 1, out)].tolist() == [1, 2]
    state = sched.apply(state, sched.release(2, 0))
    out = sched.room(state)
    assert out[: sched.cycle(state, 2, out)].tolist() == [0, 1]


def test_the_order_is_priority_then_submit_time_then_sequence_then_index():
    state = sched.apply(pool(1), sched.add_class(0, single_gpus(1)))
    for priority, submit_ms, seq in [(0, 5, 1), (0, 5, 0), (0, 4, 9), (1, 9, 9), (0, 5, 1)]:
        state = sched.apply(
            state, sched.submit(9, 0, 10, priority=priority, submit_ms=submit_ms, seq=seq)
        )
    order = []
    for _ in range(5):
        out = sched.room(state)
        assert sched.cycle(state, 9, out) == 1
        order.append(int(out[0]))
        state = sched.apply(state, sched.end(9, order[-1]))
    assert order == [3, 2, 1, 0, 4]


def test_a_state_grows_without_changing():
    state = with_jobs(1000)
    assert len(state.job_state) == 1024
    assert sched.check(state) == []
    assert sched.shape_of(state, 0) == single_gpus(2)


def test_a_copy_is_independent():
    state = with_jobs()
    draft = sched.copy(state)
    sched.cycle(draft, 0, sched.room(draft))
    assert sched.nodes_of(draft, 0) == (0, 1)
    assert sched.nodes_of(state, 0) == ()


def test_a_quiet_cycle_does_not_look_at_the_jobs():
    """The second cycle must return from the memo: broken queues would show if it looked."""
    state = with_jobs(100, nodes=4)
    assert sched.cycle(state, 0, sched.room(state)) == 1
    assert sched.cycle(state, 1, sched.room(state)) == 0
    state.class_root[:] = 10**6
    assert sched.cycle(state, 2, sched.room(state)) == 0
    with pytest.raises(IndexError):
        sched.cycle(state, 1000, sched.room(state))  # job 0 reaches its estimate: it looks


def test_a_factory_that_disagrees_with_itself_is_refused():
    def nodes(**more):
        fields = {"domain": [[0, 0]], "pool": [0, 0], "gpu_type": [0, 0], "site": [0, 0]}
        fields |= {"gpu_milli": [1000, 1000], "cpu_milli": [1, 1], "memory_mib": [1, 1]}
        return sched.Nodes(**(fields | more))

    sched.empty(nodes())
    for wrong, because in [
        ({"gpu_milli": [1]}, "shape"),
        ({"gpu_milli": [1, -1]}, "outside"),
        ({"site": [0, 63]}, "sites 0..62"),
        ({"domain": [[0, -1]]}, "negative"),
        ({"domain": [[0, 0], [0, 1]]}, "must nest"),
    ]:
        with pytest.raises(InternalError, match=because):
            sched.empty(nodes(**wrong))
    with pytest.raises(InternalError, match="parent comes before"):
        sched.empty(nodes(), sched.Rows([1, -1], [5, 5]))


def test_check_finds_what_is_broken():
    state = sched.apply(with_jobs(2), sched.start(0, 0, [0, 1]))
    assert sched.check(state) == []
    broken = sched.copy(state)
    broken.node_gpu_milli_free[0] = 1000
    assert sched.check(broken) == ["node 0: gpu_milli free 1000, the jobs leave 0"]
    broken = sched.copy(state)
    broken.slot_node[broken.job_slot[0]] = 1
    assert any("a gang of 2 nodes holds [1]" in line for line in sched.check(broken))
    assert any("over-committed by 1000" in line for line in sched.check(broken))
    broken = sched.copy(state)
    broken.class_root[0] = -1
    assert any("queue of class 0" in line for line in sched.check(broken))
