"""Fabric counts against published tables; every number follows from the wiring rule."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.design.fabric import Ask, nodes_max, size
from arkwright.errors import InputError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "design" / "fabric_superpod.csv"
# (nodes, radix, planes): leaf, spine, core, node-leaf, leaf-spine, spine-core; 8 NICs a node.
# NVIDIA DGX SuperPOD reference architectures H100 (RA-11333-001 V11, Tables 3 and 4), B200, and
# B300 with Spectrum-X (Table 3), whose cables are counted in ports of 800G: one link of each plane.
PUBLISHED = {
    (31, 64, 1): (8, 4, 0, 248, 256, 0),
    (63, 64, 1): (16, 8, 0, 504, 512, 0),
    (95, 64, 1): (24, 16, 0, 760, 768, 0),
    (127, 64, 1): (32, 16, 0, 1016, 1024, 0),
    (256, 64, 1): (64, 32, 0, 2048, 2048, 0),
    (512, 64, 1): (128, 128, 64, 4096, 4096, 4096),
    (1024, 64, 1): (256, 256, 128, 8192, 8192, 8192),
    (2048, 64, 1): (512, 512, 256, 16384, 16384, 16384),
    (64, 128, 2): (16, 8, 0, 512, 512, 0),
    (1024, 128, 2): (256, 128, 0, 8192, 8192, 0),
}


def counts(built):
    cables = built.cables
    switches = (built.leaf, built.spine, built.core)
    return (*switches, cables.node_leaf, cables.leaf_spine, cables.spine_core)


@pytest.mark.parametrize("ask", PUBLISHED)
def test_every_published_row_is_exact(ask):
    nodes, radix, planes = ask
    built = size(Ask(nodes=nodes, nics_per_node=8, radix=radix, planes=planes))
    assert counts(built) == PUBLISHED[ask]


@pytest.mark.skipif(not SHARED.exists(), reason="the published tables are not beside the checkout")
def test_every_row_of_the_shared_table_is_exact():
    """Rows of Table 4 count four cables of the fabric managers with those of the nodes."""
    with SHARED.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 22
    for row in rows:
        planes = 2 if "twin-planar" in row["fabric"] else 1
        ask = Ask(nodes=int(row["nodes"]), nics_per_node=8, radix=64 * planes, planes=planes)
        managers = 4 if row["id"].endswith("t4") else 0
        printed = [int(row[name]) for name in ("leaf", "spine", "core")]
        printed.append(int(row["cables_node_leaf"]) - managers)
        printed += [int(row[f"cables_{name}"]) for name in ("leaf_spine", "spine_core")]
        assert counts(size(ask)) == tuple(printed), row["id"]


def test_three_scalable_units_have_spines_that_divide_the_cables_of_a_leaf():
    """24 leaves x 32 cables = 768 fill 12 switches of 64 ports, but 32 cables do not go evenly to
    12 spines; to 16 they do."""
    assert size(Ask(nodes=96, nics_per_node=8, radix=64)).spine == 16


def test_cores_may_fall_into_groups():
    """140 nodes on switches of 40 ports: 7 leaves a rail, 140 cables up to 10 spines of at most 20
    (14 each), 80 spines. Their 1,120 cables fill 28 cores; a spine has only 14 up, so the cores are
    two groups of 14 and the spines of a rail five to each."""
    built = size(Ask(nodes=140, nics_per_node=8, radix=40))
    assert counts(built) == (56, 80, 28, 1120, 1120, 1120)


def test_rails_share_a_leaf_where_they_fit():
    """16 nodes fill half of a leaf's 32 ports with one rail: two rails on each of 4 leaves."""
    assert size(Ask(nodes=16, nics_per_node=8, radix=64)).leaf == 4


def test_what_fits_on_one_switch_is_one_switch():
    built = size(Ask(nodes=8, nics_per_node=8, radix=64, planes=2))
    assert (built.tiers, built.leaf, built.spine, built.core) == (1, 2, 0, 0)


def test_oversubscription_gives_a_leaf_more_ports_down():
    """2 : 1 on 64 ports: 22 up, 42 down (1.91 : 1); 21 up would be 2.05 : 1, above what is asked.
    64 nodes are two groups of 42, 16 leaves with 352 cables: 6 spines, of 22's divisors 11."""
    built = size(Ask(nodes=64, nics_per_node=8, radix=64, oversubscription=2))
    assert (built.leaf_ports_down, built.leaf_ports_up) == (42, 22)
    assert counts(built) == (16, 11, 0, 512, 352, 0)
    assert built.oversubscription <= 2


def test_three_tiers_of_64_port_switches_end_at_65536_nics():
    """A fat tree of k-port switches connects k^3/4 hosts (Al-Fares 2008): 64^3/4 = 65,536."""
    ask = Ask(nodes=8192, nics_per_node=8, radix=64)
    assert nodes_max(ask) == 8192
    assert size(ask).tiers == 3
    with pytest.raises(InputError, match="connect at most 8,192 nodes"):
        size(Ask(nodes=8193, nics_per_node=8, radix=64))


@pytest.mark.parametrize("wrong", [{"nodes": 0}, {"radix": 2}, {"planes": 0}])
def test_what_is_no_fabric_is_refused_by_name(wrong):
    given = {"nodes": 8, "nics_per_node": 8, "radix": 64} | wrong
    with pytest.raises(InputError, match=next(iter(wrong))):
        size(Ask(**given))


ASKS = st.builds(
    Ask,
    nodes=st.integers(1, 4000),
    nics_per_node=st.integers(1, 8),
    radix=st.sampled_from([32, 40, 64, 128, 144]),
    planes=st.integers(1, 4),
    oversubscription=st.sampled_from([1.0, 1.5, 2.0, 3.0, 7.0]),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(ask=ASKS)
def test_no_switch_has_more_cables_than_ports_and_cables_are_even(ask):
    try:
        built = size(ask)
    except InputError:
        assert ask.nodes > nodes_max(ask)
        return
    cables = built.cables
    leaf, spine, core = (n // ask.planes for n in (built.leaf, built.spine, built.core))
    assert cables.node_leaf == ask.nodes * ask.nics_per_node
    assert cables.node_leaf <= leaf * built.leaf_ports_down
    assert built.leaf_ports_down + built.leaf_ports_up <= ask.radix
    assert built.tiers == 1 or built.oversubscription <= ask.oversubscription
    assert cables.leaf_spine == leaf * built.leaf_ports_up
    assert cables.leaf_spine + cables.spine_core <= spine * ask.radix
    assert cables.spine_core <= core * ask.radix
    if built.tiers == 2:
        assert built.leaf_ports_up % spine == 0
    if built.tiers == 3:
        assert built.leaf_ports_up % (spine // built.spine_groups) == 0
        assert cables.spine_core >= cables.leaf_spine


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ask=ASKS, more=st.integers(1, 500))
def test_more_nodes_never_need_fewer_leaves_or_cables(ask, more):
    larger = Ask(
        nodes=ask.nodes + more,
        nics_per_node=ask.nics_per_node,
        radix=ask.radix,
        planes=ask.planes,
        oversubscription=ask.oversubscription,
    )
    if larger.nodes > nodes_max(ask):
        return
    small, large = size(ask), size(larger)
    assert large.cables.node_leaf > small.cables.node_leaf
    assert large.leaf >= small.leaf
