"""Budgets: GPU time of a period. Row 0 is the project, row 1 its budget in GPU-milliseconds."""

import pytest

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched.budget import cost, lasting


def fleet(budget, n_nodes=4):
    zeros = [0] * n_nodes
    nodes = sched.Nodes([], zeros, zeros, zeros, [8000] * n_nodes, zeros, zeros)
    return sched.empty(nodes, sched.Rows([-1, -1], [-1, budget], budget=[1, -1]))


def submitted(state, *jobs, row=0):
    """Jobs given as (nodes, duration_ms), 8 GPUs a node."""
    for nodes, duration_ms in jobs:
        shape = sched.Shape(nodes, 8000, row=row)
        if sched.find_class(state, shape) < 0:
            state = sched.apply(state, sched.add_class(0, shape))
        state = sched.apply(state, sched.submit(0, sched.find_class(state, shape), duration_ms))
    return state


def started(state, now_ms=0):
    out = sched.room(state)
    count = sched.cycle(state, now_ms, out)
    assert sched.check(state) == []
    return out[:count].tolist()


def test_a_job_beyond_the_budget_does_not_start_and_a_shorter_one_does():
    # 1000 GPU-ms: 8 GPUs for 100 ms are 800 and leave 200, enough for 25 ms.
    state = submitted(fleet(1000), (1, 100), (1, 100), (1, 25))
    assert started(state) == [0, 2]
    assert state.row_used.tolist() == [16000, 1000]


def test_what_a_job_did_not_use_comes_back_when_it_ends():
    state = submitted(fleet(1000), (1, 100), (1, 100))
    assert started(state) == [0]
    state = sched.apply(state, sched.end(10, 0))
    assert (state.row_used[1], state.row_settled[1]) == (80, 80)
    assert started(state, 10) == [1]


def test_what_a_job_used_beyond_its_estimate_is_added_when_it_ends():
    state = submitted(fleet(1000), (1, 100))
    assert started(state) == [0]
    state = sched.apply(state, sched.end(200, 0))
    assert state.row_used[1] == 1600
    assert sched.check(state) == []
    assert sched.over_after_cut(state) == []


def test_an_attempt_that_is_tried_again_has_used_its_time():
    state = submitted(fleet(1000), (1, 100))
    assert started(state) == [0]
    state = sched.apply(state, sched.requeue(30, 0))
    assert state.row_used[1] == 240
    assert started(state, 30) == []
    assert sched.explain(state, 0, 30).to == 95


def test_a_new_period_counts_what_running_jobs_will_use_from_now_on():
    state = submitted(fleet(1000), (1, 100), (1, 30))
    assert started(state) == [0]
    state = sched.apply(state, sched.period(40, 1))
    assert state.row_used[1] == 480
    assert started(state, 40) == [1]
    state = sched.apply(state, sched.end(70, 0))
    assert (state.row_used[1], state.row_settled[1]) == (240 + 240, 240)


def test_a_job_beyond_the_budget_holds_nothing_for_others_to_wait_for():
    # Job 1 is beyond what is left; the gang of 3 behind it is the head, not the job.
    state = submitted(fleet(1000, 3), (1, 100))
    assert started(state) == [0]
    state = submitted(state, (1, 100))
    state = submitted(state, (3, 50), row=-1)
    state = submitted(state, (1, 100), row=-1)
    assert started(state, 1) == [], "the last would outlast the head's shadow time"
    state = sched.apply(state, sched.end(2, 2))
    assert started(state, 2) == [3]


def test_the_head_keeps_its_gpu_time_from_the_shortest_job():
    # Left are 600. The head wants 3 x 8 GPUs for 20 ms: 480 of them, from time 50 on. A job of 8
    # GPUs for 16 ms would be over by then and yet take 128 of the 120 that are left beside it.
    state = submitted(fleet(1000, 3), (1, 50))
    assert started(state) == [0]
    state = submitted(state, (3, 20), (1, 16), (1, 15))
    assert started(state, 0) == [3]


def test_the_reason_names_the_budget_and_the_longest_job_it_allows():
    state = submitted(fleet(1000), (1, 100), (1, 100))
    assert started(state) == [0]
    reason = sched.explain(state, 1, 0)
    assert (reason.code, reason.row, reason.asked) == (sched.BUDGET, 1, 800)
    assert (reason.used, reason.limit, reason.free) == (800, 1000, 25)
    assert (reason.change, reason.to) == (sched.SHORTER, 25)


def test_a_job_beyond_a_whole_budget_is_refused_for_ever():
    shape = sched.Shape(2, 8000, row=0)
    reason = sched.never_fits(fleet(1000), shape, 63)
    assert (reason.code, reason.change, reason.to) == (sched.NEVER_BUDGET, sched.SHORTER, 62)
    assert sched.never_fits(fleet(1000), shape, 62) is None


def test_use_that_was_not_seen_counts_within_its_period():
    state = sched.apply(fleet(1000), sched.period(100, 1))
    state = sched.apply(state, sched.spent(60, 0, 8000, 120))
    assert (state.row_used[1], state.row_settled[1]) == (160, 160)


def test_a_budget_is_not_announced_and_a_quota_has_no_period():
    for event in (sched.announce(0, 1, 5, 10), sched.period(0, 0), sched.spent(0, 1, 1, 1)):
        with pytest.raises(InternalError, match="out of range"):
            sched.apply(fleet(1000), event)


@pytest.mark.parametrize("milli", [1, 300, 1000, 8000, 10**8, 3 * 10**14])
@pytest.mark.parametrize("left", [1, 999, 10**6, 10**15, 10**17])
def test_the_longest_job_is_the_longest(milli, left):
    longest = lasting(milli, left)
    assert cost(milli, longest) <= left
    assert cost(milli, longest + 1) > left or longest >= (1 << 60) // milli
