"""The calendar: limits that will come are respected before they come.

Four nodes of 8 GPUs; row 1 is one organisation under row 0, row 2 another beside it.
"""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched.codes import GPU_MS
from arkwright.sched.schedule import cycle_with
from arkwright.sched.work import HEAD, SHADOW_MS, workspace
from naive.random_factory import random_pair, submit_random


def fleet(limit=-1):
    zeros = [0] * 4
    nodes = sched.Nodes([], zeros, zeros, zeros, [8000] * 4, zeros, zeros)
    return sched.empty(nodes, sched.Rows([-1, 0, -1, -1], [limit, -1, -1, -1]))


def submitted(state, *jobs):
    """A copy with these jobs, given as (row, nodes, duration_ms), 8 GPUs a node."""
    state = sched.copy(state)
    for row, nodes, duration_ms in jobs:
        shape = sched.Shape(nodes, 8000, row=row)
        if sched.find_class(state, shape) < 0:
            state = sched.apply(state, sched.add_class(0, shape))
        state = sched.apply(state, sched.submit(0, sched.find_class(state, shape), duration_ms))
    return state


def announced(state, *steps):
    """Limits given as (from_ms, limit) on row 0."""
    for from_ms, limit in steps:
        state = sched.apply(state, sched.announce(0, 0, from_ms, limit))
    return state


def started(state, now_ms=0):
    out = sched.room(state)
    count = sched.cycle(state, now_ms, out)
    assert sched.check(state) == []
    return out[:count].tolist()


def test_a_job_that_would_last_into_a_lower_limit_waits_and_one_that_ends_by_then_starts():
    # From 100 on 8 GPUs. 16 for 100 ms are over by then, 16 for 101 ms are not.
    state = announced(fleet(), (100, 8000))
    assert started(submitted(state, (1, 2, 101))) == []
    assert started(submitted(state, (1, 2, 100))) == [0]
    assert started(submitted(state, (1, 1, 10**6))) == [0]


def test_what_ends_before_the_limit_comes_does_not_count_in_it():
    # Job 0 is over at 50, so from 100 on all 8 GPUs are there for the long job.
    state = submitted(announced(fleet(), (100, 8000)), (1, 1, 50), (1, 1, 10**6), (1, 1, 10**6))
    assert started(state) == [0, 1]


def test_jobs_of_one_class_are_tried_as_long_as_they_end_by_an_earlier_limit():
    # 16 GPUs from 100, 8 from 200; one of 8 runs for ever. Of the class that asks 16: 300 ms meets
    # both limits, 150 ms the first (8 + 16 > 16), 90 ms none.
    state = submitted(announced(fleet(), (100, 16000), (200, 8000)), (1, 1, 10**6))
    assert started(state) == [0]
    state = submitted(state, (1, 2, 300), (1, 2, 150), (1, 2, 90))
    assert started(state, 0) == [3]


def test_the_head_is_promised_the_time_from_which_it_fits_to_its_end():
    # 32 GPUs now, 8 from 100, 32 again from 200: a head of 32 for 150 ms cannot run through.
    state = submitted(announced(fleet(32000), (100, 8000), (200, 32000)), (1, 4, 150))
    work, out = workspace(state), sched.room(state)
    assert cycle_with(state, work, 0, out) == 0
    assert (work.result[HEAD], work.result[SHADOW_MS]) == (0, 200)
    # Beside it: what is over by 200 and within the 8 GPUs between, or within 100 whatever it asks.
    state = submitted(state, (1, 1, 201), (1, 2, 120), (1, 1, 200), (1, 3, 100))
    assert started(state) == [3, 4]


def test_a_shorter_job_may_be_the_head_where_a_longer_one_of_its_class_never_could():
    # 8 GPUs until 100, none from then. Job 0 holds them to 50: one of 100 ms is never promised
    # anything, one of 50 ms is promised 50, and keeps it: nothing that lasts past 50 passes it.
    state = submitted(announced(fleet(8000), (100, 0)), (1, 1, 50))
    assert started(state) == [0]
    state = submitted(state, (1, 1, 100), (1, 1, 50))
    work, out = workspace(state), sched.room(state)
    assert cycle_with(state, work, 0, out) == 0
    assert (work.result[HEAD], work.result[SHADOW_MS]) == (2, 50)


def test_a_rise_brings_the_head_forward_when_its_event_comes():
    state = submitted(announced(fleet(8000), (50, 16000)), (1, 2, 10))
    assert started(state, 0) == []
    assert started(state, 50) == []  # late: a rise counts from its event on
    state = sched.apply(state, sched.row_limit(51, 0, 16000))
    assert int(state.step_count[0]) == 0
    assert started(state, 51) == [0]


def test_a_lower_limit_that_is_late_binds():
    state = submitted(announced(fleet(), (50, 8000)), (1, 2, 10))
    assert started(state, 60) == []


def test_a_head_whose_rise_does_not_come_holds_nothing_any_more():
    # The head's 24 GPUs are promised for 50, all that the limit is then. When 50 has passed and the
    # limit is what it was, a job behind it that fits the limit may start.
    state = submitted(announced(fleet(8000), (50, 24000)), (1, 3, 10**6), (1, 1, 10**6))
    assert started(state, 0) == []
    assert started(state, 50) == [1]


def test_a_limit_may_be_announced_anew_and_withdrawn():
    state = announced(fleet(), (100, 8000), (100, 16000), (40, 0))
    assert state.step_at_ms[:2].tolist() == [40, 100]
    assert state.step_limit[:2].tolist() == [0, 16000]
    state = sched.apply(state, sched.withdraw(1, 0, 40))
    assert started(submitted(state, (1, 2, 1000))) == [0]
    with pytest.raises(InternalError, match="out of range"):
        sched.apply(state, sched.withdraw(1, 0, 40))


def test_a_reservation_is_two_steps_on_the_row_of_everybody_else():
    # 32 GPUs; from 100 to 200 the organisation of row 2 has 16 of them: for all others, row 0, 16.
    state = announced(fleet(32000), (100, 16000), (200, 32000))
    state = submitted(state, (1, 3, 150), (1, 2, 150), (2, 2, 200))
    # Three nodes would reach into the window, two may: 16 are left. The owner may start at once.
    assert started(state) == [1, 2]


def test_limit_ahead_says_when_what_will_be_used_and_how_long_the_job_may_last():
    state = submitted(announced(fleet(), (100, 16000)), (1, 1, 10**6))
    assert started(state) == [0]
    reason = sched.explain(submitted(state, (1, 2, 500)), 1, 10)
    assert reason.code == sched.LIMIT_AHEAD
    assert (reason.row, reason.at_ms, reason.asked) == (0, 100, 16000)
    assert (reason.used, reason.limit) == (8000, 16000)
    assert (reason.change, reason.to) == (sched.SHORTER, 90)


def test_running_forward_makes_announced_limits_so():
    # 8 GPUs until 50, 16 from then: the job of 16 starts at 50 without another event.
    state = submitted(announced(fleet(8000), (50, 16000)), (1, 2, 10))
    course = sched.forward(state, sched.timetable([]), 0, 1000)
    assert course.start_at_ms.tolist() == [50]
    assert course.state.row_limit[0] == 16000


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_no_row_is_ever_over_a_limit_that_was_announced_in_time(seed):
    """Exact estimates; limits come when they were to come; nothing is over one when it comes."""
    random = Random(seed)
    pair = random_pair(random, has_quotas=False)
    steps = {}
    limited = np.flatnonzero(pair.state.row_measure != GPU_MS).tolist()
    for _ in range(random.randint(1, 4)):
        row, at_ms = random.choice(limited), random.randint(1, 50)
        steps[at_ms, row] = random.choice([0, 300, 700, 8000, 24000])
        pair.apply(sched.announce(0, row, at_ms, steps[at_ms, row]))
    ends = []
    for now_ms in range(70):
        pair.now_ms = now_ms
        for end_ms, job in sorted(ends):
            if end_ms <= now_ms:
                ends.remove((end_ms, job))
                pair.apply(sched.end(now_ms, job))
        for (at_ms, row), limit in sorted(steps.items()):
            if at_ms == now_ms:
                pair.apply(sched.row_limit(now_ms, row, limit))
        assert sched.over_after_cut(pair.state) == []
        submit_random(pair, random, duration_ms=random.randint(1, 40))
        out = sched.room(pair.state)
        started_now = out[: sched.cycle(pair.state, now_ms, out)].tolist()
        ends += [(now_ms + int(pair.state.job_duration_ms[job]), job) for job in started_now]
        assert sched.check(pair.state) == []
