"""Cable by cable: every port once, every leaf evenly on its spines, every rail on its leaf."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.design.fabric import Ask, layout, nodes_max, size
from arkwright.design.fabric.wiring import (
    free_leaf_ports,
    leaf_spine,
    node_groups,
    node_leaf,
    spine_core,
)

ASKS = st.builds(
    Ask,
    nodes=st.integers(1, 4000),
    nics_per_node=st.integers(1, 8),
    radix=st.sampled_from([32, 40, 56, 64, 128, 144]),
    planes=st.integers(1, 2),
    oversubscription=st.sampled_from([1.0, 1.3334, 1.5, 2.0, 3.0, 7.0, 15.0]),
).filter(lambda ask: ask.nodes <= nodes_max(ask))


def wired(ask):
    plane = layout(ask)
    ends = (
        node_leaf(plane, ask.nodes, ask.nics_per_node),
        leaf_spine(plane),
        spine_core(plane, ask.radix),
    )
    return plane, *ends


def evenly(lower, upper):
    """Cables between each pair that has any."""
    return np.unique(np.stack([lower, upper]), axis=1, return_counts=True)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ask=ASKS)
def test_tiers_have_the_cables_that_size_counts(ask):
    _, down, up, top = wired(ask)
    cables = size(ask).cables
    assert [len(t.a) for t in (down, up, top)] == [
        cables.node_leaf,
        cables.leaf_spine,
        cables.spine_core,
    ]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ask=ASKS)
def test_no_port_is_used_twice_and_none_is_beyond_the_radix(ask):
    plane, down, up, top = wired(ask)
    switches = {
        "leaf": (plane.leaf, [(down.b, down.b_port), (up.a, up.a_port)]),
        "spine": (plane.spine, [(up.b, up.b_port), (top.a, top.a_port)]),
        "core": (plane.core, [(top.b, top.b_port)]),
    }
    for count, ends in switches.values():
        switch = np.concatenate([which for which, _ in ends])
        port = np.concatenate([where for _, where in ends])
        assert ((switch >= 0) & (switch < count)).all()
        assert ((port >= 0) & (port < ask.radix)).all()
        assert len(np.unique(switch.astype(np.int64) * ask.radix + port)) == len(port)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ask=ASKS)
def test_a_leaf_has_as_many_cables_to_each_spine_of_its_group_and_a_spine_to_its_cores(ask):
    plane, _, up, top = wired(ask)
    if plane.tiers > 1:
        (leaves, spines), counts = evenly(up.a, up.b)
        assert set(counts) == {plane.up // plane.spines_per_group}
        assert set(np.bincount(leaves)) == {plane.spines_per_group}
        # Leaves with a spine in common have all of them in common: a spine-leaf group.
        group = spines // plane.spines_per_group
        assert len({(leaf, g) for leaf, g in zip(leaves, group, strict=True)}) == plane.leaf
    if plane.tiers == 3:
        (spines, _), counts = evenly(top.a, top.b)
        assert set(counts) == {plane.spine_up // plane.cores_per_group}
        assert set(np.bincount(spines)) == {plane.cores_per_group}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ask=ASKS)
def test_nic_i_of_all_nodes_of_a_group_is_on_one_leaf(ask):
    plane, down, _, _ = wired(ask)
    group, rail = down.a // plane.down, down.a_port // plane.nics_per_rail
    key = group.astype(np.int64) * ask.nics_per_node + rail
    pairs = np.unique(np.stack([key, down.b.astype(np.int64)]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_every_leaf_of_a_pod_has_two_cables_to_each_spine():
    """127 nodes: 32 leaves with 32 uplinks to 16 spines, two to each."""
    _, down, up, _ = wired(Ask(nodes=127, nics_per_node=8, radix=64))
    (_, _), counts = evenly(up.a, up.b)
    assert len(counts) == 32 * 16
    assert set(counts) == {2}
    # Node 33 is the second of the second unit: its NIC 3 is on leaf 8 + 3, port 1.
    link = np.flatnonzero((down.a == 33) & (down.a_port == 3))
    assert (down.b[link][0], down.b_port[link][0]) == (11, 1)


def test_a_node_left_out_frees_a_port_on_each_leaf_of_its_group():
    """The last of 128 nodes: port 31 of the eight leaves of the fourth unit."""
    plane = layout(Ask(nodes=127, nics_per_node=8, radix=64))
    leaf, port = free_leaf_ports(plane, 127, 8, 4)
    assert leaf.tolist() == [24, 25, 26, 27]
    assert port.tolist() == [31] * 4
    assert (
        len(free_leaf_ports(layout(Ask(nodes=128, nics_per_node=8, radix=64)), 128, 8, 4)[0]) == 0
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ask=ASKS)
def test_nodes_of_one_group_share_a_leaf_and_of_one_spine_group_a_spine(ask):
    plane, down, up, _ = wired(ask)
    leaf_group, spine_group = node_groups(plane, ask.nodes)
    first_nic = down.a_port == 0
    leaf = down.b[first_nic]
    # The leaf of the first rail says the group, and the group the leaf.
    assert len(np.unique(np.stack([leaf, leaf_group]), axis=1)[0]) == len(np.unique(leaf))
    if plane.tiers == 3:
        any_spine = dict(zip(up.a.tolist(), up.b.tolist(), strict=True))
        spines = np.array([any_spine[number] for number in leaf.tolist()])
        pairs = np.stack([spines // plane.spines_per_group, spine_group])
        assert np.unique(pairs, axis=1).shape[1] == len(np.unique(spine_group))


@pytest.mark.parametrize("nodes", [128, 512, 2048])
def test_nodes_added_at_the_end_leave_the_cables_of_the_others(nodes):
    """Leaves are numbered by group, so the first groups keep theirs."""
    small = node_leaf(layout(Ask(nodes=nodes, nics_per_node=8, radix=64)), nodes, 8)
    more = nodes + 64
    large = node_leaf(layout(Ask(nodes=more, nics_per_node=8, radix=64)), more, 8)
    for name in ("a", "a_port", "b", "b_port"):
        assert (getattr(large, name)[: nodes * 8] == getattr(small, name)).all()


def test_the_published_table_of_quantum_x800_pods_shows_even_wiring():
    """NVIDIA DGX SuperPOD B300 XDR, Table 3: 72 nodes a unit, 144 ports.

    With 2,304 cables 16 spines would have the ports, but 72 uplinks do not divide by 16: 18.
    """
    published = {72: (8, 4), 144: (16, 8), 288: (32, 18), 576: (64, 36), 1296: (144, 72)}
    for nodes, switches in published.items():
        built = size(Ask(nodes=nodes, nics_per_node=8, radix=144))
        assert (built.leaf, built.spine) == switches
        assert built.cables.node_leaf == built.cables.leaf_spine == nodes * 8
