"""Nodes of a real machine, in the form of nodes on paper."""

import pytest

from arkwright import design
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


def test_facts_are_kept_and_nothing_virtual_is_given_watts():
    (node,) = design.engine_nodes([facts("here/local/r01/n01", cpus=0.5)])
    assert (node.gpus, node.gpu_type, node.is_virtual) == (2, "virtual", True)
    assert (node.cpus, node.memory_mib) == (0.5, 512)
    assert node.power_kw_max is None


def test_a_path_of_another_form_is_a_bug():
    with pytest.raises(InternalError, match="site/hall/rack/tray"):
        design.engine_nodes([facts("n01")])
