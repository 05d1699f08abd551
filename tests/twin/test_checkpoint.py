"""Checkpoints: the four integer functions against a run played out millisecond by millisecond."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import documents
from arkwright.physics.reliability import goodput
from arkwright.twin.checkpoint import (
    Checkpoints,
    done_ms,
    done_ms_all,
    job_checkpoints,
    lost_ms,
    lost_ms_all,
    saved_ms,
    saved_ms_all,
    wall_ms,
    wall_ms_all,
)


def played_out(ran_ms, interval_ms, cost_ms):
    """(done, saved, lost) after `ran_ms` of working and writing in turn, step by step."""
    done = saved = since = in_piece = written = 0
    for _ in range(ran_ms):
        since += 1
        if interval_ms == 0 or in_piece < interval_ms:
            in_piece += 1
            done += 1
        else:
            written += 1
        if interval_ms and in_piece == interval_ms and written == cost_ms:
            saved, since, in_piece, written = done, 0, 0, 0
    return done, saved, since


@pytest.mark.parametrize(
    ("ran", "done", "saved", "lost"),
    [  # 4 of work, 1 to write
        (0, 0, 0, 0),
        (4, 4, 0, 4),  # all done, nothing written yet
        (5, 4, 4, 0),  # just written
        (7, 6, 4, 2),
        (9, 8, 4, 4),  # writing the second
        (10, 8, 8, 0),
    ],
)
def test_what_is_done_saved_and_lost_of_a_run(ran, done, saved, lost):
    assert (done_ms(ran, 4, 1), saved_ms(ran, 4, 1), lost_ms(ran, 4, 1)) == (done, saved, lost)


def test_the_last_piece_of_work_is_not_written():
    assert wall_ms(10, 4, 1) == 12  # 4 + 1 + 4 + 1 + 2
    assert wall_ms(8, 4, 1) == 9  # 4 + 1 + 4
    assert wall_ms(4, 4, 1) == 4


def test_without_checkpoints_everything_is_lost():
    assert (wall_ms(10, 0, 1), done_ms(7, 0, 1), saved_ms(7, 0, 1), lost_ms(7, 0, 1)) == (
        10,
        7,
        0,
        7,
    )


def test_an_attempt_that_ended_while_restarting_did_nothing():
    assert [f(-5, 4, 1) for f in (wall_ms, done_ms, saved_ms, lost_ms)] == [0, 0, 0, 0]


SPANS = st.integers(0, 60)


@given(SPANS, st.integers(0, 12), st.integers(0, 6))
def test_the_integers_equal_the_run_played_out(ran, interval, cost):
    found = (
        done_ms(ran, interval, cost),
        saved_ms(ran, interval, cost),
        lost_ms(ran, interval, cost),
    )
    assert found == played_out(ran, interval, cost)


@given(st.integers(0, 10**9), st.integers(1, 10**7), st.integers(0, 10**6))
def test_nothing_of_a_run_is_unaccounted_for(ran, interval, cost):
    writes = ran // (interval + cost)
    assert ran == saved_ms(ran, interval, cost) + writes * cost + lost_ms(ran, interval, cost)


@given(st.integers(1, 10**9), st.integers(1, 10**7), st.integers(0, 10**6))
def test_a_job_is_done_when_its_wall_time_is_over_and_not_before(work, interval, cost):
    wall = wall_ms(work, interval, cost)
    assert done_ms(wall, interval, cost) == work
    assert done_ms(wall - 1, interval, cost) == work - 1


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.integers(0, 10**3), st.data())
def test_a_stop_after_any_time_leaves_the_wall_time_of_the_work_that_is_left(
    work, interval, cost, data
):
    # So a scheduler that knows a run's whole periods only needs no more: period = interval + cost.
    wall, period = wall_ms(work, interval, cost), interval + cost
    ran = data.draw(st.integers(0, wall - 1))
    left = work - saved_ms(ran, interval, cost)
    assert wall - ran // period * period == wall_ms(left, interval, cost)


ROWS = st.lists(
    st.tuples(st.integers(-5, 10**9), st.integers(0, 10**6), st.integers(0, 10**5)), max_size=20
)


@given(ROWS)
def test_arrays_give_what_their_rows_give(rows):
    ran, interval, cost = np.array(rows, np.int64).reshape(-1, 3).T
    for many, one in [
        (wall_ms_all, wall_ms),
        (done_ms_all, done_ms),
        (saved_ms_all, saved_ms),
        (lost_ms_all, lost_ms),
    ]:
        assert many(ran, interval, cost).tolist() == [one(*row) for row in rows]


@pytest.mark.slow
def test_a_compiled_kernel_takes_the_functions_as_they_are():
    numba = pytest.importorskip("numba")
    rng = np.random.default_rng(1)
    for plain in (wall_ms, done_ms, saved_ms, lost_ms):
        compiled = numba.njit(plain)
        for ran, interval, cost in rng.integers(-2, 1000, (50, 3)):
            row = int(ran), max(int(interval), 0), max(int(cost), 0)
            assert compiled(*row) == plain(*row)


def asked(text):
    return documents.decode(documents.parse(text.encode(), "f.yaml"), Checkpoints)


def test_what_is_given_is_taken():
    found = job_checkpoints(
        asked("{interval: 30 min, cost: 90 s, restart: 5 min}"), np.array([4]), np.array([32]), 6.5
    )
    assert found.interval_ms.tolist() == [1_800_000]
    assert found.cost_ms.tolist() == [90_000]
    assert found.restart_ms.tolist() == [300_000]
    assert found.overhead.tolist() == [1.05]
    assert found.period_ms.tolist() == [1_890_000]


def test_writing_takes_the_jobs_bytes_over_the_bandwidth():
    # 1,024 GPUs x 4 GB / 40 GB/s = 102.4 s
    found = job_checkpoints(
        asked("{size_per_gpu: 4 GB, bandwidth: 40 GB/s}"), np.array([128]), np.array([1024]), 6.5
    )
    assert found.cost_ms.tolist() == [102_400]


def test_left_out_the_guidelines_share_of_bandwidth_writes_the_published_size():
    # 4 GB per GPU at 80 GB/s per 1,024 GPUs: 51.2 s whatever the size
    found = job_checkpoints(Checkpoints(), np.array([1, 2048]), np.array([8, 16_384]), 6.5)
    assert found.cost_ms.tolist() == [51_200, 51_200]


def test_the_best_interval_is_shorter_for_a_larger_job():
    found = job_checkpoints(
        asked("{cost: 5 min}"), np.array([16, 256, 2048]), np.array([128, 2048, 16_384]), 6.5
    )
    assert list(found.interval_ms) == sorted(found.interval_ms, reverse=True)
    # 2,048 nodes fail every 108.2 min: sqrt(2 x 5 x 108.2) (1 + 0.0507 + 0.0026) - 5 = 29.6 min
    assert found.interval_ms[2] / 60_000 == pytest.approx(29.6, abs=0.1)


def test_the_best_interval_is_the_best_in_milliseconds_too():
    found = job_checkpoints(asked("{cost: 60 s}"), np.array([512]), np.array([4096]), 6.5)
    mttf_s = 24_000 / (512 * 6.5) * 3600
    around = found.interval_ms[0] / 1000 * np.array([0.5, 1.0, 2.0])
    share = goodput(around, 60.0, found.restart_ms[0] / 1000, mttf_s)
    assert share.argmax() == 1
    assert found.goodput_expected[0] == pytest.approx(share[1])


@pytest.mark.parametrize("rate", [0.0, 1e-9, 6.5, 1e9])
@pytest.mark.parametrize("cost", ["0 s", "1 s", "1 h"])
def test_any_rate_and_cost_give_an_interval_that_a_kernel_can_use(rate, cost):
    found = job_checkpoints(asked(f"cost: {cost}"), np.array([0, 1, 10_000]), np.ones(3, int), rate)
    assert (found.interval_ms >= np.maximum(found.cost_ms, 1)).all()
    assert (found.interval_ms < 2**53).all()


def test_jobs_that_save_nothing_have_no_interval():
    found = job_checkpoints(asked("enabled: false"), np.array([1]), np.array([8]), 6.5)
    assert found.interval_ms.tolist() == found.period_ms.tolist() == [0]
    assert found.overhead.tolist() == [1.0]
