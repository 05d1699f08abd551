"""Nodes of a real machine, in the form of nodes on paper."""

import pytest

from arkwright import catalog, design
from arkwright.design import LEVELS
from arkwright.engines.port import NodeFacts
from arkwright.errors import InternalError
from arkwright.jobs.spec import Level


def facts(path, **changes):
    given = {"gpus": 2, "gpu_type": "virtual", "is_virtual": True, "cpus": 1.0, "memory_mib": 512}
    return NodeFacts(path=path, **(given | changes))


def test_nodes_of_one_machine_share_everything_but_the_scale_up_domain():
    nodes = design.engine_nodes([facts(f"here/local/r01/n0{i}") for i in (1, 2)])
    counts = [len(names) for names in design.domain_names(nodes)]
    assert dict(zip(LEVELS, counts, strict=True)) == {
        Level.SCALE_UP: 2,
        Level.RACK: 1,
        Level.LEAF: 1,
        Level.SPINE: 1,
        Level.HALL: 1,
        Level.SITE: 1,
    }


def test_nodes_of_a_cluster_are_near_where_their_racks_are_the_same():
    paths = ["narvik/spine/leaf1/n1", "narvik/spine/leaf1/n2", "narvik/spine/leaf2/n3"]
    nodes = design.engine_nodes([facts(path) for path in paths])
    counts = [len(names) for names in design.domain_names(nodes)]
    # Scale-up domains, racks, leaves, spines, halls, sites.
    assert counts == [3, 2, 2, 1, 1, 1]


def test_facts_are_kept_and_nothing_virtual_is_given_watts():
    (node,) = design.engine_nodes([facts("here/local/r01/n01", cpus=0.5)])
    assert (node.gpus, node.gpu_type, node.is_virtual) == (2, "virtual", True)
    assert (node.cpus, node.memory_mib) == (0.5, 512)
    assert node.power_kw_max is None


def test_a_node_with_real_gpus_draws_what_the_catalogue_says_at_most():
    real = {"gpus": 8, "gpu_type": "h100", "is_virtual": False}
    (node,) = design.engine_nodes([facts("here/local/r01/n01", **real)])
    shares = [row.gpu_power_w_max for row in catalog.systems().values() if row.gpu == "h100"]
    assert node.power_kw_max == min(shares, default=700) * 8 / 1000
    (node,) = design.engine_nodes([facts("here/local/r01/n01", **real | {"gpu_type": "rtx-1"})])
    assert node.power_kw_max is None


def test_a_path_of_another_form_is_a_bug():
    with pytest.raises(InternalError, match="site/hall/rack/tray"):
        design.engine_nodes([facts("n01")])


def test_pools_and_features_are_the_engines():
    (node,) = design.engine_nodes([facts("c/spine/leaf1/n1", pools=("gpu",), features=("ib",))])
    assert (node.pools, node.features) == (("gpu",), ("ib",))
