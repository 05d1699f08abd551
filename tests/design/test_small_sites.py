"""A small site gets small parts: of each kind the smallest that carries the load."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright import factory
from arkwright.catalog import plant
from arkwright.design.power_chain import plan_power
from arkwright.design.power_layout import RackLoad
from arkwright.design.whole import whole
from arkwright.factory import Power, Redundancy, Ups

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def campus():
    return whole(factory.load(EXAMPLES / "university-rack.yaml")).sites[0]


def test_a_university_rack_has_no_part_of_a_utility(campus):
    chain = campus.plant.power
    assert chain.count("transformer-hv") == 0
    # 37 kW of IT and 5 kW of cooling: nothing in the chain is above 120 kW.
    ratings = {parts.part: parts.rating_kw for parts in chain.parts if parts.part}
    assert ratings == {"transformer-50": 49.0, "ups-60": 60.0, "busway-160": 113.0}


def test_its_machines_are_small_and_its_losses_in_proportion(campus):
    (hall,) = campus.plant.halls
    capacity_kw = [m.capacity_kw for loop in hall.loops for m in loop.machines]
    assert max(capacity_kw) <= 100
    assert campus.power.losses_kw_max < 0.1 * campus.power.it_kw_max
    assert campus.power.pue < 1.3  # with parts for megawatts it was 1.56


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.floats(2, 150), st.sampled_from(list(Redundancy)))
def test_no_smaller_ups_or_transformer_would_carry_a_block(racks, kw, redundancy):
    loads = [
        RackLoad(path=f"a/h/r{n:03d}", peak_kw=kw, typical_kw=kw, idle_kw=kw) for n in range(racks)
    ]
    chain = plan_power("a", loads, Power(ups=Ups(redundancy=redundancy)), None, 0.0)
    for kind in ("transformer", "ups"):
        sizes = sorted(p.rating_kw for p in plant.power_parts().values() if p.kind == kind)
        for parts in (parts for parts in chain.parts if parts.kind == kind):
            smaller = [size for size in sizes if size < parts.rating_kw]
            blocks = {n.path for n in chain.tree.nodes if n.part == parts.part}
            # Blocks of 2.5 MW at most: so many of the next smaller size could not feed the racks.
            if smaller and len(blocks) == 1:
                assert smaller[-1] < kw * racks * 1.2
