"""EASY backfill by hand: jobs are (submit_s, estimate_s, gpus[, actual_s]) on a flat pool."""

import pytest

from arkwright import sched
from naive.flat_pool import one_node, pool, single_gpus, starts_s, whole_nodes


@pytest.fixture(params=["8 nodes of 1 GPU", "1 node of 8 GPUs"])
def on_8_gpus(request):
    def starts(*jobs, backfill=sched.EASY):
        if request.param.startswith("8"):
            return starts_s(pool(8), jobs, single_gpus, backfill)
        return starts_s(pool(1, 8), jobs, one_node, backfill)

    return starts


def test_a_job_that_would_delay_the_head_waits_and_a_short_one_does_not(on_8_gpus):
    # Case A. Head is job 2 (8 GPUs), shadow 100. Job 3 lasts to 1002 and would take its GPUs;
    # job 4 lasts to 53.
    assert on_8_gpus((0, 100, 4), (1, 10, 8), (2, 1000, 4), (3, 50, 4)) == [0, 100, 110, 3]


def test_the_shadow_time_is_that_of_the_first_end_that_suffices():
    # Case B, 32 nodes of 8. Job 1 holds 10 nodes to 1000, job 2 10 nodes from 900 to 1100. Job 3
    # needs 20: 12 free + 10 at 1000. Extra 2 nodes; job 4 wants 12 and ends at 1071 > 1000.
    jobs = [(0, 1000, 80), (900, 200, 80), (950, 100, 160), (951, 120, 96)]
    assert starts_s(pool(32, 8), jobs, whole_nodes) == [0, 900, 1000, 1100]


def test_a_job_that_ends_at_the_shadow_time_may_backfill(on_8_gpus):
    assert on_8_gpus((0, 100, 4), (1, 10, 8), (2, 98, 4)) == [0, 100, 2]


def test_a_job_that_ends_a_second_after_the_shadow_time_may_not(on_8_gpus):
    assert on_8_gpus((0, 100, 4), (1, 10, 8), (2, 99, 4)) == [0, 100, 110]


def test_a_long_job_may_take_what_the_head_leaves(on_8_gpus):
    # Head wants 6 at 100, when 8 are free: 2 are extra for ever.
    assert on_8_gpus((0, 100, 4), (1, 10, 6), (2, 1000, 2)) == [0, 100, 2]


def test_the_extra_is_spent_once(on_8_gpus):
    # Two long jobs of 2 GPUs each, but only 2 extra: the second waits for the head to end.
    for second_s in (2, 3):  # in one cycle, and in the next
        jobs = (0, 100, 4), (1, 10, 6), (2, 1000, 2), (second_s, 1000, 2)
        assert on_8_gpus(*jobs) == [0, 100, 2, 110]


def test_the_head_is_promised_gpus_that_are_not_free_yet_before_free_ones(on_8_gpus):
    # From 1 on the first two GPUs are free, six are taken to 100. The head wants seven: the six
    # and one of the two. One GPU stays for one long job, not for two.
    jobs = (0, 1, 2), (0, 100, 6), (2, 10, 7), (3, 1000, 1), (3, 1000, 1)
    assert on_8_gpus(*jobs) == [0, 0, 100, 3, 110]


def test_a_short_job_does_not_spend_the_extra(on_8_gpus):
    # Free now 4, of which 2 are held for the head. The short job takes those two, the long one
    # the extra two.
    jobs = (0, 100, 4), (1, 10, 6), (2, 50, 2), (2, 1000, 2)
    assert on_8_gpus(*jobs) == [0, 100, 2, 2]


def test_all_that_ends_at_the_shadow_instant_counts_as_free(on_8_gpus):
    # Both running jobs end at 100, the head wants 6 of then 8: 2 extra, though one end sufficed.
    jobs = (0, 100, 5), (0, 100, 2), (1, 10, 6), (2, 1000, 1)
    assert on_8_gpus(*jobs) == [0, 0, 100, 2]


def test_an_end_is_seen_by_a_submit_of_the_same_instant(on_8_gpus):
    assert on_8_gpus((0, 100, 8), (100, 5, 8)) == [0, 100]


def test_a_job_as_large_as_the_pool_starts_when_all_is_free(on_8_gpus):
    assert on_8_gpus((0, 10, 1), (0, 20, 1), (1, 5, 8), (2, 30, 1)) == [0, 0, 20, 25]


def test_jobs_of_one_instant_go_by_index(on_8_gpus):
    assert on_8_gpus((0, 10, 8), (0, 20, 8), (0, 30, 8)) == [0, 10, 30]


def test_a_job_that_overstays_delays_and_is_expected_to_end_at_once(on_8_gpus):
    # Job 1 says 10 s and lasts 50. At 20 the head (8) expects it at 20.001: nothing of a second
    # may backfill. It starts when job 1 is really over.
    assert on_8_gpus((0, 10, 4, 50), (1, 10, 8), (20, 1, 4)) == [0, 50, 60]


def test_an_overdue_job_is_expected_to_end_in_one_millisecond():
    # Job 0 should have ended at 10; it is 20. The head's shadow time is 21: a job of 1 ms may pass,
    # one of 2 ms may not.
    state = pool(2)
    for gpus in (1, 2):
        state = sched.apply(state, sched.add_class(0, single_gpus(gpus)))
    state = sched.apply(state, sched.submit(0, 0, 10))
    state = sched.apply(state, sched.start(0, 0, [0]))
    state = sched.apply(state, sched.submit(1, 1, 10))
    for duration_ms, passes in ((2, []), (1, [3])):
        state = sched.apply(state, sched.submit(20, 0, duration_ms))
        out = sched.room(state)
        assert out[: sched.cycle(state, 20, out)].tolist() == passes


def test_a_job_that_ends_early_lets_the_head_start_early(on_8_gpus):
    # The long job refused at 2 is behind the head, which starts at 30 instead of 100.
    assert on_8_gpus((0, 100, 4, 30), (1, 10, 8), (2, 1000, 4)) == [0, 30, 40]


def test_without_backfill_nothing_passes_the_head(on_8_gpus):
    jobs = (0, 100, 4), (1, 10, 8), (3, 50, 4)
    assert on_8_gpus(*jobs, backfill=sched.STRICT) == [0, 100, 110]


def test_greedy_starts_whatever_fits_and_lets_the_head_wait(on_8_gpus):
    jobs = (0, 100, 4), (1, 10, 8), (2, 1000, 4)
    assert on_8_gpus(*jobs, backfill=sched.GREEDY) == [0, 1002, 2]


def test_a_second_waiting_job_holds_nothing(on_8_gpus):
    # One reservation only. Head 8 GPUs at 100; the 6-GPU job behind it holds nothing, so the
    # 90-second job passes it.
    assert on_8_gpus((0, 100, 4), (1, 10, 8), (2, 500, 6), (3, 90, 4)) == [0, 100, 110, 3]


def test_higher_priority_goes_first_whenever_it_came():
    state = pool(8)
    state = sched.apply(state, sched.add_class(0, sched.Shape(8, 1000)))
    events = [sched.submit(0, 0, 10_000), sched.submit(1000, 0, 10_000)]
    events.append(sched.submit(2000, 0, 10_000, priority=1))
    table = sched.timetable([(event, 10_000) for event in events])
    course = sched.forward(state, table, 0, 10**9)
    assert course.start_job.tolist() == [0, 2, 1]


def test_a_head_that_no_end_can_help_holds_nothing():
    # Two of eight nodes are down: the 8-node job could not start even when all has ended, so a
    # long job starts past it, and the next waiting job is the head.
    state = pool(8)
    for nodes in (8, 4):
        state = sched.apply(state, sched.add_class(0, sched.Shape(nodes, 1000)))
    for node in (0, 1):
        state = sched.apply(state, sched.node_state(0, node, sched.DOWN))
    state = sched.apply(state, sched.submit(0, 0, 1000))
    state = sched.apply(state, sched.submit(0, 1, 10**9))
    out = sched.room(state)
    assert sched.cycle(state, 0, out) == 1
    assert out[0] == 1
    assert sched.nodes_of(state, 1) == (2, 3, 4, 5)
