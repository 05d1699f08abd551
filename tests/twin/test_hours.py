"""Weather, prices and caps laid over the hours of a run."""

import numpy as np
import pytest

from arkwright import factory
from arkwright.errors import InputError, InternalError
from arkwright.factory.weather import Weather
from arkwright.physics.steps import HOUR_MS, hour_edges
from arkwright.twin.hours import (
    CapBasis,
    SiteHours,
    factory_hours,
    filled,
    in_one_currency,
    least_in_hours,
    weather_hours,
)
from arkwright.twin.series import Kind, series_of
from arkwright.twin.series_hours import with_series


def at(text):
    return int(np.datetime64(text, "ms").astype(np.int64))


def year(hours=8760, humidity=None):
    """A year whose dry bulb is the number of its hour."""
    return Weather(
        label="x", source="x", is_synthetic=False,
        dry_bulb_c=np.arange(hours, dtype=np.float64), humidity=humidity,
    )  # fmt: skip


def test_a_year_lies_over_a_run_by_its_own_clock():
    edges = hour_edges(at("2023-01-01T05:30"), at("2023-01-01T08:00"))
    dry, humidity = weather_hours(year(), edges)
    assert dry.tolist() == [5, 6, 7]
    assert humidity is None
    # 05:00 UTC is midnight at UTC-5 and 10:30 in India: the hour in which it begins
    assert weather_hours(year(), edges, -5 * 3600)[0].tolist() == [0, 1, 2]
    assert weather_hours(year(), edges, 5.5 * 3600)[0].tolist() == [10, 11, 12]
    # one hour further west it is still the last hour of the year before
    assert weather_hours(year(), edges, -6 * 3600)[0].tolist() == [8759, 0, 1]


def test_a_common_year_lends_its_28_february_to_a_leap_year_and_back():
    leap = hour_edges(at("2024-02-28T22:00"), at("2024-03-01T02:00"))
    after_february = 59 * 24.0
    dry = weather_hours(year(), leap)[0]
    assert dry[:2].tolist() == [after_february - 2, after_february - 1]
    assert dry[2:26].tolist() == (after_february - 24 + np.arange(24)).tolist()
    assert dry[26:].tolist() == [after_february, after_february + 1]
    common = hour_edges(at("2023-02-28T23:00"), at("2023-03-01T01:00"))
    assert weather_hours(year(8784), common)[0].tolist() == [
        after_february - 1,
        after_february + 24,
    ]
    last = hour_edges(at("2024-12-31T23:00"), at("2025-01-01T01:00"))
    assert weather_hours(year(), last)[0].tolist() == [8759, 0]
    assert weather_hours(year(8784), last)[0].tolist() == [8783, 0]


def test_the_least_cap_of_an_hour_holds_for_all_of_it():
    edges = hour_edges(0, 4 * HOUR_MS)
    steps = np.array([HOUR_MS // 2, HOUR_MS, 5 * HOUR_MS // 2, 9 * HOUR_MS])
    caps = least_in_hours(steps, np.array([10.0, 20.0, 5.0, 1.0]), edges)
    # none until half past, then 10; 20 from the first hour; 5 from half past two
    assert caps.tolist() == [10, 20, 5, 5]
    assert least_in_hours(np.array([HOUR_MS]), np.array([3.0]), edges).tolist() == [np.inf, 3, 3, 3]
    assert least_in_hours(np.array([-5]), np.array([3.0]), edges).tolist() == [3] * 4


def test_gaps_are_filled_between_their_neighbours_and_said():
    hours = SiteHours(dry_bulb_c=np.array([1.0, np.nan, np.nan, 4.0]), price_per_mwh=np.ones(4))
    full, notes = filled("s", hours, 4)
    assert full.dry_bulb_c.tolist() == [1, 2, 3, 4]
    assert full.price_per_mwh is hours.price_per_mwh
    assert notes == ("s: 2 hours of dry_bulb_c were missing; interpolated.",)


def test_a_series_of_gaps_or_of_another_length_is_refused():
    with pytest.raises(InputError, match="carbon_g_per_kwh has no value in any hour"):
        filled("s", SiteHours(carbon_g_per_kwh=np.full(4, np.nan)), 4)
    with pytest.raises(InternalError, match="cap_w has 3 hours where 4 are due"):
        filled("s", SiteHours(cap_w=np.ones(3)), 4)


def test_a_factory_says_what_it_knows_of_its_sites():
    read = factory.loads(
        b"""
factory: pair
sites:
  oslo:
    country: NO
    grid: {connection: 12 MW}
    halls: {h1: {system: gb300-nvl72, racks: 1}}
  london:
    country: GB
    grid: {connection: 3 MW, basis: it}
    climate: {mean: 11 degC}
    energy: {carbon: 100 g/kWh}
    halls: {h1: {system: gb300-nvl72, racks: 1}}
"""
    )
    edges = hour_edges(at("2026-07-01"), at("2026-07-03"))
    found = factory_hours(read, edges, {"oslo": year()})
    oslo, london = found["oslo"], found["london"]
    assert oslo.dry_bulb_c[0] == 181 * 24  # the first of July
    assert (oslo.currency, london.currency) == ("EUR", "GBP")
    assert set(oslo.cap_w) == {12e6}
    assert (oslo.cap_basis, london.cap_basis) == (CapBasis.SITE, CapBasis.IT)
    assert set(london.carbon_g_per_kwh) == {100.0}
    assert set(london.price_per_mwh) == {0.2232 * 1000}
    one, currency = in_one_currency(found)
    assert currency == "EUR"
    assert one["oslo"] is oslo
    assert not len(one["london"].price_per_mwh)
    said = one["london"].sources["price_per_mwh"]
    assert said == "london: its price is in GBP, not EUR; no cost is counted."


def test_a_series_takes_the_place_of_one_figure_for_every_hour():
    edges = hour_edges(at("2026-01-01T00:30"), at("2026-01-01T02:00"))
    base = SiteHours(
        price_per_mwh=np.full(2, 50.0), currency="EUR", humidity=np.full(2, 0.5),
        sources={"price_per_mwh": "s: one price for every hour, of the file."},
    )  # fmt: skip
    half_hours = np.arange(4) * (HOUR_MS // 2) + at("2026-01-01")
    prices = series_of(half_hours, np.array([0.1, 0.3, 0.5, 0.7]), label="spot", unit="NOK/kWh")
    air = series_of(half_hours, np.array([1.0, 3.0, 5.0, 5.0]), label="air", unit="°C")
    found = with_series("s", base, edges, {Kind.PRICE: prices, Kind.DRY_BULB: air})
    # means of the whole hours, the one that the run begins in too
    assert found.price_per_mwh == pytest.approx([200, 600])
    assert found.dry_bulb_c == pytest.approx([2, 5])
    assert found.currency == "NOK"
    assert not len(found.humidity)
    assert list(found.sources.values()) == [
        "s: price by the hour, spot.",
        "s: weather by the hour, air.",
    ]
