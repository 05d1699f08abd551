"""Philly's `cluster_job_log`."""

import json

import pytest

from arkwright.errors import InputError
from arkwright.twin.workload.read import read
from arkwright.twin.workload.table import Outcome
from twin.workload.traces import gpus, ms, names, reasons, seconds, written


def attempt(start, end, *machines):
    detail = [
        {"ip": f"m{n}", "gpus": [f"gpu{g}" for g in range(k)]} for n, k in enumerate(machines)
    ]
    return {"start_time": start, "end_time": end, "detail": detail}


def job(name, *attempts, status="Pass", at="2017-10-03 10:00:00", vc="ee9e8c"):
    return {"status": status, "vc": vc, "jobid": name, "attempts": list(attempts),
            "submitted_time": at, "user": "u1"}  # fmt: skip


TWICE = job(
    "application_1",
    attempt("2017-10-03 10:00:30", "2017-10-03 11:00:30", 8, 8),
    attempt("2017-10-03 12:00:00", "2017-10-03 12:30:00", 8),
    status="Killed",
)


def read_list(folder, *jobs):
    return read(written(folder, json.dumps(jobs)))


def test_a_job_ran_for_the_sum_of_its_attempts_with_the_gpus_of_the_first(tmp_path):
    # 1 h and, after a gap of an hour, half an hour.
    reading = read_list(tmp_path, TWICE)
    table = reading.table
    assert reading.format == "Philly"
    assert table.ids.tolist() == ["application_1"]
    assert seconds(table.run_ms) == [5400]
    assert gpus(table) == [16]
    assert table.nodes.tolist() == [2]
    assert table.start_ms.tolist() == [ms("2017-10-03T10:00:30")]
    assert table.end_ms.tolist() == [ms("2017-10-03T12:30:00")]
    assert names(table.pool) == ["ee9e8c"]
    assert table.outcome.tolist() == [Outcome.CANCELLED]
    assert "other numbers of GPUs in later attempts: the first counts" in reading.noted


def test_jobs_come_in_the_order_of_submission(tmp_path):
    late = job("b", attempt("2017-10-03 10:00:30", "2017-10-03 10:00:40", 1))
    early = job(
        "a", attempt("2017-10-02 10:00:30", "2017-10-02 10:00:40", 1), at="2017-10-02 10:00:00"
    )
    assert read_list(tmp_path, late, early).table.ids.tolist() == ["a", "b"]


def test_jobs_that_cannot_be_used_are_counted_by_their_place_in_the_list(tmp_path):
    reading = read_list(
        tmp_path,
        TWICE,
        job("never"),
        job("open", attempt("2017-10-03 10:00:30", None, 1)),
        {"jobid": 7},
        job("undated", attempt("2017-10-03 10:00:30", "2017-10-03 10:00:40", 1), at=None),
        job(
            "empty", attempt("2017-10-03 10:00:30", "2017-10-03 10:00:30"), status="Weird", vc=None
        ),
    )
    assert reading.table.ids.tolist() == ["application_1", "empty"]
    assert reading.rows == 6
    assert reading.dropped_count == 4
    assert {count_and_lines[1] for count_and_lines in reasons(reading.dropped).values()} == {
        (2,), (3,), (4,), (5,),
    }  # fmt: skip
    assert reading.table.outcome.tolist()[1] == Outcome.UNKNOWN
    assert names(reading.table.pool) == ["ee9e8c", None]


def test_an_attempt_without_an_end_in_the_middle_is_not_counted_but_noted(tmp_path):
    odd = job("x", attempt("2017-10-03 10:00:30", None, 1),
              attempt("2017-10-03 11:00:00", "2017-10-03 11:00:10", 1))  # fmt: skip
    reading = read_list(tmp_path, odd)
    assert seconds(reading.table.run_ms) == [10]
    assert "an attempt without start or end: not counted" in reading.noted


def test_the_empty_list_is_an_empty_table(tmp_path):
    assert len(read(written(tmp_path, "[]"), "philly").table) == 0


def test_a_list_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a JSON list of jobs"):
        read(written(tmp_path, '{"attempts": 1}'))
