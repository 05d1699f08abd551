"""A site as it was designed: its chain, its plants and its weather in the account of a run."""

import itertools

import numpy as np
import pytest

from arkwright import design, factory
from arkwright.design.climate import weather_of
from arkwright.design.site_plant import site_plant
from arkwright.design.whole import whole
from arkwright.physics.steps import hour_edges
from arkwright.twin.draw import draws as draws_of
from arkwright.twin.draw import systems_of
from arkwright.twin.energy import energy
from arkwright.twin.hours import factory_hours
from arkwright.twin.site_model import site_model, site_models
from twin.energy_cases import HOUR_MS, T0, places, record

FJORD = """
factory: fjord
sites:
  narvik:
    country: NO
    grid: {connection: 14 MW}
    halls:
      h1: {system: gb300-nvl72, racks: 4}
      h2: {system: dgx-h100, racks: 2}
    cooling: {supply: W32, adiabatic: true}
"""


def factory_places(read):
    """The nodes of the blueprint as a run names them."""
    plan = design.blueprint(read)
    halls = list(dict.fromkeys(f"{node.site}/{node.hall}" for node in plan.nodes))
    racks = [rack.path for rack in plan.racks]
    types = list(dict.fromkeys(node.gpu_type for node in plan.nodes))
    column = {
        "hall": [halls.index(f"{node.site}/{node.hall}") for node in plan.nodes],
        "rack": [racks.index(node.path.rpartition("/")[0]) for node in plan.nodes],
        "gpus": [node.gpus for node in plan.nodes],
        "gpu_type": [types.index(node.gpu_type) for node in plan.nodes],
    }
    column = {name: np.array(values) for name, values in column.items()}
    zeros = np.zeros(len(plan.nodes), dtype=np.int64)
    return places(1)._replace(
        path=[node.path for node in plan.nodes], site=zeros, row=column["hall"], **column,
        sites=list(read.sites), halls=halls, rows=halls, racks=racks, gpu_types=types,
    )  # fmt: skip


def narvik(read):
    """The one site's model, with a share of the racks' power for network and storage."""
    place = read.sites["narvik"]
    year = weather_of(place.climate, place.country)
    return {"narvik": site_model(read, design.blueprint(read), "narvik", year)}


def whole_factory(text, hours, seed):
    """Jobs at random on every node of a factory, modelled from its design."""
    read = factory.loads(text.encode())
    at = factory_places(read)
    rng = np.random.default_rng(seed)
    until_ms = T0 + hours * HOUR_MS
    attempts, outages = [], []
    for node in range(len(at.path)):
        cuts = np.sort(rng.integers(T0, until_ms, 6)).tolist()
        for start, end in itertools.pairwise(cuts):
            what = rng.integers(3)
            if what == 0:
                outages.append((node, start, end))
            elif what == 1:
                milli = int(rng.integers(1, at.gpus[node] * 1000 + 1))
                attempts.append((len(attempts), start, end, {node: milli}))
    run = record(at, until_ms, sorted(attempts, key=lambda row: row[1]), outages)
    kinds = ("training", "inference")
    drawn = draws_of(at, systems_of(at, read), kinds, rng.integers(-1, 2, len(attempts)))
    told = factory_hours(read, hour_edges(T0, until_ms))
    return energy(run, drawn, narvik(read), told)


@pytest.mark.parametrize("seed", range(5))
def test_jobs_idle_losses_and_cooling_of_a_designed_site_are_its_meter(seed):
    found = whole_factory(FJORD, 200, seed)
    (site,), (power,) = found.sites, found.power.sites
    parts = site.jobs_kwh + site.idle_kwh + site.loss_kwh + site.cooling_kwh
    hourly = power.it_w + power.loss_w + power.cooling_w
    assert parts == pytest.approx(hourly.sum() / 1000, rel=1e-9)
    assert found.residual <= 1e-9
    assert site.meter_kwh == pytest.approx(parts, rel=1e-9)
    assert found.rack_kwh.sum() + site.beside_kwh == pytest.approx(found.site_kwh[0], rel=1e-9)
    assert found.hall_kwh.sum() == pytest.approx(site.jobs_kwh + site.idle_kwh, rel=1e-9)
    assert min(site.loss_kwh, site.cooling_kwh, site.beside_kwh, site.other_kwh) > 0
    assert 1.0 < site.pue < 2.0
    assert found.power.currency == "EUR"
    # one price for all hours: what the jobs pay and what nobody held is the site's bill
    price = site.cost / site.meter_kwh
    assert found.jobs.cost.sum() == pytest.approx(found.jobs.meter_kwh.sum() * price, rel=1e-9)
    assert found.jobs.cost.sum() < site.cost


def test_a_year_at_typical_draw_is_the_year_that_the_design_foresees():
    text = FJORD.replace("      h2: {system: dgx-h100, racks: 2}\n", "")
    read = factory.loads(text.encode())
    at = factory_places(read)
    hours = 8760
    held = dict.fromkeys(range(len(at.path)), 4000)
    run = record(at, T0 + hours * HOUR_MS, [(0, T0, T0 + hours * HOUR_MS, held)])
    drawn = draws_of(at, systems_of(at, read), ("training",), np.array([0]))
    told = factory_hours(read, hour_edges(T0, T0 + hours * HOUR_MS))
    found = energy(run, drawn, narvik(read), told)
    place = read.sites["narvik"]
    plant = site_plant(
        read, design.blueprint(read), "narvik", weather_of(place.climate, place.country)
    )
    (site,) = found.sites
    assert site.jobs_kwh == pytest.approx(4 * 135 * hours)  # the racks' typical draw
    assert site.jobs_kwh + site.idle_kwh == pytest.approx(plant.year.it_kwh, rel=1e-9)
    assert site.loss_kwh == pytest.approx(plant.year.losses_kwh, rel=1e-9)
    assert site.cooling_kwh - site.other_kwh == pytest.approx(plant.year.cooling_kwh, rel=1e-9)
    assert site.water_m3 == pytest.approx(plant.year.water_m3, rel=1e-9, abs=1e-9)
    assert site.pue == pytest.approx(plant.year.pue_mean, rel=1e-9)


def test_the_pue_of_the_file_makes_the_meter():
    found = whole_factory(FJORD.replace("country: NO", "country: NO\n    pue: 1.2"), 50, 0)
    (site,) = found.sites
    assert site.pue == pytest.approx(1.2)
    assert site.loss_kwh == pytest.approx(whole_factory(FJORD, 50, 0).sites[0].loss_kwh)
    assert site.cooling_kwh == pytest.approx(0.2 * (site.jobs_kwh + site.idle_kwh) - site.loss_kwh)
    assert any("PUE of 1.2 of the file" in note for note in found.notes)


def test_a_pue_below_what_the_chain_loses_leaves_nothing_for_cooling():
    found = whole_factory(FJORD.replace("country: NO", "country: NO\n    pue: 1.01"), 50, 0)
    (site,) = found.sites
    assert site.pue == pytest.approx(1.01)
    assert site.cooling_kwh == pytest.approx(0, abs=1e-9)
    assert found.residual <= 1e-9


def test_the_network_and_storage_of_a_whole_design_stand_beside_its_nodes():
    read = factory.loads(FJORD.encode())
    built = whole(read)
    at = factory_places(read)
    told = factory_hours(read, hour_edges(T0, T0 + HOUR_MS))
    drawn = draws_of(at, systems_of(at, read), (), np.zeros(0, dtype=np.int64))
    found = energy(record(at, T0 + HOUR_MS, []), drawn, site_models(read, built), told)
    (site,), power = found.sites, built.sites[0].power
    # typical of all IT less the typical draw of the racks of nodes, an hour of it
    racks_kw = 4 * 135 + 2 * 0.8 * 40.8
    assert site.beside_kwh == pytest.approx(power.it_kw_typical - racks_kw)
    # eight DGX at 2.615 kW and 72 trays at 0.15 of 142 / 18 kW
    assert site.idle_kwh - site.beside_kwh == pytest.approx(8 * 2.615 + 72 * 0.15 * 142 / 18)


def test_a_log_taken_in_slices_is_the_log_taken_whole(monkeypatch):
    whole_log = whole_factory(FJORD, 50, 1)
    monkeypatch.setattr("arkwright.twin.books._SLICE", 7)
    sliced = whole_factory(FJORD, 50, 1)
    assert sliced.jobs.cost == pytest.approx(whole_log.jobs.cost, rel=1e-12)
    assert sliced.node_kwh == pytest.approx(whole_log.node_kwh, rel=1e-12)
    assert sliced.sites[0].node_w_max == pytest.approx(whole_log.sites[0].node_w_max, rel=1e-12)


def test_power_above_what_the_site_was_designed_for_is_said():
    read = factory.loads(FJORD.encode())
    at = factory_places(read)
    held = {node: int(at.gpus[node]) * 1000 for node in range(len(at.path))}
    run = record(at, T0 + HOUR_MS, [(0, T0, T0 + HOUR_MS, held)])
    drawn = draws_of(at, systems_of(at, read), (), np.array([0]), np.array([5000.0]))
    told = factory_hours(read, hour_edges(T0, T0 + HOUR_MS))
    found = energy(run, drawn, narvik(read), told)
    assert any("of what the site was designed for" in note for note in found.notes)
    assert found.residual <= 1e-9
