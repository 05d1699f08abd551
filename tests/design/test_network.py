"""A site's whole network: every cable with two ends, two ports and a length that is sold."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import catalog, design, factory
from arkwright.catalog import parts
from arkwright.catalog.parts import CableEnds
from arkwright.design.fabric.build import Role
from arkwright.design.fabric.schedule import Tier, cut, schedule_csv
from arkwright.design.floor import RackKind
from arkwright.design.network import network
from arkwright.errors import InputError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def made(halls, site=""):
    text = f"factory: f\nsites: {{a: {{country: NO, {site} halls: {halls}}}}}"
    f = factory.loads(text.encode())
    return network(f, design.blueprint(f))


def site_of(halls, site=""):
    (only,) = made(halls, site).sites
    return only


@pytest.fixture(scope="module")
def pod():
    f = factory.load(EXAMPLES / "h100-superpod-127.yaml")
    (only,) = network(f, design.blueprint(f)).sites
    return only


def fabric(site, role):
    return next(plan for plan in site.fabrics if plan.role is role)


def links(site, role, tier):
    table = site.schedule
    name = fabric(site, role).name
    return (table.fabric == table.fabrics.index(name)) & (table.tier == tier)


def check_schedule(site):
    """Conservation: what must hold for any schedule."""
    table = site.schedule
    every = len(table.devices.path)
    assert len(set(table.devices.path)) == every
    assert ((table.a >= 0) & (table.a < every) & (table.b >= 0) & (table.b < every)).all()
    assert table.devices.is_switch[table.b].all()
    assert (table.devices.rack < len(site.floor.racks)).all()
    for plan in site.fabrics:
        mine = table.fabric == table.fabrics.index(plan.name)
        # The in-band fabric wires a NIC's two ports as planes; ports of one fabric are counted.
        ends = np.concatenate([table.a[mine], table.b[mine]]).astype(np.int64)
        ports = np.concatenate([table.a_port[mine], table.b_port[mine]])
        assert len(np.unique(ends * 1024 + ports)) == len(ends)
        part = parts.switch(plan.switch)
        radix = part.ports * int(part.port_gbit_s // plan.port_gbit_s)
        on_switch = table.devices.is_switch[ends]
        assert ports[on_switch].max() < radix
        if plan.size is not None:
            counts = {
                Tier.NODE_LEAF: plan.size.cables.node_leaf,
                Tier.LEAF_SPINE: plan.size.cables.leaf_spine,
                Tier.SPINE_CORE: plan.size.cables.spine_core,
            }
            for tier, cables in counts.items():
                assert int((mine & (table.tier == tier)).sum()) == cables * plan.size.planes
    managed = table.a[table.tier == Tier.MANAGEMENT]
    names = [path.rpartition("/")[2] for path in table.devices.path]
    above = np.flatnonzero([name.startswith(("out-of-band-", "oob")) for name in names])
    # Everything but the management switches has its management port, and they have uplinks.
    assert np.array_equal(np.unique(managed), np.setdiff1d(np.arange(every), above))
    uplinks = np.bincount(table.a[table.tier != Tier.MANAGEMENT], minlength=every)
    assert (uplinks[above] == 2).all()
    # No switch hangs on nothing.
    ends = np.bincount(np.concatenate([table.a, table.b]), minlength=every)
    assert (ends > 0).all()
    for code, name in enumerate(table.parts):
        sold = {np.float32(length) for length in parts.cable_part(name).lengths}
        assert set(table.length_m[table.part == code]) <= sold


def test_a_pod_of_127_nodes_has_every_cable_with_both_ends(pod):
    check_schedule(pod)
    assert int(links(pod, Role.COMPUTE, Tier.NODE_LEAF).sum()) == 1016
    assert int(links(pod, Role.COMPUTE, Tier.LEAF_SPINE).sum()) == 1024
    # Compute and manager cables together are the 1,020 of Table 4.
    assert fabric(pod, Role.COMPUTE).manager_links == 4


def test_leaves_stand_beside_their_unit_and_spines_in_the_middle(pod):
    path = pod.schedule.devices.path
    first = next(p for p in path if p.endswith("compute-leaf-001"))
    last = next(p for p in path if p.endswith("compute-leaf-032"))
    spine = next(p for p in path if p.endswith("compute-spine-016"))
    assert first == "pod/h1/n001/compute-leaf-001"
    assert last == "pod/h1/n004/compute-leaf-032"
    assert spine.startswith("pod/h1/c00")
    kinds = np.bincount(pod.floor.kind)
    assert kinds[RackKind.NETWORK] == 4  # one for each unit of 32 nodes
    assert kinds[RackKind.CENTRAL] == 2


def test_bisection_bandwidth_is_half_the_nics_of_a_fabric_that_does_not_block(pod):
    # 1,016 NICs of 400 Gbit/s over two
    assert fabric(pod, Role.COMPUTE).bisection_gbit_s == pytest.approx(1016 * 400 / 2)


def test_oversubscription_narrows_the_bisection():
    # 1 to 3 on 64 ports: 48 down, 16 up; 1,024 NICs on 24 leaves have 24 x 16 = 384 uplinks.
    site = site_of("{h1: {system: dgx-h100, gpus: 1024}}", "fabric: {oversubscription: 3},")
    plan = fabric(site, Role.COMPUTE)
    assert plan.size.cables.leaf_spine == 384
    assert plan.bisection_gbit_s == pytest.approx(384 * 400 / 2)
    check_schedule(site)


def test_two_planes_have_switches_of_their_own():
    """64 nodes of DGX B300: 16 leaf and 8 spine over both planes, as published."""
    site = site_of("{h1: {system: dgx-b300, gpus: 512}}")
    check_schedule(site)
    plan = fabric(site, Role.COMPUTE)
    assert (plan.size.leaf, plan.size.spine) == (16, 8)
    table = site.schedule
    mine = links(site, Role.COMPUTE, Tier.NODE_LEAF)
    leaves = [set(table.b[mine & (table.plane == plane)]) for plane in (0, 1)]
    assert leaves[0].isdisjoint(leaves[1])


def test_the_file_may_choose_another_switch():
    site = site_of("{h1: {system: dgx-h100, gpus: 1024}}", "fabric: {switch: arista-7060x6-64pe},")
    plan = fabric(site, Role.COMPUTE)
    # 64 ports of 800 Gbit/s are 128 of 400: 1,024 / 64 leaves
    assert (plan.switch, plan.size.leaf) == ("arista-7060x6-64pe", 16)
    assert plan.manager_links == 0  # Ethernet has none
    check_schedule(site)


def test_a_switch_too_slow_for_the_nic_is_refused_with_what_would_do():
    with pytest.raises(InputError, match="planes: 2"):
        site_of("{h1: {system: gb300-nvl72, racks: 2}}", "fabric: {switch: qm9700},")
    site = site_of("{h1: {system: gb300-nvl72, racks: 2}}", "fabric: {switch: qm9700, planes: 2},")
    check_schedule(site)


def test_racks_added_at_the_end_rename_nothing():
    """Whole units are added; the leaves and racks of the others keep their names."""
    small = site_of("{h1: {system: dgx-h100, racks: 32}}")
    large = site_of("{h1: {system: dgx-h100, racks: 64}}")
    stays = {p for p in small.schedule.devices.path if "/c0" not in p and "/s0" not in p}
    lost = stays - set(large.schedule.devices.path)
    # Storage and in-band leaves serve other groups than compute leaves do: they may shift.
    assert all("storage" in p or "in-band" in p or "out-of-band" in p for p in lost)


def test_halls_of_one_system_share_their_fabrics_and_others_have_their_own():
    one = site_of("{h1: {system: dgx-h100, racks: 8}, h2: {system: dgx-h100, racks: 8}}")
    assert [plan.name for plan in one.fabrics] == ["compute", "storage", "in-band", "out-of-band"]
    check_schedule(one)
    two = site_of("{h1: {system: dgx-h100, racks: 8}, h2: {system: gb200-nvl72, racks: 2}}")
    assert "compute-dgx-h100" in [plan.name for plan in two.fabrics]
    assert "compute-gb200-nvl72" in [plan.name for plan in two.fabrics]
    check_schedule(two)


def test_a_spare_management_switch_settles_their_number():
    """Its uplinks need a leaf whose port fills the switch: with it there is room, so it is bare."""
    site = site_of("{h1: {system: dgx-b300, nodes: 3976}}")
    check_schedule(site)
    table = site.schedule
    plan = fabric(site, Role.OUT_OF_BAND)
    loaded = np.unique(table.b[table.tier == Tier.MANAGEMENT])
    assert 0 <= plan.switches - len(loaded) <= 1


def test_a_hall_may_count_nodes_and_leaves_trays_empty():
    f = factory.load(EXAMPLES / "h100-superpod-127.yaml")
    plan = design.blueprint(f)
    (hall,) = plan.sites[0].halls
    assert (hall.nodes, hall.racks, hall.gpus, hall.leaf_groups) == (127, 32, 1016, 4)
    assert hall.it_power_kw_max == pytest.approx(127 * 10.2)
    assert [rack.nodes for rack in plan.racks][-2:] == [4, 3]
    assert plan.racks[-1].power_kw_max == pytest.approx(3 * 10.2)
    assert plan.nodes[-1].path == "pod/h1/r032/t03"
    assert any("1 tray of its last rack empty" in finding.text for finding in plan.findings)


def test_a_site_beyond_three_tiers_is_refused_with_the_most_that_would_do():
    # 64 ports: 8 rails x 8 groups x 32 leaves x 32 nodes = 8,192 nodes = 65,536 GPUs
    with pytest.raises(InputError, match=r"a/h1: .*at most 8,192 nodes"):
        site_of("{h1: {system: dgx-h100, gpus: 70000}}")


def test_what_stands_beside_the_racks_of_nodes_is_said_in_kilowatts(pod):
    # switches and modules, two appliances of 2.2 kW, eight servers and managers of 0.5 kW
    assert pod.ancillary_kw_typical == pytest.approx(pod.power_kw_typical + 4.4 + 4)
    assert pod.ancillary_kw_typical < 0.1 * 127 * 10.2  # the share the blueprint sets aside


def test_a_full_fabric_has_no_ports_for_managers_and_says_so():
    site = site_of("{h1: {system: dgx-h100, racks: 32}}")
    assert any("0 of 4 links of its managers" in finding.text for finding in site.findings)


def test_power_is_switches_and_modules_and_never_less_at_most_than_typically(pod):
    compute = next(power for power in pod.power if power.fabric == "compute")
    assert compute.switch_kw_typical == pytest.approx(48 * 0.747)
    assert compute.switch_kw_max == pytest.approx(48 * 1.720)
    # 1,016 + 4 far ends and 3,068 switch ends; 8 W and 7.5 W each
    assert compute.optics.far_kw == pytest.approx(1020 * 8 / 1000)
    assert compute.optics.switch_kw == pytest.approx((1020 + 2 * 1024) * 7.5 / 1000)
    assert pod.power_kw_typical <= pod.power_kw_max
    # All fabrics draw less than the tenth of the racks that the blueprint sets aside.
    assert pod.power_kw_max < 0.1 * 32 * 40.8


def test_optics_draw_what_the_published_design_lets_expect(pod):
    """About 2.7 % of the power of the DGX systems at 17 W a twin-port module."""
    optics_kw = sum(power.optics.switch_kw + power.optics.far_kw for power in pod.power)
    assert 0.02 < optics_kw / (127 * 10.2) < 0.035


def test_every_default_is_shown_with_its_source(pod):
    names = {assumption.name for assumption in pod.assumptions}
    assert {"compute switch", "planes", "storage network", "storage node"} <= names
    assert "storage level" not in names  # the file says good
    assert all(assumption.source for assumption in pod.assumptions)


def test_a_network_that_nobody_published_is_called_an_estimate():
    site = site_of("{h1: {system: vr-nvl72, racks: 1}}")
    assert any("is an estimate" in finding.text for finding in site.findings)


def test_the_schedule_on_the_page_is_the_pods(pod):
    page = (EXAMPLES.parent / "docs" / "design-network.md").read_text(encoding="utf-8")
    first = "".join(schedule_csv(pod.schedule)).splitlines()[:2]
    assert "\n".join(first) in page


def test_lengths_are_the_shortest_sold_that_reach():
    options = parts.cable_parts(400, CableEnds.NODE)
    index, sold = cut(np.array([0.4, 2.9, 3.01, 49.0, 51.0, 101.0]), options)
    names = [options[i].kind.value for i in index]
    assert names == ["copper", "copper", "optics", "optics", "optics", "optics"]
    assert sold.tolist() == [1.0, 3.0, 5.0, 50.0, 60.0, 150.0]
    with pytest.raises(InputError, match="longer than"):
        cut(np.array([2500.0]), options)
    # Between switches the longest copper is 2 m.
    options = parts.cable_parts(400, CableEnds.SWITCH)
    index, _ = cut(np.array([1.9, 2.1]), options)
    assert [options[i].kind.value for i in index] == ["copper", "optics"]


def test_the_schedule_as_text_has_a_line_for_every_link(pod):
    lines = "".join(schedule_csv(pod.schedule)).splitlines()
    assert lines[0] == "fabric,tier,plane,a,a_port,b,b_port,length_m,cable"
    assert len(lines) == len(pod.schedule) + 1
    assert lines[1].startswith(
        "compute,node-leaf,1,pod/h1/r001/t01,1,pod/h1/n001/compute-leaf-001,1,"
    )


HALLS = st.lists(
    st.tuples(st.sampled_from(list(catalog.systems())), st.integers(1, 40)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(HALLS)
def test_any_site_is_wired_without_a_port_used_twice(halls):
    text = ", ".join(
        f"h{i}: {{system: {system}, racks: {racks}}}" for i, (system, racks) in enumerate(halls)
    )
    site = site_of(f"{{{text}}}")
    check_schedule(site)
    assert site.floor.racks == tuple(dict.fromkeys(site.floor.racks))
    assert (site.floor.kind == RackKind.COMPUTE).sum() == sum(racks for _, racks in halls)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(1, 600), st.integers(1, 200))
def test_more_nodes_never_need_fewer_leaves_or_cables(nodes, more):
    small = site_of(f"{{h1: {{system: dgx-h100, nodes: {nodes}}}}}")
    large = site_of(f"{{h1: {{system: dgx-h100, nodes: {nodes + more}}}}}")
    assert len(large.schedule) > len(small.schedule)
    assert fabric(large, Role.COMPUTE).size.leaf >= fabric(small, Role.COMPUTE).size.leaf


def test_links_of_sites_have_the_latency_of_their_fibre():
    text = """factory: f
sites:
  a:
    location: {latitude: 68.44, longitude: 17.43}
    links: {b: {bandwidth: 800 Gbit/s}, c: {bandwidth: 400 Gbit/s, distance: 500 km}}
    halls: {h: {system: dgx-h100, racks: 1}}
  b:
    location: {latitude: 51.51, longitude: -0.13}
    halls: {h: {system: dgx-h100, racks: 1}}
  c: {halls: {h: {system: dgx-h100, racks: 1}}}
"""
    f = factory.loads(text.encode())
    far, near = network(f, design.blueprint(f)).links
    # 2,103 km of great circle x 1.3 = 2,734 km; x 1.468 / 299,792 km/s = 13.4 ms
    assert far.is_estimate
    assert far.distance_km == pytest.approx(2734, abs=10)
    assert far.latency_ms == pytest.approx(13.39, abs=0.05)
    assert not near.is_estimate
    assert near.round_trip_ms == pytest.approx(4.897, abs=1e-3)  # 2 x 500 km


@pytest.mark.parametrize(
    ("site", "key"),
    [
        ("links: {b: {bandwidth: 1 Gbit/s}},", "links.b"),
        ("fabric: {switch: qm1},", "fabric.switch"),
        ("storage: {checkpoint_within: 1 s},", "checkpoint_within"),
    ],
)
def test_what_cannot_be_built_is_refused_by_key(site, key):
    with pytest.raises(InputError) as caught:
        site_of("{h1: {system: dgx-h100, racks: 1}}", site)
    assert any(key in problem.key for problem in caught.value.problems)


def test_a_link_nobody_knows_the_length_of_is_refused():
    text = (
        "factory: f\nsites: {a: {links: {b: {bandwidth: 1 Gbit/s}}, halls: {h: {system: dgx-h100,"
        " racks: 1}}}, b: {halls: {h: {system: dgx-h100, racks: 1}}}}"
    )
    with pytest.raises(InputError, match="location of both sites"):
        factory.loads(text.encode())


def test_two_hundred_thousand_gpus_on_three_sites_are_wired_within_five_seconds():
    halls = "{h: {system: gb300-nvl72, gpus: 66700}}"
    sites = ", ".join(f"{name}: {{halls: {halls}}}" for name in "abc")
    f = factory.loads(f"factory: f\nsites: {{{sites}}}".encode())
    began = time.process_time()
    built = network(f, design.blueprint(f))
    assert time.process_time() - began < 5
    assert sum(len(site.schedule) for site in built.sites) > 900_000


def test_five_thousand_gpus_are_wired_within_half_a_second():
    f = factory.loads(b"factory: f\nsites: {a: {halls: {h: {system: gb300-nvl72, gpus: 5184}}}}")
    network(f, design.blueprint(f))
    began = time.process_time()
    network(f, design.blueprint(f))
    assert time.process_time() - began < 0.5
