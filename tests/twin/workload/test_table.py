"""`JobTable`: cutting, shifting, stretching and joining."""

import numpy as np
import pytest

from arkwright.errors import InternalError
from arkwright.twin.workload.table import (
    NOT_TOLD,
    Labels,
    gpu_jobs,
    id_texts,
    job_table,
    merged,
    shifted,
    stretched,
    take,
    unlabelled,
    within,
)  # fmt: skip
from twin.workload.traces import names


def ints(*values):
    return np.array(values, dtype=np.int64)


def small(**more):
    return job_table(submit_ms=ints(30, 10, 10), run_ms=ints(3, 1, 2), **more)


def test_rows_are_sorted_by_submission_and_ties_stay_in_order():
    table = small(user=Labels(np.array([0, -1, 1], np.int32), ("ada", "bob")))
    assert table.submit_ms.tolist() == [10, 10, 30]
    assert table.run_ms.tolist() == [1, 2, 3]
    assert table.ids.tolist() == [2, 3, 1]
    assert names(table.user) == [None, "bob", "ada"]


def test_what_is_not_given_is_not_told():
    table = small()
    assert table.estimate_ms.tolist() == [NOT_TOLD] * 3
    assert table.start_ms.tolist() == [NOT_TOLD] * 3
    assert table.gpus_milli.tolist() == [0] * 3
    assert names(table.pool) == [None] * 3
    assert not table.preemptible.any()
    assert not table.is_dated


def test_columns_of_different_lengths_are_our_fault():
    with pytest.raises(InternalError, match="column gpus_milli has 2 entries for 3 jobs"):
        small(gpus_milli=ints(1, 2))
    with pytest.raises(InternalError, match="column user"):
        small(user=unlabelled(2))


def test_a_window_holds_what_is_submitted_in_it_however_long_that_runs():
    table = job_table(submit_ms=ints(0, 5, 10), run_ms=ints(1, 10**9, 1))
    assert within(table, 5, 10).submit_ms.tolist() == [5]
    assert within(table, 5, 10).run_ms.tolist() == [10**9]
    assert len(within(table, 11, 20)) == 0


def test_gpu_jobs_leaves_those_of_cpus_alone_out():
    assert gpu_jobs(small(gpus_milli=ints(0, 460, 8000))).gpus_milli.tolist() == [460, 8000]


def test_shifting_moves_what_was_observed_and_leaves_what_was_not():
    table = shifted(small(start_ms=ints(40, NOT_TOLD, 12)), 1000, is_dated=True)
    assert table.submit_ms.tolist() == [1010, 1010, 1030]
    assert table.start_ms.tolist() == [NOT_TOLD, 1012, 1040]
    assert table.is_dated


def test_stretching_runs_and_gaps():
    table = stretched(small(estimate_ms=ints(NOT_TOLD, 4, 4), end_ms=ints(50, 50, 50)), 23.3, 0.5)
    assert table.submit_ms.tolist() == [10, 10, 20]
    assert table.run_ms.tolist() == [23, 47, 70]
    assert table.estimate_ms.tolist() == [93, 93, NOT_TOLD]
    assert table.end_ms.tolist() == [NOT_TOLD] * 3


def test_merging_joins_labels_by_name_and_sorts():
    left = small(user=Labels(np.array([0, 0, -1], np.int32), ("ada",)))
    right = job_table(
        submit_ms=ints(10, 20), run_ms=ints(8, 9), ids=np.array(["x", "y"], dtype=object),
        user=Labels(np.array([0, 1], np.int32), ("eve", "ada")),
    )  # fmt: skip
    table = merged([left, right])
    assert table.submit_ms.tolist() == [10, 10, 10, 20, 30]
    assert id_texts(table) == ["2", "3", "x", "y", "1"]
    assert names(table.user) == ["ada", None, "eve", "ada", "ada"]
    assert table.user.names == ("ada", "eve")


def test_tables_of_different_calendars_do_not_merge():
    with pytest.raises(InternalError, match="is_dated"):
        merged([small(), small(is_dated=True)])


def test_gpu_hours_and_span():
    # 8 GPUs for half an hour and 0.5 GPUs for 2 h.
    table = job_table(
        submit_ms=ints(0, 60_000), run_ms=ints(1_800_000, 7_200_000), gpus_milli=ints(8000, 500)
    )
    assert table.gpu_hours == 5
    assert table.span_ms == 60_000
    assert take(table, np.array([True, False])).gpu_hours == 4
