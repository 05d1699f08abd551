"""Tables of jobs by their usual column names, or as the user maps them."""

import pytest

from arkwright.errors import InputError
from arkwright.twin.workload.read import read, read_jobs
from arkwright.twin.workload.spec import ColumnMap
from arkwright.twin.workload.table import NOT_TOLD, Outcome
from twin.workload.traces import gpus, ms, names, reasons, seconds, written


def test_the_quick_form_is_four_columns(tmp_path):
    reading = read(written(tmp_path, "job_id,submit_s,duration_s,gpus\n1,381,3213,1\n2,407,60,8\n"))
    table = reading.table
    assert reading.format == "CSV"
    assert table.ids.tolist() == [1, 2]
    assert seconds(table.submit_ms) == [381, 407]
    assert seconds(table.run_ms) == [3213, 60]
    assert gpus(table) == [1, 8]
    assert table.estimate_ms.tolist() == [NOT_TOLD, NOT_TOLD]
    assert not table.is_dated
    assert reading.dropped == {}


def test_columns_may_come_in_any_order_with_more_between_them(tmp_path):
    table = read_jobs(
        written(
            tmp_path,
            "gpus,colour,duration_s,state,submit_s,vc\n2,red,10,Pass,0,a\n4,blue,20,Killed,5,b\n",
        )
    ).table
    assert gpus(table) == [2, 4]
    assert table.ids.tolist() == [1, 2]
    assert names(table.pool) == ["a", "b"]
    assert table.outcome.tolist() == [Outcome.COMPLETED, Outcome.CANCELLED]


@pytest.mark.parametrize(
    ("column", "cell", "expected_s"),
    [
        ("duration_ms", "1500", 1.5),
        ("duration_s", "1.5", 1.5),
        ("duration_min", "2", 120),
        ("duration_hours", "0.5", 1800),
        ("duration_d", "1", 86_400),
        ("duration", "90", 90),
        ("elapsed", "01:00:30", 3630),
        ("elapsed", "2-00:00:00", 172_800),
    ],
)
def test_a_units_ending_is_obeyed(tmp_path, column, cell, expected_s):
    text = f"submit_s,{column},gpus\n0,{cell},1\n"
    assert seconds(read_jobs(written(tmp_path, text)).table.run_ms) == [expected_s]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_found(tmp_path, delimiter):
    text = "id,submit_s,run_s,gpus\nx,0,1,2\n".replace(",", delimiter)
    assert gpus(read_jobs(written(tmp_path, text), "csv").table) == [2]


def test_quoted_cells_keep_their_commas(tmp_path):
    table = read_jobs(written(tmp_path, 'name,submit_s,run_s,gpus\n"a, b",0,1,2\n')).table
    assert table.ids.tolist() == ["a, b"]


def test_a_user_maps_columns(tmp_path):
    text = "wann,lang,karten,wer,grenze_h\n2026-01-05 08:00,60,8,ada,2\n"
    columns = ColumnMap(submit="wann", run="lang", gpus="karten", user="wer", estimate="grenze_h")
    table = read_jobs(written(tmp_path, text), columns=columns).table
    assert table.submit_ms.tolist() == [ms("2026-01-05T08:00:00")]
    assert seconds(table.run_ms) == [60]
    assert seconds(table.estimate_ms) == [7200]
    assert names(table.user) == ["ada"]


def test_a_mapping_to_columns_that_are_not_there_names_every_one(tmp_path):
    columns = ColumnMap(submit="wann", user="wer")
    with pytest.raises(InputError) as refused:
        read(written(tmp_path, "a,b\n1,2\n"), columns=columns)
    text = str(refused.value)
    for said in ("columns.submit", "columns.user", "'wann'", "'wer'", "run", "gpus", "a, b"):
        assert said in text


def test_start_and_end_give_the_run_and_a_wait_gives_the_start(tmp_path):
    table = read_jobs(
        written(tmp_path, "submit_s,start_s,end_s,gpus\n0,10,25,1\n5,20,21.5,1\n")
    ).table
    assert seconds(table.run_ms) == [15, 1.5]
    assert seconds(table.start_ms) == [10, 20]
    waited = read_jobs(written(tmp_path, "submit_s,wait_s,run_s,gpus\n5,7,3,1\n")).table
    assert seconds(waited.start_ms) == [12]


def test_spot_jobs_ask_per_worker_and_could_be_stopped(tmp_path):
    text = (
        "job_name,organization,gpu_model,cpu_request,gpu_request,worker_num,submit_time,duration,"
        "job_type\nj1,o1,A10,8,2,3,0,60,HP\nj2,o2,H800,8,8,1,0,60,Spot\n"
    )
    table = read_jobs(written(tmp_path, text)).table
    assert gpus(table) == [6, 8]
    assert table.cpus_milli.tolist() == [24_000, 8000]
    assert names(table.project) == ["o1", "o2"]
    assert table.preemptible.tolist() == [False, True]


def test_what_cannot_be_used_is_dropped_once_and_what_is_odd_is_noted(tmp_path):
    text = (
        "submit_s,run_s,gpus,limit_s\n"
        "0,10,1,5\n"  # 2: past its limit
        "x,10,1,5\n"  # 3
        ",10,1,5\n"  # 4
        "1,ten,x,5\n"  # 5: two faults, one reason
        "2,-1,1,5\n"  # 6
        "3,10,-1,5\n"  # 7
        "4,0,0,soon\n"  # 8: three oddities, stays
        "5,1e30,1,5\n"  # 9
        "6,10,1\n"  # 10
        "\n"  # 11: blank, nothing
        "7,20,2,NULL\n"  # 12
    )
    reading = read(written(tmp_path, text))
    assert seconds(reading.table.submit_ms) == [0, 4, 7]
    assert reading.rows == 10
    assert reasons(reading.dropped) == {
        "another number of cells than the header has": (1, (10,)),
        "the submit time cannot be read": (1, (3,)),
        "no submit time": (1, (4,)),
        "the run time is not a number": (2, (5, 9)),
        "a run time below zero": (1, (6,)),
        "the number of GPUs is below zero": (1, (7,)),
    }
    assert reasons(reading.noted) == {
        "a time limit that cannot be read: taken as none": (1, (8,)),
        "ran for no time": (1, (8,)),
        "ran longer than the 7 s of submissions": (2, (2, 12)),
        "ran past the limit asked for": (1, (2,)),
        "asks for no GPU": (1, (8,)),
    }


def test_the_words_of_a_reading_say_all_of_it(tmp_path):
    text = "submit_s,run_s,gpus\n0,10,1\nx,10,1\n0,0,2\n"
    assert read(written(tmp_path, text)).text() == (
        "trace: CSV, 2 of 3 records\n"
        "  dropped 1 (line 3): the submit time cannot be read\n"
        "  kept 1 (line 4): ran for no time\n"
        "  kept 1 (line 2): ran longer than the 0 s of submissions"
    )


def test_ties_keep_the_order_of_the_file(tmp_path):
    text = "id,submit_s,run_s,gpus\n" + "".join(f"{n},{n % 2},1,1\n" for n in range(8))
    assert read_jobs(written(tmp_path, text)).table.ids.tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


def test_float_stamps_round_to_the_millisecond(tmp_path):
    table = read_jobs(written(tmp_path, "submit_s,run_s,gpus\n0.0004,1.0006,0.5\n")).table
    assert table.submit_ms.tolist() == [0]
    assert table.run_ms.tolist() == [1001]
    assert table.gpus_milli.tolist() == [500]


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-01-05T08:00:00Z", "2026-01-05T08:00:00"),
        ("2026-01-05 08:00:00+02:00", "2026-01-05T06:00:00"),
        ("2026-01-05 08:00:00.25", "2026-01-05T08:00:00.250"),
        ("1767600000", "2026-01-05T08:00:00"),
        ("1767600000.5", "2026-01-05T08:00:00.500"),
        ("1767600000500", "2026-01-05T08:00:00.500"),
        ("1.7676e9", "2026-01-05T08:00:00"),
        ("2026-01-05", "2026-01-05T00:00:00"),
        ("2024-02-29 23:59", "2024-02-29T23:59:00"),
    ],
)
def test_instants_in_many_hands(tmp_path, stamp, expected):
    text = f"submit_time,run_s,gpus\n{stamp},1,1\n"
    table = read_jobs(written(tmp_path, text)).table
    assert table.submit_ms.tolist() == [ms(expected)]
    assert table.is_dated


def test_one_odd_stamp_does_not_cost_the_others(tmp_path):
    stamps = ["2026-01-05 08:00:00", "2026-01-05T09:00:00+01:00", "2026-02-30 00:00:00", "soon"]
    text = "submit_time,run_s,gpus\n" + "".join(f"{stamp},1,1\n" for stamp in stamps)
    reading = read(written(tmp_path, text))
    assert reading.table.submit_ms.tolist() == [ms("2026-01-05T08:00:00")] * 2
    assert reasons(reading.dropped) == {"the submit time cannot be read": (2, (4, 5))}
