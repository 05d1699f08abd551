"""Public traces where they lie beside the checkout: counts and figures that are known of them."""

import numpy as np
import pytest

from arkwright.twin.workload.read import read_jobs, read_requests
from arkwright.twin.workload.table import Outcome, gpu_jobs
from twin.workload.traces import DATA

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the shared traces are not here")


def jobs(name):
    return read_jobs(DATA / name).table


def test_philly():
    table = jobs("philly/philly_jobs.csv.gz")
    assert len(table) == 111_549
    assert table.gpu_hours == pytest.approx(3_622_168, abs=1)
    assert table.span_ms / 86.4e6 == pytest.approx(129.4, abs=0.1)
    assert (table.gpus_milli == 1000).mean() == pytest.approx(0.867, abs=0.0005)
    assert np.median(table.run_ms) / 1000 == pytest.approx(1321, abs=1)
    assert table.run_ms.mean() / 1000 == pytest.approx(35_595, abs=1)
    assert (table.run_ms > 14 * 86.4e6).sum() == 677


def test_the_labelled_copy_of_philly_has_its_virtual_clusters():
    table = jobs("philly/philly_vc_labelled_82k.csv.gz")
    assert len(table) == 82_247
    assert table.gpu_hours == pytest.approx(978_079, rel=1e-4)
    assert len(table.pool.names) == 15


def test_two_virtual_clusters_of_helios_venus():
    table = jobs("helios/venus_2vc_sept2020_jobs.csv.gz")
    assert len(table) == 1867
    assert table.gpu_hours == pytest.approx(118_318, abs=1)
    assert dict(zip(table.pool.names, np.bincount(table.pool.codes).tolist(), strict=True)) == {
        "vcvGl": 1452,
        "vcvlY": 415,
    }
    counts = np.bincount(table.outcome, minlength=6) / len(table)
    assert counts[Outcome.COMPLETED] == pytest.approx(0.421, abs=0.0005)
    assert counts[Outcome.CANCELLED] == pytest.approx(0.315, abs=0.0005)
    assert counts[Outcome.FAILED] == pytest.approx(0.263, abs=0.0005)
    assert (table.outcome == Outcome.NODE_FAIL).sum() == 1


def test_completed_jobs_of_acme_kalos():
    table = jobs("acme/kalos_completed_319_jobs.csv.gz")
    assert len(table) == 319
    assert table.gpu_hours == pytest.approx(456_843, abs=1)
    assert (table.gpus_milli == 512_000).sum() == 73


def test_the_pods_of_openb():
    table = jobs("alibaba_openb/pods_default.csv.gz")
    wanting = gpu_jobs(table)
    assert len(table) == 8152
    assert len(wanting) == 7064
    fraction = wanting.gpus_milli < 1000
    assert fraction.mean() == pytest.approx(0.436, abs=0.0005)
    assert wanting.gpus_milli[fraction].mean() == pytest.approx(563, abs=1)
    assert wanting.gpus_milli.sum() / 1000 == pytest.approx(6086.8, abs=0.1)
    assert (wanting.gpus_milli == 8000).sum() == 44
    qos = dict(zip(table.qos.names, np.bincount(table.qos.codes).tolist(), strict=True))
    assert (qos["LS"], qos["BE"]) == (4647, 3398)
    assert table.preemptible.sum() == 3398


@pytest.mark.parametrize(("name", "count"), [("hpc2n", 3145), ("wagap-2013", 17_898)])
def test_logs_of_cpu_clusters(name, count):
    reading = read_jobs(DATA / "swf" / f"{name}.csv.gz")
    assert len(reading.table) == count
    assert list(reading.dropped) == ["a run time below zero"]
    # Limits add up to 2.4 and 4.6 times the runs.
    ratio = reading.table.estimate_ms.sum() / reading.table.run_ms.sum()
    assert ratio == pytest.approx({"hpc2n": 2.37, "wagap-2013": 4.58}[name], abs=0.01)


@pytest.mark.parametrize(
    ("name", "count", "asked", "given"),
    [
        ("azure2023_code", 8819, 2048, 28),
        ("azure2023_conv", 19_366, 1155, 211),
        ("mooncake_conversation", 12_031, 12_035, 343),
        ("mooncake_synthetic", 3993, 15_325, 149),
    ],
)
def test_requests(name, count, asked, given):
    table = read_requests(DATA / "llm_requests" / f"{name}.csv.gz").table
    assert len(table) == count
    assert table.input_tokens.mean() == pytest.approx(asked, abs=1)
    assert table.output_tokens.mean() == pytest.approx(given, abs=1)


@pytest.mark.parametrize(
    ("name", "hit"), [("mooncake_conversation", 0.366), ("mooncake_synthetic", 0.640)]
)
def test_prefix_blocks_could_be_shared_as_often_as_is_known(name, hit):
    # With an infinite cache every block but the first of its hash is a hit.
    blocks = read_requests(DATA / "llm_requests" / f"{name}.csv.gz").table.blocks
    assert 1 - len(np.unique(blocks)) / len(blocks) == pytest.approx(hit, abs=0.001)
