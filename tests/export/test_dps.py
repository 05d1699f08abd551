"""A design goes to NVIDIA DPS and comes back with every node, rack, hall and limit."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import design, factory
from arkwright.design.dps import read_dps
from arkwright.design.network import Network
from arkwright.design.whole import whole
from arkwright.errors import InputError
from arkwright.export import Design, export, host_name, import_dps, servers_csv
from arkwright.factory import PowerBasis
from design.test_dps import simulator

SYSTEMS = ["gb300-nvl72", "dgx-h100", "mi300x-8", "vr-nvl72"]
HALLS = st.lists(st.tuples(st.sampled_from(SYSTEMS), st.integers(1, 90)), min_size=1, max_size=3)


def written(halls, connection="90 MW"):
    text = {
        "factory": "f",
        "sites": {
            "new-york": {
                "grid": {"connection": connection},
                "halls": {
                    f"hall-{i}": {"system": system, "nodes": nodes}
                    for i, (system, nodes) in enumerate(halls)
                },
            }
        },
    }
    return factory.loads(json.dumps(text).encode())


def exported(found):
    built = whole(found)
    made = Design(
        factory=found,
        plan=built.blueprint,
        network=Network(sites=tuple(site.network for site in built.sites), links=built.links),
        chains={site.plan.name: site.plant.power.tree for site in built.sites},
    )
    files = {path: "".join(pieces) for path, pieces in export("dps", made).items()}
    return built, files


@settings(max_examples=12, deadline=None)
@given(HALLS)
def test_out_and_back_keeps_every_node_and_hall_and_the_connection(halls):
    found = written(halls)
    built, files = exported(found)
    text = files["topology.json"]
    back = import_dps(text.encode(), factory="f", site="new-york", system=None)
    one, other = found.sites["new-york"], back.factory.sites["new-york"]
    assert other.halls == one.halls
    assert other.grid == one.grid
    assert [server.name for server, _ in back.places] == [
        host_name(path) for _, path in back.places
    ]
    assert len(back.places) == len(built.blueprint.nodes)


def test_every_part_of_the_chain_is_in_the_file_with_what_it_may_carry():
    built, files = exported(written([("gb300-nvl72", 36), ("dgx-h100", 6)]))
    file = read_dps(files["topology.json"])
    tree = built.sites[0].plant.power.tree
    types = Counter(entity.type for entity in file.entities)
    assert types["ComputerSystem"] == 42
    assert types["PowerDomain"] == 1
    # Every rack of the tree is a distribution of its own, as every transformer, UPS and busway.
    assert sum(types.values()) == len(tree.nodes) + 42
    busways = [e for e in file.entities if "busway" in e.name]
    assert [e.operating_limit.kw for e in busways] == pytest.approx([451.2] * len(busways))
    assert len(busways) == tree.count("busway")


def test_several_sites_are_several_files():
    halls = "{halls: {h: {system: dgx-h100, racks: 1}}}"
    text = f"factory: f\nsites: {{a: {halls}, b: {halls}}}".encode()
    assert set(exported(factory.loads(text))[1]) == {"a/topology.json", "b/topology.json"}


def read(plain, **more):
    return import_dps(json.dumps(plain).encode(), "sim.json", factory="f", site="a", **more)


def test_the_simulator_s_file_becomes_eight_racks_and_its_excess_is_told():
    found = read(simulator())
    site = found.factory.sites["a"]
    assert {name: (hall.system, hall.nodes) for name, hall in site.halls.items()} == {
        "h1": ("gb300-nvl72", 144)
    }
    assert (site.grid.connection, site.grid.basis) == (750, PowerBasis.IT)
    racks = {}
    for server, path in found.places:
        racks.setdefault(server.rack, set()).add(path.rpartition("/")[0])
    assert len(racks) == 8
    assert all(len(paths) == 1 for paths in racks.values())
    # 144 x 6,667 W
    assert any("Utility: peak demand of 960.048 kW is 210.048 kW above" in n for n in found.notes)
    assert read(simulator(), basis=PowerBasis.GRID).factory.sites["a"].grid.basis is PowerBasis.GRID


def test_a_rack_that_misses_servers_is_last_and_a_second_one_has_a_hall_of_its_own():
    plain = simulator()
    gone = {"node-2-18", "node-5-17", "node-5-18"}
    plain["Entities"] = [e for e in plain["Entities"] if e["Name"] not in gone]
    relations = [r for r in plain["Topology"]["Entities"] if r["Name"] not in gone]
    for relation in relations:
        if "Children" in relation:
            relation["Children"] = [c for c in relation["Children"] if c not in gone]
    plain["Topology"]["Entities"] = relations
    found = read(plain)
    halls = {name: hall.nodes for name, hall in found.factory.sites["a"].halls.items()}
    # Rack 5 comes before rack 2, for both hang on other PDUs: 6 x 18 + 16, and 17.
    assert halls == {"h1": 124, "h1-b1": 17}
    domains = {}
    for (server, _), node in zip(found.places, design.blueprint(found.factory).nodes, strict=True):
        domains.setdefault(node.domains[0], set()).add(server.rack)
    assert all(len(racks) == 1 for racks in domains.values())
    assert any("1 of them stands in a hall of its own" in note for note in found.notes)


def test_racks_of_another_size_are_refilled_and_that_is_said():
    plain = simulator()
    for entity in plain["Entities"]:
        if entity["Type"] == "ComputerSystem":
            entity["Model"] = "DGX_H100"
    found = read(plain)
    assert found.factory.sites["a"].halls["h1"].nodes == 144
    assert any("144 servers of h1 hang on 8 parts and fill 36 racks of 4" in n for n in found.notes)


def test_a_model_nobody_knows_needs_the_system_and_each_is_named():
    plain = simulator()
    for number, entity in enumerate(e for e in plain["Entities"] if e["Type"] == "ComputerSystem"):
        entity["Model"] = "OTHER" if number % 2 else "MORE"
    with pytest.raises(InputError, match=r"MORE \(72\), OTHER \(72\); say what they are"):
        read(plain)
    assert read(plain, system="mi300x-8").factory.sites["a"].halls["h1"].nodes == 144


def test_a_server_that_nothing_lists_is_refused_and_a_file_without_servers_too():
    plain = simulator()
    plain["Entities"].append({"Type": "ComputerSystem", "Name": "lost", "Model": "DGX_H100"})
    with pytest.raises(InputError, match=r"lost is in Entities and not in Topology\.Entities"):
        read(plain)
    empty = {"Topology": {"Name": "t", "Entities": []}, "Entities": []}
    with pytest.raises(InputError, match="no servers to import"):
        read(empty)


def test_the_table_says_which_server_is_which_node_and_what_feeds_it():
    lines = servers_csv(read(simulator()).places).splitlines()
    assert lines[0] == "server,node,rack,feeds"
    assert lines[1] == "node-1-01,a/h1/r001/t01,Rack-1,Utility/Switchboard/FloorPDU-1/Rack-1"
    assert len(lines) == 145
