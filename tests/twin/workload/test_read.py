"""Recognising formats, and files as they come: packed, cut off, marked, empty, junk."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.twin.workload.delimited import delimited
from arkwright.twin.workload.generic import generic
from arkwright.twin.workload.opening import Opened, opened
from arkwright.twin.workload.read import FORMATS, read, read_jobs, recognised
from twin.workload.traces import gpus, reasons, written

QUICK = "job_id,submit_s,duration_s,gpus\n1,0,10,1\n2,5,20,8\n"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("JobID|Submit|State\n", "sacct"),
        ('{"jobs": [], "meta": {}}', "sacct-json"),
        ('[{"status": "Pass", "attempts": []}]', "philly"),
        ("job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time\n", "helios"),
        ("job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time\n", "acme"),
        ("name,cpu_milli,memory_mib,num_gpu,gpu_milli\n", "openb"),
        ("; Version: 2\n", "swf"),
        ("1 " * 18 + "\n", "swf"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "azure"),
        ("Timestamp,Model,Request tokens,Response tokens\n", "burstgpt"),
        ('{"timestamp": 0, "input_length": 1, "output_length": 1}\n', "mooncake"),
        (QUICK, "csv"),
        ("PAR1", "parquet"),
    ],
)
def test_a_format_is_recognised_by_what_is_in_the_file(head, name):
    assert recognised(Opened("x", head.encode(), False)) == name
    assert name in FORMATS


@pytest.mark.parametrize("text", ["hello world\n", "<html></html>", '{"a": 1}', "\x00\x01\x02"])
def test_what_is_no_trace_is_refused_by_name(tmp_path, text):
    with pytest.raises(InputError, match="trace"):
        read(written(tmp_path, text))


def test_a_format_that_is_not_known_lists_those_that_are(tmp_path):
    with pytest.raises(InputError, match="unknown trace format 'excel'; write one of sacct, "):
        read(written(tmp_path, QUICK), "excel")


def test_a_format_that_is_given_is_obeyed_and_says_what_it_misses(tmp_path):
    with pytest.raises(InputError) as refused:
        read(written(tmp_path, QUICK), "helios")
    assert "trace:1: user" in str(refused.value)
    assert "trace:1: submit_time" in str(refused.value)


def test_gzip_byte_order_mark_and_line_ends_of_windows_change_nothing(tmp_path):
    plain = read_jobs(written(tmp_path, QUICK)).table
    for content in (
        gzip.compress(QUICK.encode()),
        gzip.compress(QUICK[:40].encode()) + gzip.compress(QUICK[40:].encode()),
        b"\xef\xbb\xbf" + QUICK.encode(),
        QUICK.replace("\n", "\r\n").encode(),
        QUICK.rstrip().encode(),
    ):
        table = read_jobs(written(tmp_path, content)).table
        assert table.run_ms.tolist() == plain.run_ms.tolist()
        assert gpus(table) == gpus(plain)


def test_a_last_line_that_was_cut_off_costs_itself_only(tmp_path):
    reading = read(written(tmp_path, QUICK + "3,7,3"))
    assert len(reading.table) == 2
    assert reasons(reading.dropped) == {"another number of cells than the header has": (1, (4,))}


def test_packed_data_that_was_cut_off_gives_what_is_whole(tmp_path):
    # The last line that could be unpacked may be half a line that looks whole: it is not used.
    lines = "".join(f"{n},{n},10,1\n" for n in range(20_000))
    packed = gzip.compress(("job_id,submit_s,duration_s,gpus\n" + lines).encode())
    reading = read(written(tmp_path, packed[: len(packed) // 2]))
    assert 5000 < len(reading.table) < 15_000
    assert opened(tmp_path / "trace").is_cut
    assert reasons(reading.dropped) == {
        "the packed file is cut off in this line": (1, (len(reading.table) + 2,))
    }


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*nothing"):
        read(tmp_path / "nothing")
    with pytest.raises(InputError, match="empty"):
        read(written(tmp_path, " \n"))
    with pytest.raises(InputError, match="UTF-16"):
        read(written(tmp_path, QUICK.encode("utf-16")))
    with pytest.raises(InputError, match="not a sound gzip file"):
        read(written(tmp_path, b"\x1f\x8b\x00\x00junk"))
    with pytest.raises(InputError, match="not a sound Parquet file"):
        read(written(tmp_path, b"PAR1junk"))


def test_a_header_with_a_column_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="column GPUs, gpus twice"):
        read(written(tmp_path, "submit_s,run_s,gpus,GPUs\n0,1,1,1\n"))


def test_a_header_alone_is_an_empty_table(tmp_path):
    reading = read(written(tmp_path, "submit_s,run_s,gpus\n"))
    assert len(reading.table) == 0
    assert reading.table.span_ms == 0
    assert reading.rows == 0


def test_bytes_that_are_no_utf_8_cost_nothing_else(tmp_path):
    table = read_jobs(written(tmp_path, b"submit_s,run_s,gpus,user\n0,1,1,J\xf6rg\n")).table
    assert table.run_ms.tolist() == [1000]


cells = st.one_of(
    st.integers(-5, 10**7).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(
        [
            "1.7e308",
            "-9e99",
            "",
            "NULL",
            "nan",
            "Unknown",
            "2026-01-05 08:00:00",
            "1-02:03:04",
            "-",
            "x",
        ]
    ),
    st.text("abc\"'|;,.\\\t%0", max_size=6),
)
lines = st.lists(st.lists(cells, max_size=6).map(",".join), max_size=12)


@settings(max_examples=60, deadline=None)
@given(lines)
def test_junk_never_crashes_a_reader_and_every_line_is_accounted_for(junk):
    text = "submit,run_s,gpus,state,user\n" + "\n".join(junk)
    cells = delimited(Opened("x", text.encode(), False))
    reading = generic(cells)
    table = reading.table
    assert len(table) + reading.dropped_count == reading.rows
    assert (table.run_ms >= 0).all()
    assert (table.gpus_milli >= 0).all()
    assert (table.submit_ms[1:] >= table.submit_ms[:-1]).all()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(cells, min_size=8, max_size=8), st.sampled_from(["sacct", "helios", "openb", "swf"])
)
def test_junk_in_any_format_is_refused_or_counted(tmp_path_factory, junk, name):
    header, good = {
        "sacct": ("JobIDRaw|Submit|Start|End|State|AllocTRES|Elapsed|User", "|"),
        "helios": ("job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time", ","),
        "openb": (
            "name,cpu_milli,memory_mib,num_gpu,gpu_milli,qos,creation_time,deletion_time",
            ",",
        ),
        "swf": ("; log\n" + " ".join(["1"] * 18), " "),
    }[name]
    path = written(tmp_path_factory.mktemp("junk"), header + "\n" + good.join(junk) + "\n")
    try:
        reading = read(path, name)
    except InputError as error:
        said = str(error)
    else:
        said = "trace"
        assert len(reading.table) + reading.dropped_count == reading.rows
    assert "trace" in said


@settings(max_examples=40, deadline=None)
@given(st.permutations(["job_id", "submit_s", "duration_s", "gpus", "user", "limit_s"]))
def test_the_order_of_columns_does_not_matter(order):
    row = {
        "job_id": "7",
        "submit_s": "3",
        "duration_s": "4",
        "gpus": "2",
        "user": "ada",
        "limit_s": "9",
    }
    text = ",".join(order) + "\n" + ",".join(row[name] for name in order)
    table = generic(delimited(Opened("x", text.encode(), False))).table
    found = (table.ids[0], table.submit_ms[0], table.run_ms[0], table.gpus_milli[0],
             table.user.of(0), table.estimate_ms[0])  # fmt: skip
    assert found == (7, 3000, 4000, 2000, "ada", 9000)


def test_json_records_of_other_shapes_are_counted_not_fatal(tmp_path):
    shapes = [
        1,
        None,
        "x",
        [],
        {},
        {"jobid": "a", "attempts": None},
        {"jobid": "b", "attempts": []},
    ]
    reading = read(written(tmp_path, json.dumps(shapes)), "philly")
    assert len(reading.table) == 0
    assert reading.dropped_count == reading.rows == len(shapes)


def test_a_quote_that_is_never_closed_takes_no_other_line_with_it(tmp_path):
    rows = "".join(f"{n},{n},10,{n}\n" for n in range(2, 9))
    reading = read(written(tmp_path, 'job_id,submit_s,duration_s,gpus\n"1,1,10,1\n' + rows))
    assert len(reading.table) == 8
    assert gpus(reading.table)[1:] == [2, 3, 4, 5, 6, 7, 8]
    inside = read(
        written(tmp_path, 'job_id,submit_s,duration_s,gpus\n1,1,"10,1\n' + rows + '9,9,"\n')
    )
    assert len(inside.table) == 8
    assert inside.rows == 9


def test_odd_bytes_and_short_lines_are_counted_once_together(tmp_path):
    reading = read(written(tmp_path, b"submit_s,run_s,gpus,user\n0,1,1,J\xf6rg\n0,1\n"))
    assert reading.rows == 2
    assert reasons(reading.dropped) == {"another number of cells than the header has": (1, (3,))}


def test_a_line_of_megabytes_is_refused_with_the_files_name(tmp_path):
    with pytest.raises(InputError, match="trace cannot be split into columns"):
        read(written(tmp_path, QUICK + "9," * 2_000_000 + "\n"))
