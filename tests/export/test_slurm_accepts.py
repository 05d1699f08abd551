"""Slurm's own controller reads what `export slurm` writes, and finds every node and GPU in it.

22.05 (Debian 12) knows the tree in `topology.conf`; the newest (Debian sid) the blocks and
`topology.yaml` too.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arkwright import design, factory
from arkwright.design.network import network
from arkwright.engines.slurm.description_inventory import inventory_of
from arkwright.engines.slurm.description_reading import kept, observed, topology_of
from arkwright.engines.slurm.description_scontrol import running_cluster
from arkwright.export.fabric_tree import fabric_trees
from arkwright.export.slurm import slurm
from arkwright.export.slurm_inventory import slurm_of_inventory
from export.slurm_controller import controller
from export.test_slurm_inventory import counts
from slurm.lab import VERSIONS

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RECORDED = Path(__file__).resolve().parents[1] / "slurm" / "recorded"
MIXED = b"""
factory: mixed
sites:
  new-york:
    halls:
      h1: {system: gb300-nvl72, nodes: 45}
      h2: {system: dgx-h100, nodes: 70}
      h3: {system: gb300-nvl72, racks: 9}
"""
"""A hyphen in a name, half a rack, two systems that share no compute fabric."""


def named(name):
    return factory.loads(MIXED) if name == "mixed" else factory.load(EXAMPLES / f"{name}.yaml")


# The names, the nodes, and the GPUs: 1,296 x 4; 127 x 8; 45 x 4 + 70 x 8 + 9 x 72.
CASES = [("fjord", 1296, 5184), ("h100-superpod-127", 127, 1016), ("mixed", 277, 1388)]
cases = pytest.mark.parametrize(("name", "nodes", "gpus"), CASES, ids=[c[0] for c in CASES])


def exported(name):
    """The files, and the names of the nodes."""
    found = named(name)
    plan = design.blueprint(found)
    trees = fabric_trees(plan, network(found, plan))
    return slurm(found.factory, trees), [host for tree in trees for host in tree.names]


def check_nodes(ask, hosts, gpus):
    """Every node with its GPUs, as the controller shows them."""
    shown = ask("show", "nodes", "--oneliner").splitlines()
    assert {re.match(r"NodeName=(\S+)", line)[1] for line in shown} == set(hosts)
    assert sum(int(re.search(r"Gres=gpu:\w+:(\d+)", line)[1]) for line in shown) == gpus


def check_leaves(ask, shown, hosts):
    """Every node below one leaf group."""
    leaves = [line for line in shown.splitlines() if "Level=0" in line]
    below = [node for line in leaves for node in ask.expand(re.search(r"Nodes=(\S+)", line)[1])]
    assert sorted(below) == sorted(hosts)


def check_blocks(ask, shown, hosts):
    """Every node in one block; what is made of several blocks has no name of its own."""
    base = [line for line in shown.splitlines() if re.match(r"BlockName=\S+ BlockIndex", line)]
    inside = [node for line in base for node in ask.expand(re.search(r"Nodes=(\S+)", line)[1])]
    assert sorted(inside) == sorted(hosts)


@cases
@pytest.mark.parametrize("version", VERSIONS)
def test_the_tree_is_taken(version, name, nodes, gpus):
    files, hosts = exported(name)
    assert len(hosts) == nodes
    files = {key: files[key] for key in ("nodes.conf", "gres.conf", "topology.conf")}
    with controller(version, files, "topology/tree", hosts) as ask:
        check_nodes(ask, hosts, gpus)
        check_leaves(ask, ask("show", "topology"), hosts)
        assert not ask.complaints()


@cases
def test_the_blocks_are_taken(name, nodes, gpus):
    files, hosts = exported(name)
    files["topology.conf"] = files.pop("topology-block.conf")
    del files["topology.yaml"]
    with controller("newest", files, "topology/block", hosts) as ask:
        check_nodes(ask, hosts, gpus)
        check_blocks(ask, ask("show", "topology"), hosts)
        assert not ask.complaints()


@cases
def test_all_topologies_of_one_yaml_are_taken(name, nodes, gpus):
    files, hosts = exported(name)
    del files["topology.conf"], files["topology-block.conf"]
    with controller("newest", files, "topology/tree", hosts) as ask:
        check_nodes(ask, hosts, gpus)
        check_leaves(ask, ask("show", "topology", "tree"), hosts)
        systems = re.findall(r"topology: (?!tree)(\S+)", ask("show", "topoconf"))
        shown = [ask("show", "topology", system) for system in systems]
        check_blocks(ask, "\n".join(shown), hosts)
        assert not ask.complaints()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cluster_that_was_imported_and_written_back_is_taken_with_every_count(version):
    """CPU nodes, two types of GPU, partitions that overlap, a tree; blocks on the newest."""
    found = observed(kept(RECORDED / ("22.05" if version == "22.05" else "26.05"))).cluster
    made = slurm_of_inventory("lab", "lab", inventory_of(found).inventory)
    left_out = ("topology.conf", "topology-block.conf", "topology.yaml")
    wanted = "topology.conf" if version == "22.05" else "topology.yaml"
    files = {name: text for name, text in made.items() if name not in left_out or name == wanted}
    with controller(version, files, "topology/tree", [node.name for node in found.nodes]) as ask:
        texts = {"topology": ask("show", "topology")}
        if version != "22.05":
            texts["topoconf"] = ask("show", "topoconf")
        again = running_cluster(
            "", ask("show", "node", "-o"), ask("show", "partition", "-o"), topology_of(texts)
        )
        assert counts(again) == counts(found)
        assert not ask.complaints()
