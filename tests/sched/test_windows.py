"""Windows: nodes kept for a row or for nobody, respected before they open."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched.schedule import cycle_with
from arkwright.sched.work import HEAD, SHADOW_MS, workspace
from naive.random_factory import decide_both, random_event, random_pair, reserve_random
from naive.windows import is_open

LAB, VISION, OTHERS = 0, 1, 2


def fleet(n_nodes, *windows):
    """Eight-GPU nodes; windows as (nodes, from, until, row)."""
    zeros = [0] * n_nodes
    nodes = sched.Nodes([], zeros, zeros, zeros, [8000] * n_nodes, zeros, zeros)
    state = sched.empty(nodes, sched.Rows([-1, 0, -1], [-1, -1, -1]))
    for number, (kept, from_ms, until_ms, row) in enumerate(windows):
        for node in kept:
            state = sched.apply(state, sched.reserve(0, node, number, from_ms, until_ms, row))
    return state


def submitted(state, nodes, lasts_ms, row=OTHERS):
    shape = sched.Shape(nodes, 8000, row=row)
    if sched.find_class(state, shape) < 0:
        state = sched.apply(state, sched.add_class(0, shape))
    return sched.apply(state, sched.submit(0, sched.find_class(state, shape), lasts_ms))


def decided(state, now_ms=0, mode=sched.EASY):
    """The state after one cycle: job to nodes."""
    draft, out = sched.copy(state), sched.room(state)
    count = sched.cycle(draft, now_ms, out, mode)
    return draft, {job: sched.nodes_of(draft, job) for job in out[:count].tolist()}


MODES = pytest.mark.parametrize("mode", [sched.EASY, sched.CONSERVATIVE, sched.GREEDY])


@MODES
def test_a_job_that_would_run_into_a_window_of_others_takes_other_nodes_or_waits(mode):
    state = submitted(fleet(2, ([0], 100, 200, LAB)), 1, 101)
    assert decided(state, 0, mode)[1] == {0: (1,)}
    state = submitted(state, 1, 101)
    assert decided(state, 0, mode)[1] == {0: (1,)}


@MODES
def test_a_job_that_is_over_when_the_window_opens_may_use_its_nodes(mode):
    state = submitted(fleet(1, ([0], 100, 200, -1)), 1, 101)
    assert decided(state, 0, mode)[1] == {}
    state = submitted(state, 1, 100)
    assert decided(state, 0, mode)[1] == {1: (0,)}


@MODES
def test_jobs_of_the_owner_and_below_use_its_window_before_it_and_in_it(mode):
    for row, starts in ((LAB, True), (VISION, True), (OTHERS, False), (-1, False)):
        state = submitted(fleet(1, ([0], 100, 200, LAB)), 1, 1000, row)
        assert bool(decided(state, 50, mode)[1]) is starts
        assert bool(decided(state, 150, mode)[1]) is starts
        assert bool(decided(state, 200, mode)[1])


def test_a_window_of_a_project_is_not_for_the_rest_of_its_organisation():
    state = submitted(fleet(1, ([0], 100, 200, VISION)), 1, 1000, LAB)
    assert decided(state)[1] == {}


def test_the_head_is_promised_the_end_of_the_window_and_jobs_pass_it_until_then():
    # Job 0 wants both nodes for 60 and cannot have node 0 in 50..200: its time is 200. A job of one
    # node that ends by 200 starts beside it on node 1; none may be on node 0 past 50.
    state = submitted(fleet(2, ([0], 50, 200, -1)), 2, 60)
    state = submitted(state, 1, 200)
    state = submitted(state, 1, 200)
    work, out = workspace(state), sched.room(state)
    assert cycle_with(sched.copy(state), work, 0, out) == 1
    assert out[0] == 1
    assert (work.result[HEAD], work.result[SHADOW_MS]) == (0, 200)


def test_a_job_that_runs_when_the_window_opens_is_left_alone():
    state = submitted(fleet(1), 1, 1000)
    state = sched.apply(state, sched.start(0, 0, [0]))
    state = sched.apply(state, sched.reserve(10, 0, 7, 20, 50, -1))
    assert sched.nodes_of(decided(state, 30)[0], 0) == (0,)
    assert sched.check(state) == []


def test_a_window_that_is_withdrawn_keeps_nothing():
    state = submitted(fleet(2, ([0, 1], 100, 200, -1)), 1, 500)
    assert decided(state)[1] == {}
    assert decided(sched.apply(state, sched.unreserve(5, 0)), 5)[1] == {0: (0,)}


def test_windows_that_are_over_are_forgotten_when_another_is_made():
    state = fleet(2, ([0, 1], 100, 200, -1))
    state = sched.apply(state, sched.reserve(200, 1, 1, 300, 400))
    assert int(state.window_count[0]) == 1


@pytest.mark.parametrize(
    "values",
    [(2, 1, 5, 9), (-1, 1, 5, 9), (0, -1, 5, 9), (0, 1, 9, 9), (0, 1, -1, 9), (0, 1, 5, 9, 3)],
)
def test_a_window_that_cannot_be_is_refused_and_changes_nothing(values):
    state = fleet(2, ([1], 100, 200, -1))
    before = sched.copy(state)
    with pytest.raises(InternalError):
        sched.apply(state, sched.reserve(0, *values))
    with pytest.raises(InternalError):
        sched.apply(state, sched.reserve(0, 1, 0, 300, 400))
    assert sched.same(before, state)


def test_a_run_forward_wakes_when_a_window_ends():
    state = submitted(fleet(1, ([0], 10, 200, LAB)), 1, 50)
    course = sched.forward(state, sched.timetable([]), 0, 1000)
    assert course.start_at_ms.tolist() == [200]


def test_events_of_windows_run_forward_like_any_other():
    state = submitted(fleet(1), 1, 50)
    state = sched.apply(state, sched.hold(0, 0))
    rows = [sched.reserve(10, 0, 0, 60, 200), sched.release(20, 0), sched.unreserve(90, 0)]
    course = sched.forward(state, sched.timetable([(event, 0) for event in rows]), 0, 1000)
    assert course.start_at_ms.tolist() == [90]


def test_a_waiting_job_is_told_the_window_and_how_short_it_would_have_to_be():
    state = submitted(fleet(3, ([0, 1], 5000, 9000, LAB), ([2], 4000, 6000, -1)), 1, 10_000)
    reason = sched.explain(state, 0, 0)
    assert (reason.code, reason.asked, reason.free) == (sched.RESERVED_WINDOW, 1, 1)
    assert (reason.window, reason.row, reason.at_ms, reason.until_ms) == (0, LAB, 5000, 9000)
    assert (reason.change, reason.to) == (sched.SHORTER, 5000)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_no_job_ever_starts_where_a_window_of_others_touches_its_run(seed):
    random = Random(seed)
    mode = [sched.EASY, sched.GREEDY, sched.STRICT, sched.CONSERVATIVE][seed % 4]
    pair = random_pair(random, forms=mode != sched.CONSERVATIVE)
    pair.reserves = 4
    for _ in range(25):
        for _ in range(random.randint(0, 4)):
            random_event(pair, random)
        ours, theirs = decide_both(pair, mode)
        assert ours == theirs
        for job, nodes in ours:
            plain = pair.factory.jobs[job]
            end_ms = pair.now_ms + plain.duration_ms
            for node in nodes:
                assert is_open(pair.factory, plain.shape, node, pair.now_ms, end_ms)
        for job in pair.in_state("queued")[:2]:
            assert sched.explain(pair.state, job, pair.now_ms, mode).code != sched.STARTS_NOW
        pair.now_ms += random.choice([0, 1, 1, 3, 10])


def test_the_promise_to_the_head_holds_with_windows():
    """Exact estimates, one priority: a head starts no later than first promised."""
    later = 0
    for seed in range(40):
        random = Random(seed)
        pair = random_pair(random)
        pair.state.fair[0] = 0
        for _ in range(random.randint(1, 5)):
            reserve_random(pair, random)
        promised, ends = {}, []
        for step in range(60):
            for _ in range(random.randint(0, 2) if step < 40 else 0):
                cls = random.randrange(len(pair.shapes))
                pair.apply(sched.submit(pair.now_ms, cls, random.randint(1, 40)))
            for end_ms, job in sorted(end for end in ends if end[0] <= pair.now_ms):
                ends.remove((end_ms, job))
                pair.apply(sched.end(pair.now_ms, job))
            work, out = workspace(pair.state), sched.room(pair.state)
            count = cycle_with(pair.state, work, pair.now_ms, out)
            for job in out[:count].tolist():
                ends.append((pair.now_ms + int(pair.state.job_duration_ms[job]), job))
                assert pair.now_ms <= promised.get(job, pair.now_ms)
            head, shadow_ms = int(work.result[HEAD]), int(work.result[SHADOW_MS])
            if head >= 0:
                later += head not in promised
                assert shadow_ms <= promised.setdefault(head, shadow_ms)
                promised[head] = shadow_ms
            pair.now_ms += 1
    assert later > 100
