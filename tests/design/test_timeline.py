"""Schedules: bands from quick to slow, and the steps that decide them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from arkwright.design.timeline import date_text, timeline

START = int(np.datetime64("2026-12-01", "D").astype(int))


def plan(country="NO", facility_kw=12_000, reserved=True):
    return timeline("narvik", country, facility_kw, START, is_grid_reserved=reserved)


def test_a_small_site_waits_for_its_building():
    # quick: 13 design + 52 building + 13 plant + 4 energise + 1 burn-in = 83 weeks
    # slow: 52 + 104 + 26 + 13 + 4 = 199 weeks
    found = plan()
    first = found.milestones[-1]
    assert first.day == (START + 83 * 7, START + 199 * 7)
    assert first.text == "2028-07 to 2030-09"
    assert found.critical_path[:2] == ("Design and permits", "Building")


def test_a_large_site_waits_for_large_transformers():
    # 120 weeks against 65 of design and building: quick 120 + 13 + 4 + 1 = 138
    found = plan(facility_kw=50_000)
    assert found.milestones[-1].day[0] == START + 138 * 7
    titles = [step.title for step in found.steps]
    assert "Large power transformers" in titles
    assert "Unit transformers and switchgear" not in titles


def test_without_reserved_capacity_the_grid_decides():
    # US: 208 to 364 weeks, then 4 to 13 to energise and 1 to 4 of burn-in
    found = plan("US", 50_000, reserved=False)
    assert found.milestones[-1].day == (START + 213 * 7, START + 381 * 7)
    assert found.critical_path[0] == "Grid connection, not reserved"


def test_a_country_whose_wait_was_not_read_gets_the_longest():
    assert (
        plan("XX", reserved=False).milestones[-1].day
        == plan("GB", reserved=False).milestones[-1].day
    )


@given(st.sampled_from(["NO", "US", None]), st.floats(100, 1e6), st.booleans())
def test_no_step_begins_before_what_it_waits_for(country, kw, reserved):
    steps = {step.name: step for step in plan(country, kw, reserved).steps}
    for step in steps.values():
        assert 0 <= step.start.low <= step.end.low <= step.end.high
        assert step.start.low <= step.start.high
        for before in step.after:
            assert steps[before].end.low <= step.start.low
            assert steps[before].end.high <= step.start.high


def test_dates_are_days_since_1970():
    assert date_text(0) == "1970-01-01"
    assert date_text(START) == "2026-12-01"
