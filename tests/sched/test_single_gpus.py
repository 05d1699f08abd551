"""GPUs of a node one by one: whole ones are fully free, a fraction lies on one GPU."""

import pytest

from arkwright import sched
from arkwright.errors import InternalError
from naive.flat_pool import pool


def with_jobs(state, *shapes, duration_ms=100):
    """A class and a queued job per shape; the state and the classes' jobs are alike numbered."""
    for shape in shapes:
        state = sched.apply(state, sched.add_class(0, shape))
    for cls in range(len(shapes)):
        state = sched.apply(state, sched.submit(0, cls, duration_ms))
    return state


def started(state, now_ms=0, mode=sched.EASY):
    out = sched.room(state)
    count = sched.cycle(state, now_ms, out, mode)
    assert sched.check(state) == []
    return out[:count].tolist()


def test_a_whole_gpu_waits_although_the_sum_would_do():
    # Three fractions of 600 begin three GPUs: 400 left on each, 1200 in sum, none whole.
    shapes = [sched.Shape(1, 600), sched.Shape(1, 601), sched.Shape(1, 602), sched.Shape(1, 1000)]
    state = with_jobs(pool(1, 3), *shapes)
    assert started(state) == [0, 1, 2]
    assert state.gpu_milli_free.tolist() == [400, 399, 398]
    assert sched.explain(state, 3, 1).code == sched.NOT_ENOUGH_FREE


def test_a_fraction_takes_the_fullest_gpu_that_still_fits():
    # 300 begins GPU 0; 800 needs GPU 1; 150 fits both (700 and 200 left): GPU 1 is fuller.
    state = with_jobs(pool(1, 2), sched.Shape(1, 300), sched.Shape(1, 800), sched.Shape(1, 150))
    assert started(state) == [0, 1, 2]
    assert sched.gpus_of(state, 2) == (1,)
    assert state.gpu_milli_free.tolist() == [700, 50]


def test_a_fraction_gives_its_gpu_back():
    state = with_jobs(pool(1, 1), sched.Shape(1, 300), sched.Shape(1, 1000))
    assert started(state) == [0]
    state = sched.apply(state, sched.end(50, 0))
    assert state.gpu_milli_free.tolist() == [1000]
    assert started(state, 50) == [1]
    assert sched.gpus_of(state, 0) == ()


def test_a_start_may_name_the_gpu_of_a_fraction():
    state = with_jobs(pool(1, 2), sched.Shape(1, 300))
    state = sched.apply(state, sched.start(0, 0, [0], [1]))
    assert sched.gpus_of(state, 0) == (1,)
    assert sched.check(state) == []


@pytest.mark.parametrize("gpus", [[2], [0, 1], [-1]])
def test_a_start_on_a_gpu_that_the_node_does_not_have_is_refused(gpus):
    state = with_jobs(pool(1, 2), sched.Shape(1, 300))
    with pytest.raises(InternalError, match="only a fraction names its GPUs"):
        sched.apply(state, sched.start(0, 0, [0], gpus))
    assert sched.check(state) == []


def test_whole_gpus_are_not_named():
    state = with_jobs(pool(1, 2), sched.Shape(1, 1000))
    with pytest.raises(InternalError, match="only a fraction names its GPUs"):
        sched.apply(state, sched.start(0, 0, [0], [0]))


@pytest.mark.parametrize("gpu_milli", [1500, 1001, 2999])
def test_more_than_one_gpu_is_whole_gpus(gpu_milli):
    with pytest.raises(InternalError, match="out of range"):
        sched.apply(pool(1, 4), sched.add_class(0, sched.Shape(1, gpu_milli)))


def test_gpus_are_told_apart_from_the_first_fraction_on():
    # Jobs of 1 and 2 whole GPUs run before any fraction is known; then they hold GPUs 0 and 1-2.
    state = with_jobs(pool(1, 4), sched.Shape(1, 1000), sched.Shape(1, 2000))
    assert started(state) == [0, 1]
    assert state.gpus_kept[0] == 0
    state = sched.apply(state, sched.add_class(1, sched.Shape(1, 400)))
    assert state.gpu_job.tolist() == [0, 1, 1, -1]
    assert sched.check(state) == []
    state = sched.apply(state, sched.submit(1, 2, 10))
    assert started(state, 1) == [2]
    assert sched.gpus_of(state, 2) == (3,)


def test_asking_about_a_fraction_leaves_the_state_alone():
    state = with_jobs(pool(1, 4), sched.Shape(1, 1000))
    before = sched.copy(state)
    assert sched.never_fits(state, sched.Shape(1, 400)) is None
    assert sched.same(before, state)
    assert state.gpus_kept[0] == 0


def test_a_long_fraction_does_not_break_the_gpu_the_head_waits_for():
    # One node of 2 GPUs. A whole-GPU job runs on GPU 0 until 100. The head wants 2 GPUs at 100.
    # A fraction that ends at 100 may use GPU 1 until then, one that outlasts it may not.
    state = pool(1, 2)
    for shape in (sched.Shape(1, 1000), sched.Shape(1, 2000), sched.Shape(1, 500)):
        state = sched.apply(state, sched.add_class(0, shape))
    state = sched.apply(state, sched.submit(0, 0, 100))
    assert started(state) == [0]
    for cls, duration_ms in ((1, 50), (2, 101), (2, 100)):
        state = sched.apply(state, sched.submit(0, cls, duration_ms))
    assert started(state) == [3]


def test_a_long_fraction_may_fill_a_gpu_the_head_leaves():
    # One node of 3 GPUs; GPU 0 busy until 100, the head wants 2: one GPU is spare for the long one.
    state = pool(1, 3)
    for shape in (sched.Shape(1, 2000), sched.Shape(1, 1000), sched.Shape(1, 500)):
        state = sched.apply(state, sched.add_class(0, shape))
    state = sched.apply(state, sched.submit(0, 0, 100))
    assert started(state) == [0]
    for cls in (0, 2, 2, 2):
        state = sched.apply(state, sched.submit(0, cls, 1000))
    # The first two share GPU 2; the third would begin a GPU that the head needs.
    assert started(state) == [2, 3]
    assert state.gpu_milli_free.tolist() == [0, 0, 0]


def test_a_job_may_accept_several_gpu_types():
    nodes = sched.Nodes([], [0] * 3, [0, 1, 2], [0] * 3, [1000] * 3, [0] * 3, [0] * 3)
    state = sched.apply(sched.empty(nodes), sched.add_class(0, sched.Shape(2, 1000, gpu_types=6)))
    state = sched.apply(state, sched.submit(0, 0, 10))
    assert started(state) == [0]
    assert sched.nodes_of(state, 0) == (1, 2)
    assert sched.never_fits(state, sched.Shape(3, 1000, gpu_types=6)).code == (
        sched.NEVER_TOO_MANY_NODES
    )
