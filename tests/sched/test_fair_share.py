"""Fair share: rows are compared by decayed use over share, from the top down."""

from random import Random

import pytest

from arkwright import sched
from arkwright.sched.share import weighted

HALF_LIFE_MS = 1000


def fleet(parent=(-1, -1), share=(), n_nodes=1, half_life_ms=HALF_LIFE_MS):
    zeros = [0] * n_nodes
    nodes = sched.Nodes([], zeros, zeros, zeros, [8000] * n_nodes, zeros, zeros)
    rows = sched.Rows(parent, [-1] * len(parent), share=share, half_life_ms=half_life_ms)
    return sched.empty(nodes, rows)


def submitted(state, *rows, priority=0, duration_ms=10):
    for row in rows:
        shape = sched.Shape(1, 8000, row=row)
        if sched.find_class(state, shape) < 0:
            state = sched.apply(state, sched.add_class(0, shape))
        cls = sched.find_class(state, shape)
        state = sched.apply(state, sched.submit(0, cls, duration_ms, priority))
    return state


def served(state, count, duration_ms=10):
    """Rows of the jobs that start one after another, each for `duration_ms`."""
    rows, now_ms = [], 0
    for _ in range(count):
        out = sched.room(state)
        assert sched.cycle(state, now_ms, out) == 1
        assert sched.check(state) == []
        rows.append(int(state.class_row[state.job_class[out[0]]]))
        now_ms += duration_ms
        state = sched.apply(state, sched.end(now_ms, int(out[0])))
    return rows


def test_projects_of_equal_share_take_turns():
    state = submitted(fleet(), *[0] * 4, *[1] * 4)
    assert served(state, 6) == [0, 1, 0, 1, 0, 1]


def test_a_project_of_three_shares_gets_three_turns_of_four():
    state = submitted(fleet(share=[1, 3]), *[0] * 8, *[1] * 8)
    assert served(state, 8).count(1) == 6


def test_priority_counts_within_a_project_and_not_between_two():
    state = submitted(fleet(), 0, 1)
    state = submitted(state, 0, priority=5)
    state = sched.apply(state, sched.spent(0, 0, 8000, 1))
    out = sched.room(state)
    assert sched.cycle(state, 0, out) == 1
    assert out[0] == 1
    state = sched.apply(state, sched.end(10, 1))
    assert sched.cycle(state, 10, out) == 1
    assert out[0] == 2


def test_organisations_are_compared_before_their_projects():
    # Rows 0 and 1 are organisations, 2 and 3 projects of the first, 4 one of the second. Project 3
    # has used nothing, but its organisation has used more than the other.
    state = submitted(fleet([-1, -1, 0, 0, 1]), 3, 4, 2)
    state = sched.apply(state, sched.spent(0, 2, 8000, 20))
    state = sched.apply(state, sched.spent(0, 4, 8000, 10))
    assert served(state, 3) == [4, 3, 2]


def test_jobs_of_the_organisation_itself_stand_beside_its_projects():
    state = submitted(fleet([-1, 0]), 0, 1, 0, 1)
    state = sched.apply(state, sched.spent(0, 0, 8000, 5))
    assert served(state, 4) == [1, 0, 1, 0]


def test_a_start_in_a_cycle_moves_the_next_candidate():
    state = submitted(fleet(n_nodes=4), 0, 0, 0, 1, 1, 1)
    out = sched.room(state)
    assert sched.cycle(state, 0, out) == 4
    assert [int(state.class_row[state.job_class[job]]) for job in out[:4]] == [0, 1, 0, 1]


def test_use_decays_by_half_in_a_half_life():
    # Row 0 used 8000 GPU-ms a half-life ago, row 1 uses 3999 and then 4001 now.
    state = sched.apply(fleet(), sched.spent(0, 0, 8000, 1000))
    state = sched.apply(state, sched.spent(1000, 1, 3999, 2000))
    assert sched.decayed(state, 0, 1000) == 4000
    assert served(submitted(sched.copy(state), 0, 1), 1) == [1]
    state = sched.apply(state, sched.spent(1000, 1, 2, 2000))
    assert served(submitted(sched.copy(state), 0, 1), 1) == [0]


def test_what_was_expected_and_not_used_is_taken_back_at_the_weight_it_had():
    state = submitted(fleet(), 0, duration_ms=5000)
    out = sched.room(state)
    assert sched.cycle(state, 0, out) == 1
    assert sched.decayed(state, 0, 0) == 40000
    state = sched.apply(state, sched.end(1000, 0))
    assert sched.decayed(state, 0, 0) == 8000
    assert sched.decayed(state, 0, 2000) == 2000


@pytest.mark.parametrize("half_life_ms", [7, 1000, 604_800_000, 1 << 39])
def test_weights_are_powers_of_two_within_three_hundred_thousandths(half_life_ms):
    random = Random(half_life_ms)
    for _ in range(500):
        after_ms, gpu_ms = random.randrange(half_life_ms), random.randrange(10**9, 10**15)
        exact = gpu_ms * 2 ** (after_ms / half_life_ms)
        assert weighted(gpu_ms, after_ms, half_life_ms) == pytest.approx(exact, rel=3e-5)


def test_the_order_of_two_projects_does_not_change_with_time_alone():
    for seed in range(50):
        random, state = Random(seed), fleet([-1, -1, -1])
        at_ms = 0
        for _ in range(20):
            at_ms += random.randrange(3 * HALF_LIFE_MS)
            milli, row = random.randrange(10**6), random.choice([0, 1, 2])
            state = sched.apply(state, sched.spent(at_ms, row, milli, at_ms + 1000))
        used = state.row_usage.tolist()
        later = sched.copy(state)
        later = sched.apply(later, sched.spent(at_ms + 5 * HALF_LIFE_MS, 0, 0, at_ms * 9))
        order = sorted(range(3), key=lambda row: used[row])
        assert sorted(range(3), key=later.row_usage.tolist().__getitem__) == order


def test_without_a_half_life_nothing_is_counted():
    state = submitted(fleet(half_life_ms=0), 0, 1, 0, 1)
    assert served(state, 4) == [0, 1, 0, 1]
    assert state.row_usage.tolist() == [0, 0]
