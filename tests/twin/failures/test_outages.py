"""Outages as drawn: how often, on whom, with whom; and independent of what else is there."""

import time
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.twin.failures import (
    Bursts,
    Failed,
    Group,
    Lemons,
    Part,
    Seasons,
    Topology,
    failed,
    failure_spec,
    merged,
    node_events,
    outages,
    strikes_nothing,
)
from arkwright.twin.record import Outages
from twin.fleets import DAY_MS, START_MS, YEAR_MS, cause, fleet, model

BARE = Topology()


def drawn(spec, places, topology=BARE, days=365, seed=1):
    return failed(spec, places, topology, START_MS, START_MS + days * DAY_MS, seed)


def rows(found):
    """A node's outages by its node: [(from, until, cause)]."""
    result = defaultdict(list)
    for node, begin, end, kind in zip(
        found.node, found.from_ms, found.until_ms, found.cause, strict=True
    ):
        result[int(node)].append((int(begin), int(end), int(kind)))
    return result


def test_65_per_1000_node_days_at_2048_nodes_is_an_mttf_of_180_hours():
    # 2,048 x 365 x 6.5 / 1000 = 4,859 failures expected: the mean gap is known to 1.4 %.
    found = drawn(failure_spec("rsc1"), fleet(2048))
    gaps_h = np.diff(found.at_ms) / 3_600_000
    assert gaps_h.mean() == pytest.approx(1.803, rel=4 / np.sqrt(4859))
    # Poisson: the deviation of the gaps is their mean.
    assert gaps_h.std() == pytest.approx(gaps_h.mean(), rel=0.06)


def test_llama_3s_fleet_sees_about_419_interruptions_in_54_days_by_its_causes():
    spec, places = failure_spec("llama3"), fleet(2048)
    runs = [drawn(spec, places, days=54, seed=seed) for seed in range(10)]
    counts = np.array([np.bincount(run.cause, minlength=18) for run in runs])
    assert abs(counts[0].sum() - 419) < 4 * np.sqrt(419)  # one run: +- 82
    assert counts.sum(axis=1).mean() == pytest.approx(419, abs=4 * np.sqrt(419 / 10))
    by_cause = dict(zip((c.name for c in spec.causes), counts.sum(axis=0) / 10, strict=True))
    for name, published in [("faulty-gpu", 148), ("gpu-hbm3", 72), ("software", 54), ("cpu", 2)]:
        assert by_cause[name] == pytest.approx(published, abs=4 * np.sqrt(published / 10))


def test_12800_nodes_take_less_than_a_second_for_a_year():
    spec, places = failure_spec("stepfun"), fleet(12_800, per_rack=18, per_hall=1600)
    begun = time.process_time()
    outages(spec, places, BARE, START_MS, START_MS + YEAR_MS, 1)
    assert time.process_time() - begun < 1.0


def test_another_rack_changes_no_outage_of_the_others():
    spec = failure_spec("stepfun")
    few = rows(outages(spec, fleet(200), BARE, START_MS, START_MS + YEAR_MS, 7))
    more = rows(outages(spec, fleet(240), BARE, START_MS, START_MS + YEAR_MS, 7))
    assert few == {node: spans for node, spans in more.items() if node < 200}
    assert len(few) > 50


def test_another_order_of_the_nodes_changes_no_outage():
    spec, places = failure_spec("stepfun"), fleet(60, per_rack=3, per_hall=30)
    turned = places._replace(
        path=places.path[::-1], hall=places.hall[::-1].copy(), rack=places.rack[::-1].copy()
    )
    one = rows(outages(spec, places, BARE, START_MS, START_MS + YEAR_MS, 3))
    other = rows(outages(spec, turned, BARE, START_MS, START_MS + YEAR_MS, 3))
    assert one == {59 - node: spans for node, spans in other.items()}


def test_a_later_end_only_adds():
    spec, places = failure_spec("stepfun"), fleet(200)
    half, whole = drawn(spec, places, days=150), drawn(spec, places, days=365)
    early = whole.at_ms < START_MS + 150 * DAY_MS
    assert half.at_ms.tolist() == whole.at_ms[early].tolist()
    assert half.until_ms.tolist() == whole.until_ms[early].tolist()


def test_another_rate_of_one_cause_leaves_the_other_causes():
    one = drawn(model(cause("a"), cause("b")), fleet(100))
    other = drawn(model(cause("a", per_1000_days=60), cause("b")), fleet(100))
    assert one.at_ms[one.cause == 1].tolist() == other.at_ms[other.cause == 1].tolist()


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    spec, places = failure_spec("stepfun"), fleet(100)
    once, again, other = (drawn(spec, places, seed=seed) for seed in (1, 1, 2))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(once, again, strict=True))
    assert once.at_ms.tobytes() != other.at_ms.tobytes()


def test_gpus_and_links_fail_each_on_their_own():
    # 400 nodes, 1,000 days, 1 per 1,000 GPU-days: 8 per node; with 2 links 2 per node.
    spec = model(cause("gpu", Part.GPU, 1.0), cause("link", Part.LINK, 1.0))
    found = drawn(spec, fleet(400), Topology(links=np.full(400, 2)), days=1000)
    gpu, link = np.bincount(found.cause)
    assert gpu == pytest.approx(3200, abs=4 * np.sqrt(3200))
    assert link == pytest.approx(800, abs=4 * np.sqrt(800))


def test_a_gpu_type_may_fail_more_often():
    spec = model(cause("gpu", Part.GPU, 1.0), gpu_type_factors={"b200": 3.0})
    found = drawn(spec, fleet(400, gpu_types=("h100", "b200")), days=1000)
    h100, b200 = np.bincount(found.node % 2)
    assert h100 == pytest.approx(1600, abs=4 * np.sqrt(1600))
    assert b200 == pytest.approx(4800, abs=4 * np.sqrt(4800))


def test_lemons_fail_more_often_and_the_fleet_as_often_as_before():
    spec = model(lemons=Lemons(share=0.1, factor=11.0))
    found = drawn(spec, fleet(2000), days=1000)
    per_node = np.bincount(found.node, minlength=2000)
    # Mean 6.5: ordinary 3.25, lemons 35.75; their number moves the fleet's mean by its own error.
    lemons = per_node > 15
    assert lemons.mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 2000))
    assert per_node[lemons].mean() == pytest.approx(35.75, rel=0.05)
    assert per_node[~lemons].mean() == pytest.approx(3.25, rel=0.05)


def test_bursts_take_some_of_a_hall_at_once_and_leave_the_rate():
    bursts = Bursts(share=0.5, hit_mean=0.1, hit_cv=0.0, spread=0.0)
    found = drawn(model(bursts=bursts), fleet(400, per_hall=200), days=2000)
    # 400 x 2,000 x 6.5 / 1000 = 5,200; half in bursts of 20: 130 bursts, error 20 sqrt(130) = 228
    assert len(found.at_ms) == pytest.approx(5200, abs=4 * 234)
    at, size = np.unique(found.at_ms, return_counts=True)
    together = size >= 5
    assert size[together].sum() == pytest.approx(2600, abs=4 * 228)
    assert size[together].mean() == pytest.approx(20, abs=2)
    for moment in at[together]:
        assert len(np.unique(found.node[found.at_ms == moment] // 200)) == 1


def test_seasons_make_some_months_worse_and_leave_the_rate():
    seasons = Seasons(cv=0.5, length=30 * 86_400.0)
    counts = []
    for seed in range(4):
        found = drawn(model(seasons=seasons), fleet(400), days=900, seed=seed)
        month = np.floor(found.at_ms / (30 * DAY_MS)).astype(int)
        counts.append(np.bincount(month - month.min())[1:-1])
    many = np.concatenate(counts)
    # 78 a month; variance 78 + (0.5 x 78)^2 = 1,599
    assert many.mean() == pytest.approx(78, abs=4 * 40 / np.sqrt(len(many)))
    assert 25 < many.std() < 60


def test_a_leaf_takes_every_node_behind_it_and_no_other():
    leaf = Group(Part.LEAF, ["l0", "l1", "l2"], np.arange(12) // 4)
    found = drawn(model(cause("leaf", Part.LEAF, 10.0)), fleet(12), Topology((leaf,)), days=1000)
    assert len(found.at_ms) > 10
    for first, last in zip(found.node_first[:-1], found.node_first[1:], strict=True):
        nodes = found.node[first:last].tolist()
        assert nodes in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11])


def test_nodes_that_go_out_together_share_a_failure():
    found = outages(
        model(cause("hall", Part.HALL, 5.0)), fleet(6, per_hall=3), BARE, START_MS,
        START_MS + YEAR_MS, 1,
    )  # fmt: skip
    assert len(found.node)
    for failure in np.unique(found.failure):
        assert found.node[found.failure == failure].tolist() in ([0, 1, 2], [3, 4, 5])


def test_a_node_on_no_group_stands():
    pdu = Group(Part.PDU, ["p0"], np.array([0, -1, 0]))
    found = drawn(model(cause("pdu", Part.PDU, 50.0)), fleet(3), Topology((pdu,)))
    assert set(found.node) == {0, 2}


def test_a_spare_cdu_lets_one_fail_without_harm():
    spec = model(cause("cdu", Part.CDU, 480.0, hours=5.0))  # 0.02 per hour
    needed = Group(Part.CDU, ["c0"], np.zeros(1, np.int64), parts=2, spare=0)
    spare = needed._replace(spare=1)
    share = {}
    for name, group in [("both", needed), ("one", spare)]:
        out = outages(spec, fleet(1), Topology((group,)), START_MS, START_MS + 20 * YEAR_MS, 5)
        share[name] = (out.until_ms - out.from_ms).sum() / (20 * YEAR_MS)
    # One is out 1 - e^-0.1 = 0.0952 of the time: any 0.181, both 0.00906
    assert share["both"] == pytest.approx(0.181, rel=0.05)
    assert share["one"] == pytest.approx(0.00906, rel=0.15)


def test_a_cause_that_nothing_hangs_on_is_named():
    assert strikes_nothing(failure_spec("default"), BARE) == ["leaf", "pdu", "cdu"]


def test_groups_that_do_not_fit_are_all_named():
    wrong = (
        Group(Part.LEAF, ["a"], np.zeros(2, np.int64)),
        Group(Part.PDU, ["a", "a"], np.zeros(3, np.int64)),
        Group(Part.CDU, ["a"], np.array([0, 0, 1]), parts=1, spare=1),
        Group(Part.GPU, ["a"], np.zeros(3, np.int64)),
    )
    with pytest.raises(InputError) as caught:
        drawn(model(), fleet(3), Topology(wrong, links=np.zeros(1, np.int64)))
    said = {problem.key: problem.found for problem in caught.value.problems}
    assert len(caught.value.problems) == 6
    assert said["leaf"] == "2 nodes"
    assert said["links"] == "1 links"


def test_failures_from_before_the_start_may_still_last():
    late = model(cause(per_1000_days=100, hours=240), warm_up=30 * 86_400.0)
    cold = model(cause(per_1000_days=100, hours=240))
    places = fleet(500)
    at_start = [
        (outages(spec, places, BARE, START_MS, START_MS + DAY_MS, 1).from_ms == START_MS).sum()
        for spec in (late, cold)
    ]
    # 0.1 a day x 10 days: 1 - e^-1 = 63 % are out once it has gone on for long
    assert at_start[0] == pytest.approx(316, abs=4 * 11)
    assert at_start[1] == 0


FAILURES = st.lists(
    st.tuples(st.integers(-5, 40), st.integers(1, 12), st.integers(0, 2)), max_size=25
)


@settings(max_examples=200)
@given(FAILURES)
def test_overlapping_outages_of_a_node_are_one(spans):
    """Against a node-by-node walk over every millisecond."""
    spans = sorted(spans)
    found = merged(
        Failed(
            at_ms=np.array([at for at, _, _ in spans], np.int64),
            until_ms=np.array([at + lasts for at, lasts, _ in spans], np.int64),
            cause=np.arange(len(spans)),
            node_first=np.arange(len(spans) + 1),
            node=np.array([node for _, _, node in spans], np.int64),
        ),
        [str(k) for k in range(len(spans))],
        0,
        30,
    )
    expected = []
    for node in range(3):
        out = [any(n == node and at <= t < at + lasts for at, lasts, n in spans) for t in range(30)]
        edges = np.flatnonzero(np.diff([False, *out, False]))
        expected += [(node, int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    rows_found = zip(found.node, found.from_ms, found.until_ms, strict=True)
    assert [tuple(map(int, row)) for row in rows_found] == expected
    for node, begin, kind in zip(found.node, found.from_ms, found.cause, strict=True):
        at, lasts, of = spans[kind]
        assert of == node
        assert max(at, 0) <= begin < at + lasts or max(at, 0) == begin


def test_a_scheduler_hears_of_a_node_out_and_back_in_turn():
    found = outages(failure_spec("stepfun"), fleet(100), BARE, START_MS, START_MS + YEAR_MS, 1)
    told = node_events(found, START_MS + YEAR_MS)
    assert (np.diff(told.at_ms) >= 0).all()
    for node in range(100):
        up = told.is_up[told.node == node].tolist()
        assert up == [0, 1] * (len(up) // 2) + [0] * (len(up) % 2)


def test_at_one_instant_a_node_is_back_before_another_is_out():
    columns = [[0, 1], [10, 20], [20, 30], [0, 0], [0, 1]]
    told = node_events(Outages(*(np.array(c) for c in columns), causes=["gpu"]), 100)
    rows_told = zip(told.at_ms.tolist(), told.node.tolist(), told.is_up.tolist(), strict=True)
    assert list(rows_told) == [(10, 0, 0), (20, 0, 1), (20, 1, 0), (30, 1, 1)]


def test_nothing_that_fails_leaves_nothing():
    for spec, places in [(model(cause(per_1000_days=0)), fleet(5)), (model(), fleet(0))]:
        found = outages(spec, places, BARE, START_MS, START_MS + YEAR_MS, 1)
        assert len(found.node) == len(found.from_ms) == 0
        assert len(node_events(found, START_MS + YEAR_MS).at_ms) == 0
