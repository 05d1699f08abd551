"""The capacity tree: quota in milli-GPU, project (row 1, 2) under organisation (row 0)."""

from arkwright import sched


def fleet(limits, n_nodes=4):
    zeros = [0] * n_nodes
    nodes = sched.Nodes([], zeros, zeros, zeros, [8000] * n_nodes, zeros, zeros)
    return sched.empty(nodes, sched.Rows([-1, 0, 0], limits))


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


def test_a_project_gets_no_more_than_its_quota():
    state = submitted(fleet([-1, 16000, -1]), (1, 1, 10), (1, 1, 10), (1, 1, 10))
    assert started(state) == [0, 1]
    assert state.row_used.tolist() == [16000, 16000, 0]


def test_a_project_is_bound_by_its_organisation_too():
    state = submitted(fleet([16000, -1, -1]), (1, 1, 10), (2, 1, 10), (2, 1, 10))
    assert started(state) == [0, 1]


def test_a_head_that_waits_for_quota_keeps_its_quota():
    # Row 1 allows 16 GPUs, job 0 uses 8 to time 100. Head wants 16 at 100. A job of 8 GPUs of the
    # project may run until 100 but not past it; one of the other project is free to.
    state = submitted(fleet([-1, 16000, -1], 8), (1, 1, 100))
    assert started(state) == [0]
    state = submitted(state, (1, 2, 10), (1, 1, 101), (1, 1, 100), (2, 1, 10**6))
    assert started(state) == [3, 4]


def test_the_quota_beside_the_head_is_spent_once():
    # Row 1 allows 32 GPUs; 16 are used to time 100. The head wants 24 then: 8 are left beside it.
    # Two long jobs of 8 would both fit today, but only one fits beside the head.
    state = submitted(fleet([-1, 32000, -1], 8), (1, 2, 100))
    assert started(state) == [0]
    state = submitted(state, (1, 3, 10), (1, 1, 10**6), (1, 1, 10**6))
    assert started(state) == [2]
    assert started(state, 1) == []


def test_an_end_gives_quota_back():
    state = submitted(fleet([8000, -1, -1]), (1, 1, 10), (1, 1, 10))
    assert started(state) == [0]
    state = sched.apply(state, sched.end(5, 0))
    assert state.row_used.tolist() == [0, 0, 0]
    assert started(state, 5) == [1]


def test_a_raised_limit_is_noticed_by_a_class_that_had_failed():
    state = submitted(fleet([8000, -1, -1]), (1, 1, 10), (1, 1, 10))
    assert started(state) == [0]
    assert started(state, 1) == []
    state = sched.apply(state, sched.row_limit(2, 0, 16000))
    assert started(state, 2) == [1]


def test_a_cut_limit_stops_new_work_and_not_what_runs():
    state = submitted(fleet([-1, -1, -1]), (1, 2, 10), (1, 1, 10))
    state = sched.apply(state, sched.start(0, 0, [0, 1]))
    state = sched.apply(state, sched.row_limit(0, 1, 8000))
    assert sched.check(state) == []
    assert started(state) == []
    assert state.row_ceiling.tolist() == [-1, 16000, -1]


def test_a_start_past_the_limit_is_reported_by_check():
    state = submitted(fleet([8000, -1, -1]), (1, 2, 10))
    state = sched.apply(state, sched.start(0, 0, [0, 1]))
    assert sched.check(state) == ["row 0: 16000 used of 8000"]
