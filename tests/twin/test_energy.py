"""Every kilowatt-hour of a run: by hand, against a look at every second, and against the design."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.errors import InternalError
from arkwright.physics.steps import hour_edges
from arkwright.twin.books import books
from arkwright.twin.draw import draws as draws_of
from arkwright.twin.energy import energy
from arkwright.twin.hours import CapBasis, SiteHours
from arkwright.twin.site_model import SiteModel
from naive.energy_by_the_second import energy_by_the_second
from twin.energy_cases import HOUR_MS, T0, draws, places, record

HALF_H = HOUR_MS // 2
KWH_J = 3.6e6
PUE_OF_A_QUARTER = {"s0": SiteModel(site="s0", halls=("s0/h1",), beside_kw=(0.0,), pue=1.25)}


def four_hours():
    """Two nodes of eight GPUs: 800 W idle, 500 W a GPU in training, 300 W serving.

    Job 0 trains on node 0 from 00:30 to 02:30. Job 1 serves on half of node 1 from 01:00 to 02:00.
    Job 2 knows its draw, 250 W a GPU; it starts on node 1 at 02:00, loses it at 02:30, when it goes
    out for an hour, and runs on node 0 until 04:00.
    """
    at = places(2)
    run = record(
        at,
        T0 + 4 * HOUR_MS,
        [
            (0, T0 + HALF_H, T0 + 5 * HALF_H, {0: 8000}),
            (1, T0 + HOUR_MS, T0 + 2 * HOUR_MS, {1: 4000}),
            (2, T0 + 2 * HOUR_MS, T0 + 5 * HALF_H, {1: 8000}),
            (2, T0 + 5 * HALF_H, T0 + 4 * HOUR_MS, {0: 8000}),
        ],
        [(1, T0 + 5 * HALF_H, T0 + 7 * HALF_H)],
    )
    return run, draws(at, job_kind=(0, 1, 0), own=(np.nan, np.nan, 250.0))


PRICE_STEP = SiteHours(
    currency="EUR",
    price_per_mwh=np.array([100.0, 100.0, 200.0, 200.0]),
    carbon_g_per_kwh=np.full(4, 50.0),
)


def test_four_hours_by_hand():
    run, drawn = four_hours()
    found = energy(run, drawn, PUE_OF_A_QUARTER, {"s0": PRICE_STEP})
    (site,) = found.sites
    # job 0: 4 kW x 2 h; job 1: 1.2 kW x 1 h; job 2: 2 kW x 0.5 h and 2 kW x 1.5 h
    assert found.jobs.it_kwh == pytest.approx([8.0, 1.2, 4.0])
    assert site.jobs_kwh == pytest.approx(13.2)
    # node 0: half an hour at 0.8 kW; node 1: 0.8, half of it, 0, nothing while out, half an hour
    assert site.idle_kwh == pytest.approx(0.4 + 0.8 + 0.4 + 0.4)
    assert found.node_kwh == pytest.approx([8.0 + 3.0 + 0.4, 1.2 + 1.0 + 1.6])
    for level in (found.rack_kwh, found.row_kwh, found.hall_kwh, found.site_kwh):
        assert level == pytest.approx([15.2])
    assert found.power.sites[0].it_w == pytest.approx([3200, 5600, 4000, 2400])
    assert found.power.sites[0].idle_w == pytest.approx([1200, 400, 0, 400])
    assert found.power.currency == "EUR"
    # a PUE of 1.25 makes 19.0 of 15.2 kWh; 50 g each
    assert site.meter_kwh == pytest.approx(19.0)
    assert site.cooling_kwh == pytest.approx(3.8)
    assert site.pue == pytest.approx(1.25)
    assert site.carbon_kg == pytest.approx(0.95)
    # 8.8 IT kWh at 0.1 and 6.4 at 0.2
    assert site.cost == pytest.approx(1.25 * (0.88 + 1.28))
    # job 0: 6 kWh before 02:00 and 2 after; job 1 all before; job 2 all after
    assert found.jobs.cost == pytest.approx([1.25, 0.15, 1.0])
    assert found.jobs.meter_kwh == pytest.approx([10.0, 1.5, 5.0])
    assert found.jobs.carbon_kg == pytest.approx([0.5, 0.075, 0.25])
    # 02:00 to 02:30: 4 kW and 2 kW, which the mean of that hour does not show
    assert site.node_w_max == pytest.approx(6000)
    assert site.meter_w_max == pytest.approx(7000)
    assert found.residual < 1e-12


def test_hours_over_a_cap_on_the_site_and_on_it_power():
    run, drawn = four_hours()

    def over(cap_w, basis):
        hours = SiteHours(cap_w=np.array(cap_w), cap_basis=basis)
        found = energy(run, drawn, PUE_OF_A_QUARTER, {"s0": hours})
        return found.sites[0].hours_over_cap, found.power.sites[0].cap_w

    # the meter's means are 4, 7, 5 and 3 kW
    assert over([4000.0, 6999.0, np.inf, 2000.0], CapBasis.SITE)[0] == 2
    # IT power is 3.2, 5.6, 4 and 2.4 kW; the line is drawn above what the hour takes beside it
    hours, line_w = over([3500.0, 3500.0, 3500.0, 3500.0], CapBasis.IT)
    assert hours == 2
    assert line_w == pytest.approx([4300, 4900, 4500, 4100])
    assert energy(run, drawn).sites[0].hours_over_cap is None


def test_a_cap_on_racks_of_nodes_leaves_room_for_those_beside_them_too():
    run, drawn = four_hours()
    model = {"s0": SiteModel(site="s0", halls=("s0/h1",), beside_kw=(2.0,), pue=1.25)}
    hours = SiteHours(cap_w=np.full(4, 4000.0), cap_basis=CapBasis.NODES)
    found = energy(run, drawn, model, {"s0": hours})
    # nodes draw 3.2, 5.6, 4 and 2.4 kW; with 2 kW beside them and a PUE of 1.25 the line is
    # 4 + 2 kW and a quarter of what IT draws
    assert found.sites[0].hours_over_cap == 1
    assert found.power.sites[0].cap_w == pytest.approx([7300, 7900, 7500, 7100])


def test_what_is_not_known_is_none_and_said_and_never_zero():
    run, drawn = four_hours()
    found = energy(run, drawn)
    (site,) = found.sites
    assert (site.loss_kwh, site.cooling_kwh, site.pue, site.water_m3) == (None,) * 4
    assert (site.carbon_kg, site.cost) == (None, None)
    assert site.meter_kwh == pytest.approx(15.2)
    assert not len(found.power.sites[0].cooling_w)
    assert not len(found.jobs.cost)
    text = " ".join(found.notes)
    for missing in ("losses and cooling are not modelled", "no carbon intensity", "no price"):
        assert missing in text


def test_a_site_of_virtual_gpus_is_given_no_watts():
    at = places(1, sites=2)
    run = record(
        at, T0 + HOUR_MS, [(0, T0, T0 + HOUR_MS, {0: 1000}), (1, T0, T0 + HOUR_MS, {1: 1})]
    )
    drawn = draws_of(at, ("dgx-h100", None), ("training",), np.array([0, 0]))
    found = energy(run, drawn)
    assert [site.site for site in found.sites] == ["s0"]
    # 7,116 W over eight GPUs
    assert found.jobs.it_kwh[0] == pytest.approx(0.8895)
    assert np.isnan(found.jobs.it_kwh[1])
    assert np.isnan(found.site_kwh[1])
    assert any(note.startswith("s1: not modelled") for note in found.notes)


def test_a_run_without_jobs_is_idle():
    at = places(2)
    found = energy(record(at, T0 + HOUR_MS + 1, []), draws(at))
    assert found.sites[0].idle_kwh == pytest.approx(1.6, rel=1e-6)
    assert found.sites[0].node_w_max == pytest.approx(1600)
    assert found.jobs.it_kwh.shape == (0,)


def test_only_what_lies_within_the_run_counts():
    at = places(1)
    run = record(
        at,
        T0 + HOUR_MS,
        [(0, T0 - HOUR_MS, T0 + HALF_H, {0: 8000})],
        [(0, T0 + HALF_H, T0 + 9 * HOUR_MS)],
    )
    found = energy(run, draws(at, job_kind=(0,)))
    assert found.jobs.it_kwh == pytest.approx([2.0])
    assert found.sites[0].meter_kwh == pytest.approx(2.0)


def test_columns_that_do_not_fit_are_refused_together():
    run, drawn = four_hours()
    wrong = drawn._replace(node_idle_w=np.zeros(1), job_kind=np.zeros(2, dtype=np.int64))
    with pytest.raises(InternalError, match=r"(?s)node_idle_w has 1 .*job_w_per_gpu.*beyond the 2"):
        energy(run, wrong)


@st.composite
def runs(draw):
    """Two sites of two nodes; between common instants every node is out, or holds 0 to 2 jobs."""
    at = places(2, sites=2)
    begin = T0 + draw(st.sampled_from([0, 1_799, 3_540])) * 1000
    cuts = draw(st.lists(st.integers(1, 119), min_size=1, max_size=4, unique=True))
    times = [begin + second * 1000 for second in (0, *sorted(cuts), 120)]
    attempts, outages = [], []
    for start, end in itertools.pairwise(times):
        held = {}
        for node in range(4):
            state = draw(st.sampled_from(["out", "idle", "one", "two"]))
            if state == "out":
                outages.append((node, start, end))
            jobs = {"one": 1, "two": 2}.get(state, 0)
            for milli in (8000 // max(jobs, 1), 4000)[:jobs]:
                job = draw(st.integers(0, 2)) + (10 if node > 1 else 0)
                held.setdefault(job, {}).setdefault(node, 0)
                held[job][node] += draw(st.integers(0, milli))
        attempts += [(job, start, end, nodes) for job, nodes in held.items()]
    watts = st.floats(0, 2000, allow_subnormal=False)
    own = [draw(st.one_of(st.just(np.nan), watts)) for _ in range(13)]
    kinds = (draw(watts), draw(watts))
    drawn = draws(
        at, kinds, draw(watts), draw(st.sampled_from([0.0, 55.5])), [0, 1, 0, *[1] * 10], own
    )
    return record(at, times[-1], attempts, outages, begin), drawn


@settings(max_examples=40, deadline=None)
@given(runs(), st.floats(1, 2), st.integers(0, 500))
def test_any_run_is_the_same_as_looked_at_every_second(case, pue, price):
    run, drawn = case
    hours = len(hour_edges(run.from_ms, run.until_ms)) - 1
    model = SiteModel(site="s0", halls=("s0/h1",), beside_kw=(0.5,), pue=pue)
    prices = SiteHours(price_per_mwh=np.array([100.0, 100.0 + price])[:hours])
    found = energy(run, drawn, {"s0": model}, {"s0": prices})
    want = energy_by_the_second(run, drawn)
    close = {"rel": 1e-9, "abs": 1e-12}
    assert found.residual <= 1e-9 or found.sites[1].meter_kwh < 1e-9
    assert found.jobs.it_kwh == pytest.approx(
        [want.jobs_j[job] / KWH_J for job in range(13)], **close
    )
    assert found.node_kwh == pytest.approx(
        [want.node_j[node] / KWH_J for node in range(4)], **close
    )
    first = run.from_ms // HOUR_MS
    costs = np.zeros(13)
    for code, site in enumerate(found.sites):
        beside_kwh = (0.5 * 120 / 3600) if code == 0 else 0.0
        factor = pue if code == 0 else 1.0
        it_kwh = sum(want.hour_j[code, first + hour] for hour in range(hours)) / KWH_J + beside_kwh
        assert site.meter_kwh == pytest.approx(it_kwh * factor, **close)
        assert site.idle_kwh == pytest.approx(want.idle_j[code] / KWH_J + beside_kwh, **close)
        assert site.node_w_max == pytest.approx(want.watts_max[code], rel=1e-9, abs=1e-6)
    for (job, code, hour), joules in want.job_hour_j.items():
        if code == 0:
            costs[job] += joules / KWH_J * pue * prices.price_per_mwh[hour - first] / 1000
    # jobs 10 to 12 run at the site whose price nobody knows
    assert found.jobs.cost[:10] == pytest.approx(costs[:10], **close)


def two_halls():
    """One site, two halls of a node each; a gang of both for an hour, then nothing for one."""
    at = places(2)._replace(
        hall=np.array([0, 1]), row=np.array([0, 1]), rack=np.array([0, 1]),
        halls=["s0/h1", "s0/h2"], rows=["a", "b"], racks=["s0/h1/r0", "s0/h2/r1"],
    )  # fmt: skip
    gang = (0, T0, T0 + HOUR_MS, {0: 8000, 1: 2000})
    return record(at, T0 + 2 * HOUR_MS, [gang]), draws(at, job_kind=(0,))


def test_a_gang_across_halls_draws_in_each_what_it_holds_there():
    run, drawn = two_halls()
    edges = hour_edges(run.from_ms, run.until_ms)
    found = books(run, drawn, edges)
    assert found.hall_busy / HOUR_MS == pytest.approx(np.array([[4000, 0], [1000, 0]]))
    # six of eight GPUs of the second node are idle in the first hour
    assert found.hall_idle / HOUR_MS == pytest.approx(np.array([[0, 800], [600, 800]]))


def test_racks_beside_the_nodes_count_in_their_hall_and_in_halls_without_nodes():
    run, drawn = two_halls()
    model = SiteModel(
        site="s0", halls=("s0/h0", "s0/h2", "s0/h1"), beside_kw=(4.0, 2.0, 1.0), pue=1.5
    )
    found = energy(run, drawn, {"s0": model})
    # nodes 4.8 and 2.4 kWh; two hours beside them
    assert found.rack_kwh == pytest.approx([4.8, 2.4])
    assert found.hall_kwh == pytest.approx([4.8 + 2.0, 2.4 + 4.0])
    assert found.site_kwh == pytest.approx([7.2 + 14.0])
    assert found.sites[0].beside_kwh == pytest.approx(14.0)
    assert found.sites[0].meter_kwh == pytest.approx(1.5 * 21.2)
    with pytest.raises(InternalError, match="no model of the halls s0/h2"):
        energy(run, drawn, {"s0": SiteModel(site="s0", halls=("s0/h1",), beside_kw=(0.0,))})


def test_a_model_that_says_nothing_models_nothing():
    run, drawn = four_hours()
    empty = SiteModel(site="s0", halls=("s0/h1",), beside_kw=(0.0,))
    (site,) = energy(run, drawn, {"s0": empty}).sites
    assert (site.loss_kwh, site.cooling_kwh, site.pue) == (None, None, None)
