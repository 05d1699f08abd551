"""Job logs of Helios and Acme, and the pods of openb."""

from arkwright.twin.workload.read import read
from arkwright.twin.workload.table import NOT_TOLD, Outcome
from twin.workload.traces import FIXTURES, gpus, ms, names, reasons, seconds


def test_helios_jobs():
    reading = read(FIXTURES / "helios_cluster_log.csv", utc_offset_s=8 * 3600)
    table = reading.table
    assert reading.format == "Helios"
    assert table.ids.tolist() == [13, 11, 12, 15]
    assert table.submit_ms[1] == ms("2020-09-01T00:00:00")
    assert seconds(table.run_ms) == [120, 3600, 0, 7]
    assert gpus(table) == [1, 8, 16, 0]
    assert table.nodes.tolist() == [1, 1, 2, 1]
    assert table.cpus_milli.tolist() == [6000, 48_000, 96_000, 4000]
    assert names(table.pool) == ["vc1", "vc1", "vc2", "vc9"]
    assert names(table.user) == ["u1", "u1", "u2", "u3"]
    assert table.outcome.tolist() == [
        Outcome.NODE_FAIL, Outcome.COMPLETED, Outcome.CANCELLED, Outcome.FAILED,
    ]  # fmt: skip
    assert table.end_ms[0] == NOT_TOLD
    assert reasons(reading.dropped) == {
        "the submit time cannot be read": (1, (8,)),
        "neither a run time nor a start": (1, (5,)),
        "the number of GPUs is not a number": (1, (7,)),
    }


def test_acme_jobs_have_zones_kinds_and_memory_per_pod():
    # Kalos counts `duration` from the submission: what start and end say, 86,400 s, is the run.
    reading = read(FIXTURES / "acme_trace.csv")
    table = reading.table
    assert reading.format == "Acme"
    assert table.submit_ms[0] == ms("2023-06-01T00:00:00")
    assert seconds(table.run_ms) == [86_400, 120]
    assert gpus(table) == [1024, 1]
    assert names(table.workload) == ["Pretrain", "Evaluation"]
    # 128 pods of 1000 GB, 10^9 bytes each, in MiB.
    assert table.memory_mib.tolist() == [round(128e12 / 2**20), 0]
    assert table.gpu_hours == 1024 * 24 + 120 / 3600


def test_openb_pods_share_gpus_by_the_thousandth():
    reading = read(FIXTURES / "openb_pods.csv")
    table = reading.table
    assert reading.format == "Alibaba openb"
    assert gpus(table) == [0.46, 4, 0]
    assert table.cpus_milli.tolist() == [6000, 8000, 8000]
    assert table.memory_mib.tolist() == [12_288, 4096, 4096]
    assert names(table.gpu_type) == [None, "V100M16|V100M32", None]
    assert table.preemptible.tolist() == [True, False, False]
    assert not table.is_dated


def test_a_pod_runs_from_its_scheduling_or_else_from_its_creation():
    reading = read(FIXTURES / "openb_pods.csv")
    assert seconds(reading.table.run_ms) == [10_769_854 - 9_437_497, 50, 50]
    assert reading.table.start_ms.tolist() == [9_437_497_000, 9_500_010_000, NOT_TOLD]
    assert reasons(reading.dropped) == {"no end, and no run time": (1, (5,))}
    assert "never scheduled: runs as long as it was there" in reading.noted
