"""NVIDIA DPS topology JSON: read, written back, counts kept, problems named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright import design, factory
from arkwright.design.dps import dps_of_tree, read_dps, tree_of_dps, with_trays, write_dps
from arkwright.design.power_chain import plan_power, rack_loads
from arkwright.design.power_tree import PowerNode, loads, over_limit, tree_of
from arkwright.errors import InputError
from arkwright.factory import Power


def simulator():
    """The SDK simulator's tree as a DPS file: 8 racks of 18 trays under four PDUs."""
    racks = {n: [f"node-{n}-{t:02d}" for t in range(1, 19)] for n in range(1, 9)}
    feeds = {
        "Utility": ["Switchboard"],
        "Switchboard": [f"FloorPDU-{n}" for n in range(1, 5)],
        **{f"FloorPDU-{n}": [f"Rack-{n}", f"Rack-{n + 4}"] for n in range(1, 5)},
        **{f"Rack-{n}": trays for n, trays in racks.items()},
    }
    limits = {"Utility": 750_000, "Switchboard": 1_600_000}
    limits |= {f"FloorPDU-{n}": 450_000 for n in range(1, 5)}
    things = [
        {
            "Type": "PowerDomain" if name == "Utility" else "PowerDistribution",
            "Name": name,
            **(
                {"OperatingLimit": {"PowerValue": {"Type": "W", "Value": limits[name]}}}
                if name in limits
                else {}
            ),
        }
        for name in feeds
    ]
    trays = [tray for names in racks.values() for tray in names]
    things += [{"Type": "ComputerSystem", "Model": "DGX_GB300", "Name": t} for t in trays]
    relations = [{"Name": name, "Children": below} for name, below in feeds.items()]
    relations += [{"Name": tray} for tray in trays]
    return {"Topology": {"Name": "sim", "Entities": relations}, "Entities": things}


def test_gate_the_simulator_file_is_over_at_the_utility():
    file = read_dps(json.dumps(simulator()))
    tree = tree_of_dps(file)
    assert tree.count("ComputerSystem") == 144
    (finding,) = over_limit(tree)
    assert finding.where == "Utility"
    assert "960.048 kW" in finding.text  # 144 x 6,667 W


def test_a_policy_for_the_node_caps_it():
    plain = simulator()
    policy = {
        "Name": "low",
        "Limits": [
            {"ElementType": "Node", "PowerLimit": {"Watts": 5000}},
            {"ElementType": "GPU", "PowerLimit": {"Watts": 4000}},
        ],
    }
    for thing in plain["Entities"]:
        if thing["Type"] == "ComputerSystem":
            thing["Policy"] = "low"
    tree = tree_of_dps(read_dps(json.dumps(plain | {"Policies": [policy]})))
    assert loads(tree).delivered_kw[0, 0] == pytest.approx(720)  # 144 x 5 kW fits 750
    assert over_limit(tree) == []


def test_a_limit_in_va_counts_times_its_power_factor():
    plain = simulator()
    limit = {"PowerFactor": 0.9, "PowerValue": {"Type": "VA", "Value": 1_000_000}}
    plain["Entities"][0]["OperatingLimit"] = limit
    tree = tree_of_dps(read_dps(json.dumps(plain)))
    assert tree.nodes[0].rating_kw == pytest.approx(900)


def test_the_older_name_of_the_limit_is_read_too():
    plain = simulator()
    plain["Entities"][0]["Constraints"] = plain["Entities"][0].pop("OperatingLimit")
    assert tree_of_dps(read_dps(json.dumps(plain))).nodes[0].rating_kw == 750


def test_a_file_read_and_written_says_the_same():
    file = read_dps(json.dumps(simulator()))
    again = read_dps(write_dps(file))
    assert again == file
    assert json.loads(write_dps(file))["Topology"] == simulator()["Topology"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["Entities"].pop(0), "found 'Utility'; it must be an entity of that name"),
        (lambda d: d["Entities"].append(d["Entities"][0]), "defined once"),
        (lambda d: d["Topology"]["Entities"].append({"Name": "Utility"}), "listed once"),
        (
            lambda d: d["Entities"][0]["OperatingLimit"]["PowerValue"].update(Type="A"),
            "W, kW, VA or kVA",
        ),
        (lambda d: d["Entities"][0].pop("Type"), "is not a DPS topology"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(change, said):
    plain = simulator()
    change(plain)
    with pytest.raises(InputError, match=said):
        read_dps(json.dumps(plain))


@st.composite
def trees(draw):
    nodes = []
    for number in range(draw(st.integers(1, 15))):
        above = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        limit = draw(st.none() | st.floats(1, 1e6))
        kind = draw(st.sampled_from(["busway", "ups", "node"]))
        parents = tuple(f"n{parent}" for parent in sorted(above))
        node = PowerNode(path=f"n{number}", kind=kind, parents=parents, rating_kw=limit)
        nodes.append(node)
    return tree_of("t", nodes)


@given(trees())
def test_out_and_back_keeps_every_part_feed_and_limit(tree):
    back = tree_of_dps(read_dps(write_dps(dps_of_tree(tree))))
    assert {n.path: set(n.parents) for n in back.nodes} == {
        n.path: set(n.parents) for n in tree.nodes
    }
    limits = {n.path: n.rating_kw for n in tree.nodes}
    for node in back.nodes:
        assert node.rating_kw == (
            None if limits[node.path] is None else pytest.approx(limits[node.path])
        )
    assert back.count("ComputerSystem") == tree.count("node")


def test_a_plan_goes_out_with_every_tray_under_its_rack():
    text = "factory: f\nsites: {a: {halls: {h: {system: gb300-nvl72, racks: 3}}}}"
    built = design.blueprint(factory.loads(text.encode()))
    plan = plan_power("a", rack_loads(built.racks), Power())
    tree = with_trays(plan.tree, built.nodes)
    assert loads(tree).taken_kw[0, 0] == pytest.approx(plan.input_kw[0])
    file = read_dps(write_dps(dps_of_tree(tree)))
    trays = [entity for entity in file.entities if entity.type == "ComputerSystem"]
    assert len(trays) == 3 * 18
    assert {tray.model for tray in trays} == {"DGX_GB300"}
    back = tree_of_dps(file)
    assert len(back.nodes) == len(tree.nodes)
    limits = [node.rating_kw for node in back.nodes if node.path.endswith("/ups")]
    assert limits == [600, 600]  # 426 kW need one module of 600 kW in one block; N+1 makes two
