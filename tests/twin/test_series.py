"""Prices, carbon and weather over time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.errors import InputError
from arkwright.factory.series import weather_csv
from arkwright.twin.series import (
    HOUR_MS,
    Kind,
    at,
    hourly,
    means,
    read_series,
    series_of,
    weather_series,
)
from twin.workload.traces import DATA, ms, reasons, written

PRICES = """zone,time,price,currency
NO4,2026-01-05 00:00,10,EUR
NO4,2026-01-05 01:00,-20,EUR
GB,2026-01-05 00:00,70,GBP
NO4,2026-01-05 03:00,40,EUR
NO4,2026-01-05 03:00,41,EUR
NO4,2026-01-05 04:00,,EUR
NO4,2026-01-05 05:00,dear,EUR
NO4,noon,5,EUR
"""


def hours_of(values, start="2026-01-05T00:00:00"):
    at_ms = ms(start) + np.arange(len(values)) * HOUR_MS
    return series_of(at_ms, np.array(values, dtype=float), label="x", unit="g/kWh")


def test_a_price_file_gives_one_place_in_its_currency_per_kwh(tmp_path):
    reading = read_series(written(tmp_path, PRICES), Kind.PRICE, place="NO4")
    series = reading.table
    assert series.unit == "EUR/kWh"
    assert series.label == "price of NO4"
    # 02:00 is a gap, and so is 04:00, where the cell is empty.
    assert (series.at_ms - ms("2026-01-05T00:00:00")).tolist() == [h * HOUR_MS for h in range(5)]
    assert series.values[[0, 1, 3]].tolist() == [0.01, -0.02, 0.04]
    assert np.isnan(series.values[[2, 4]]).all()
    assert reasons(reading.dropped) == {
        "of another place than the one asked for": (1, (4,)),
        "the time cannot be read": (1, (9,)),
        "no number": (1, (8,)),
        "a time that was there already": (1, (6,)),
    }
    assert reasons(reading.noted) == {"a gap: no value": (1, (7,))}


def test_the_place_has_to_be_said_and_known(tmp_path):
    path = written(tmp_path, PRICES)
    with pytest.raises(InputError, match="several places; say which: NO4, GB"):
        read_series(path, Kind.PRICE)
    with pytest.raises(InputError, match="no place 'SE1'; it has NO4, GB"):
        read_series(path, Kind.PRICE, place="SE1")
    with pytest.raises(InputError, match="no column of places"):
        read_series(written(tmp_path, "time,price\n2026-01-05,1\n"), Kind.PRICE, place="SE1")


def test_one_currency_at_a_time(tmp_path):
    text = PRICES.replace("NO4,2026-01-05 01:00,-20,EUR", "NO4,2026-01-05 01:00,-20,NOK")
    with pytest.raises(InputError, match="prices in EUR, NOK"):
        read_series(written(tmp_path, text), Kind.PRICE, place="NO4")


def test_a_market_days_clock_goes_by_its_time_zone(tmp_path):
    # Norway is one hour ahead of UTC in winter and two in summer.
    text = "time,price\n2026-01-05 12:00,1\n2026-07-05 12:00,2\n"
    series = read_series(written(tmp_path, text), Kind.PRICE, clock="Europe/Oslo").table
    assert series.at_ms[[0, -1]].tolist() == [ms("2026-01-05T11:00:00"), ms("2026-07-05T10:00:00")]
    fixed = read_series(written(tmp_path, text), Kind.PRICE, clock=3600.0).table
    assert fixed.at_ms[[0, -1]].tolist() == [ms("2026-01-05T11:00:00"), ms("2026-07-05T11:00:00")]
    with pytest.raises(InputError, match="'Narvik' is no time zone"):
        read_series(written(tmp_path, text), Kind.PRICE, clock="Narvik")


def test_carbon_counts_the_life_cycle_before_the_chimney_alone(tmp_path):
    text = "utc,gco2_kwh_direct,gco2_kwh_lca\n2026-01-05,3,27\n2026-01-05 01:00,4,-28\n"
    reading = read_series(written(tmp_path, text), Kind.CARBON)
    assert reading.table.values.tolist() == [27]
    assert reasons(reading.dropped) == {"no carbon that can be": (1, (3,))}
    direct = read_series(written(tmp_path, text), Kind.CARBON, column="gco2_kwh_direct").table
    assert direct.values.tolist() == [3, 4]


def test_a_file_without_the_column_says_what_it_has(tmp_path):
    with pytest.raises(InputError) as refused:
        read_series(written(tmp_path, "time,x\n2026-01-05,1\n"), Kind.CARBON)
    assert "trace:1: carbon: columns time, x" in str(refused.value)
    with pytest.raises(InputError, match="a column called time"):
        read_series(written(tmp_path, "x,g_per_kwh\n1,1\n"), Kind.CARBON)
    with pytest.raises(InputError, match="no carbon in any row"):
        read_series(written(tmp_path, "time,g_per_kwh\n2026-01-05,\n"), Kind.CARBON)


def test_quarter_hours_and_days_hold_for_as_long_as_they_say():
    quarters = series_of(np.arange(4) * 900_000, np.arange(4.0), label="q", unit="")
    assert quarters.until_ms == HOUR_MS
    days = series_of(np.arange(3) * 24 * HOUR_MS, np.arange(3.0), label="d", unit="")
    assert at(days, np.array([30 * HOUR_MS, 72 * HOUR_MS - 1])).tolist() == [1, 2]


def test_at_is_the_value_since_the_last_step():
    series = hours_of([5, np.nan, 7])
    start = series.at_ms[0]
    asked = start + np.array([-1, 0, HOUR_MS - 1, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS])
    assert at(series, asked).tolist() == pytest.approx(
        [np.nan, 5, 5, np.nan, 7, np.nan], nan_ok=True
    )


def test_means_weigh_by_time_and_leave_gaps_out():
    series = hours_of([6, 12, np.nan])
    start = int(series.at_ms[0])
    # Half an hour of 6 with a quarter of 12; then 12 with a gap; then a gap alone.
    edges = start + np.array([1800, 4500, 9000, 9900]) * 1000
    assert means(series, edges).tolist() == pytest.approx([8, 12, np.nan], nan_ok=True)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=30), st.data())
def test_means_over_any_edges_keep_the_integral(values, data):
    series = hours_of(values)
    span = len(values) * HOUR_MS
    inner = data.draw(st.lists(st.integers(1, span - 1), max_size=6))
    edges = series.at_ms[0] + np.array(sorted({0, span, *inner}))
    held = (means(series, edges) * np.diff(edges)).sum()
    assert held == pytest.approx(sum(values) * HOUR_MS, abs=1e-3)


def test_hours_that_the_file_has_are_taken_as_they_are():
    found = hourly(hours_of([1, 2, 3]), ms("2026-01-05T01:00:00"), ms("2026-01-05T03:00:00"))
    assert found.values.tolist() == [2, 3]
    assert (found.borrowed, found.filled) == (0, 0)


def test_hours_of_another_year_are_borrowed_with_their_weekday():
    # A file of 2025 whose values are its weekdays (Monday 0), for a week of 2027.
    hours = np.arange(365 * 24)
    weekday = (hours // 24 + 2) % 7  # 1 January 2025 was a Wednesday
    series = series_of(
        ms("2025-01-01") + hours * HOUR_MS, weekday.astype(float), label="x", unit=""
    )
    found = hourly(series, ms("2027-06-07"), ms("2027-06-14"))  # a Monday to a Sunday
    assert found.values.tolist() == np.repeat(np.arange(7.0), 24).tolist()
    assert (found.borrowed, found.filled) == (168, 0)


def test_a_year_that_starts_on_another_weekday_is_whole_too():
    hours = np.arange(365 * 24)
    series = series_of(ms("2025-01-01") + hours * HOUR_MS, hours * 1.0, label="x", unit="")
    for year in (2020, 2024, 2028):
        found = hourly(series, ms(f"{year}-01-01"), ms(f"{year + 1}-01-01"))
        assert (found.borrowed, found.filled) == (8784, 0)


def test_a_gap_is_interpolated_and_counted():
    found = hourly(hours_of([1, np.nan, np.nan, 4]), ms("2026-01-05"), ms("2026-01-05T04:00:00"))
    assert found.values.tolist() == [1, 2, 3, 4]
    assert (found.borrowed, found.filled) == (0, 2)


def test_a_year_of_weather_becomes_two_series():
    text = "time,temp_c,rh_pct\n" + "".join(
        f"2025-01-01 {hour:02}:00,{hour},{50 + hour}\n" for hour in range(24)
    )
    weather = weather_csv(text, "w.csv")
    dry, humidity = weather_series(weather, 2025, utc_offset_s=3600)
    assert at(dry, np.array([ms("2025-01-01T05:30:00")])).tolist() == [6]
    assert at(humidity, np.array([ms("2025-01-01T05:30:00")])).tolist() == [0.56]
    assert np.isnan(dry.values[24:]).all()


here = pytest.mark.skipif(not (DATA / "energy").exists(), reason="the shared series are not here")


@here
@pytest.mark.parametrize(
    ("file", "kind", "place", "clock", "year", "mean"),
    [
        ("carbon_intensity", Kind.CARBON, "NO", 0.0, 2022, 38.1),
        ("carbon_intensity", Kind.CARBON, "GB", 0.0, 2024, 162.7),
        ("day_ahead_price", Kind.PRICE, "US-TEX-ERCO", 0.0, 2021, 0.1456),
        ("weather", Kind.DRY_BULB, "GB-London", 0.0, 2022, 11.9),
    ],
)
def test_shared_series_have_their_known_means(file, kind, place, clock, year, mean):
    path = DATA / "energy" / f"{file}_hourly.csv.gz"
    reading = read_series(path, kind, place=place, clock=clock)
    found = hourly(reading.table, ms(f"{year}-01-01"), ms(f"{year + 1}-01-01"))
    assert (found.borrowed, found.filled) == (0, 0)
    assert found.values.mean() == pytest.approx(mean, rel=0.005)


@here
def test_northern_norways_prices_of_2025():
    # traces.md: mean 8.58 and median 3.38 EUR/MWh over the days of 2025 that the file has.
    path = DATA / "energy" / "day_ahead_price_hourly.csv.gz"
    series = read_series(path, Kind.PRICE, place="NO4", clock="Europe/Oslo").table
    year = (series.at_ms >= ms("2024-12-31T23:00:00")) & (series.at_ms < ms("2025-12-31T23:00:00"))
    assert np.nanmean(series.values[year]) * 1000 == pytest.approx(8.58, abs=0.01)
    assert np.nanmedian(series.values[year]) * 1000 == pytest.approx(3.38, abs=0.01)
