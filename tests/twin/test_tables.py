"""Parquet out and in."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from arkwright.errors import InputError, InternalError
from arkwright.twin.tables import write_jobs, write_requests, write_table
from arkwright.twin.workload.generate import generate
from arkwright.twin.workload.read import read, read_jobs, read_requests
from arkwright.twin.workload.spec import ColumnMap, Generator
from arkwright.twin.workload.table import NOT_TOLD, Labels, Outcome, job_table
from twin.workload.traces import names, written

LABELS = ("gpu_type", "user", "project", "pool", "workload", "qos")


def same(left, right):
    assert left.is_dated == right.is_dated
    for field in left.__struct_fields__[:-1]:
        if field in LABELS:
            assert names(getattr(left, field)) == names(getattr(right, field)), field
        else:
            assert getattr(left, field).tolist() == getattr(right, field).tolist(), field


def ints(*values):
    return np.array(values, dtype=np.int64)


def test_a_job_table_comes_back_as_it_was_written(tmp_path):
    spec = Generator(jobs=500, load=0.5, preemptible=0.3)
    table = generate(spec, 512, 1_767_600_000_000, seed=3)
    write_jobs(tmp_path / "jobs.parquet", table)
    reading = read(tmp_path / "jobs.parquet")
    assert reading.format == "Parquet"
    assert reading.dropped == {}
    same(reading.table, table)


def test_so_does_one_with_every_column_and_its_own_zero(tmp_path):
    labels = Labels(np.array([1, NOT_TOLD, 0], np.int32), ("b", "a"))
    table = job_table(
        # Five years of milliseconds from a zero of its own look like a date, and are none.
        submit_ms=ints(0, 5, 160_000_000_000), run_ms=ints(0, 7, 8), estimate_ms=ints(-1, 9, 7),
        ids=np.array(["x", "7_1", ""], dtype=object), nodes=ints(0, 1, 2),
        gpus_milli=ints(460, 0, 16_000), cpus_milli=ints(1, 2, 3), memory_mib=ints(0, 5, 6),
        priority=ints(-3, 0, 9), outcome=np.array([0, 5, 3], np.int8),
        preemptible=np.array([True, False, True]), start_ms=ints(-1, 6, 7), end_ms=ints(-1, 13, -1),
        **dict.fromkeys(LABELS, labels),
    )  # fmt: skip
    write_jobs(tmp_path / "jobs.parquet", table)
    same(read_jobs(tmp_path / "jobs.parquet").table, table)
    assert table.outcome.tolist() == [Outcome.UNKNOWN, Outcome.NODE_FAIL, Outcome.CANCELLED]


def test_requests_come_back_with_their_blocks(tmp_path):
    text = (
        '{"timestamp": 5, "input_length": 9, "output_length": 5, "hash_ids": [4, 5]}\n'
        '{"timestamp": 6, "input_length": 8, "output_length": 7}\n'
    )
    table = read_requests(written(tmp_path, text)).table
    write_requests(tmp_path / "asked.parquet", table)
    again = read_requests(tmp_path / "asked.parquet").table
    for field in ("at_ms", "input_tokens", "output_tokens", "block_starts", "blocks"):
        assert getattr(again, field).tolist() == getattr(table, field).tolist()
    assert not again.is_dated


def test_any_parquet_can_be_mapped(tmp_path):
    stamps = np.array(["2026-01-05T08:00:00", "NaT"], "datetime64[us]")
    columns = {"when": stamps, "long_s": np.array([1.5, 2.0]), "cards": ints(2, 3)}
    write_table(tmp_path / "t.parquet", columns)
    mapping = ColumnMap(submit="when", run="long_s", gpus="cards")
    reading = read(tmp_path / "t.parquet", columns=mapping)
    assert reading.table.submit_ms.tolist() == [1_767_600_000_000]
    assert reading.table.run_ms.tolist() == [1500]
    assert reading.dropped_count == 1


def test_labels_are_dictionaries_and_nothing_told_is_null(tmp_path):
    labels = Labels(np.array([0, -1, 0], np.int32), ("ada",))
    size = write_table(tmp_path / "t.parquet", {"user": labels, "n": ints(1, 2, 3)}, {"by": "us"})
    table = pq.read_table(tmp_path / "t.parquet")
    assert table["user"].to_pylist() == ["ada", None, "ada"]
    assert str(table.schema.field("user").type).startswith("dictionary")
    assert table.schema.metadata[b"by"] == b"us"
    assert size == (tmp_path / "t.parquet").stat().st_size


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "t.parquet"
    target.write_text("before")
    with pytest.raises(InternalError, match="differ in length"):
        write_table(target, {"a": ints(1), "b": ints(1, 2)})
    with pytest.raises(InputError, match="cannot write"):
        write_table(tmp_path / "nowhere" / "t.parquet", {"a": ints(1)})
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]
