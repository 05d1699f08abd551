"""What racks may draw together: held against the chain itself, with every part removed in turn."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import design, factory
from arkwright.design.power_capacity import chain_capacity, connection_rack_kw
from arkwright.design.power_layout import system_of
from arkwright.design.power_tree import carried, loads, removals
from arkwright.design.whole import whole

FILE = """
factory: f
sites:
  a:
    country: NO
    {site}
    power: {{ups: {{redundancy: {redundancy}, kind: {kind}}}}}
    halls: {{{halls}}}
"""
TWO_HALLS = "h1: {system: gb300-nvl72, racks: 40}, h2: {system: dgx-h100, racks: 9}"


def written(redundancy="N+1", kind="online", site="", halls=TWO_HALLS):
    text = FILE.format(redundancy=redundancy, kind=kind, site=site, halls=halls)
    return factory.loads(text.encode())


def drawing(tree, racks, share):
    """The tree with those racks drawing `share` of their maximum and all others none."""
    own = [
        (node.own_kw[0] * share, 0.0, 0.0) if node.path in racks else (0.0, 0.0, 0.0)
        for node in tree.nodes
    ]
    nodes = [msgspec.structs.replace(n, own_kw=kw) for n, kw in zip(tree.nodes, own, strict=True)]
    return msgspec.structs.replace(tree, nodes=tuple(nodes))


def fullest(tree, part, *, is_lost):
    """Worst load over rating in the chain under `part`, with any of its own parts lost."""
    removed = removals(tree)
    load = loads(tree).delivered_kw[:, :1]
    if is_lost:
        # A part whose loss leaves a rack dark has nothing in its place: it bounds nothing.
        draws = np.array([node.own_kw[0] > 0 for node in tree.nodes])
        load = np.hstack([load, removed.delivered_kw[:, removed.alive[draws].all(axis=0)]])
    mine = [
        at
        for at, node in enumerate(tree.nodes)
        if node.rating_kw
        and (node.path.startswith(part.path) if part.is_run else _is_block(node, part))
    ]
    ratings = np.array([tree.nodes[at].rating_kw for at in mine])
    return float((load[mine] / ratings[:, None]).max())


def _is_block(node, part):
    return system_of(node.path).startswith(part.path) and node.kind in ("transformer", "ups")


@pytest.mark.parametrize("kind", ["online", "bbu"])
@pytest.mark.parametrize("redundancy", ["N", "N+1", "2N", "4N3R"])
def test_racks_at_the_limit_fill_the_chain_and_never_above_its_rating(redundancy, kind):
    """A naive reference: the whole tree is solved with each part taken out."""
    (site,) = whole(written(redundancy, kind)).sites
    tree = site.plant.power.tree
    parts = list(chain_capacity(tree))
    assert {part.is_run for part in parts} == {True, False}
    share = {part.path: part.capacity_kw / part.peak_kw for part in parts}
    for part in parts:
        # A system's busways have limits of their own, and may be the narrower.
        narrowest = min(v for path, v in share.items() if path.startswith(part.path))
        load = fullest(drawing(tree, set(part.racks), narrowest), part, is_lost=True)
        assert load <= 1 + 1e-9, part
        # What a part loses is counted as at its full rating: up to 1 % on the safe side.
        assert load > 0.98 or narrowest < share[part.path], part


def test_every_rack_hangs_on_one_pair_of_busways_of_one_system_of_its_own_hall():
    f = written()
    built = whole(f)
    found = design.power_limits(f, built)
    hung = [rack for limit in found for rack in limit.racks]
    assert sorted(hung) == sorted(rack.path for rack in built.blueprint.racks)
    paths = {limit.path for limit in found}
    for limit in found:
        above = limit.path.rpartition("/")[0]
        assert not limit.is_designed or above in paths
        assert all(rack.startswith(limit.path.split("/p")[0] + "/") for rack in limit.racks)


@pytest.mark.parametrize("redundancy", ["N", "N+1", "2N", "4N3R"])
def test_a_chain_that_was_designed_for_its_racks_lets_all_draw_their_maximum(redundancy):
    f = written(redundancy)
    built = whole(f)
    drawn_kw = {rack.path: rack.power_kw_max for rack in built.blueprint.racks}
    limits = design.power_limits(f, built)
    for place in limits:
        below = [limit for limit in limits if f"{limit.path}/".startswith(f"{place.path}/")]
        kw = sum(drawn_kw[rack] for limit in below for rack in limit.racks)
        assert place.limit_w is None or 0 < kw * 1000 <= place.limit_w


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["grid", "facility", "it"]),
    st.sampled_from(["", "pue: 1.2"]),
    st.floats(1.5, 9.0),
)
def test_racks_at_the_limit_of_a_connection_take_all_of_it_and_no_more(basis, pue, mw):
    """40 x 142 kW and 9 x 40.8 kW are 6.05 MW: the connection is too small, fits, or is ample."""
    f = written(site=f"grid: {{connection: {mw:.3f} MW, basis: {basis}}}\n    {pue}")
    (site,) = whole(f).sites
    racks = {rack.path for rack in whole(f).blueprint.racks}
    found = connection_rack_kw(f.sites["a"], site, racks)
    chain, rack_kw = site.plant.power, site.power.rack_kw_max
    beside_kw = chain.it_kw[0] - rack_kw
    if basis == "it":
        demand = found + beside_kw
    elif pue:
        demand = (found + beside_kw) * 1.2
    else:
        own = np.array(
            [[n.own_kw[0] * (found / rack_kw if n.path in racks else 1)] for n in chain.tree.nodes]
        )
        demand = carried(chain.tree, own).taken_kw[:1].sum()
    asked = float(f"{mw:.3f}") * 1000
    assert demand <= asked + 1e-6
    assert demand == pytest.approx(asked, rel=2e-3)


def test_a_connection_that_is_on_no_basis_or_not_given_bounds_nothing():
    for grid in ("", "grid: {connection: 1 MW, basis: ai-capacity}"):
        found = {limit.path: limit.limit_w for limit in design.power_limits(written(site=grid))}
        assert found["a"] is None


def test_a_part_that_can_feed_its_racks_does_not_keep_nodes_idle_for_what_a_job_is_counted():
    """A job of no GPU type is counted 1.97 kW a GPU, as of GB300; a DGX H100 draws 1.28 kW.

    9 racks of 40.8 kW hang on a pair of busways of 901.6 kW, less 64.9 kW beside them: their 288
    GPUs would be counted for 568 kW, so the limit holds nothing back and stands. Of 34 racks the
    first pair has 21, 856.8 kW, counted for 1,325 kW: the limit would brake for nothing.
    """
    few = written()
    many = written(halls=TWO_HALLS.replace("racks: 9", "racks: 34"))
    one, other = ({p.path: p for p in design.power_limits(f)} for f in (few, many))
    assert one["a/h2/p01/busway-01"].limit_w is not None
    assert other["a/h2/p01/busway-01"].limit_w is None


def test_a_site_that_is_not_designed_is_bounded_by_an_estimate_that_says_so():
    # 1 MW / 1.25 / 1.10 = 727.27 kW
    text = "factory: f\nsites: {a: {pue: 1.25, grid: {connection: 1 MW}, engine: {kind: local}}}"
    (limit,) = design.power_limits(factory.loads(text.encode()))
    assert (limit.path, limit.limit_w) == ("a", 727_272)
    assert "an estimate" in limit.basis
