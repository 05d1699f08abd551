"""Spare nodes as reckoned, against nodes that are out in drawn years."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.twin.failures import (
    Bursts,
    Group,
    Lemons,
    Part,
    Seasons,
    Topology,
    failure_spec,
    outages,
    spares,
)
from twin.fleets import DAY_MS, START_MS, YEAR_MS, cause, fleet, model

YEARS = 6
CHANCES = (0.5, 0.9, 0.99)
BARE = Topology()


def out_at_once(spec, places, topology=BARE, seeds=range(YEARS), level="hall"):
    """Nodes out per place, every fifth day of several years, long after the start."""
    index, many = getattr(places, level), len(getattr(places, f"{level}s"))
    warm_ms = 300 * DAY_MS
    result = []
    for seed in seeds:
        out = outages(spec, places, topology, START_MS - warm_ms, START_MS + YEAR_MS, seed)
        for moment in range(START_MS, START_MS + YEAR_MS, 5 * DAY_MS):
            now = (out.from_ms <= moment) & (moment < out.until_ms)
            result.append(np.bincount(index[out.node[now]], minlength=many))
    return np.array(result).ravel()


def test_one_cause_is_the_binomial():
    # 0.01 a day, 24 h: each of 20 nodes is out 1 - e^-0.01 = 0.995 % of the time.
    need = spares(model(cause(per_1000_days=10, hours=24)), fleet(20, per_rack=20), Topology())
    p = 0.00995017
    chances = np.cumsum([comb(20, k) * p**k * (1 - p) ** (20 - k) for k in range(21)])
    assert need.rack.spare.tolist() == [int(np.searchsorted(chances, 0.99))] == [2]
    assert need.rack.out_mean[0] == pytest.approx(20 * p, rel=1e-6)


@pytest.mark.parametrize("mix", ["rsc1", "stepfun"])
def test_spares_reckoned_are_the_nodes_out_in_drawn_years(mix):
    """1,200 nodes in two halls; the fitted model's bursts and seasons make its tail twice as long.

    The mean within 6 %, the median and the 90th percentile within 12 %, the 99th within 20 % (a
    negative binomial stands for the sum of log-normal bursts and seasons).
    """
    spec, places = failure_spec(mix), fleet(1200, per_hall=600)
    drawn = out_at_once(spec, places)
    reckoned = [spares(spec, places, Topology(), chance).hall for chance in CHANCES]
    assert reckoned[0].out_mean[0] == pytest.approx(drawn.mean(), rel=0.06)
    for need, quantile, tolerance in zip(
        reckoned, np.quantile(drawn, CHANCES), (0.12, 0.12, 0.2), strict=True
    ):
        assert need.spare[0] == pytest.approx(quantile, rel=tolerance, abs=1)


def test_uneven_failures_need_more_spares_than_the_mean_says():
    uneven, places = failure_spec("stepfun"), fleet(600)
    even = model(*uneven.causes)
    need = [spares(spec, places, Topology()).hall.spare[0] for spec in (even, uneven)]
    assert need[0] < 0.75 * need[1]


def test_spares_of_a_rack_hold_for_the_asked_share_of_the_time():
    spec, places = failure_spec("stepfun"), fleet(612, per_rack=18)
    drawn = out_at_once(spec, places, level="rack")
    need = spares(spec, places, Topology(), 0.99).rack.spare[0]
    assert (drawn <= need).mean() == pytest.approx(0.99, abs=0.006)
    assert (drawn <= need - 1).mean() < 0.985


def test_parts_that_many_hang_on_come_on_top():
    # A leaf of 4 nodes, 0.05 a day for 24 h: 4.9 % of the time all 4 are out, and nothing else is.
    spec = model(cause("leaf", Part.LEAF, 50.0, hours=24))
    leaf = Group(Part.LEAF, ["l0", "l1"], np.arange(8) // 4)
    need = {c: spares(spec, fleet(8), Topology((leaf,)), c).rack.spare[0] for c in (0.95, 0.96)}
    assert need == {0.95: 0, 0.96: 4}
    # Both leaves: 0.24 % of the time.
    hall = {c: spares(spec, fleet(8), Topology((leaf,)), c).hall.spare[0] for c in (0.99, 0.999)}
    assert hall == {0.99: 4, 0.999: 8}


def test_a_spare_part_spares_nodes():
    spec = model(cause("cdu", Part.CDU, 50.0, hours=24))
    group = Group(Part.CDU, ["c"], np.zeros(4, np.int64), parts=2, spare=1)
    bare = group._replace(parts=1, spare=0)
    assert spares(spec, fleet(4), Topology((bare,)), 0.99).hall.spare[0] == 4
    assert spares(spec, fleet(4), Topology((group,)), 0.99).hall.spare[0] == 0


def test_what_hangs_together_in_drawn_years_hangs_together_in_the_reckoning():
    spec = model(
        cause("gpu", Part.GPU, 2.0, hours=48),
        cause("leaf", Part.LEAF, 20.0, hours=24),
        lemons=Lemons(share=0.1, factor=11),
        bursts=Bursts(share=0.3, hit_mean=0.02, hit_cv=1.0, spread=3600.0),
        seasons=Seasons(cv=0.4, length=30 * 86_400.0),
    )
    places = fleet(320, per_rack=16, per_hall=160)
    topology = Topology((Group(Part.LEAF, [f"l{k}" for k in range(20)], np.arange(320) // 16),))
    drawn = out_at_once(spec, places, topology, seeds=range(10))
    need = [spares(spec, places, topology, chance).hall for chance in CHANCES]
    assert need[0].out_mean[0] == pytest.approx(drawn.mean(), rel=0.06)
    for found, quantile in zip(need, np.quantile(drawn, CHANCES), strict=True):
        assert found.spare[0] == pytest.approx(quantile, rel=0.15, abs=2)


def test_a_large_fleet_needs_fewer_spares_for_its_size():
    spec = failure_spec("rsc1")
    need = spares(spec, fleet(2048, per_rack=16, per_hall=512), Topology(), 0.99)
    assert need.rack.spare.sum() > need.hall.spare.sum() > need.site.spare.sum()


@settings(max_examples=30)
@given(st.integers(1, 40), st.floats(0, 200), st.floats(0.1, 500), st.floats(0.01, 0.999))
def test_spares_grow_with_confidence_and_never_pass_the_nodes(nodes, rate, hours, chance):
    spec = model(cause(per_1000_days=rate, hours=hours))
    less, more = (
        spares(spec, fleet(nodes), Topology(), c).hall.spare[0] for c in (chance / 2, chance)
    )
    assert 0 <= less <= more <= nodes


def test_a_confidence_of_1_cannot_be_met():
    with pytest.raises(InputError, match="below 1"):
        spares(model(), fleet(2), Topology(), 1.0)
