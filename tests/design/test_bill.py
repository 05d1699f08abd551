"""The bill of materials of a published pod, exact where its rows follow from the design."""

import csv
import io
from pathlib import Path

import pytest

from arkwright import catalog, design, factory
from arkwright.catalog import parts
from arkwright.design.bill import bill, bill_csv, total_cost
from arkwright.design.network import network

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "design" / "bom_superpod_h100.csv"

# NVIDIA DGX SuperPOD RA-11333-001 V11 (2023-09-22), Tables 7 and 8: four units, 127 nodes.
# Row of the table: count, and which lines of the bill (group, start of the item) add up to it.
DERIVED = {
    "racks": (38, [("racks", "compute"), ("racks", "network"), ("racks", "central")]),
    "nodes": (127, [("nodes", "DGX H100")]),
    "ibsw": (48, [("compute", "Quantum-2 QM9700 switches")]),
    "pdu1": (96, [("power", "rack PDUs of compute")]),
    "pdu2": (12, [("power", "rack PDUs of network"), ("power", "rack PDUs of central")]),
    "c400": (2040, [("compute", "node-leaf cables, nodes"), ("compute", "leaf-spine cables")]),
    "ib_inband": (254, [("in-band", "node-leaf cables, nodes")]),
    "st_dgxx": (254, [("storage", "node-leaf cables, nodes")]),
}
"""Follow from 127 nodes, units of 32 and the wiring rule; the six other racks and their PDUs from a
rack beside each unit and two in the middle."""
CHOSEN = {
    "ufm": (4, [("management", "fabric managers")]),
    "bcm": (4, [("management", "management servers")]),
    "stsw": (16, [("storage", "Quantum-2 QM9700 switches")]),
    "inband": (8, [("in-band", "Spectrum SN4600C switches")]),
    "oob": (8, [("out-of-band", "Spectrum SN2201 switches")]),
    "inband_core": (24, [("in-band", "leaf-spine cables")]),
    "st400": (494, [("storage", "node-leaf cables, nodes"), ("storage", "leaf-spine cables")]),
}
"""Follow from the design and one rule of the catalogue that the source does not state: its row in
`hall_rules.csv` says which. They show that the rules agree with the table, not that they must."""
NOT_DERIVED = {"cufm"}
"""Two splitters for four links of managers: the schedule has the links, not the splitters."""


@pytest.fixture(scope="module")
def lines():
    f = factory.load(ROOT / "examples" / "h100-superpod-127.yaml")
    plan = design.blueprint(f)
    return bill(plan, network(f, plan))


def counted(lines, wanted):
    return sum(
        line.count
        for line in lines
        for group, item in wanted
        if line.group == group and line.item.startswith(item)
    )


@pytest.mark.parametrize("row", DERIVED)
def test_rows_that_follow_from_the_design_are_exact(lines, row):
    count, wanted = DERIVED[row]
    assert counted(lines, wanted) == count


@pytest.mark.parametrize("row", CHOSEN)
def test_rows_that_follow_from_a_rule_of_the_catalogue_agree(lines, row):
    count, wanted = CHOSEN[row]
    assert counted(lines, wanted) == count


@pytest.mark.skipif(not SHARED.exists(), reason="the published table is not beside the checkout")
def test_every_row_of_the_shared_table_is_named_here():
    with SHARED.open() as file:
        rows = {row["id"]: int(row["count"]) for row in csv.DictReader(file)}
    ours = {name: count for name, (count, _) in (DERIVED | CHOSEN).items()}
    assert set(rows) == set(ours) | NOT_DERIVED
    assert all(rows[name] == count for name, count in ours.items())


def test_every_line_says_how_its_count_follows(lines):
    assert all(line.how for line in lines)
    assert all(line.count > 0 for line in lines)
    switches = next(line for line in lines if line.group == "compute")
    assert switches.how.startswith("32 leaf + 16 spine")


def test_only_what_has_a_price_is_summed_and_as_a_range():
    f = factory.loads(b"factory: f\nsites: {a: {halls: {h: {system: gb300-nvl72, racks: 10}}}}")
    plan = design.blueprint(f)
    lines = bill(plan, network(f, plan))
    # ten racks of 3.7 to 5.0 million, and the network; storage and furniture have no price
    priced = [line for line in lines if line.cost]
    assert priced[0].item == "GB300 NVL72 racks"
    assert priced[0].cost == (37e6, 50e6)
    assert {line.group for line in priced} == {"nodes", "compute", "storage", "out-of-band"}
    assert all(line.source for line in priced)
    low, high = total_cost(lines)["USD"]
    assert low == pytest.approx(sum(line.cost[0] for line in priced))
    assert low < high


def test_every_switch_cable_and_module_has_a_range_of_prices_by_hand(lines):
    # 48 QM9700 of 36 to 50 thousand; 2,040 fibres of 50 to 150.
    found = {(line.group, line.item): line.cost for line in lines}
    assert found["compute", "Quantum-2 QM9700 switches"] == (48 * 36e3, 48 * 50e3)
    network = ("compute", "storage", "in-band", "out-of-band")
    unpriced = [line.item for line in lines if line.group in network and line.cost is None]
    assert unpriced == ["all-flash appliance of the DGX SuperPOD class"]
    for name in parts.switches():
        assert parts.part_price(name).unit == "switch"
    for name, cable in catalog.table("cables.csv", parts.CablePart).items():
        assert parts.part_price(name).unit == "cable"
        ends = [parts.part_price(f"{name}/{end}") for end in ("switch", "far")]
        assert all(ends) == (cable.kind is parts.CableKind.OPTICS)


def test_a_cable_of_a_twin_planar_fabric_is_as_wide_as_a_nic():
    """64 nodes of DGX B300: 512 cables of each tier, as published in ports of 800 Gbit/s."""
    f = factory.loads(b"factory: f\nsites: {a: {halls: {h: {system: dgx-b300, gpus: 512}}}}")
    plan = design.blueprint(f)
    lines = bill(plan, network(f, plan))
    assert counted(lines, [("compute", "node-leaf cables")]) == 512
    assert counted(lines, [("compute", "leaf-spine cables")]) == 512


def test_the_bill_as_text_reads_back(lines):
    rows = list(csv.DictReader(io.StringIO(bill_csv(lines))))
    assert [row["item"] for row in rows] == [line.item for line in lines]
    assert [int(row["count"]) for row in rows] == [line.count for line in lines]
