"""Contracts: what a row will keep is left free before it comes, as announced limits are.

Four nodes of 8 GPUs: factory (row 0, 32 GPUs) over two organisations (rows 1, 2) and a project of
the second (row 3). All amounts in nodes of 8,000 milli-GPU.
"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched.schedule import cycle_with
from arkwright.sched.work import HEAD, SHADOW_MS, workspace

NODE = 8000
LONG = 10**6


def fleet(limits=(4, -1, -1, -1)):
    zeros = [0] * 4
    nodes = sched.Nodes([], zeros, zeros, zeros, [NODE] * 4, zeros, zeros)
    limit = [NODE * each if each >= 0 else -1 for each in limits]
    return sched.empty(nodes, sched.Rows([-1, 0, 0, 2], limit))


def bought(state, row, nodes, from_ms, until_ms, kept=None):
    kept = nodes if kept is None else kept
    state = sched.apply(state, sched.pledge(0, row, from_ms, nodes * NODE, kept * NODE))
    return sched.apply(state, sched.pledge(0, row, until_ms, sched.NONE, 0))


def submitted(state, *jobs):
    """A copy with these jobs, given as (row, nodes, duration_ms), 8 GPUs a node."""
    state = sched.copy(state)
    for row, nodes, duration_ms in jobs:
        shape = sched.Shape(nodes, NODE, row=row)
        if sched.find_class(state, shape) < 0:
            state = sched.apply(state, sched.add_class(0, shape))
        state = sched.apply(state, sched.submit(0, sched.find_class(state, shape), duration_ms))
    return state


def started(state, now_ms=0, mode=sched.EASY):
    out = sched.room(state)
    count = sched.cycle(state, now_ms, out, mode)
    assert sched.check(state) == []
    return out[:count].tolist()


MODES = [sched.EASY, sched.GREEDY, sched.CONSERVATIVE]


@pytest.mark.parametrize("mode", MODES)
def test_a_job_of_others_that_would_last_into_a_contract_leaves_it_free(mode):
    # From 100 on three of four nodes are row 2's. Two nodes for 101 ms would leave two of them.
    state = bought(fleet(), 2, 3, 100, 500)
    assert started(submitted(state, (1, 2, 101)), mode=mode) == []
    assert started(submitted(state, (1, 2, 100)), mode=mode) == [0]
    assert started(submitted(state, (1, 1, LONG)), mode=mode) == [0]


@pytest.mark.parametrize("mode", MODES)
def test_its_owner_and_what_is_below_it_runs_into_it_as_far_as_it_goes(mode):
    # Row 2 has bought three nodes: jobs of it and of its project 3 count in them, the fourth node
    # is for whoever comes first.
    state = bought(fleet(), 2, 3, 100, 500)
    jobs = (2, 1, LONG), (3, 2, LONG), (1, 1, LONG)
    assert started(submitted(state, *jobs), mode=mode) == [0, 1, 2]


def test_a_contract_below_is_kept_from_the_organisation_above_it_too():
    # Project 3 has bought two nodes of the three that its organisation may use: for the others of
    # the organisation one is left then, though the factory has more.
    state = bought(fleet((-1, -1, 3, -1)), 3, 2, 100, 500)
    assert started(submitted(state, (2, 2, 200))) == []
    assert started(submitted(state, (2, 1, 200))) == [0]
    assert started(submitted(state, (1, 4, 200))) == [0]


def test_what_is_lent_is_left_to_others():
    state = bought(fleet(), 2, 3, 100, 500, kept=1)
    assert started(submitted(state, (1, 3, 200))) == [0]
    assert started(submitted(state, (1, 4, 200))) == []


def test_the_head_is_promised_the_end_of_the_contract_and_jobs_beside_it_keep_both():
    # From 100 to 200 one node is left to row 1: a head of two for 50 ms more than 100 can start
    # at 200. Beside it: one node through the contract to 200, and short ones of any size.
    state = submitted(bought(fleet(), 2, 3, 100, 200), (1, 4, 150))
    work, out = workspace(state), sched.room(state)
    assert cycle_with(state, work, 0, out) == 0
    assert (work.result[HEAD], work.result[SHADOW_MS]) == (0, 200)
    state = submitted(state, (1, 1, 201), (1, 2, 120), (1, 1, 200), (1, 3, 100), (2, 1, 201))
    assert started(state) == [3, 4]


def test_the_end_of_one_contract_and_the_begin_of_another_at_one_instant_are_one_change():
    # Three nodes are row 2's until 100, from then on row 1's: row 1's gang of three waits for it.
    state = sched.apply(fleet(), sched.guarantee(0, 2, 3 * NODE, 3 * NODE))
    state = sched.apply(state, sched.pledge(0, 2, 100, sched.NONE, 0))
    state = sched.apply(state, sched.pledge(0, 1, 100, 3 * NODE, 3 * NODE))
    state = submitted(state, (1, 3, 50), (2, 3, 100), (2, 2, 101))
    work, out = workspace(state), sched.room(state)
    # Row 2 may use its three up to 100; of what lasts longer one node is left.
    assert out[: cycle_with(state, work, 0, out)].tolist() == [1]
    assert (work.result[HEAD], work.result[SHADOW_MS]) == (0, 100)


def test_a_contract_that_is_late_binds_and_its_end_counts_from_its_event_on():
    state = bought(fleet(), 2, 3, 100, 200)
    assert started(submitted(state, (1, 2, 10)), 150) == []
    state = sched.apply(state, sched.guarantee(150, 2, 3 * NODE, 3 * NODE))
    assert state.step_at_ms[: int(state.step_count[0])].tolist() == [200]
    assert started(submitted(state, (1, 2, 10)), 201) == []
    state = sched.apply(state, sched.guarantee(202, 2, sched.NONE, 0))
    assert started(submitted(state, (1, 2, 10)), 202) == [0]


def test_the_reason_says_who_has_bought_from_when_and_what_is_left():
    # One node of row 1's runs on: nothing is left of the 1 beside the contract of 3.
    state = submitted(bought(fleet(), 2, 3, 100, 500), (1, 1, LONG))
    assert started(state) == [0]
    reason = sched.explain(submitted(state, (1, 1, 500)), 1, 10)
    assert reason.code == sched.CONTRACT_AHEAD
    assert (reason.row, reason.at_ms, reason.limit) == (2, 100, 3 * NODE)
    assert (reason.asked, reason.free) == (NODE, 0)
    assert (reason.change, reason.to) == (sched.SHORTER, 90)


def test_a_job_larger_than_a_contract_leaves_waits_for_its_end_and_is_not_refused_for_good():
    state = sched.apply(fleet(), sched.guarantee(0, 2, 3 * NODE, 3 * NODE))
    assert sched.never_fits(state, sched.Shape(2, NODE, row=1)).code == sched.NEVER_QUOTA
    ends = sched.apply(state, sched.pledge(0, 2, 100, sched.NONE, 0))
    assert sched.never_fits(ends, sched.Shape(2, NODE, row=1)) is None
    course = sched.forward(submitted(ends, (1, 2, 10)), sched.timetable([]), 0, 1000)
    assert course.start_at_ms.tolist() == [100]


def test_running_forward_makes_contracts_begin_and_end():
    # Row 1's jobs: 90 ms now, 150 ms at 200 when the contract is over. Row 2's at once.
    state = submitted(bought(fleet(), 2, 4, 100, 200), (1, 4, 90), (1, 2, 150), (2, 4, 10))
    course = sched.forward(state, sched.timetable([]), 0, 1000)
    assert dict(zip(course.start_job.tolist(), course.start_at_ms.tolist(), strict=True)) == {
        0: 0,
        1: 200,
        2: 90,
    }
    assert course.state.row_kept.tolist() == [0, 0, 0, 0]
    assert int(course.state.step_count[0]) == 0


@pytest.mark.parametrize(
    "event",
    [
        sched.pledge(0, 9, 5, 0, 0),
        sched.pledge(0, 1, -1, 0, 0),
        sched.pledge(0, 1, 5, -2, 0),
        sched.pledge(0, 1, 5, 8000, 9000),
        sched.pledge(0, 1, 5, -1, 1),
        sched.unpledge(0, 1, 5),
    ],
)
def test_what_cannot_be_pledged_is_refused_and_changes_nothing(event):
    state = fleet()
    before = sched.copy(state)
    with pytest.raises(InternalError):
        sched.apply(state, event)
    assert sched.same(before, state)


def test_a_pledge_may_be_made_anew_and_taken_back():
    state = bought(fleet(), 2, 3, 100, 500)
    state = sched.apply(state, sched.pledge(0, 2, 100, NODE, NODE))
    assert started(submitted(state, (1, 3, 200))) == [0]
    state = sched.apply(state, sched.unpledge(0, 2, 100))
    assert started(submitted(state, (1, 4, 200))) == [0]


def test_a_limit_and_a_contract_of_one_row_and_time_stand_beside_each_other():
    state = bought(fleet(), 2, 2, 100, 500)
    state = sched.apply(state, sched.announce(0, 2, 100, 3 * NODE))
    assert sched.check(state) == []
    assert started(submitted(state, (2, 4, 200))) == []
    assert started(submitted(state, (2, 3, 200), (1, 1, 200))) == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("mode", [*MODES, sched.STRICT])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9))
def test_what_was_sold_in_time_is_there_when_it_begins(mode, seed):
    """Exact estimates, contracts sold within what there is: none begins on top of what runs, and
    its owner then starts a gang as large as it at once, whatever others do."""
    random = Random(seed)
    state = fleet()
    first = random.randint(1, 3)
    contracts = [
        (row, nodes, from_ms, from_ms + random.randint(5, 30))
        for row, nodes in ((random.choice([2, 3]), first), (1, 4 - first))
        for from_ms in [random.randint(10, 40)]
    ]
    for row, nodes, from_ms, until_ms in contracts:
        state = bought(state, row, nodes, from_ms, until_ms)
    ends = []
    for now_ms in range(70):
        for end_ms, job in sorted(ends):
            if end_ms <= now_ms:
                ends.remove((end_ms, job))
                state = sched.apply(state, sched.end(now_ms, job))
        for row, nodes, from_ms, until_ms in contracts:
            if now_ms == from_ms:
                state = sched.apply(state, sched.guarantee(now_ms, row, nodes * NODE, nodes * NODE))
                if state.row_used[row] == 0:
                    gang = int(state.job_count[0])
                    mine = submitted(state, (row, nodes, until_ms - from_ms))
                    assert gang in started_first(mine, gang, now_ms, mode)
            if now_ms == until_ms:
                state = sched.apply(state, sched.guarantee(now_ms, row, sched.NONE, 0))
        assert sched.over_after_cut(state) == []
        for _ in range(random.randint(0, 2)):
            job = random.randint(1, 3), random.randint(1, 4), random.randint(1, 40)
            state = submitted(state, job)
        out = sched.room(state)
        count = sched.cycle(state, now_ms, out, mode)
        ends += [(now_ms + int(state.job_duration_ms[job]), job) for job in out[:count].tolist()]
        assert sched.check(state) == []


def started_first(state, job, now_ms, mode):
    """What starts when the job is the first in line."""
    return started(sched.apply(state, sched.priority(now_ms, job, 1)), now_ms, mode)
