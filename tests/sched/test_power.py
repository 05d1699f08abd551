"""Power: a gang's watts count on every row above each of its nodes.

Four nodes of 8 GPUs. Row 0 is the feed, rows 1 and 2 are racks of two nodes each.
"""

from itertools import combinations
from random import Random

import pytest

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched.constraints import take_under_rows
from arkwright.sched.schedule import cycle_with
from arkwright.sched.work import HEAD, SHADOW_MS, workspace

ONE_NODE = sched.Shape(1, 8000, watts=100)


def fleet(limits, levels=((0, 0, 1, 1),)):
    zeros = [0] * 4
    nodes = sched.Nodes(levels, zeros, zeros, zeros, [8000] * 4, zeros, zeros, [1, 1, 2, 2])
    return sched.empty(nodes, sched.Rows([-1, 0, 0, -1], [*limits, -1]))


def submitted(state, shape, duration_ms=1000, **more):
    if sched.find_class(state, shape) < 0:
        state = sched.apply(state, sched.add_class(0, shape))
    return sched.apply(state, sched.submit(0, sched.find_class(state, shape), duration_ms, **more))


def running(state, shape, nodes, duration_ms=1000):
    state = submitted(state, shape, duration_ms)
    return sched.apply(state, sched.start(0, int(state.job_count[0]) - 1, nodes))


def started(state, now_ms=0):
    out = sched.room(state)
    count = sched.cycle(state, now_ms, out)
    assert sched.check(state) == []
    return {int(job): sched.nodes_of(state, int(job)) for job in out[:count]}


def test_a_gang_counts_on_every_row_above_each_of_its_nodes():
    state = running(fleet([-1, -1, -1]), ONE_NODE._replace(nodes=3), [0, 1, 3])
    assert state.row_used.tolist() == [300, 200, 100, 0]
    assert sched.apply(state, sched.end(1, 0)).row_used.tolist() == [0, 0, 0, 0]


def test_a_gang_spreads_over_racks_when_one_has_not_the_power_for_it():
    # Each rack carries one node of 100 W: two nodes start one in each rack, three never.
    state = submitted(fleet([-1, 100, 100]), ONE_NODE._replace(nodes=2))
    assert started(state) == {0: (0, 2)}


def test_nodes_that_fit_one_by_one_but_not_together_are_no_place_for_a_gang():
    # Either node of a rack could take 100 W, both could not; the gang must stay in one rack.
    state = submitted(fleet([-1, 150, 150]), ONE_NODE._replace(nodes=2, level_required=0))
    assert started(state) == {}
    state = sched.apply(state, sched.row_limit(1, 2, 200))
    assert started(state, 1) == {0: (2, 3)}


def test_a_row_far_above_binds_as_one_close_by():
    state = submitted(fleet([250, -1, -1]), ONE_NODE._replace(nodes=3))
    assert started(state) == {}
    state = submitted(state, ONE_NODE._replace(nodes=2))
    assert started(state) == {1: (0, 1)}


def test_a_domain_that_could_hold_the_gang_but_not_power_it_is_passed_over():
    # Rack 0 has least free and would be taken; it carries 100 W, the gang wants 200.
    shape = ONE_NODE._replace(nodes=2, level_preferred=0)
    assert started(submitted(fleet([-1, 100, -1]), shape)) == {0: (2, 3)}


def test_a_job_without_watts_needs_no_power():
    state = submitted(fleet([0, 0, 0]), sched.Shape(4, 8000))
    assert started(state) == {0: (0, 1, 2, 3)}


def test_the_head_waits_for_power_and_is_promised_it():
    # Feed 400 W. Job 0 draws 200 to time 100. The head wants 300 then: 100 are left beside it, for
    # one job of 100 W that outlasts the shadow time, not for two.
    state = running(fleet([400, -1, -1]), ONE_NODE._replace(nodes=2), [0, 1], 100)
    state = submitted(state, sched.Shape(3, 1000, watts=100))
    for _ in range(2):
        state = submitted(state, sched.Shape(1, 1000, watts=100), 10**6)
    work, out = workspace(state), sched.room(state)
    assert cycle_with(state, work, 0, out) == 1
    assert out[0] == 2
    assert (work.result[HEAD], work.result[SHADOW_MS]) == (1, 100)
    assert started(state, 50) == {}
    state = sched.apply(state, sched.end(100, 0))
    assert list(started(state, 100)) == [1]


def test_a_job_that_ends_by_the_shadow_time_may_use_the_power_kept_for_the_head():
    state = running(fleet([400, -1, -1]), ONE_NODE._replace(nodes=2), [0, 1], 100)
    state = submitted(state, ONE_NODE._replace(nodes=4))
    state = submitted(state, ONE_NODE._replace(nodes=2), 101)
    state = submitted(state, ONE_NODE._replace(nodes=2), 100)
    assert list(started(state)) == [3]


def test_a_cut_limit_stops_new_work_and_reports_what_is_over():
    state = running(fleet([-1, 400, -1]), ONE_NODE._replace(nodes=2), [0, 1])
    state = sched.apply(state, sched.row_limit(1, 1, 150))
    assert sched.check(state) == []
    assert sched.over_after_cut(state) == [(1, 200, 150)]
    state = submitted(state, sched.Shape(1, 0, watts=1))
    assert started(state, 1) == {1: (2,)}
    state = sched.apply(state, sched.end(2, 0))
    assert sched.over_after_cut(state) == []
    assert state.row_ceiling.tolist() == [-1, 150, -1, -1]


def test_a_start_past_a_power_limit_is_a_violation():
    state = running(fleet([-1, 150, -1]), ONE_NODE._replace(nodes=2), [0, 1])
    assert sched.check(state) == ["row 1: 200 used of 150"]


def test_a_raised_power_limit_is_noticed_by_a_class_that_had_failed():
    state = submitted(fleet([50, -1, -1]), ONE_NODE)
    assert started(state) == {}
    assert started(state, 1) == {}
    assert list(started(sched.apply(state, sched.row_limit(2, 0, 100)), 2)) == [0]


def test_power_says_the_row_its_numbers_and_the_gang_that_would_start():
    # Rack 1 draws 100 of 150 W, rack 2 carries 250: two nodes of 100 W would start, both in rack 2.
    # Once job 0 has ended there is one in rack 1 as well.
    state = running(fleet([-1, 150, 250]), sched.Shape(1, 0, watts=100), [0])
    reason = sched.explain(submitted(state, ONE_NODE._replace(nodes=3)), 1, 0)
    assert reason.code == sched.POWER
    assert (reason.row, reason.used, reason.limit, reason.asked) == (1, 100, 150, 300)
    assert (reason.free, reason.change, reason.to) == (2, sched.FEWER_NODES, 2)


def test_a_gang_that_no_row_could_ever_power_is_refused_with_the_largest_that_it_could():
    state = fleet([-1, 150, 150])
    reason = sched.never_fits(state, ONE_NODE._replace(nodes=3))
    assert (reason.code, reason.row, reason.limit) == (sched.NEVER_POWER, 1, 150)
    assert (reason.change, reason.to) == (sched.FEWER_NODES, 2)
    reason = sched.never_fits(state, ONE_NODE._replace(watts=151))
    assert (reason.change, reason.resource, reason.to) == (sched.LESS_PER_NODE, 3, 150)
    assert sched.never_fits(state, ONE_NODE._replace(watts=10**40)).code == sched.NEVER_POWER
    assert sched.never_fits(fleet([0, -1, -1]), ONE_NODE).change == sched.WAIT


def test_a_row_of_watts_is_no_quota():
    with pytest.raises(InternalError, match="out of range"):
        sched.apply(fleet([-1, -1, -1]), sched.add_class(0, sched.Shape(1, 1000, row=1)))


def test_a_node_row_must_exist():
    with pytest.raises(InternalError, match=r"nodes\.row"):
        sched.empty(sched.Nodes([], [0], [0], [0], [1], [0], [0], [3]), sched.Rows([-1], [5]))


def test_taking_nodes_one_by_one_ends_with_as_many_as_any_choice_could():
    """The rows form a laminar family; greedy is compared with all subsets."""
    for seed in range(150):
        random = Random(seed)
        n_nodes, n_rows = random.randint(1, 7), random.randint(1, 5)
        zeros = [0] * n_nodes
        rows = [random.randrange(-1, n_rows) for _ in range(n_nodes)]
        parents = [random.randrange(-1, row) for row in range(n_rows)]
        limits = [random.choice([-1, 100, 200, 250, 400]) for _ in range(n_rows)]
        nodes = sched.Nodes([], zeros, zeros, zeros, [8000] * n_nodes, zeros, zeros, rows)
        state = sched.apply(sched.empty(nodes, sched.Rows(parents, limits)), _class(n_nodes))
        order = list(range(n_nodes))
        random.shuffle(order)
        left = state.row_limit.copy()
        left[left < 0] = sched.BIG
        taken = state.row_used.copy()
        array = state.node_state.copy()
        array[:] = order
        count = take_under_rows(state, 0, array, n_nodes, n_nodes, left, taken)
        assert not taken.any()
        best = max(
            size
            for size in range(n_nodes + 1)
            for chosen in combinations(range(n_nodes), size)
            if _within(state, chosen)
        )
        assert count == best
        assert _within(state, array[:count].tolist())


def _class(n_nodes):
    return sched.add_class(0, sched.Shape(n_nodes, 8000, watts=100))


def _within(state, nodes):
    used = [0] * len(state.row_limit)
    for node in nodes:
        row = int(state.node_row[node])
        while row >= 0:
            used[row] += 100
            row = int(state.row_parent[row])
    limits = state.row_limit.tolist()
    return all(limit < 0 or amount <= limit for amount, limit in zip(used, limits, strict=True))
