"""A real cluster of each version is observed and imported, and is afterwards as it was before."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from arkwright import factory
from arkwright.cli import main
from slurm.lab import VERSIONS
from slurm.mixed import fill, mixed_cluster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=VERSIONS)
def lab(request):
    with mixed_cluster(request.param) as lab:
        lab.ids = fill(lab)
        yield lab


@pytest.fixture
def ark(lab, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ARKWRIGHT_HOME", str(tmp_path / "home"))
    prefix = shlex.join(lab.command("true")[:-1])

    def call(*words):
        code = main([*words, "--prefix", prefix])
        out, err = capsys.readouterr()
        assert code == 0, err
        return out

    return call


def state(lab):
    """All that somebody could have changed, without what the cluster itself goes on changing."""
    jobs = lab.run("squeue", "-a", "-r", "-h", "-O", "JobArrayID:^,State:^,TimeLimit:^,NumNodes:^,"
                   "Nice:^,Partition:^,Feature:^,ReqNodes:^,Dependency:^")  # fmt: skip
    nodes = lab.run("scontrol", "-o", "show", "node")
    keys = r"(?:NodeName|State|Reason|Weight|Gres|AvailableFeatures|Partitions)=\S*"
    described = [re.findall(keys, line.replace("+PLANNED", "")) for line in nodes.splitlines()]
    shows = [lab.run("scontrol", "-o", "show", what) for what in ("partition", "reservation")]
    return sorted(jobs.splitlines()), described, shows


def test_the_cluster_is_seen_as_it_is_and_left_as_it_was(lab, ark):
    before = state(lab)
    told = json.loads(ark("observe", "slurm", "--json"))
    assert told["version"] == lab.version
    assert (told["nodes"], told["nodes_draining"]) == (6, 1)
    used = {row["gpu_type"]: (row["gpus"], row["used"]) for row in told["gpus"]}
    assert used["h100"] == (16, 16)
    assert used["a100"][0] == 8
    assert sum(row["jobs"] for row in told["history"]) >= 6
    for words in (["why", "wide"], ["when", "wide"], ["whatif", "wide", "--nodes", "1"]):
        ark("observe", "slurm", *words)
    assert state(lab) == before


def test_a_gang_is_expected_when_slurm_expects_it(lab, ark):
    told = json.loads(ark("observe", "slurm", "when", "wide", "--json"))
    training = json.loads(ark("observe", "slurm", "when", "train", "--json"))["forecast"]
    assert told["forecast"]["start_ms"] == training["start_ms"] + 120 * 60_000
    if told["slurm_start_ms"] is not None:
        assert abs(told["forecast"]["start_ms"] - told["slurm_start_ms"]) <= 60_000


def test_its_history_has_receipts_and_is_decided_anew(lab, ark):
    told = json.loads(ark("observe", "slurm", "cost", lab.ids["stopped"], "--json"))
    lines = {line["label"]: line for line in told["lines"]}
    assert told["state"] == "cancelled"
    assert lines["IT energy"]["how"].startswith("an estimate")
    compared = json.loads(ark("observe", "slurm", "compare", "--json"))
    assert compared["jobs"] >= 6
    assert compared["arkwright"]["waits"]["mean_s"] <= compared["slurm"]["waits"]["mean_s"]


def test_its_configuration_files_say_the_same_as_the_running_cluster(lab, ark, tmp_path, capsys):
    ark("import", "slurm", "--site", "lab", "-o", str(tmp_path / "asked"))
    folder = str(lab.path("/etc/slurm"))
    assert main(["import", "slurm", folder, "--site", "lab", "-o", str(tmp_path / "read")]) == 0
    asked, read = (
        factory.load(tmp_path / name / "factory.yaml").sites["lab"].inventory
        for name in ("asked", "read")
    )
    assert read.pools.keys() == asked.pools.keys()
    assert [group.gpus for group in read.nodes] == [group.gpus for group in asked.nodes]
    assert [group.names for group in read.nodes] == [group.names for group in asked.nodes]
    assert read.switches == asked.switches
    assert read.blocks == asked.blocks


def test_it_becomes_a_factory(lab, ark, tmp_path):
    ark("import", "slurm", "--site", "lab", "-o", str(tmp_path))
    found = factory.load(tmp_path / "factory.yaml").sites["lab"].inventory
    assert {name: pool.nodes for name, pool in found.pools.items()} == {
        "gpu": "n[1-4]",
        "cpu": "n[5-6]",
        "all": "n[1-6]",
    }
    assert found.blocks == ({} if lab.old else {"rack1": "n[1-2]", "rack2": "n[3-4]"})
