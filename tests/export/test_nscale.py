"""An operator's topology JSON becomes a factory with every server and every scale-up domain."""

import json

import pytest

from arkwright import design, factory
from arkwright.errors import InputError
from arkwright.export import imported, places_csv, read_nscale


def entry(name, leaf="leaf-1", block=None, core="core-1"):
    found = {"server_id": name, "network_node_path": [core, "spine-1", leaf]}
    return found | ({"block_id": block} if block else {})


def rack(number, servers=18):
    return [
        entry(f"s{number}-{n}", f"leaf-{number}", f"nvl-{number}") for n in range(1, servers + 1)
    ]


def read(entries):
    return read_nscale(json.dumps({"results": entries}).encode(), "topology.json")


def made(entries, system="gb300-nvl72", **more):
    return imported(read(entries), factory="glomfjord", site="glomfjord", system=system, **more)


def test_both_versions_of_the_api_are_read():
    new = json.dumps({"results": [entry("a", block="b")]}).encode()
    old = json.dumps(
        [{"instance_id": "a", "network_node_path": ["core-1", "spine-1", "leaf-1"],
          "block_id": "b"}]
    ).encode()  # fmt: skip
    assert read_nscale(new) == read_nscale(old)


def test_whole_blocks_become_racks():
    found = made([*rack(2), *rack(10), *rack(1)], country="NO")
    (site,) = found.factory.sites.values()
    assert {name: hall.nodes for name, hall in site.halls.items()} == {"h1": 54}
    assert (site.country, site.fabric.scalable_unit_nodes) == ("NO", 18)
    assert found.notes == ()
    at = {place.server.name: place.path for place in found.places}
    # In the order a person counts: leaf-1, leaf-2, leaf-10.
    assert at["s1-1"] == "glomfjord/h1/r001/t01"
    assert at["s2-18"] == "glomfjord/h1/r002/t18"
    assert at["s10-1"] == "glomfjord/h1/r003/t01"


def test_a_block_that_misses_servers_gets_a_hall_so_that_no_domain_is_mixed():
    found = made([*rack(1), *rack(2, servers=16), *rack(3)])
    halls = found.factory.sites["glomfjord"].halls
    assert {name: hall.nodes for name, hall in halls.items()} == {"h1": 36, "h1-b1": 16}
    assert found.notes == ("1 block misses servers; it stands in a hall of its own",)
    domains = {}
    for place, node in zip(found.places, design.blueprint(found.factory).nodes, strict=True):
        domains.setdefault(place.server.block, set()).add(node.domains[0])
    assert all(len(found) == 1 for found in domains.values())


def test_each_core_is_a_hall():
    entries = [entry(f"{core}-{n}", core=core) for core in ("north", "south") for n in range(5)]
    found = made(entries, system="dgx-h100")
    halls = found.factory.sites["glomfjord"].halls
    assert [hall.nodes for hall in halls.values()] == [5, 5]
    assert found.factory.sites["glomfjord"].fabric.scalable_unit_nodes == 5


def test_the_factory_is_one_that_loads_and_the_table_names_every_server():
    found = made(rack(1))
    again = factory.loads(factory.dump(found.factory).encode())
    assert design.blueprint(again).gpus == 72
    lines = places_csv(found.places).splitlines()
    assert lines[0] == "server,node,core,spine,leaf,block"
    assert lines[1] == "s1-1,glomfjord/h1/r001/t01,core-1,spine-1,leaf-1,nvl-1"
    assert len(lines) == 19


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "topology.json is not JSON"),
        (b"[]", "not Nscale's topology JSON"),
        (b'{"results": [1]}', "entry 1 is not an object"),
        (b'[{"network_node_path": ["a"]}]', "entry 1 has no server_id"),
        (b'[{"server_id": "a"}]', r"entry 1 \(a\): network_node_path should be names"),
        (b'[{"server_id": "a", "network_node_path": [1]}]', "network_node_path should be names"),
        (
            b'[{"server_id": "a", "network_node_path": ["l"], "block_id": 1}]',
            "block_id should be a name",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data, says):
    with pytest.raises(InputError, match=says):
        read_nscale(data, "topology.json")


def test_a_server_that_is_there_twice_is_refused():
    with pytest.raises(InputError, match="a is there twice"):
        read([entry("a"), entry("b"), entry("a")])


def test_a_block_larger_than_the_systems_domain_names_both():
    with pytest.raises(InputError, match="block nvl-1 has 19 servers, and gb300-nvl72 has 18"):
        made(rack(1, servers=19))


def test_a_site_name_that_no_factory_file_takes_is_refused():
    with pytest.raises(InputError, match="lower-case"):
        imported(read(rack(1)), factory="f", site="Glomfjord!", system="gb300-nvl72")


def test_leaves_of_unlike_size_are_said():
    entries = [entry(f"{leaf}-{n}", leaf) for leaf, count in (("a", 4), ("b", 2), ("c", 3))
               for n in range(count)]  # fmt: skip
    assert made(entries, system="dgx-h100").notes == (
        "leaves have 2 to 4 servers; a factory file knows one number",
    )
