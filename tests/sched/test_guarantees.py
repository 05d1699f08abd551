"""Guarantee, lend, borrow: factory (row 0, 32 GPUs) over two projects (rows 1, 2)."""

import pytest

from arkwright import sched
from arkwright.errors import InternalError

NODES = 4


def fleet(kept=(0, 0, 0), limits=(32000, -1, -1), guarantee=(-1, 16000, 16000), parent=(-1, 0, 0)):
    zeros = [0] * NODES
    nodes = sched.Nodes([], zeros, zeros, zeros, [8000] * NODES, zeros, zeros)
    return sched.empty(nodes, sched.Rows(parent, limits, guarantee, kept))


def submitted(state, *jobs):
    """Jobs given as (row, nodes, duration_ms), 8 GPUs a node."""
    for row, nodes, duration_ms in jobs:
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


def test_a_guarantee_that_is_lent_whole_may_be_borrowed_whole():
    state = submitted(fleet(), (1, 4, 10))
    assert started(state) == [0]
    assert [sched.borrowed(state, row) for row in range(3)] == [0, 16000, 0]


def test_what_a_project_keeps_is_borrowed_by_nobody():
    # Project 2 keeps 8 of its 16 GPUs: project 1 gets 24 of the 32 and no more.
    state = submitted(fleet(kept=(0, 0, 8000)), *[(1, 1, 10)] * 4)
    assert state.row_used.tolist() == [8000, 0, 0]
    assert started(state) == [0, 1, 2]
    assert state.row_used.tolist() == [32000, 24000, 0]


def test_a_project_uses_what_it_keeps_without_asking_above():
    state = submitted(fleet(kept=(0, 0, 8000)), (1, 3, 10), (2, 1, 10), (2, 1, 10))
    assert started(state) == [0, 1]
    assert state.row_used.tolist() == [32000, 24000, 8000]


def test_borrowing_ends_at_the_limit():
    state = submitted(fleet(limits=(32000, 24000, -1)), *[(1, 1, 10)] * 4)
    assert started(state) == [0, 1, 2]


def test_an_end_within_what_is_kept_gives_nothing_to_others():
    state = submitted(fleet(kept=(0, 0, 8000)), (1, 3, 10), (2, 1, 10), (1, 1, 10))
    assert started(state) == [0, 1]
    state = sched.apply(state, sched.end(5, 1))
    assert state.row_used.tolist() == [32000, 24000, 0]
    assert started(state, 5) == []


def test_a_class_refused_above_is_tried_again_once_its_own_kept_part_is_free():
    # Row 2 keeps 8 and holds them; another job of it is refused by the full row 0. When the first
    # ends, row 0 does not move, and yet the second now fits.
    state = submitted(fleet(kept=(0, 0, 8000)), (1, 3, 100), (2, 1, 10), (2, 1, 10))
    assert started(state) == [0, 1]
    assert started(state, 1) == []
    state = sched.apply(state, sched.end(2, 1))
    assert started(state, 2) == [2]


def test_the_refusal_says_what_the_row_above_would_be_charged():
    # The gang asks 16 GPUs, 8 of which its project keeps: row 0 would be charged the other 8.
    state = submitted(fleet(kept=(0, 0, 8000)), (1, 3, 10), (2, 2, 10))
    assert started(state) == [0]
    reason = sched.explain(state, 1, 0)
    assert (reason.code, reason.row, reason.asked) == (sched.QUOTA, 0, 8000)
    assert (reason.used, reason.limit) == (32000, 32000)
    assert (reason.change, reason.to) == (sched.FEWER_NODES, 1)


def test_a_job_larger_than_what_others_leave_can_never_run():
    state = fleet(kept=(0, 0, 8000))
    reason = sched.never_fits(state, sched.Shape(4, 8000, row=1))
    assert (reason.code, reason.row, reason.used) == (sched.NEVER_QUOTA, 0, 8000)
    assert (reason.change, reason.to) == (sched.FEWER_NODES, 3)
    assert sched.never_fits(state, sched.Shape(4, 8000, row=2)) is None


def test_a_raised_guarantee_takes_room_from_borrowers_to_come_not_from_those_there():
    state = submitted(fleet(), (1, 3, 10), (1, 1, 10))
    state = sched.apply(state, sched.start(0, 0, [0, 1, 2]))
    state = sched.apply(state, sched.guarantee(1, 2, 16000, 16000))
    assert state.row_used.tolist() == [40000, 24000, 0]
    assert sched.check(state) == []
    assert sched.over_after_cut(state) == [(0, 40000, 32000)]
    assert started(state, 1) == []
    state = sched.apply(state, sched.guarantee(2, 2, 16000, 0))
    assert started(state, 2) == [1]


@pytest.mark.parametrize(("value", "kept"), [(-2, 0), (8000, 9000), (-1, 1), (8000, -1)])
def test_more_than_the_guarantee_cannot_be_kept(value, kept):
    with pytest.raises(InternalError, match="out of range"):
        sched.apply(fleet(), sched.guarantee(0, 1, value, kept))


def test_a_quota_of_a_gpu_type_counts_beside_that_of_the_project():
    # Rows 0 and 1: the project and its quota of the type, in a tree of its own.
    state = fleet((0, 0), (24000, 16000), (-1, -1), (-1, -1))
    shape = sched.Shape(1, 8000, row=0, type_row=1)
    state = sched.apply(state, sched.add_class(0, shape))
    for _ in range(3):
        state = sched.apply(state, sched.submit(0, 0, 10))
    assert started(state) == [0, 1]
    assert sched.explain(state, 2, 0)[:1] == (sched.QUOTA,)
    assert sched.explain(state, 2, 0).row == 1
    state = sched.apply(state, sched.end(1, 0))
    assert state.row_used.tolist() == [8000, 8000]


def test_a_job_counts_once_in_a_row():
    with pytest.raises(InternalError, match="out of range"):
        sched.apply(fleet(), sched.add_class(0, sched.Shape(1, 8000, row=1, type_row=2)))


def test_what_is_kept_is_spent_once_under_an_announced_limit():
    # Row 0 will have 16 GPUs at time 50, 8 of which row 2 keeps. Of three jobs that run past it the
    # first takes the kept 8 and the second the other 8.
    state = fleet(kept=(0, 0, 8000))
    state = sched.apply(state, sched.announce(0, 0, 50, 16000))
    state = submitted(state, *[(2, 1, 100)] * 3)
    assert started(state) == [0, 1]
    reason = sched.explain(state, 2, 0)
    assert (reason.code, reason.row, reason.asked) == (sched.LIMIT_AHEAD, 0, 8000)
    assert (reason.change, reason.to) == (sched.SHORTER, 50)
