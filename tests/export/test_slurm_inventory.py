"""Import and export of a Slurm cluster: every count is kept, whatever the cluster looks like."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import design, factory
from arkwright.design.network import network
from arkwright.engines.slurm.description import (
    Description,
    NodeLine,
    PartitionLine,
    SwitchLine,
    Topology,
)
from arkwright.engines.slurm.description_conf import configured_cluster
from arkwright.engines.slurm.description_inventory import inventory_of
from arkwright.engines.slurm.description_reading import kept, observed
from arkwright.export import export, slurm_factory
from arkwright.export.formats import Design

ROOT = Path(__file__).resolve().parents[2]


def counts(found):
    """What must not change: of nodes, GPUs by type, CPUs, MiB, partitions, switches, blocks."""
    gpus, others = {}, {}
    for node in found.nodes:
        for table, amounts in ((gpus, node.gpus), (others, node.gres)):
            for kind, count in amounts.items():
                table[kind] = table.get(kind, 0) + count
    return {
        "nodes": sorted(node.name for node in found.nodes),
        "gpus": gpus,
        "gres": others,
        "cpus": sum(node.cpus for node in found.nodes),
        "memory": sum(node.memory_mib for node in found.nodes),
        "features": sorted((node.name, node.features, node.weight) for node in found.nodes),
        "partitions": {
            line.name: (set(line.nodes), line.is_default, line.tier, line.time_limit_max_s)
            for line in found.partitions
        },
        "switches": {
            name: (set(line.nodes), set(line.switches))
            for name, line in found.topology.switches.items()
        },
        "blocks": {name: set(nodes) for name, nodes in found.topology.blocks.items()},
    }


def there_and_back(found):
    """The cluster as its factory's exported files describe it."""
    made = slurm_factory(inventory_of(found).inventory, factory="there", site="there")
    made = factory.loads(factory.dump(made).encode())
    plan = design.blueprint(made)
    files = export("slurm", Design(factory=made, plan=plan, network=network(made, plan)))
    return configured_cluster({name: "".join(text) for name, text in files.items()})


@st.composite
def clusters(draw):
    """CPU nodes and nodes of several GPU types, partitions that overlap, a tree, blocks."""
    names = [f"n{number:03d}" for number in range(1, draw(st.integers(1, 24)) + 1)]
    nodes = tuple(
        NodeLine(
            name=name,
            cpus=draw(st.sampled_from([1, 8, 128])),
            memory_mib=draw(st.sampled_from([1, 16_000, 1_031_072, 2_063_999])),
            gpus=draw(st.sampled_from([{}, {"gpu": 2}, {"h100": 8}, {"a100": 4, "v100": 2}])),
            gres=draw(st.sampled_from([{}, {}, {"shard": 16}])),
            features=draw(st.sampled_from([(), ("ib",), ("ib", "h100")])),
            weight=draw(st.sampled_from([1, 1, 10])),
        )
        for name in names
    )
    some = st.lists(st.sampled_from(names), min_size=1, unique=True).map(sorted).map(tuple)
    partitions = tuple(
        PartitionLine(
            name=name,
            nodes=draw(some),
            is_default=name == "p1",
            time_limit_max_s=draw(st.sampled_from([None, 3600.0, 172_800.0])),
            tier=draw(st.sampled_from([1, 5])),
        )
        for name in draw(st.sampled_from([["p1"], ["p1", "p2"], ["p1", "p2", "big-mem"]]))
    )
    width = draw(st.integers(1, 6))
    leaves = {
        f"leaf{first // width + 1}": SwitchLine(nodes=tuple(names[first : first + width]))
        for first in range(0, len(names), width)
    }
    top = {"top": SwitchLine(switches=tuple(leaves))} if draw(st.booleans()) else {}
    size = draw(st.integers(1, 5))
    blocks = {
        f"b{first}": tuple(names[first : first + size]) for first in range(0, len(names), size)
    }
    topology = Topology(
        switches=leaves | top if draw(st.booleans()) else {},
        blocks=blocks if draw(st.booleans()) else {},
    )
    return Description(nodes=nodes, partitions=partitions, topology=topology)


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_every_cluster_comes_back_with_every_count(found):
    assert counts(there_and_back(found)) == counts(found)


@pytest.mark.parametrize("version", ["22.05", "26.05"])
def test_a_recorded_cluster_comes_back_with_every_count(version):
    found = observed(kept(ROOT / "tests" / "slurm" / "recorded" / version)).cluster
    assert counts(there_and_back(found)) == counts(found)


MIXED = b"""
factory: mixed
sites:
  new-york:
    halls:
      h1: {system: gb300-nvl72, nodes: 45}
      h2: {system: dgx-h100, nodes: 70}
  oslo: {halls: {h1: {system: dgx-h100, racks: 3}}}
"""
"""Two sites, half a rack, two systems that share no compute fabric."""


@pytest.mark.parametrize("name", ["fjord", "h100-superpod-127", "mixed"])
def test_what_our_own_export_writes_comes_back_and_knows_its_system(name):
    path = ROOT / "examples" / f"{name}.yaml"
    made = factory.loads(MIXED) if name == "mixed" else factory.load(path)
    plan = design.blueprint(made)
    files = export("slurm", Design(factory=made, plan=plan, network=network(made, plan)))
    folders = {path.rpartition("/")[0] for path in files}
    for folder in folders:
        mine = {
            path.rpartition("/")[2]: "".join(text)
            for path, text in list(files.items())
            if path.rpartition("/")[0] == folder
        }
        found = configured_cluster(mine)
        again = there_and_back(found)
        assert counts(again) == counts(found)
        listed = inventory_of(again)
        here = [node for node in plan.nodes if folder in ("", node.site)]
        assert len(found.nodes) == len(here)
        assert sum(sum(node.gpus.values()) for node in found.nodes) == sum(n.gpus for n in here)
        assert {group.system for group in listed.inventory.nodes} == {n.system for n in here}


def test_nodes_of_an_imported_cluster_are_simulated_like_any_others():
    from arkwright.design.whole import whole
    from arkwright.twin.setting import of_factory

    found = observed(kept(ROOT / "tests" / "slurm" / "recorded" / "26.05")).cluster
    made = slurm_factory(inventory_of(found).inventory, factory="lab", site="lab")
    setting = of_factory(made, whole(made))
    assert len(setting.nodes) == 6
    assert int(setting.places.gpus.sum()) == 24  # 2 x 8 + 2 x 4
