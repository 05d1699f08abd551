"""Power trees: the published DPS simulator tree, shares, losses, and one part lost."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkwright.catalog import plant
from arkwright.design.power_tree import (
    PowerNode,
    carried,
    loads,
    loss_findings,
    over_limit,
    removals,
    tree_of,
)
from arkwright.errors import InputError
from arkwright.physics.losses import LossCurve

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
SIMULATOR = SHARED / "data/design/dps_simulator_topology.csv"
LIMITS_KW = {"Utility": 750, "Switchboard": 1600} | {f"FloorPDU-{n}": 450 for n in range(1, 5)}
FEEDS = {"Switchboard": "Utility"} | {f"FloorPDU-{n}": "Switchboard" for n in range(1, 5)}
FEEDS |= {f"Rack-{n}": f"FloorPDU-{(n - 1) % 4 + 1}" for n in range(1, 9)}


def simulator(watts_per_tray, feeds=FEEDS, limits=LIMITS_KW):
    """The SDK simulator's tree of 8 racks with 18 trays each."""
    nodes = [PowerNode(path="Utility", kind="PowerDomain", rating_kw=limits["Utility"])]
    for path, parent in feeds.items():
        kw = 18 * watts_per_tray / 1000 if path.startswith("Rack") else 0.0
        limit = limits.get(path)
        nodes.append(
            PowerNode(path=path, kind="x", parents=(parent,), rating_kw=limit, own_kw=(kw, kw, kw))
        )
    return tree_of("simulator", nodes)


def test_the_tree_here_is_the_published_one():
    if not SIMULATOR.exists():
        pytest.skip("the shared data is not here")
    rows = list(csv.DictReader(SIMULATOR.read_text("utf-8").splitlines()))
    named = {row["child"].split(" ")[0]: row for row in rows}
    assert {c: r["parent"] for c, r in named.items() if r["parent"]} == FEEDS
    found = {c: float(r["child_limit_kw"]) for c, r in named.items() if r["child_limit_kw"]}
    assert found == LIMITS_KW


def test_gate_demand_over_limit_is_reported_at_the_utility_and_nowhere_else():
    # 18 x 6,667 W = 120.006 kW a rack; two a PDU = 240 of 450; eight = 960.048 of 750 and of 1,600
    tree = simulator(plant.devices()["DGX_GB200"].watts_max)
    demand = dict(zip([n.path for n in tree.nodes], loads(tree).delivered_kw[:, 0], strict=True))
    assert demand["FloorPDU-1"] == pytest.approx(240.012)
    assert demand["Switchboard"] == pytest.approx(960.048)
    (finding,) = over_limit(tree)
    assert finding.where == "Utility"
    assert "960.048 kW" in finding.text
    assert "210.048 kW above its limit of 750 kW" in finding.text
    assert "78%" in finding.text  # 750 / 960.048


def test_gate_a_pdu_that_feeds_too_much_is_the_one_that_is_named():
    # Racks 2 and 6 hang on PDU 2; with 3, 4, 7 added it has five racks: 600 kW of 450.
    moved = FEEDS | {f"Rack-{n}": "FloorPDU-2" for n in (3, 4, 7)}
    findings = over_limit(simulator(6667, moved))
    assert [finding.where for finding in findings] == ["Utility", "FloorPDU-2"]
    assert "600.03 kW" in findings[1].text


def test_at_the_least_the_trays_can_be_held_to_the_tree_is_within_all_limits():
    # 144 x 1,000 W = 144 kW
    assert over_limit(simulator(plant.devices()["DGX_GB200"].watts_min)) == []


def test_a_part_of_two_parents_takes_half_from_each_and_all_from_the_one_that_is_left():
    nodes = [
        PowerNode(path="a", kind="feed", rating_kw=100),
        PowerNode(path="b", kind="feed", rating_kw=70),
        PowerNode(path="r", kind="rack", parents=("a", "b"), own_kw=(80, 80, 80)),
    ]
    tree = tree_of("t", nodes)
    assert loads(tree).delivered_kw[:, 0].tolist() == [40, 40, 80]
    assert over_limit(tree) == []
    (finding,) = loss_findings(tree)
    assert finding.where == "a"  # b alone would carry 80 of its 70
    assert "most b: 80 kW of 70 kW" in finding.text


def test_what_only_one_part_feeds_goes_dark_with_it():
    nodes = [
        PowerNode(path="a", kind="feed"),
        PowerNode(path="u", kind="ups", parents=("a",)),
        PowerNode(path="r", kind="rack", parents=("u",), own_kw=(5, 5, 5)),
    ]
    found = loss_findings(tree_of("t", nodes))
    assert [finding.where for finding in found] == ["a", "u"]
    assert "1 parts go dark" in found[0].text


def test_losses_add_up_on_the_way():
    half = LossCurve(0.0, 0.0, 0.1)  # 10 % at full load
    nodes = [
        PowerNode(path="a", kind="feed", rating_kw=100),
        PowerNode(path="u", kind="ups", parents=("a",), rating_kw=50, curve=half),
        PowerNode(path="r", kind="rack", parents=("u",), own_kw=(50, 25, 0)),
    ]
    found = loads(tree_of("t", nodes))
    # peak: 50 x 0.1 = 5; typical: 50 x 0.1 x 0.25 = 1.25
    assert found.lost_kw[1].tolist() == [5.0, 1.25, 0.0]
    assert found.delivered_kw[0].tolist() == [55.0, 26.25, 0.0]


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([("a", ("b",))], "unknown parent b"),
        ([("a", ()), ("a", ())], "a is there twice"),
        ([("a", ("b",)), ("b", ("a",))], "feeds itself"),
        ([("a", ()), ("b", ("a", "a"))], "names a twice"),
    ],
)
def test_what_is_no_tree_is_refused(nodes, said):
    with pytest.raises(InputError, match=said):
        tree_of("t", [PowerNode(path=path, kind="x", parents=above) for path, above in nodes])


@st.composite
def trees(draw):
    """Up to 12 parts; each has up to two parents among those before it."""
    nodes = []
    for number in range(draw(st.integers(1, 12))):
        above = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        kw = draw(st.floats(0, 100))
        parents = tuple(f"n{parent}" for parent in sorted(above))
        nodes.append(
            PowerNode(path=f"n{number}", kind="x", parents=parents, own_kw=(kw, kw / 2, 0.0))
        )
    return tree_of("t", nodes)


@given(trees())
def test_what_the_roots_give_is_what_the_parts_draw(tree):
    roots = [at for at, node in enumerate(tree.nodes) if not node.parents]
    drawn = sum(node.own_kw[0] for node in tree.nodes)
    assert loads(tree).taken_kw[roots, 0].sum() == pytest.approx(drawn)


@given(trees())
def test_with_one_part_lost_the_roots_give_what_the_living_draw(tree):
    left = removals(tree)
    roots = [at for at, node in enumerate(tree.nodes) if not node.parents]
    own = np.array([node.own_kw[0] for node in tree.nodes])
    for column, _ in enumerate(left.tried):
        living = own[left.alive[:, column]].sum()
        assert left.delivered_kw[roots, column].sum() == pytest.approx(living)


@given(trees(), st.floats(0, 1))
def test_less_drawn_is_less_carried(tree, share):
    own = np.array([[node.own_kw[0], node.own_kw[0] * share] for node in tree.nodes])
    found = carried(tree, own).delivered_kw
    assert (found[:, 1] <= found[:, 0] + 1e-9).all()
