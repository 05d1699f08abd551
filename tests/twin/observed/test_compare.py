"""The last weeks decided anew, with numbers worked by hand."""

from pathlib import Path

import numpy as np
import pytest

from arkwright.twin.observed.compare import compare, waits_of
from arkwright.twin.observed.cost import by_account, receipt_of
from arkwright.twin.observed.past import past_of
from arkwright.twin.observed.present import present
from arkwright.twin.observed.summary import summary_of
from twin.observed.clusters import cluster, ran


def compared(found, tmp_path):
    return compare(found, past_of(found), Path(tmp_path)).comparison


def test_a_start_that_slurm_missed_by_half_an_hour(tmp_path):
    # One node. Job 1 comes at 1 and runs 1-61. Job 2 comes at 10, could start at 61, starts at 91
    # and takes 30 minutes. Seen over 180 minutes.
    found = cluster(180, history=[ran(1, 1, 1, 61), ran(2, 10, 91, 121)])
    told = compared(found, tmp_path)
    assert told.jobs == 2
    assert told.slurm.waits.mean_s == (0 + 81 * 60) / 2
    assert told.arkwright.waits.mean_s == (0 + 51 * 60) / 2
    # 61 to 91 with job 2 waiting: 30 minutes of 8 GPUs.
    assert told.slurm.idle_waiting_h == pytest.approx(4.0)
    assert told.arkwright.idle_waiting_h == 0
    assert told.plain == told.arkwright  # on one node there is nothing to place better
    # 60 + 30 minutes of 180, whoever decides.
    assert told.slurm.utilisation == told.arkwright.utilisation == 0.5
    assert (told.sooner, told.later, told.same) == (1, 0, 1)
    (job,) = told.differences
    assert (job.job, job.gpus) == ("2", 8)
    assert (job.slurm_ms - job.ready_ms, job.arkwright_ms - job.ready_ms) == (
        81 * 60_000,
        51 * 60_000,
    )
    (row,) = told.sizes
    assert (row.size, row.jobs, row.slurm.p95_s) == ("2 to 8", 2, 81 * 60)


def test_what_ran_at_the_beginning_runs_on_and_is_not_counted(tmp_path):
    # Job 1 began 30 minutes before the window and ends at 30; 2 came before it too and waits; 3
    # comes in the window. Only 3 is compared: Slurm let it wait from 5 to 100, 60 suffice.
    history = [ran(1, -40, -30, 30), ran(2, -20, 30, 60), ran(3, 5, 100, 110)]
    told = compared(cluster(120, history=history), tmp_path)
    assert told.jobs == 1
    assert told.slurm.waits.mean_s == 95 * 60
    assert told.arkwright.waits.mean_s == 55 * 60


def test_a_job_that_still_runs_holds_its_nodes(tmp_path):
    # Job 1 runs since 10 and is not over; job 2 on the other node.
    history = [ran(1, 10, 10, None), ran(2, 20, 20, 50, NodeList="g2")]
    found = cluster(60, nodes=("g1", "g2"), history=history)
    told = compared(found, tmp_path)
    # 50 minutes and 30 of 2 x 60.
    assert told.slurm.utilisation == pytest.approx(80 / 120)
    assert told.arkwright.waits.mean_s == 0


def test_a_job_counts_from_when_it_could_first_start(tmp_path):
    # Submitted at 0 to begin at 30: it waited 5 minutes, not 35.
    history = [ran(1, 0, 35, 45, Eligible="2027-01-15T08:30:00"), ran(2, 5, 5, 6)]
    told = compared(cluster(60, history=history), tmp_path)
    assert told.slurm.waits.mean_s == (5 * 60 + 0) / 2


def test_the_tier_of_a_partition_goes_before_priority(tmp_path):
    lines = [ran(1, 1, 1, 31), ran(2, 2, 31, 61, Priority="900"), ran(3, 3, 61, 91)]
    found = cluster(120, history=lines)
    told = compared(found, tmp_path)
    assert told.same == 3


def test_waits_are_ranked_not_interpolated():
    found = waits_of(np.arange(1, 21) * 1000)
    assert (found.mean_s, found.median_s, found.p95_s) == (10.5, 10, 19)
    assert np.isnan(waits_of(np.zeros(0, np.int64)).mean_s)


def test_a_receipt_has_gpu_hours_and_an_energy_that_is_called_an_estimate():
    found = cluster(60, history=[ran(1, 0, 0, 30), ran(2, 5, 30, None)])
    past, now = past_of(found), present(found)
    told = receipt_of(past, now, "1", "hill")
    lines = {line.label: line for line in told.lines}
    assert told.state == "succeeded"
    assert lines["GPU-hours"].value == 4  # 8 GPUs for half an hour
    assert lines["IT energy"].how.startswith("an estimate")
    assert lines["IT energy"].value == pytest.approx(by_account(past, now)[0].kwh_estimate / 2)
    running = receipt_of(past, now, "2", "hill")
    assert not running.is_final


def test_the_summary_counts_what_there_is():
    found = cluster(60, nodes=("g1", "g2"), states={"g2": "DOWN"}, history=[ran(1, 0, 20, 30)])
    told = summary_of(found, present(found), past_of(found))
    assert (told.nodes, told.nodes_up, told.nodes_down) == (2, 1, 1)
    (gpus,) = told.gpus
    assert (gpus.gpus, gpus.in_service, gpus.used) == (16, 8, 0)
    (row,) = told.history
    assert (row.waits.mean_s, row.gpu_hours) == (20 * 60, pytest.approx(8 / 6))
