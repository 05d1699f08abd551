"""What the report counts, against worked numbers and against obvious references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from arkwright.twin.record import Attempts
from arkwright.twin.report.figures import figures
from arkwright.twin.report.heat import FULL, heat
from arkwright.twin.report.progress import progress
from arkwright.twin.report.steps import Steps, binned, edges, integral, means, summed
from arkwright.twin.report.tally import NEVER, tally
from arkwright.twin.report.waits import wait_classes
from naive import told_run as naive
from twin.report.made import FROM_MS, HOUR_MS, hand_made, ints, told


def test_gpu_time_is_split_into_what_was_kept_lost_in_vain_idle_and_out() -> None:
    run = hand_made()
    found = progress(run, tally(run))
    assert found.offered_gpu_h == 80  # 8 GPUs for 10 h
    assert found.held_gpu_h == 2 * 1 + 8 * 2 + 8 * 3  # jobs 1, 0 and 0 again
    assert found.lost_gpu_h == 8 * 0.5
    assert found.in_vain_gpu_h == 2 * 1  # job 1 failed
    assert found.kept_gpu_h == 42 - 4 - 2
    assert found.out_gpu_h == 4 * 2  # one node of 4 GPUs for 2 h
    assert found.idle_gpu_h == 80 - 42 - 8
    assert found.utilisation == 42 / 80
    assert found.goodput == 1 - 4 / 42
    assert found.interruptions == 1
    assert [(c.name, c.failures, c.nodes, c.gpu_h) for c in found.causes] == [("node", 1, 1, 8.0)]


def test_a_job_waits_before_its_start_and_again_after_its_node_failed() -> None:
    counted = tally(hand_made())
    hours = counted.queue.t_ms / HOUR_MS
    # 0: job 0; 1 h: none; 3 h: job 0 again; 4 h: and job 2, not the withdrawn 3; 5 h: job 2 alone.
    assert list(zip(hours, counted.queue.value, strict=True)) == [
        (0, 1), (1, 0), (3, 1), (4, 2), (5, 1)
    ]  # fmt: skip
    assert counted.queue_gpus.value.tolist() == [8000, 0, 8000, 24000, 16000]
    assert counted.wait_ms.tolist() == [HOUR_MS, 0, NEVER, NEVER]
    assert counted.waits_at_end.tolist() == [False, False, True, False]


def test_a_job_that_never_started_counts_as_the_longest_wait_and_a_withdrawn_one_not_at_all() -> (
    None
):
    run = hand_made()
    *classes, whole = wait_classes(run, tally(run))
    assert [(c.title, c.count, c.never) for c in classes] == [
        ("2 to 8 GPUs", 2, 0), ("9 to 64 GPUs", 1, 1)
    ]  # fmt: skip
    assert (whole.count, whole.never, whole.mean_h) == (3, 1, 0.5)  # (1 h + 0 h) / 2 that started
    assert whole.p50_h == 1.0  # 0, 1, never: the second
    assert whole.p95_h == np.inf
    assert whole.share[0] == pytest.approx(1 / 3)  # at once
    assert whole.share[-1] == pytest.approx(2 / 3)  # the line ends below 1


def test_the_worst_hour_is_the_one_in_which_most_gpus_are_waited_for() -> None:
    run = hand_made()
    worst = figures(run, tally(run)).worst
    assert worst is not None
    assert worst.from_ms == 4 * HOUR_MS
    assert (worst.jobs, worst.gpus, worst.held) == (2, 24, 0)


def test_a_heat_map_gives_the_share_of_gpu_time_per_rack_and_bin() -> None:
    run = hand_made()
    found = heat(run.record, run.record.places.rack, 1, 10)
    shares = [2 / 8, 1, 1, 0, 0, 1, 1, 1, 0, 0]
    assert found.busy[0].tolist() == [round(s * FULL) for s in shares]
    assert found.out[0].tolist() == [0, 0, 0, FULL // 2, FULL // 2, 0, 0, 0, 0, 0]


def test_sums_over_time_agree_with_counting_at_every_instant() -> None:
    run = told(count=60, hours=12, fails=8)
    counted = tally(run)
    instants = np.random.default_rng(3).integers(run.record.from_ms, run.record.until_ms, 40)
    for at in instants:
        here = int(np.searchsorted(counted.held.t_ms, at, side="right")) - 1
        assert counted.held.value[here] == naive.held_milli(run, at)
        here = int(np.searchsorted(counted.queue.t_ms, at, side="right")) - 1
        mine = naive.waiting(run, at)
        assert counted.queue.value[here] == len(mine)
        asked = sum(int(run.jobs.gpus_milli[job]) for job in mine)
        here = int(np.searchsorted(counted.queue_gpus.t_ms, at, side="right")) - 1
        assert counted.queue_gpus.value[here] == asked


def test_a_heat_map_agrees_with_counting_every_rack_and_bin() -> None:
    run = told(count=60, hours=12, fails=8)
    record, bins = run.record, 7
    racks = len(record.places.racks)
    found = heat(record, record.places.rack, racks, bins).busy / FULL
    corners = np.linspace(record.from_ms, record.until_ms, bins + 1)
    for rack in range(racks):
        for b in range(bins):
            wanted = naive.busy_share(run, rack, corners[b], corners[b + 1])
            assert found[rack, b] == pytest.approx(wanted, abs=0.5 / FULL + 1e-9)


def test_parts_of_gpu_time_add_up_to_what_the_fleet_offers() -> None:
    run = told()
    found = progress(run, tally(run))
    parts = (found.kept_gpu_h, found.in_vain_gpu_h, found.lost_gpu_h, found.idle_gpu_h,
             found.out_gpu_h)  # fmt: skip
    assert sum(parts) == pytest.approx(found.offered_gpu_h, rel=1e-9)
    assert sum(found.endings) == len(run.record.attempts.job)


def test_waits_of_all_sizes_hold_every_job_once() -> None:
    run = told(load=1.3)
    *classes, whole = wait_classes(run, tally(run))
    assert sum(one.count for one in classes) == whole.count
    assert whole.never > 0


def test_a_run_without_attempts_is_counted_as_all_waiting() -> None:
    run = hand_made()
    none = Attempts(*(ints() for _ in range(5)), ints(0), ints(), ints())
    run = structs.replace(run, record=run.record._replace(attempts=none))
    counted = tally(run)
    assert counted.held.value.tolist() == [0]
    assert counted.waits_at_end.tolist() == [True, True, True, False]
    assert progress(run, counted).goodput == 0


spans = st.lists(
    st.tuples(st.integers(-50, 150), st.integers(0, 80), st.integers(1, 9)), max_size=20
)


@settings(max_examples=60, deadline=None)
@given(spans)
def test_summed_spans_are_what_is_open_at_every_instant(rows: list[tuple[int, int, int]]) -> None:
    up = ints(*(a for a, _, _ in rows))
    down = ints(*(a + d for a, d, _ in rows))
    amount = ints(*(m for _, _, m in rows))
    steps = summed(up, down, amount, 0, 100)
    assert steps.t_ms[0] == 0
    for at in range(100):
        wanted = sum(m for a, d, m in rows if a <= at < a + d)
        assert steps.value[np.searchsorted(steps.t_ms, at, side="right") - 1] == wanted


@settings(max_examples=60, deadline=None)
@given(spans, st.integers(1, 30))
def test_means_over_bins_keep_the_integral(rows: list[tuple[int, int, int]], bins: int) -> None:
    up = ints(*(a for a, _, _ in rows))
    down = ints(*(a + d for a, d, _ in rows))
    steps = summed(up, down, ints(*(m for _, _, m in rows)), 0, 100)
    corners = np.unique(np.linspace(0, 100, bins + 1).astype(np.int64))
    total = float(means(steps, corners) @ np.diff(corners))
    assert total == pytest.approx(integral(steps), abs=1e-6)


def test_bins_have_widths_that_a_clock_has() -> None:
    year = edges(FROM_MS, FROM_MS + 365 * 24 * HOUR_MS, 9000)
    assert len(year) == 365 * 24 + 1
    assert set(np.diff(year)) == {HOUR_MS}
    # 400 years at 9,000 bins: 16.2 days each, so 17.
    long = edges(0, 400 * 365 * 24 * HOUR_MS, 9000)
    assert long[1] == 17 * 24 * HOUR_MS
    assert len(long) - 1 <= 9000


def test_few_steps_stay_exact_and_many_become_means() -> None:
    steps = Steps(np.arange(10) * 60_000, np.arange(10.0), 600_000)
    assert binned(steps, 0, 10).width_ms == 0
    coarse = binned(steps, 0, 5)
    assert coarse.width_ms == 120_000
    assert coarse.value.tolist() == [0.5, 2.5, 4.5, 6.5, 8.5]
