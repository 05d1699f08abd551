"""`sacct -P` and `sacct --json`."""

import json

import pytest

from arkwright.errors import InputError
from arkwright.twin.workload.read import read, read_jobs
from arkwright.twin.workload.slurm import gpu_type_of, gpus_of, memory_mib
from arkwright.twin.workload.table import NOT_TOLD, Outcome
from twin.workload.traces import gpus, ms, names, reasons, seconds, written

HEADER = (
    "JobIDRaw|Submit|Eligible|Start|End|ElapsedRaw|TimelimitRaw|State|User|Account|Partition|QOS"
    "|Priority|NNodes|ReqTRES|AllocTRES\n"
)
SACCT = HEADER + (
    "101|2026-01-05T08:00:00|2026-01-05T08:00:00|2026-01-05T08:10:00|2026-01-05T09:10:00|3600|120"
    "|COMPLETED|ada|lab-a|gpu|normal|4000|2|billing=16,cpu=128,gres/gpu:h100=16,mem=2T,node=2"
    "|billing=16,cpu=128,gres/gpu:h100=16,gres/gpu=16,mem=2T,node=2\n"
    "102|2026-01-05T08:01:00|2026-01-05T08:01:00|2026-01-05T08:01:05|2026-01-05T08:01:05|0|60"
    "|FAILED|bob|lab-b|gpu|low|10|1|cpu=4,gres/gpu=1,mem=16000M,node=1"
    "|cpu=4,gres/gpu=1,mem=16000M,node=1\n"
    "103|2026-01-05T08:02:00|2026-01-05T09:00:00|2026-01-05T09:00:00|2026-01-05T10:00:00|3600"
    "|Partition_Limit|CANCELLED by 1004|ada|lab-a|cpu|normal|4000|1|cpu=8,mem=8G,node=1"
    "|cpu=8,mem=8G,node=1\n"
    "104|2026-01-05T08:03:00|2026-01-05T08:03:00|Unknown|2026-01-05T08:04:00|0|60"
    "|CANCELLED by 0|eve|lab-b|gpu|low|10|1|cpu=4,gres/gpu=8,node=1|\n"
    "105|2026-01-05T08:04:00|2026-01-05T08:04:00|2026-01-05T08:05:00|Unknown|600|60"
    "|RUNNING|eve|lab-b|gpu|low|10|1|cpu=4,gres/gpu=8,node=1|cpu=4,gres/gpu=8,node=1\n"
    "106|2026-01-05T08:05:00|2026-01-05T08:05:00|2026-01-05T08:06:00|2026-01-05T09:36:00|5400|60"
    "|TIMEOUT|eve|lab-b|gpu|low|10|1|cpu=4,gres/gpu=8,node=1|cpu=4,gres/gpu=8,node=1\n"
    "107|2026-01-05T08:06:00|2026-01-05T08:06:00|2026-01-05T08:06:00|2026-01-05T08:16:00|600|60"
    "|PREEMPTED|eve|lab-b|gpu|low|10|1|cpu=4,gres/gpu=8,node=1|cpu=4,gres/gpu=8,node=1\n"
    "106.batch|2026-01-05T08:05:00|2026-01-05T08:05:00|2026-01-05T08:06:00|2026-01-05T09:36:00"
    "|5400||TIMEOUT||lab-b|||||cpu=4,node=1|cpu=4,node=1\n"
)


@pytest.fixture
def table(tmp_path):
    return read_jobs(written(tmp_path, SACCT)).table


def test_jobs_that_ran_and_ended_are_the_table(table):
    assert table.ids.tolist() == ["101", "102", "103", "106", "107"] or table.ids.tolist() == [
        101, 102, 103, 106, 107,
    ]  # fmt: skip
    assert table.is_dated
    assert table.submit_ms[0] == ms("2026-01-05T08:00:00")
    assert seconds(table.run_ms) == [3600, 0, 3600, 5400, 600]
    assert names(table.user) == ["ada", "bob", "ada", "eve", "eve"]
    assert names(table.project) == ["lab-a", "lab-b", "lab-a", "lab-b", "lab-b"]
    assert names(table.pool) == ["gpu", "gpu", "cpu", "gpu", "gpu"]
    assert table.priority.tolist() == [4000, 10, 4000, 10, 10]


def test_sizes_are_what_was_allocated_and_the_type_what_was_asked_for(table):
    assert gpus(table) == [16, 1, 0, 8, 8]
    assert table.nodes.tolist() == [2, 1, 1, 1, 1]
    assert table.cpus_milli.tolist() == [128_000, 4000, 8000, 4000, 4000]
    assert table.memory_mib.tolist() == [2 * 2**20, 16_000, 8192, 0, 0]
    assert names(table.gpu_type) == ["h100", None, None, None, None]


def test_limits_are_minutes_and_words_are_none(table):
    assert table.estimate_ms.tolist() == [7_200_000, 3_600_000, NOT_TOLD, 3_600_000, 3_600_000]


def test_outcomes_are_the_states_and_preempted_says_that_it_could_be_stopped(table):
    assert [Outcome(code).name for code in table.outcome] == [
        "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "UNKNOWN",
    ]  # fmt: skip
    assert table.preemptible.tolist() == [False, False, False, False, True]


def test_what_is_dropped_is_counted_with_its_lines(tmp_path):
    reading = read(written(tmp_path, SACCT))
    assert reading.format == "Slurm sacct -P"
    assert reading.rows == 8
    assert reasons(reading.dropped) == {
        "a step of a job, not a job": (1, (9,)),
        "still running: its end is not known": (1, (6,)),
        "never started": (1, (5,)),
    }
    assert reasons(reading.noted) == {
        "could not start at once when submitted (dependency, begin time, array)": (1, (4,)),
        "ran for no time": (1, (3,)),
        "ran past the limit asked for": (1, (7,)),
        "ran longer than the 6 min of submissions": (4, (2, 4, 7, 8)),
        "asks for no GPU": (1, (4,)),
    }


def test_the_clusters_clock_may_be_ahead_of_utc(tmp_path):
    reading = read_jobs(written(tmp_path, SACCT), utc_offset_s=3600)
    assert reading.table.submit_ms[0] == ms("2026-01-05T07:00:00")


def test_columns_of_plain_sacct_do_as_well(tmp_path):
    # JobID with an array's tasks, Elapsed and Timelimit as days-hours:minutes:seconds, and the
    # delimiter that -p puts at the end of each line.
    text = (
        "JobID|Submit|Start|End|Elapsed|Timelimit|State|AllocTRES|\n"
        "7_1|2026-01-05T08:00:00|2026-01-05T08:00:00|2026-01-06T09:02:03|1-01:02:03|2-00:00:00"
        "|COMPLETED|cpu=1,gres/gpu=4,node=1|\n"
        "7_2|2026-01-05T08:00:00|2026-01-05T08:00:00|2026-01-05T08:00:59|00:00:59|UNLIMITED"
        "|OUT_OF_MEMORY|cpu=1,gres/gpu=4,node=1|\n"
    )
    table = read_jobs(written(tmp_path, text)).table
    assert table.ids.tolist() == ["7_1", "7_2"]
    assert seconds(table.run_ms) == [90_123, 59]
    assert table.estimate_ms.tolist() == [172_800_000, NOT_TOLD]
    assert table.outcome.tolist() == [Outcome.COMPLETED, Outcome.FAILED]


def test_old_gres_columns_count_per_node(tmp_path):
    text = (
        "JobIDRaw|Submit|Start|End|State|NNodes|AllocGRES\n"
        "1|2020-01-05T08:00:00|2020-01-05T08:00:00|2020-01-05T09:00:00|COMPLETED|3|gpu:v100:4\n"
    )
    assert gpus(read_jobs(written(tmp_path, text)).table) == [12]


def test_missing_columns_are_all_named_at_once(tmp_path):
    with pytest.raises(InputError) as refused:
        read(written(tmp_path, "JobName|Elapsed\nx|00:01:00\n"), "sacct")
    text = str(refused.value)
    assert "jobid" in text
    assert "submit" in text
    assert "state" in text


@pytest.mark.parametrize(
    ("text", "count", "kind", "mib"),
    [
        ("gres/gpu:a100=6,gres/gpu:h100=2,gres/gpu=8,mem=512G", 8, "a100|h100", 524_288),
        ("gres/gpu:a100=6,gres/gpu:h100=2", 8, "a100|h100", None),
        ("gpu:v100:4(IDX:0-3)", 4, "v100", None),
        ("gpu:2", 2, None, None),
        ("cpu=4,mem=4000K", 0, None, 3.90625),
        ("", 0, None, None),
    ],
)
def test_texts_of_trackable_resources(text, count, kind, mib):
    assert gpus_of(text) == count
    assert gpu_type_of(text) == kind
    assert memory_mib(text) == mib or mib is None


def number(value):
    return {"set": True, "infinite": False, "number": value}


UNLIMITED = {"set": True, "infinite": True, "number": 0}


def job(job_id, *, state=("COMPLETED",), limit=None, **times):
    tres = [
        {"type": "cpu", "name": "", "id": 1, "count": 64},
        {"type": "node", "name": "", "id": 4, "count": 1},
        {"type": "gres", "name": "gpu:h100", "id": 1002, "count": 8},
        {"type": "gres", "name": "gpu", "id": 1001, "count": 8},
    ]
    return {
        "job_id": job_id,
        "state": {"current": list(state), "reason": "None"},
        "time": {"submission": 1_767_600_000, "eligible": 1_767_600_000,
                 "start": 1_767_600_060, "end": 1_767_603_660, "elapsed": 3600,
                 "limit": limit or number(120), **times},
        "user": "ada", "account": "lab", "partition": "gpu", "qos": "normal",
        "priority": number(77), "allocation_nodes": 1,
        "tres": {"allocated": tres, "requested": tres},
    }  # fmt: skip


def test_the_json_of_sacct_gives_the_same_facts(tmp_path):
    document = {
        "jobs": [
            job(1),
            job(2, limit=UNLIMITED, state=("NODE_FAIL",)),
            job(3, state=("PENDING",), start=0, end=0, elapsed=0),
            {"job_id": "no number", "time": {}},
            job(5, state=("FAILED",), end=1_767_600_061, elapsed=1, submission=1_767_599_000),
        ],
        "meta": {"plugin": {"data_parser": "data_parser/v0.0.41"}},
    }
    reading = read(written(tmp_path, json.dumps(document)))
    table = reading.table
    assert reading.format == "Slurm sacct --json"
    assert table.ids.tolist() == [5, 1, 2]
    assert table.submit_ms.tolist() == [1_767_599_000_000, 1_767_600_000_000, 1_767_600_000_000]
    assert seconds(table.run_ms) == [1, 3600, 3600]
    assert table.estimate_ms.tolist() == [7_200_000, 7_200_000, NOT_TOLD]
    assert gpus(table) == [8, 8, 8]
    assert names(table.gpu_type) == ["h100", "h100", "h100"]
    assert table.outcome.tolist() == [Outcome.FAILED, Outcome.COMPLETED, Outcome.NODE_FAIL]
    assert reading.rows == 5
    assert reasons(reading.dropped) == {
        "not a job in the format's JSON": (1, (4,)),
        "still waiting: it had not started": (1, (3,)),
    }


def test_json_that_is_cut_off_is_refused_with_its_name(tmp_path):
    with pytest.raises(InputError, match="trace is not the output of sacct --json"):
        read(written(tmp_path, '{"jobs": [{"job_id": 1, '))
