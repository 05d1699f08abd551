"""The bare event loop: it is the live loop without the live, and it keeps its promises."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched.schedule import cycle_with
from arkwright.sched.work import HEAD, SHADOW_MS, workspace
from naive.flat_pool import pool, single_gpus
from naive.random_factory import random_pair, reserve_random, submit_random


def live_loop(state, rows, until_ms, mode=sched.EASY, one_by_one=False):
    """What control does with the same arrivals: decide on a copy, then apply the decisions."""
    starts, ends, coming, actual, now = [], [], list(rows), {}, 0

    def decide():
        nonlocal state
        draft = sched.copy(state)
        out = sched.room(draft)
        for job in out[: sched.cycle(draft, now, out, mode)].tolist():
            starts.append((job, now))
            state = sched.apply(state, sched.start(now, job, sched.nodes_of(draft, job)))
            ends.append((now + actual[job], job))

    while now <= until_ms:
        moved = is_first = True
        while moved:
            moved = False
            while (due := sorted(end for end in ends if end[0] <= now)) and not moved:
                state = sched.apply(state, sched.end(now, due[0][1]))
                ends.remove(due[0])
                moved = one_by_one
            while coming and coming[0][0].at_ms <= now and not moved:
                event, actual_ms = coming.pop(0)
                actual[int(state.job_count[0])] = actual_ms
                state = sched.apply(state, event)
                moved = one_by_one
            if moved or is_first or not one_by_one:
                decide()
            is_first = False
        opens = state.window_until_ms[: int(state.window_count[0])].tolist()
        following = [end[0] for end in ends] + [event.at_ms for event, _ in coming[:1]]
        now = min(following + [at_ms for at_ms in opens if at_ms > now], default=None)
        if now is None:
            break
    return state, starts


@pytest.mark.slow
@pytest.mark.parametrize("one_by_one", [False, True])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_running_forward_decides_what_the_live_loop_decides(one_by_one, seed):
    """Estimates are exact, or wrong in both directions; in some factories nodes are reserved.

    The live loop looks at every state anew, while a run forward keeps what it has learned."""
    random = Random(seed)
    are_exact = random.random() < 0.5
    mode = random.choice([sched.EASY, sched.EASY, sched.GREEDY, sched.CONSERVATIVE])
    pair = random_pair(random, forms=mode != sched.CONSERVATIVE)
    for _ in range(random.choice([0, 3])):
        reserve_random(pair, random)
    rows = []
    for at_ms in sorted(random.randint(0, 200) for _ in range(40)):
        cls = random.randrange(len(pair.shapes))
        expected_ms = random.randint(1, 60)
        event = sched.submit(at_ms, cls, expected_ms, priority=random.randint(0, 1))
        rows.append((event, expected_ms if are_exact else random.randint(1, 90)))
    course = sched.forward(
        sched.copy(pair.state),
        sched.timetable(rows),
        0,
        10_000,
        backfill=mode,
        one_by_one=one_by_one,
    )
    state, starts = live_loop(pair.state, rows, 10_000, mode, one_by_one)
    assert starts == list(zip(course.start_job.tolist(), course.start_at_ms.tolist(), strict=True))
    assert sched.same(state, course.state)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_a_promised_start_is_never_pushed_back(seed):
    """Exact estimates, one priority, nothing fails: topology, guarantees and budgets do not break
    the promise. Fair share may: a start moves another project ahead, as a higher priority would.
    So may a gang of different nodes, whose groups are placed one after another without search."""
    random = Random(seed)
    pair = random_pair(random)
    pair.state.fair[0] = 0
    alone = [cls for cls, shape in enumerate(pair.shapes) if shape.more < 0]
    promised, ends = {}, []
    for step in range(60):
        if step < 40:
            for _ in range(random.randint(0, 2)):
                lasts_ms, cls = random.randint(1, 40), random.choice(alone)
                submit_random(pair, random, duration_ms=lasts_ms, priority=0, cls=cls)
        for end_ms, job in sorted(ends):
            if end_ms <= pair.now_ms:
                ends.remove((end_ms, job))
                pair.apply(sched.end(pair.now_ms, job))
        work, out = workspace(pair.state), sched.room(pair.state)
        count = cycle_with(pair.state, work, pair.now_ms, out)
        for job in out[:count].tolist():
            ends.append((pair.now_ms + int(pair.state.job_duration_ms[job]), job))
            assert pair.now_ms <= promised.get(job, pair.now_ms)
        head, shadow_ms = work.result[HEAD], int(work.result[SHADOW_MS])
        if head >= 0:
            assert shadow_ms <= promised.setdefault(int(head), shadow_ms)
            promised[int(head)] = shadow_ms
        pair.now_ms += 1


def test_a_head_is_promised_and_keeps_its_promise_by_hand():
    # 4 GPUs: two run to 100, the head wants all four. Its promise is 100, and there it starts.
    state = pool(4)
    for gpus in (2, 4):
        state = sched.apply(state, sched.add_class(0, single_gpus(gpus)))
    rows = [(sched.submit(0, 0, 100), 100), (sched.submit(1, 1, 10), 10)]
    course = sched.forward(state, sched.timetable(rows), 0, 1000)
    assert course.start_at_ms.tolist() == [0, 100]


def test_a_run_can_be_cut_and_continued():
    state = sched.apply(pool(2), sched.add_class(0, single_gpus(1)))
    rows = [(sched.submit(at_ms, 0, 10), 7) for at_ms in range(0, 40, 2)]
    whole = sched.forward(sched.copy(state), sched.timetable(rows), 0, 1000)
    half = sched.forward(sched.copy(state), sched.timetable(rows[:10]), 0, 19)
    # The jobs known at the cut need their actual durations too: 7 ms each.
    actual_ms = [7] * int(half.state.job_count[0])
    rest = sched.forward(half.state, sched.timetable(rows[10:]), 20, 1000, actual_ms)
    assert sched.same(whole.state, rest.state)
    assert whole.start_at_ms.tolist() == [*half.start_at_ms.tolist(), *rest.start_at_ms.tolist()]


def test_faults_and_limits_are_events_like_any_other():
    # The job of node 0 is requeued at 5 when the node goes down, and starts anew on node 1 at 10.
    state = sched.apply(pool(2), sched.add_class(0, single_gpus(1)))
    rows = [(sched.submit(0, 0, 10), 10), (sched.submit(0, 0, 10), 10)]
    rows += [(sched.node_state(5, 0, sched.DOWN), 0), (sched.requeue(5, 0), 0)]
    course = sched.forward(state, sched.timetable(rows), 0, 1000)
    assert course.start_job.tolist() == [0, 1, 0]
    assert course.start_at_ms.tolist() == [0, 0, 10]
    assert sched.check(course.state) == []


def test_a_refused_event_is_an_error_that_names_it():
    state = sched.apply(pool(2), sched.add_class(0, single_gpus(1)))
    with pytest.raises(InternalError, match="event 0 refused"):
        sched.forward(state, sched.timetable([(sched.requeue(0, 3), 0)]), 0, 10)
    rows = sched.timetable([(sched.submit(5, 0, 1), 1), (sched.submit(4, 0, 1), 1)])
    with pytest.raises(InternalError, match="ordered by time"):
        sched.forward(state, rows, 0, 10)
