"""Reasons: the code, its numbers, and a smallest change that truly starts the job."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from naive.random_factory import decide_both, random_event, random_pair

CHANGES = (sched.FEWER_NODES, sched.WEAKER_LEVEL, sched.SHORTER)


def fleet(n_nodes=4, rows=None, levels=()):
    zeros = [0] * n_nodes
    return sched.empty(
        sched.Nodes(levels, zeros, zeros, zeros, [8000] * n_nodes, zeros, zeros), rows
    )


def submitted(state, shape, duration_ms=1000, **more):
    if sched.find_class(state, shape) < 0:
        state = sched.apply(state, sched.add_class(0, shape))
    return sched.apply(state, sched.submit(0, sched.find_class(state, shape), duration_ms, **more))


def running(state, shape, nodes, duration_ms=1000):
    state = submitted(state, shape, duration_ms)
    return sched.apply(state, sched.start(0, int(state.job_count[0]) - 1, nodes))


def test_states_that_need_no_search():
    state = running(fleet(), sched.Shape(1, 8000), [0])
    state = submitted(state, sched.Shape(1, 8000))
    state = submitted(state, sched.Shape(1, 8000), held=True)
    state = sched.apply(submitted(state, sched.Shape(1, 8000)), sched.end(0, 3))
    codes = [sched.explain(state, job, 0).code for job in range(4)]
    assert codes == [sched.IS_ACTIVE, sched.STARTS_NOW, sched.IS_HELD, sched.IS_DONE]


def test_not_enough_free_says_how_many_nodes_would_start():
    state = running(fleet(), sched.Shape(1, 8000), [0])
    reason = sched.explain(submitted(state, sched.Shape(4, 8000)), 1, 0)
    assert reason[:3] == (sched.NOT_ENOUGH_FREE, 4, 3)
    assert (reason.change, reason.to) == (sched.FEWER_NODES, 3)


def test_topology_says_the_best_domain_and_the_level_that_would_do():
    state = running(fleet(levels=[[0, 0, 1, 1]]), sched.Shape(2, 8000), [0, 2])
    reason = sched.explain(submitted(state, sched.Shape(2, 8000, level_required=0)), 1, 0)
    assert reason[:4] == (sched.TOPOLOGY, 2, 1, 0)
    assert (reason.change, reason.to) == (sched.WEAKER_LEVEL, -1)


def test_quota_says_the_row_and_its_numbers():
    state = running(fleet(rows=sched.Rows([-1], [16000])), sched.Shape(1, 8000, row=0), [0])
    reason = sched.explain(submitted(state, sched.Shape(2, 8000, row=0)), 1, 0)
    assert reason.code == sched.QUOTA
    assert (reason.row, reason.used, reason.limit, reason.asked) == (0, 8000, 16000, 16000)
    assert (reason.change, reason.to) == (sched.FEWER_NODES, 1)


def test_reserved_for_head_says_who_and_until_when():
    state = running(fleet(), sched.Shape(2, 8000), [0, 1], duration_ms=100)
    state = submitted(state, sched.Shape(4, 8000))
    state = submitted(state, sched.Shape(2, 8000), duration_ms=500)
    reason = sched.explain(state, 2, 10)
    assert (reason.code, reason.job, reason.at_ms) == (sched.RESERVED_FOR_HEAD, 1, 100)
    assert (reason.change, reason.to) == (sched.SHORTER, 90)


def test_a_job_behind_one_that_starts_now_says_so():
    state = submitted(submitted(fleet(), sched.Shape(4, 8000)), sched.Shape(1, 8000))
    reason = sched.explain(state, 1, 0)
    assert (reason.code, reason.job) == (sched.BEHIND_HIGHER_PRIORITY, 0)


def test_without_backfill_a_job_behind_the_head_says_so():
    state = submitted(running(fleet(), sched.Shape(1, 8000), [0]), sched.Shape(4, 8000))
    state = submitted(state, sched.Shape(1, 8000))
    reason = sched.explain(state, 2, 0, sched.STRICT)
    assert (reason.code, reason.job) == (sched.BEHIND_HIGHER_PRIORITY, 1)


def test_a_job_that_needs_nodes_which_are_down_says_so():
    state = sched.apply(fleet(), sched.node_state(0, 3, sched.DOWN))
    reason = sched.explain(submitted(state, sched.Shape(4, 8000)), 0, 0)
    assert reason[:3] == (sched.NODES_DOWN, 4, 3)
    assert (reason.change, reason.to) == (sched.FEWER_NODES, 3)


def test_never_fits_is_judged_on_an_empty_factory_with_all_nodes_up():
    state = sched.apply(fleet(), sched.node_state(0, 0, sched.DOWN))
    state = running(state, sched.Shape(1, 8000), [1])
    assert sched.never_fits(state, sched.Shape(4, 8000)) is None


def test_never_fits_says_what_is_too_large_and_what_would_fit():
    state = fleet(rows=sched.Rows([-1], [16000]), levels=[[0, 0, 0, 1]])
    never = sched.never_fits
    reason = never(state, sched.Shape(1, 1000, pool=1 << 7))
    assert (reason.code, reason.change) == (sched.NEVER_NO_SUCH_NODE, sched.OTHER_NODES)
    reason = never(state, sched.Shape(1, 9000))
    assert reason[:3] == (sched.NEVER_NODE_TOO_SMALL, 9000, 8000)
    assert (reason.change, reason.to, reason.resource) == (sched.LESS_PER_NODE, 8000, 0)
    reason = never(state, sched.Shape(5, 8000))
    assert (*reason[:3], reason.to) == (sched.NEVER_TOO_MANY_NODES, 5, 4, 4)
    reason = never(state, sched.Shape(4, 8000, level_required=0))
    assert (*reason[:4], reason.to) == (sched.NEVER_TOPOLOGY, 4, 3, 0, 3)
    reason = never(state, sched.Shape(3, 8000, row=0))
    assert (reason.code, reason.asked, reason.limit) == (sched.NEVER_QUOTA, 24000, 16000)
    assert (reason.change, reason.to) == (sched.FEWER_NODES, 2)


def test_a_quota_below_one_node_asks_for_less_per_node():
    state = fleet(rows=sched.Rows([-1, 0], [4000, -1]))
    reason = sched.never_fits(state, sched.Shape(2, 8000, row=1))
    assert (reason.code, reason.row, reason.limit) == (sched.NEVER_QUOTA, 0, 4000)
    assert (reason.change, reason.to, reason.resource) == (sched.LESS_PER_NODE, 2000, 0)
    nothing = fleet(rows=sched.Rows([-1], [0]))
    assert sched.never_fits(nothing, sched.Shape(1, 8000, row=0)).change == sched.WAIT


def test_absurd_sizes_are_refused_like_any_other():
    state = fleet(rows=sched.Rows([-1], [16000]))
    reason = sched.never_fits(state, sched.Shape(10**30, 8000, row=0))
    assert (*reason[:3], reason.to) == (sched.NEVER_TOO_MANY_NODES, 10**30, 4, 2)
    reason = sched.never_fits(state, sched.Shape(10**9, 10**40))
    assert reason[:3] == (sched.NEVER_NODE_TOO_SMALL, 10**40, 8000)
    reason = sched.never_fits(state, sched.Shape(1, 1000, memory_mib=10**25))
    assert (*reason[:3], reason.resource) == (sched.NEVER_NODE_TOO_SMALL, 10**25, 0, 2)


def test_explaining_changes_nothing():
    state = submitted(running(fleet(), sched.Shape(1, 8000), [0]), sched.Shape(4, 8000))
    before = sched.copy(state)
    sched.explain(state, 1, 0)
    sched.never_fits(state, sched.Shape(9, 9000))
    assert all((one == other).all() for one, other in zip(state, before, strict=True))


def resubmitted(state, job, now_ms, change, to):
    """The job with the change, at its old place in the order; its new index."""
    shape = sched.shape_of(state, int(state.job_class[job]))
    duration_ms = int(state.job_duration_ms[job])
    if change == sched.FEWER_NODES:
        shape = shape._replace(nodes=to)
    elif change == sched.WEAKER_LEVEL:
        shape = shape._replace(level_required=to)
    else:
        duration_ms = to
    if sched.find_class(state, shape) < 0:
        state = sched.apply(state, sched.add_class(now_ms, shape))
    order = [
        int(column[job]) for column in (state.job_priority, state.job_submit_ms, state.job_seq)
    ]
    state = sched.apply(state, sched.end(now_ms, job))
    cls = sched.find_class(state, shape)
    state = sched.apply(state, sched.submit(now_ms, cls, duration_ms, *order))
    return state, int(state.job_count[0]) - 1


def starts(state, job, now_ms):
    draft = sched.copy(state)
    out = sched.room(draft)
    return job in out[: sched.cycle(draft, now_ms, out)].tolist()


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_every_waiting_job_has_a_reason_and_its_smallest_change_starts_it(seed):
    random = Random(seed)
    pair = random_pair(random)
    for _ in range(12):
        for _ in range(3):
            random_event(pair, random)
        decide_both(pair)
        pair.now_ms += random.choice([0, 1, 5])
    for job in pair.in_state("queued"):
        reason = sched.explain(pair.state, job, pair.now_ms)
        if reason.code == sched.STARTS_NOW:
            assert starts(pair.state, job, pair.now_ms)
            continue
        assert not starts(pair.state, job, pair.now_ms)
        if reason.code < sched.NEVER_NO_SUCH_NODE and reason.change in CHANGES:
            changed, new = resubmitted(
                sched.copy(pair.state), job, pair.now_ms, reason.change, reason.to
            )
            assert starts(changed, new, pair.now_ms)
        if reason.change == sched.FEWER_NODES and reason.code < sched.NEVER_NO_SUCH_NODE:
            nodes = sched.shape_of(pair.state, int(pair.state.job_class[job])).nodes
            if reason.to + 1 < nodes:  # one node more would not start: the change is the smallest
                changed, new = resubmitted(
                    sched.copy(pair.state), job, pair.now_ms, reason.change, reason.to + 1
                )
                assert not starts(changed, new, pair.now_ms)
