"""The chain of a site: counts, ratings, losses, and any one part lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import design, factory
from arkwright.design.power_chain import chain_losses_kw, plan_power, rack_loads
from arkwright.design.power_layout import RackLoad
from arkwright.design.power_tree import loads
from arkwright.errors import InputError
from arkwright.factory import Power, Redundancy, Ups, UpsKind
from arkwright.factory import Redundancy as R


def racks(count, kw=142.0):
    return [
        RackLoad(
            path=f"s/h1/r{n:03d}", peak_kw=kw, typical_kw=kw * 0.95, idle_kw=kw * 0.15, shelves=8
        )
        for n in range(1, count + 1)
    ]


def plan(count, redundancy=R.N_PLUS_1, kw=142.0, **options):
    section = Power(ups=Ups(redundancy=redundancy, kind=options.pop("kind", UpsKind.ONLINE)))
    return plan_power("s", racks(count, kw), section, **options)


def test_72_racks_of_gb300_on_n_plus_1():
    # 72 x 142 = 10,224 kW: 5 blocks of 2,500 kW carry it, one more stands by; 2 modules a block
    found = plan(72)
    assert found.it_kw[0] == pytest.approx(10_224)
    assert found.count("transformer") == 6
    assert found.count("ups") == 12
    assert found.count("generator") == 6
    # 1,127 kW x 0.8 = 901.6 kW carry 6 racks: 12 pairs
    assert found.count("busway") == 24
    assert found.count("shelf") == 576
    assert found.findings == ()


@pytest.mark.parametrize(
    ("redundancy", "blocks"),
    [(R.N, 5), (R.N_PLUS_1, 6), (R.TWO_N, 10), (R.FOUR_N_3R, 8)],
)
def test_blocks_by_redundancy(redundancy, blocks):
    # 10,224 kW are 5 systems of one block (N), 5 pairs (2N), 2 systems of four (4N3R)
    assert plan(72, redundancy).count("transformer") == blocks


@pytest.mark.parametrize("redundancy", [R.N_PLUS_1, R.TWO_N, R.FOUR_N_3R])
@pytest.mark.parametrize("count", [1, 5, 18, 72, 320])
def test_any_one_part_may_be_lost(redundancy, count):
    assert plan(count, redundancy).findings == ()


def test_n_says_that_it_has_no_reserve():
    (note,) = plan(18, R.N).findings
    assert "takes its racks along" in note.text


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(1, 120),
    kw=st.floats(5, 300),
    redundancy=st.sampled_from([R.N_PLUS_1, R.TWO_N, R.FOUR_N_3R]),
    kind=st.sampled_from(list(UpsKind)),
)
def test_every_plan_keeps_its_promise(count, kw, redundancy, kind):
    found = plan(count, redundancy, kw, kind=kind, mechanical_kw=count * kw * 0.05)
    assert found.findings == ()
    assert found.tree.count("rack") == count
    lost = sum(losses[0] for losses in found.losses_kw.values())
    assert found.input_kw[0] == pytest.approx(found.it_kw[0] * 1.05 + lost)


@settings(deadline=None, max_examples=20)
@given(count=st.integers(1, 60), more=st.integers(0, 30))
def test_more_racks_never_need_fewer_parts(count, more):
    few, many = plan(count), plan(count + more)
    assert many.count("transformer") >= few.count("transformer")
    assert many.count("shelf") >= few.count("shelf")
    assert many.input_kw[0] >= few.input_kw[0]


def test_the_chain_loses_about_what_published_stages_lose():
    # UPS about 2.6 %, transformer 0.6 to 0.9 %, busway 0.4 %: 0.96 from the feeds to the racks
    found = plan(72)
    lost = sum(losses[0] for losses in found.losses_kw.values())
    assert lost / found.it_kw[0] == pytest.approx(0.037, abs=0.005)
    eco = plan(72, kind=UpsKind.ECO)
    bbu = plan(72, kind=UpsKind.BBU)
    assert found.input_kw[0] > eco.input_kw[0] > bbu.input_kw[0]


def test_losses_through_a_day_are_those_of_the_tree_at_each_load():
    found = plan(18)
    lost = chain_losses_kw(found, np.array([0.0, 0.5, 1.0]))
    assert lost[2] == pytest.approx(loads(found.tree).lost_kw[:, 0].sum())
    assert 0 < lost[0] < lost[1] < lost[2]


def test_a_connection_that_is_too_small_is_named_at_the_grid():
    (finding, *_) = plan(72, connection_kw=10_000).findings
    assert finding.where == "s/grid"
    assert "above its limit of 10 MW" in finding.text


def test_a_large_site_has_transformers_to_its_own_voltage():
    # 320 racks are 45.4 MW: one unit of 147 MW carries it, one stands by
    assert plan(320).count("transformer-hv") == 2
    assert plan(18).count("transformer-hv") == 0


def test_a_rack_no_busway_can_carry_is_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"busway: …"):
        plan(1, kw=1000.0)


def test_one_feed_is_one_too_few():
    found = plan_power("s", racks(4), Power(feeds=1))
    assert found.findings[0].where == "s/feed-1"
    assert "4 parts go dark" in found.findings[0].text


def test_loads_of_a_blueprint_come_from_the_catalogue():
    text = "factory: f\nsites: {a: {halls: {h: {system: gb200-nvl72, racks: 1}}}}"
    (rack,) = rack_loads(design.blueprint(factory.loads(text.encode())).racks)
    # typical 120 kW; idle 18 trays x 1.0 kW (NVIDIA DPS registry)
    assert (rack.peak_kw, rack.typical_kw, rack.idle_kw) == (132, 120, 18)
    assert (rack.shelves, rack.pdus) == (8, 0)


def test_redundancy_is_written_as_people_write_it():
    text = "factory: f\nsites: {a: {power: {ups: {redundancy: 4N3R}}, halls: {h: {system: gb300-nvl72, racks: 1}}}}"  # noqa: E501
    assert factory.loads(text.encode()).sites["a"].power.ups.redundancy is Redundancy.FOUR_N_3R
