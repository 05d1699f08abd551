"""The Standard Workload Format."""

import pytest

from arkwright.errors import InputError
from arkwright.twin.workload.read import read
from arkwright.twin.workload.table import NOT_TOLD, Outcome
from twin.workload.traces import gpus, names, reasons, seconds, written

#    job submit wait run used cpu mem asked time mem  status user group exe queue part prec think
LOG = """; Version: 2.2
; UnixStartTime: 1000000000
;
  1     0   10  100   4  -1 1024  8  200 2048  1  3  1  -1  1  -1 -1 -1
  2    20    0    0   1  -1   -1 -1   -1   -1  0  4  1  -1  1   2 -1 -1
  3    20   -1   -1   1  -1   -1  1   60   -1  5  4  1  -1  1   2 -1 -1

  4    30    5   50  -1  -1   -1 -1   60   -1  1  4  1  -1  1   2 -1 -1
  5    40    5   50   2  -1   -1  2   60   -1  3  4  1  -1  1   2 -1 -1
  6    50    5   70   2  -1   -1  2   60   -1  5  4  1  -1  1   2 -1 -1
  7    60    5   70   2
"""


def test_a_log_in_seconds_since_its_start(tmp_path):
    reading = read(written(tmp_path, LOG))
    table = reading.table
    assert reading.format == "SWF"
    assert table.is_dated
    assert table.ids.tolist() == [1, 2, 6]
    assert seconds(table.submit_ms) == [1_000_000_000, 1_000_000_020, 1_000_000_050]
    assert seconds(table.run_ms) == [100, 0, 70]
    assert table.estimate_ms.tolist() == [200_000, NOT_TOLD, 60_000]
    assert table.start_ms[0] == 1_000_000_010_000
    assert table.end_ms[0] == 1_000_000_110_000


def test_asked_before_used_and_memory_per_processor(tmp_path):
    # 8 processors of 2048 KiB are 16 MiB.
    table = read(written(tmp_path, LOG)).table
    assert table.cpus_milli.tolist() == [8000, 1000, 2000]
    assert table.memory_mib.tolist() == [16, 0, 0]
    assert gpus(table) == [0, 0, 0]
    assert names(table.user) == ["3", "4", "4"]
    assert names(table.pool) == [None, "2", "2"]
    assert table.outcome.tolist() == [Outcome.COMPLETED, Outcome.FAILED, Outcome.CANCELLED]


def test_a_processor_can_be_read_as_a_gpu(tmp_path):
    table = read(written(tmp_path, LOG), processor_is_gpu=True).table
    assert gpus(table) == [8, 1, 2]
    assert table.cpus_milli.tolist() == [0, 0, 0]


def test_comments_and_blank_lines_keep_the_count_of_lines(tmp_path):
    assert reasons(read(written(tmp_path, LOG)).dropped) == {
        "another number of cells than the header has": (1, (11,)),
        "neither a run time nor a start": (1, (6,)),
        "no number of processors": (1, (8,)),
        "one part of a job that has its own line": (1, (9,)),
    }


def test_a_line_of_another_length_at_the_start_is_no_log(tmp_path):
    with pytest.raises(InputError, match="18 numbers between blanks"):
        read(written(tmp_path, "; a log\n1 2 3\n"), "swf")
