"""Odds: what a promise is worth, and how the dated record of promises came out."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.catalog import audit as held
from arkwright.factory.declared_dates import period
from arkwright.plan.audit.backtest import backtest, case_of
from arkwright.plan.audit.odds import DRAWS, Case, odds

DOCS = Path(__file__).resolve().parents[2] / "docs" / "plan-audit.md"


def case(by="2028-Q4", milestone="all", **more):
    base = {
        "name": "one",
        "stated_day": period("2025-07-31").first,
        "begun_day": period("2025-07-31").first,
        "country": "NO",
        "facility_kw": 50_000.0,
        "gpus": 23_040,
        "milestone": milestone,
        "promised": period(by),
    }
    return Case(**(base | more))


def test_bands_are_ordered_and_milestones_follow_each_other():
    found = odds(case())
    for band in found.bands.values():
        assert band.p10 <= band.p50 <= band.p90
    for end in ("p10", "p50", "p90"):
        days = [getattr(found.bands[name], end) for name in ("energised", "first", "all")]
        assert days == sorted(days)


def test_the_same_seed_gives_the_same_odds_and_another_nearly_the_same():
    assert odds(case()) == odds(case())
    first, second = odds(case(), seed=1), odds(case(), seed=2)
    assert first != second
    assert first.on_time == pytest.approx(second.on_time, abs=4 * np.sqrt(0.25 / DRAWS))


@settings(max_examples=15)
@given(st.integers(2026, 2034))
def test_a_later_promise_is_never_less_likely(year):
    assert odds(case(f"{year}-Q1")).on_time <= odds(case(f"{year + 1}-Q1")).on_time + 0.03


def test_what_was_begun_earlier_comes_earlier():
    later = odds(case("2028-Q2"))
    earlier = odds(case("2028-Q2", begun_day=period("2025-01-31").first))
    assert later.quickest_day - earlier.quickest_day == 181
    assert earlier.on_time > later.on_time


def test_what_stands_makes_it_likelier_and_an_unreserved_grid_unlikelier():
    usual = odds(case("2028-Q2")).on_time
    assert odds(case("2028-Q2", is_energised=True)).on_time > usual
    assert odds(case("2028-Q2", is_grid_reserved=False)).on_time < usual


def test_from_outside_nine_of_ten_are_late_and_a_third_longer():
    # A machine is judged from outside alone: promised 100 days, 10 % come in them, and the mean of
    # all is 34 % later: P(late by more than x) = 0.9 exp(-x / 37.8 days).
    stated = period("2025-01-01").first
    day = period("2025-04-11")
    found = odds(case(milestone="supply", stated_day=stated, begun_day=stated, promised=day))
    assert found.on_time == pytest.approx(0.10, abs=0.02)
    late = found.bands["supply"].p90 - day.last
    assert late == pytest.approx(37.8 * np.log(9), rel=0.1)


def test_a_promise_that_was_not_kept_by_the_day_of_the_audit_lies_after_it():
    due = case("2026-Q1", is_energised=True)
    as_of = period("2026-06-30").last
    found = odds(due, as_of)
    assert found.on_time == 0
    assert found.bands["all"].p10 >= as_of


def test_a_promise_long_overdue_has_no_band():
    found = odds(case("2026-Q1", is_energised=True), period("2060-01-01").last)
    assert (found.on_time, found.bands) == (0.0, {})


def test_what_it_would_take_is_in_order():
    needs = odds(case()).needs
    assert needs.start_by <= needs.orders_by <= needs.power_by <= period("2028-Q4").last
    assert needs.start_by <= needs.start_by_quick


def test_of_the_dated_record_more_lie_inside_the_bands_than_not():
    found = backtest()
    assert len(found.trials) == len(held.recorded())
    # Nothing is left out: every promise is inside, missed, withdrawn or open.
    verdicts = ("inside", "earlier", "later", "withdrawn", "open")
    assert found.count(*verdicts) == len(found.trials)
    assert found.dated >= 8
    assert found.count("inside") > found.dated / 2
    # The later slips alone, as the gate has them: what came or is promised after its promise.
    slips = [t for t in found.trials if t.verdict in ("inside", "later", "earlier") and _is_slip(t)]
    assert len(slips) >= 4
    assert sum(t.verdict == "inside" for t in slips) > len(slips) / 2


def _is_slip(trial):
    return period(trial.later_period).last > period(trial.promised).last


def test_the_record_is_judged_with_what_was_known_on_its_day():
    for row in held.recorded().values():
        assert row.known > row.stated
        found = odds(case_of(row))
        assert found == odds(case_of(row), case_of(row).stated_day)


def test_misses_are_in_the_record_and_in_the_docs():
    found = backtest()
    assert found.count("earlier", "later") >= 1
    text = DOCS.read_text(encoding="utf-8")
    for trial in found.trials:
        line = next(line for line in text.splitlines() if trial.title in line)
        assert re.search(rf"\b{trial.verdict}\b", line), line


def test_a_band_is_not_wide_enough_to_hold_anything():
    # The width of a band is told in the docs; none is wider than the promise was long times four.
    for trial in backtest().trials:
        length = period(trial.promised).last - period(trial.stated).first
        assert trial.band.p90 - trial.band.p10 < max(4 * length, 1200)
