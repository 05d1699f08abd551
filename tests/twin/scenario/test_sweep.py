"""Sweeps: the same table however many processes make it, and as far as it came when it is ended."""

import csv
import importlib.util

import pyarrow.parquet as pq
import pytest

from arkwright.errors import InputError
from arkwright.twin.outputs.rows import write_csv, write_parquet
from arkwright.twin.sweep import Sweep, swept, units_of
from twin.scenario.written import write

OVER = ("workloads[0].scale.run=1,2", "policy.placement=first-fit,random")


def asked(tmp_path, **changes):
    return Sweep(**{"path": write(tmp_path), "over": OVER, "seeds": 2, "processes": 1} | changes)


def test_every_combination_seed_and_policy_is_one_row_in_order(tmp_path):
    table = swept(asked(tmp_path), tmp_path / "kernels")
    assert table.keys == ("workloads[0].scale.run", "policy.placement", "seed", "run")
    rows = [tuple(row[key] for key in table.keys) for row in table.rows]
    assert len(rows) == len(set(rows)) == 2 * 2 * 2 * 2
    assert rows[:5] == [
        ("1", "first-fit", 0, "strict"),
        ("1", "first-fit", 0, "easy"),
        ("1", "first-fit", 1, "strict"),
        ("1", "first-fit", 1, "easy"),
        ("1", "random", 0, "strict"),
    ]
    # Jobs that last twice as long hold twice as much.
    held = {(row["workloads[0].scale.run"], row["run"]): row["gpu_hours"] for row in table.rows}
    assert held["2", "easy"] == pytest.approx(2 * held["1", "easy"])


def test_only_the_policies_asked_for_run(tmp_path):
    _, _, units = units_of(asked(tmp_path, policies=("easy",)), tmp_path)
    assert len(units) == 8
    with pytest.raises(InputError, match="no such policy"):
        units_of(asked(tmp_path, policies=("best",)), tmp_path)


def test_one_bad_value_is_refused_before_anything_runs(tmp_path):
    over = ("policy.backfill=easy,sometimes",)
    with pytest.raises(InputError, match="sometimes"):
        swept(asked(tmp_path, over=over), tmp_path)


def test_csv_and_parquet_hold_the_same_figures(tmp_path):
    table = swept(asked(tmp_path, over=(), seeds=1), tmp_path)
    write_csv(tmp_path / "t.csv", table.rows)
    write_parquet(tmp_path / "t.parquet", table.rows)
    with (tmp_path / "t.csv").open() as file:
        lines = list(csv.DictReader(file))
    found = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert [line["run"] for line in lines] == [row["run"] for row in found] == ["strict", "easy"]
    assert [float(line["wait_s_mean"]) for line in lines] == [row["wait_s_mean"] for row in found]


def test_ended_on_the_way_it_keeps_the_runs_that_are_over(tmp_path):
    said = []

    def told(share):
        said.append(share)
        if share >= 3 / 16:
            raise KeyboardInterrupt

    table = swept(asked(tmp_path), tmp_path, told)
    assert not table.is_complete
    assert len(table.rows) == 3
    assert said == sorted(said)


def test_a_backend_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="there is no such backend"):
        swept(asked(tmp_path, backend="cloud"), tmp_path)
    if importlib.util.find_spec("ray") is None:
        with pytest.raises(InputError, match="--on ray needs ray; install it"):
            swept(asked(tmp_path, backend="ray"), tmp_path)


@pytest.mark.slow
def test_processes_give_the_same_table_as_one(tmp_path):
    alone = swept(asked(tmp_path), tmp_path / "kernels")
    several = swept(asked(tmp_path, processes=3), tmp_path / "kernels")
    assert several.rows == alone.rows


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_local_dask_cluster_gives_the_same_table_as_one_process(tmp_path):
    pytest.importorskip("distributed", reason="Dask's distributed is not installed")
    alone = swept(asked(tmp_path), tmp_path / "kernels")
    there = swept(asked(tmp_path, processes=2, backend="dask"), tmp_path / "kernels")
    assert there.rows == alone.rows


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_local_ray_cluster_gives_the_same_table_as_one_process(tmp_path):
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1")
    try:
        alone = swept(asked(tmp_path), tmp_path / "kernels")
        there = swept(asked(tmp_path, processes=2, backend="ray"), tmp_path / "kernels")
    finally:
        ray.shutdown()
    assert there.rows == alone.rows
