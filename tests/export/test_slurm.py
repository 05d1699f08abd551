"""Slurm's files for two known designs, line by line where a line says much."""

from pathlib import Path

import pytest

from arkwright import design, factory
from arkwright.design.network import network
from arkwright.errors import InputError
from arkwright.export import Design, export
from arkwright.export.slurm import block_sizes
from export import readers

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def written(found):
    plan = design.blueprint(found)
    made = Design(factory=found, plan=plan, network=network(found, plan))
    return {path: "".join(pieces) for path, pieces in export("slurm", made).items()}


def test_narvik_is_one_line_of_nodes():
    files = written(factory.load(EXAMPLES / "fjord.yaml"))
    assert (
        "NodeName=narvik-h1-r[001-072]-t[01-18] CPUs=144 RealMemory=1783370 Gres=gpu:gb300:4 "
        "Feature=gb300-nvl72 State=UNKNOWN\n"
    ) in files["nodes.conf"]
    assert "File=/dev/nvidia[0-3]" in files["gres.conf"]
    # 18 groups of 72 nodes: a leaf of 144 ports has 72 down, and every rail its own leaf.
    leaf, root = readers.slurm_tree(files["topology.conf"])
    assert len(set(leaf.values())) == 18
    assert set(root.values()) == {"narvik-compute-spines-001"}
    blocks, sizes = readers.slurm_blocks(files["topology-block.conf"])
    assert blocks["narvik-h1-r001"] == [f"narvik-h1-r001-t{n:02d}" for n in range(1, 19)]
    assert sizes == [18, 36, 72, 144, 288, 576, 1152]


def test_nodes_alone_in_their_scale_up_domain_are_planned_by_leaf_group():
    files = written(factory.load(EXAMPLES / "h100-superpod-127.yaml"))
    blocks, sizes = readers.slurm_blocks(files["topology-block.conf"])
    assert [len(nodes) for nodes in blocks.values()] == [32, 32, 32, 31]
    assert sizes == [31, 62, 124]


def test_each_site_is_a_cluster_in_a_folder():
    found = factory.loads(
        b"factory: f\nsites: {a: {halls: {h: {system: dgx-h100, nodes: 4}}}, "
        b"b: {halls: {h: {system: mi300x-8, nodes: 4}}}}"
    )
    files = written(found)
    assert {path.split("/")[0] for path in files} == {"a", "b"}
    assert "File=/dev/dri/renderD[128-135]" in files["b/gres.conf"]
    assert files["b/nodes.conf"].startswith("# Site b of factory f")


@pytest.mark.parametrize(
    ("blocks", "sizes"),
    [([18], [18]), ([18, 18], [18, 36]), ([18] * 3, [18, 36]), ([18, 9], [9, 18])],
)
def test_sizes_double_from_the_smallest_block(blocks, sizes):
    assert block_sizes(blocks) == sizes


def test_a_site_whose_name_makes_labels_too_long_is_refused():
    # 15 hyphens, doubled, in a name of 31: the host names fit, the name of a leaf group does not.
    site = "a-" * 15 + "b"
    text = f"factory: f\nsites: {{{site}: {{halls: {{h: {{system: dgx-h100, nodes: 4}}, "
    text += "g: {system: gb300-nvl72, nodes: 4}}}}"
    with pytest.raises(InputError, match="are allowed; shorten the name of the site"):
        written(factory.loads(text.encode()))
