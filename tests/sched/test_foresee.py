"""Looking ahead on a copy: exact as far as it runs, an estimate marked as one beyond."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.errors import InternalError
from naive.flat_pool import pool
from naive.random_factory import decide_both, random_event, random_pair

FAR = sched.Horizon(10**9, 10**6)


def naive_starts(pair, actual_ms, mode):
    """Every start from now on, by the slow scheduler: ends of an instant, then one cycle.

    An instant is one at which a job ends or a window does.
    """
    now_ms, starts = pair.now_ms, {}
    while True:
        for job in pair.factory.active():
            if job.start_ms + actual_ms[job.index] <= now_ms:
                pair.factory.leave(job, "done", now_ms)
        for job, _ in pair.factory.cycle(now_ms, mode):
            starts[job] = now_ms
        ends = [job.start_ms + actual_ms[job.index] for job in pair.factory.active()]
        ends = [max(end_ms, now_ms) for end_ms in ends]
        ends += [each.until_ms for each in pair.factory.windows if each.until_ms > now_ms]
        if not ends:
            return starts
        now_ms = min(ends)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_what_is_foreseen_is_what_the_naive_scheduler_then_does(seed):
    """Jobs that run and jobs that wait last other than they estimate, in both directions."""
    random = Random(seed)
    mode = random.choice([sched.EASY, sched.EASY, sched.CONSERVATIVE])
    pair = random_pair(random, forms=mode != sched.CONSERVATIVE)
    for _ in range(40):
        random_event(pair, random)
        if random.random() < 0.5:
            decide_both(pair)
        pair.now_ms += random.randint(0, 3)
    jobs = int(pair.state.job_count[0])
    actual = np.array([random.randint(1, 120) for _ in range(jobs)], np.int64)
    queued = np.array(pair.in_state("queued"), np.int64)
    before = sched.copy(pair.state)
    (seen,) = sched.foresee(pair.state, pair.now_ms, [sched.Ride(actual, queued)], FAR, mode)
    assert sched.same(before, pair.state)
    assert not seen.is_estimate.any()
    expected = naive_starts(pair, actual, mode)
    assert seen.start_ms.tolist() == [expected.get(job, -1) for job in queued.tolist()]


def one_gpu_queue(durations_ms):
    """A pool of one GPU and jobs that wait for it in order."""
    state = sched.apply(pool(1), sched.add_class(0, sched.Shape(1, 1000)))
    for duration_ms in durations_ms:
        state = sched.apply(state, sched.submit(0, 0, duration_ms))
    return state


def test_a_ride_ends_with_the_start_it_waits_for():
    """Three jobs of 10 ms: the second starts at 10, and what comes after is not run."""
    state = one_gpu_queue([10, 10, 10])
    ride = sched.Ride(np.array([10, 10, 10]), np.array([1]))
    (seen,) = sched.foresee(state, 0, [ride], FAR)
    assert (seen.start_ms.tolist(), seen.reached_ms, seen.cycles) == ([10], 10, 2)


def test_beyond_its_cycles_a_start_is_estimated_from_the_work_ahead():
    """One cycle sees the first of three jobs start. 2 s of it and of the second lie ahead of the
    third; on the one GPU in use the second's work is done 2 s after 0: an estimate of 2000 ms."""
    state = one_gpu_queue([2000, 2000, 2000])
    ride = sched.Ride(np.array([2000, 2000, 2000]), np.array([0, 1, 2]))
    (seen,) = sched.foresee(state, 0, [ride], sched.Horizon(10**9, 1))
    assert seen.start_ms.tolist() == [0, 0, 2000]
    assert seen.is_estimate.tolist() == [0, 1, 1]


def test_a_job_that_cannot_start_as_things_stand_has_no_start():
    state = one_gpu_queue([10])
    state = sched.apply(state, sched.node_state(0, 0, sched.DOWN))
    (seen,) = sched.foresee(state, 0, [sched.Ride(np.array([10]), np.array([0]))], FAR)
    assert (seen.start_ms.tolist(), seen.is_estimate.tolist()) == ([-1], [0])


def test_a_ride_may_begin_with_changes_and_they_stay_in_it():
    """Reshaped to last 5 ms, the job keeps its place; its index is the one after the last."""
    state = one_gpu_queue([10, 10])
    changes = sched.reshaped(state, 1, 0, sched.Gang(sched.Shape(1, 500)), duration_ms=5)
    ride = sched.Ride(np.array([10, 10, 5]), np.array([2]), changes)
    plain = sched.Ride(np.array([10, 10]), np.array([1]))
    seen = sched.foresee(state, 0, [ride, plain], FAR)
    assert [one.start_ms.tolist() for one in seen] == [[10], [10]]
    assert int(state.job_count[0]) == 2


def test_most_nodes_now_is_the_largest_gang_that_starts():
    """Three of four nodes are free: of five asked for, three would start."""
    state = sched.apply(pool(4), sched.add_class(0, sched.Shape(1, 1000)))
    state = sched.apply(state, sched.add_class(0, sched.Shape(4, 1000)))
    state = sched.apply(state, sched.submit(0, 0, 10))
    state = sched.apply(state, sched.start(0, 0, [0]))
    state = sched.apply(state, sched.submit(0, 1, 10))
    assert sched.most_nodes_now(state, 0, 1) == 3


@pytest.mark.parametrize(
    ("ride", "said"),
    [
        (sched.Ride(np.array([1]), np.array([0])), "1 durations for 2 jobs"),
        (sched.Ride(np.array([1, 1]), np.array([0])), "not queued"),
    ],
)
def test_a_ride_that_makes_no_sense_is_a_bug(ride, said):
    state = one_gpu_queue([10, 10])
    state = sched.apply(state, sched.start(0, 0, [0]))
    with pytest.raises(InternalError, match=said):
        sched.foresee(state, 0, [ride], FAR)
