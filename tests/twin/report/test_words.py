"""The page's sentences say what happened, in words that a number stands behind."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec import structs

from arkwright.twin.report import Power, SitePower, Told
from arkwright.twin.report.figures import Figures, figures
from arkwright.twin.report.tally import tally
from arkwright.twin.report.wording import hours, instant, number, share
from arkwright.twin.report.words import comparison, doubts, sentences
from twin.report.made import HOUR_MS, hand_made, ints, nothing, told


def said(run: Told) -> list[str]:
    return [one.text for one in sentences(run, counted(run))]


def counted(run: Told) -> Figures:
    return figures(run, tally(run))


def test_a_run_is_told_in_five_sentences() -> None:
    run = structs.replace(hand_made(), is_dated=False)
    assert said(run) == [
        "In 10 h from day 0 00:00, 2 nodes with 8 GPUs at 1 site started 2 of 4 jobs and were "
        "52.5 % busy; 10 % of GPU-time was out of service.",
        "Half of the jobs started within 1 h; 1 job had not started when the run ended; jobs of "
        "9 to 64 GPUs waited longest, more than half of them to the end.",
        "The worst hour began day 0 04:00: 2 jobs waited for 24 GPUs, while 0 % of the GPUs were "
        "busy, so free ones did not fit, or were not let.",
        "1 failure took nodes out and interrupted 1 attempt; node cost most, 8 GPU-hours out. Of "
        "what jobs held, 9.5 % was lost and had to be done again: checkpoints are too rare.",
        "Power, energy, carbon and cost were not modelled in this run.",
    ]


def test_energy_is_told_with_its_parts_its_footprint_and_its_cap() -> None:
    # 10 h at 8 kW IT (of it 2 kW idle), 1 kW losses and 1 kW cooling; hour 3 at 3 kW more IT.
    it = np.array([8e3, 11e3, 8e3])
    flat = np.ones(3)
    site = SitePower(
        site="s", t_ms=ints(0, 3 * HOUR_MS, 4 * HOUR_MS), it_w=it, loss_w=1e3 * flat,
        cooling_w=1e3 * flat, cap_w=12e3 * flat, jobs_kwh=63.0, idle_kwh=20.0, loss_kwh=10.0,
        cooling_kwh=10.0, carbon_kg=5000.0, water_m3=1.5, cost=12.0,
    )  # fmt: skip
    run = structs.replace(hand_made(), power=Power(sites=(site,), currency="EUR"), is_dated=False)
    assert said(run)[4:] == [
        "The sites drew 103 kWh: 61.2 % for jobs, 19.4 % idle, 9.7 % conversion losses, "
        "9.7 % cooling.",
        "That is 5 t CO2e (location-based), 1.5 m³ of water, 12 EUR of energy.",
        "Caps were exceeded for 1 h of site time, most at s, day 0 03:00: 13 kW of 12 kW, 108.3 %.",
    ]
    kept = structs.replace(site, cap_w=20e3 * flat)
    text = said(structs.replace(run, power=Power(sites=(kept,))))[-1]
    assert text == "s came closest to its cap at day 0 03:00: 13 kW of 20 kW, 65 %. " + (
        "No cap was exceeded."
    )
    free = structs.replace(site, cap_w=np.zeros(0))
    text = said(structs.replace(run, power=Power(sites=(free,))))[-1]
    assert text == "Power was highest at s, 13 kW at day 0 03:00; no cap is told."
    assert counted(run).energy.pue == pytest.approx(103 / 83)


def test_totals_that_do_not_fit_the_power_over_time_are_doubted() -> None:
    run = told(count=40)
    assert doubts(run) == []
    site = run.power.sites[0]
    wrong = structs.replace(site, idle_kwh=0.0)
    (said_,) = doubts(structs.replace(run, power=Power(sites=(wrong,))))
    assert said_.startswith("The totals of narvik come to ")


def test_energy_of_the_whole_is_not_told_where_one_site_does_not_model_it() -> None:
    run = told(count=40)
    one, other = run.power.sites
    partly = structs.replace(other, cooling_kwh=None)
    energy = counted(structs.replace(run, power=Power(sites=(one, partly)))).energy
    assert energy.cooling_kwh is None
    assert energy.meter_kwh is None
    assert energy.pue is None
    assert energy.jobs_kwh == pytest.approx((one.jobs_kwh or 0) + (other.jobs_kwh or 0))


def test_a_comparison_names_the_better_run_and_is_silent_where_they_are_alike() -> None:
    slow, fast = told("fifo", depth=0, load=1.0), told("easy", depth=60, load=1.0)
    words = [one.text for one in comparison([slow, fast], [counted(slow), counted(fast)])]
    assert words[0].startswith("easy waits least: ")
    assert "under fifo" in words[0]
    idle = structs.replace(hand_made(), jobs=hand_made().jobs)
    twin = structs.replace(idle, name="twin")
    alike = [one.text for one in comparison([idle, twin], [counted(idle), counted(twin)])]
    assert alike == [
        "Jobs still waiting at the end: 1 under hand, 1 under twin; their waits count as endless."
    ]


def test_a_run_without_jobs_says_so() -> None:
    run = nothing()
    assert said(run)[1:3] == ["No job was submitted.", "Nothing ever waited."]


def test_numbers_read_as_a_person_writes_them() -> None:
    assert [hours(h) for h in (0, 20 / 3600, 0.5, 1.25, 47, 50, np.inf)] == [
        "0 min", "20 s", "30 min", "1.2 h", "47 h", "2.08 days", "never"
    ]  # fmt: skip
    assert [share(s) for s in (0, 1, 0.9999, 0.0001, 0.125)] == [
        "0 %", "100 %", "more than 99.9 %", "less than 0.1 %", "12.5 %"
    ]  # fmt: skip
    assert [number(n) for n in (12_345.6, 3.14159, 5, np.inf)] == ["12,346", "3.14", "5", "∞"]
    assert instant(26 * HOUR_MS, is_dated=False) == "day 1 02:00"
    assert instant(1_803_888_000_000, is_dated=True) == "2027-03-01 08:00"
