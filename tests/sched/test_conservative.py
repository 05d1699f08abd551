"""Conservative backfill: every waiting job has a place in the plan, and keeps it."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.sched import conservative
from arkwright.sched.codes import GPU_MS
from arkwright.sched.work import workspace
from naive import conservative as naive
from naive.flat_pool import one_node, pool, single_gpus, starts_s
from naive.random_factory import (
    decide_both,
    make_announced_so,
    random_event,
    random_pair,
    reserve_random,
)


def plan(state, now_ms):
    """Each waiting job's promised start, -1 for none; `state` gets the starts of now."""
    promised = np.full(int(state.job_count[0]), -2, np.int64)
    out = sched.room(state)
    conservative.start_planned(state, workspace(state), now_ms, out, promised, -1)
    return {job: int(ms) for job, ms in enumerate(promised) if ms != -2}


@pytest.fixture(params=["one node of 8", "8 nodes of 1"])
def on_8_gpus(request):
    def starts(*jobs, backfill=sched.CONSERVATIVE):
        if request.param == "one node of 8":
            return starts_s(pool(1, 8), jobs, one_node, backfill)
        return starts_s(pool(8), jobs, single_gpus, backfill)

    return starts


def test_later_jobs_fill_what_the_plan_leaves(on_8_gpus):
    # 6 run to 10. The head wants 8 and gets 10 to 20, the next 4 from 20. Of the jobs of 2 the long
    # one would run past 10, so it comes after the head; the short one is over by then and starts.
    jobs = [(0, 10, 6), (1, 10, 8), (2, 10, 4), (3, 25, 2), (4, 6, 2)]
    assert on_8_gpus(*jobs) == [0, 10, 20, 20, 4]


def test_where_easy_lets_a_later_job_pass_the_second_conservative_does_not(on_8_gpus):
    # 4 run to 10 and 2 to 30. Job 2 wants 4 and gets 10 to 30, job 3 wants 8 and is promised 30.
    # Job 4 wants 2 for 100 s: beside the head 2 are to spare, so EASY starts it at once and job 3
    # waits until 103; conservative keeps the promise, and job 4 comes after it.
    jobs = [(0, 10, 4), (0, 30, 2), (1, 20, 4), (2, 10, 8), (3, 100, 2)]
    assert on_8_gpus(*jobs, backfill=sched.EASY) == [0, 0, 10, 103, 3]
    assert on_8_gpus(*jobs) == [0, 0, 10, 30, 40]


def test_a_gap_in_the_plan_is_used_by_a_job_that_fits_it(on_8_gpus):
    # 8 run to 10; the first in the queue wants 8 from 10 to 20, the second 6 from 20 to 30. A job
    # of 2 for 10 s fits beside the second, and the one after it, 2 for 5 s, after them.
    jobs = [(0, 10, 8), (1, 10, 8), (2, 10, 6), (3, 10, 2), (4, 5, 2)]
    assert on_8_gpus(*jobs) == [0, 10, 20, 20, 30]


def test_a_job_past_its_estimate_is_expected_to_end_at_once(on_8_gpus):
    # Job 0 says 10 s and runs 50. Job 2 fits beside job 1, which is always about to start.
    jobs = [(0, 10, 6, 50), (1, 10, 8), (2, 5, 2)]
    assert on_8_gpus(*jobs) == [0, 50, 2]
    jobs = [(0, 10, 6, 50), (1, 10, 8), (20, 5, 2)]
    assert on_8_gpus(*jobs) == [0, 50, 60]


def test_a_job_that_nothing_can_be_promised_holds_nothing():
    state = pool(4)
    for gpus in (4, 2):
        state = sched.apply(state, sched.add_class(0, single_gpus(gpus)))
    state = sched.apply(state, sched.node_state(0, 3, sched.DOWN))
    state = sched.apply(state, sched.submit(0, 0, 10))
    state = sched.apply(state, sched.submit(0, 1, 1000))
    assert plan(state, 0) == {0: conservative.NEVER, 1: 0}


def test_nodes_are_taken_by_lowest_index():
    state = pool(6, levels=[[0, 0, 0, 1, 1, 1]])
    state = sched.apply(state, sched.add_class(0, sched.Shape(2, 1000, level_required=0)))
    for _ in range(3):
        state = sched.apply(state, sched.submit(0, 0, 10))
    assert plan(state, 0) == {0: 0, 1: 0, 2: 10}
    assert [sched.nodes_of(state, job) for job in range(3)] == [(0, 1), (3, 4), ()]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_every_promise_equals_that_of_the_naive_plan(seed):
    random = Random(seed)
    pair = random_pair(random, forms=False)
    for _ in range(20):
        make_announced_so(pair, random)
        for _ in range(random.randint(0, 4)):
            random_event(pair, random)
        promised = plan(sched.copy(pair.state), pair.now_ms)
        started, theirs = naive.cycle(pair.factory, pair.now_ms)
        assert promised == {job: -1 if ms is None else ms for job, ms in theirs.items()}
        for job, nodes in started:
            pair.apply(sched.start(pair.now_ms, job, nodes, sum(_gpus(pair, job), ())))
        assert sched.check(pair.state) == []
        pair.now_ms += random.choice([0, 1, 1, 3, 10])


def _gpus(pair, job):
    """The GPU of each node for a fraction, as the naive side chose it."""
    plain = pair.factory.jobs[job]
    if not 0 < plain.shape.gpu_milli < 1000:
        return []
    first = pair.state.node_gpu_first
    return [(int(first[node]) + plain.gpus[node][0],) for node in plain.nodes]


@pytest.mark.slow
def test_no_promised_start_of_any_job_is_ever_pushed_back():
    """Exact estimates, one priority, nothing fails: topology, quota, power, announced limits and
    windows that were known before do not break a promise."""
    assert sum(keep_promises(seed) for seed in range(70)) > 500


def keep_promises(seed):
    """Live through one random factory; how many jobs were promised a start later than now."""
    random = Random(seed)
    pair = random_pair(random, forms=False)
    pair.state.fair[0] = 0
    shapes = enumerate(pair.shapes)
    # Less that is free can let a gang of groups start sooner, elsewhere than it was promised.
    whole = [cls for cls, shape in shapes if shape.gpu_milli % 1000 == 0 and shape.more < 0]
    if not whole:
        return 0
    for _ in range(random.choice([0, 2, 4])):
        reserve_random(pair, random)
    for _ in range(random.choice([0, 2])):
        row = random.choice(np.flatnonzero(pair.state.row_measure != GPU_MS).tolist())
        pair.apply(sched.announce(0, row, random.randint(1, 60), random.choice([-1, 8000, 400])))
    promised, ends, later = {}, [], set()
    for step in range(60):
        for at in range(int(pair.state.step_count[0]) - 1, -1, -1):
            if pair.state.step_at_ms[at] <= pair.now_ms:
                row, limit = int(pair.state.step_row[at]), int(pair.state.step_limit[at])
                pair.apply(sched.row_limit(pair.now_ms, row, limit))
        if step < 40:
            for _ in range(random.randint(0, 2)):
                lasts_ms = random.randint(1, 40)
                pair.apply(sched.submit(pair.now_ms, random.choice(whole), lasts_ms))
        for end_ms, job in sorted(ends):
            if end_ms <= pair.now_ms:
                ends.remove((end_ms, job))
                pair.apply(sched.end(pair.now_ms, job))
        draft = sched.copy(pair.state)
        for job, start_ms in plan(draft, pair.now_ms).items():
            if start_ms < 0:
                assert job not in promised
                continue
            assert start_ms <= promised.setdefault(job, start_ms)
            promised[job] = start_ms
            if start_ms > pair.now_ms:
                later.add(job)
            else:
                pair.apply(sched.start(pair.now_ms, job, sched.nodes_of(draft, job)))
                ends.append((start_ms + int(pair.state.job_duration_ms[job]), job))
        assert sched.same(draft, pair.state)
        pair.now_ms += 1
    return len(later)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_a_cycle_that_stops_planning_early_decides_the_same(seed):
    random = Random(seed)
    pair = random_pair(random, forms=False)
    for _ in range(20):
        make_announced_so(pair, random)
        for _ in range(random.randint(0, 3)):
            random_event(pair, random)
        whole, brief = sched.copy(pair.state), sched.copy(pair.state)
        promised = plan(whole, pair.now_ms)
        out = sched.room(brief)
        count = sched.cycle(brief, pair.now_ms, out, sched.CONSERVATIVE)
        assert out[:count].tolist() == [
            job for job in out[:count].tolist() if promised[job] == pair.now_ms
        ]
        assert sched.same(whole, brief)
        pair.state = brief
        for job in out[:count].tolist():
            nodes = list(sched.nodes_of(brief, job))
            pair.factory.start(pair.factory.jobs[job], nodes, pair.now_ms)
        pair.now_ms += random.choice([0, 1, 3, 10])


def test_a_job_is_told_whose_place_it_would_take():
    # 4 run to 10000, 2 to 30000. Job 2 gets 10000, job 3 wants all 8 and gets 30000; job 4 is over
    # in time for the first and not for the second, whose place it would take.
    state = pool(8)
    for gpus in (4, 2, 8):
        state = sched.apply(state, sched.add_class(0, single_gpus(gpus)))
    for job, (cls, lasts_ms) in enumerate([(0, 10_000), (1, 30_000)]):
        state = sched.apply(state, sched.submit(0, cls, lasts_ms))
        nodes = range(4) if job == 0 else range(4, 6)
        state = sched.apply(state, sched.start(0, job, nodes))
    for cls, lasts_ms in [(0, 20_000), (2, 10_000), (1, 100_000)]:
        state = sched.apply(state, sched.submit(0, cls, lasts_ms))
    reason = sched.explain(state, 4, 0, sched.CONSERVATIVE)
    assert (reason.code, reason.job, reason.at_ms) == (sched.RESERVED_FOR_HEAD, 3, 30_000)
    assert (reason.change, reason.to) == (sched.SHORTER, 30_000)
    assert sched.explain(state, 4, 0).code == sched.STARTS_NOW


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_every_waiting_job_has_a_reason(seed):
    random = Random(seed)
    pair = random_pair(random, forms=False)
    for _ in range(12):
        for _ in range(random.randint(1, 4)):
            random_event(pair, random)
        decide_both(pair, sched.CONSERVATIVE)
        pair.now_ms += random.choice([0, 1, 5])
    for job in pair.in_state("queued"):
        reason = sched.explain(pair.state, job, pair.now_ms, sched.CONSERVATIVE)
        is_chain = pair.shapes[int(pair.state.job_class[job])].more >= 0
        if reason.code == sched.RESERVED_FOR_HEAD and not is_chain:
            assert reason.job in pair.in_state("queued")


def test_a_ride_foresees_what_the_plan_promises():
    state = pool(8)
    for gpus in (4, 2, 8):
        state = sched.apply(state, sched.add_class(0, single_gpus(gpus)))
    for cls, lasts_ms in [(0, 10), (1, 30), (0, 20), (2, 10), (1, 100)]:
        state = sched.apply(state, sched.submit(0, cls, lasts_ms))
    ride = sched.Ride(np.array([10, 30, 20, 10, 100]), np.array([3, 4]))
    seen = sched.foresee(state, 0, [ride], sched.Horizon(1000, 100), sched.CONSERVATIVE)[0]
    assert seen.start_ms.tolist() == [30, 40]
    promised = plan(state, 0)
    assert [promised[3], promised[4]] == [30, 40]
