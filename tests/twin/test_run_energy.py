"""A run of a designed factory of two sites, with failures, from jobs to kilowatt-hours."""

import numpy as np
import pytest

from arkwright import factory
from arkwright.design.whole import whole
from arkwright.physics.steps import HOUR_MS, hour_edges
from arkwright.twin.failures import Part, Topology, outages
from arkwright.twin.hours import SiteHours
from arkwright.twin.report import Jobs, Labels, Told, report_html
from arkwright.twin.report.figures import told_twice
from arkwright.twin.run import Conditions, run
from arkwright.twin.run_energy import run_energy
from arkwright.twin.setting import of_factory, of_pool
from arkwright.twin.workload.generate import generate
from arkwright.twin.workload.spec import Generator
from twin.fleets import START_MS, cause, model

PAIR = b"""
factory: pair
sites:
  oslo:
    country: NO
    grid: {connection: 1 MW}
    halls: {h1: {system: dgx-h100, racks: 2}}
  london:
    country: GB
    halls: {h1: {system: gb300-nvl72, racks: 1}, h2: {system: dgx-h100, racks: 1}}
"""
HOURS = 72


@pytest.fixture(scope="module")
def ran():
    read = factory.loads(PAIR)
    built = whole(read)
    setting = of_factory(read, built)
    jobs = generate(Generator(jobs=150), 168, START_MS, seed=3)
    until_ms = START_MS + HOURS * HOUR_MS + 1_234_567
    spec = model(cause(per_1000_days=300.0, hours=5), cause("hall", Part.HALL, 200.0, hours=4))
    out = outages(spec, setting.places, Topology(), START_MS, until_ms, 5)
    record = run(setting, jobs, START_MS, until_ms, Conditions(outages=out))
    return read, built, jobs, record, run_energy(read, built, record, jobs)


def test_it_has_work_and_failures_at_both_sites(ran):
    _, _, _, record, found = ran
    assert len(record.attempts.job) > 100
    assert len(record.outages.node) > 3
    assert [site.site for site in found.sites] == record.places.sites
    for site in found.sites:
        assert min(site.jobs_kwh, site.idle_kwh, site.loss_kwh, site.cooling_kwh) > 0


def test_the_parts_are_the_meter(ran):
    found = ran[-1]
    assert found.residual <= 1e-9
    for site, power in zip(found.sites, found.power.sites, strict=True):
        parts = site.jobs_kwh + site.idle_kwh + site.loss_kwh + site.cooling_kwh
        width_h = np.diff(np.append(power.t_ms, ran[3].until_ms)) / HOUR_MS
        metered = ((power.it_w + power.loss_w + power.cooling_w) * width_h).sum() / 1000
        assert parts == pytest.approx(metered, rel=1e-9)
    places = ran[3].places
    assert len(found.rack_kwh) == len(places.racks) == 4
    assert found.hall_kwh.sum() == pytest.approx(found.site_kwh.sum(), rel=1e-9)
    beside = sum(site.beside_kwh for site in found.sites)
    assert found.rack_kwh.sum() + beside == pytest.approx(found.site_kwh.sum(), rel=1e-9)


def test_a_job_that_held_gpus_has_energy_and_no_other(ran):
    *_, jobs, record, found = ran
    log = record.attempts
    held = np.zeros(len(jobs))
    gpus_milli = np.add.reduceat(log.gpu_milli, log.node_first[:-1])
    np.add.at(held, log.job, (log.end_ms - log.start_ms) * gpus_milli)
    assert ((found.jobs.it_kwh > 0) == (held > 0)).all()
    assert found.jobs.it_kwh.sum() == pytest.approx(sum(site.jobs_kwh for site in found.sites))
    assert (found.jobs.meter_kwh[held > 0] > found.jobs.it_kwh[held > 0]).all()
    # London is priced in pounds and Oslo in euros: the first has none here, and it is said
    assert found.power.currency in ("EUR", "GBP")
    assert sum(site.cost is None for site in found.sites) == 1
    assert any("no cost is counted" in note for note in found.notes)


def test_hours_of_a_site_can_be_given(ran):
    read, built, jobs, record, _ = ran
    hours = SiteHours(cap_w=np.full(len(hour_edges(record.from_ms, record.until_ms)) - 1, 1.0))
    found = run_energy(read, built, record, jobs, {"oslo": hours})
    (oslo,) = (site for site in found.sites if site.site == "oslo")
    # every hour is over a watt, and without weather there is no cooling
    assert oslo.hours_over_cap == pytest.approx((record.until_ms - record.from_ms) / HOUR_MS)
    assert (oslo.cooling_kwh, oslo.pue) == (None, None)
    assert "oslo: cooling is not modelled: no weather, or no plant, is known." in found.notes


def test_the_report_takes_it(ran):
    _, _, jobs, record, found = ran
    told = Jobs(
        ids=jobs.ids, submit_ms=jobs.submit_ms, estimate_ms=jobs.estimate_ms,
        gpus_milli=jobs.gpus_milli, outcome=Labels(np.full(len(jobs), -1)),
        **{key: Labels(getattr(jobs, name).codes, getattr(jobs, name).names)
           for key, name in (("project", "project"), ("pool", "pool"), ("kind", "workload"))},
    )  # fmt: skip
    page = report_html([Told(name="easy", record=record, jobs=told, power=found.power)])
    assert "london" in page
    # the report holds the totals against its own sums of the columns
    for site in found.power.sites:
        total, summed = told_twice(site, record.until_ms)
        assert total == pytest.approx(summed, rel=1e-9)


def test_a_pool_of_nobody_knows_what_is_not_modelled():
    setting = of_pool(16)
    jobs = generate(Generator(jobs=5), 16, START_MS, seed=1)
    record = run(setting, jobs, START_MS)
    found = run_energy(None, None, record, jobs)
    assert found.sites == ()
    assert found.power.sites == ()
    assert np.isnan(found.jobs.it_kwh).any()
    assert any("pool: not modelled" in note for note in found.notes)
    known = run_energy(None, None, record, jobs, systems=("dgx-h100",))
    (site,) = known.sites
    assert site.jobs_kwh == pytest.approx(known.jobs.it_kwh.sum())
    # two nodes of 2,615 W idle, jobs up to 7,116 W a node
    span_h = (record.until_ms - record.from_ms) / HOUR_MS
    assert 2 * 2.615 * span_h <= site.meter_kwh <= 2 * 7.116 * span_h
    assert site.loss_kwh is None


def test_a_site_that_nobody_designed_is_metered_with_the_pue_of_its_receipts(ran):
    read, _, jobs, record, designed = ran
    found = run_energy(read, None, record, jobs)
    for site, before in zip(found.sites, designed.sites, strict=True):
        assert site.pue == pytest.approx(1.10)  # the catalogue's default
        assert (site.beside_kwh, site.loss_kwh) == (0, None)
        assert site.jobs_kwh == pytest.approx(before.jobs_kwh)
    assert sum("nobody designed it" in note for note in found.notes) == 2


def test_a_run_that_was_stopped_at_once_has_no_energy_and_says_so(ran):
    read, built, jobs, record, _ = ran
    found = run_energy(read, built, record._replace(until_ms=record.from_ms), jobs)
    assert found.sites == ()
    assert found.jobs.it_kwh.sum() == 0
    assert any("no time passed" in note for note in found.notes)
