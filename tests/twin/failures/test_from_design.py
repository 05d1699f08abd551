"""Groups of a designed factory, and a year of its failures."""

from pathlib import Path

import numpy as np
import pytest

from arkwright import factory
from arkwright.design.whole import whole
from arkwright.twin.failures import Part, failure_spec, outages, strikes_nothing, topology_of
from arkwright.twin.record import Places
from twin.fleets import START_MS, YEAR_MS

EXAMPLES = Path(__file__).parents[3] / "examples"


def places_of(design):
    nodes = design.blueprint.nodes

    def indexed(names):
        known = {name: place for place, name in enumerate(dict.fromkeys(names))}
        return np.array([known[name] for name in names]), list(known)

    site, sites = indexed([node.site for node in nodes])
    hall, halls = indexed([f"{node.site}/{node.hall}" for node in nodes])
    rack, racks = indexed([node.path.rpartition("/")[0] for node in nodes])
    kind, kinds = indexed([node.gpu_type for node in nodes])
    gpus = np.array([node.gpus for node in nodes])
    return Places([node.path for node in nodes], site, hall, rack, rack, gpus, kind, sites, halls,
                  racks, racks, kinds)  # fmt: skip


@pytest.fixture(scope="module", params=["fjord", "h100-superpod-127"])
def built(request):
    design = whole(factory.load(EXAMPLES / f"{request.param}.yaml"))
    places = places_of(design)
    return request.param, places, topology_of(design, places)


def test_a_leaf_group_has_the_leaves_of_the_published_design(built):
    name, _, topology = built
    leaf = next(group for group in topology.groups if group.part is Part.LEAF)
    if name == "h100-superpod-127":
        # NVIDIA RA-11333: 127 nodes in 4 scalable units of up to 32, each with 8 leaves
        assert leaf.parts == 8
        assert np.bincount(leaf.of_node).tolist() == [32, 32, 32, 31]
    assert leaf.of_node.min() == 0
    assert leaf.spare == 0


def test_a_rack_has_two_cords_of_which_one_may_be_out(built):
    _, places, topology = built
    (pdu,) = [group for group in topology.groups if group.part is Part.PDU]
    assert (pdu.parts, pdu.spare) == (2, 1)
    for rack in range(len(places.racks)):
        assert len(set(pdu.of_node[places.rack == rack])) == 1


def test_only_a_liquid_hall_has_cdus_and_they_share_its_nodes(built):
    name, places, topology = built
    cdus = [group for group in topology.groups if group.part is Part.CDU]
    if name == "h100-superpod-127":
        assert cdus == []
    else:
        # Narvik: 7 of 1,350 kW carry 8,895 kW, and one more
        (cdu,) = cdus
        assert (len(cdu.path), cdu.parts, cdu.spare) == (7, 2, 1)
        assert np.bincount(cdu.of_node).tolist() == pytest.approx([len(places.path) / 7] * 7, abs=1)


def test_a_year_of_the_factory_has_failures_of_every_kind_that_has_no_spare(built):
    name, places, topology = built
    spec = failure_spec("default")
    out = outages(spec, places, topology, START_MS, START_MS + 3 * YEAR_MS, 1)
    seen = {out.causes[k] for k in set(out.cause.tolist())}
    assert {"gpu", "node", "link", "leaf"} <= seen
    missing = {"cdu"} if name == "h100-superpod-127" else set()
    assert set(strikes_nothing(spec, topology)) == missing
