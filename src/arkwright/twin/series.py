"""Prices, carbon intensities and weather over time: from CSV files to steps, and to any hours.

A value holds from its instant to the next one. Nothing is invented on reading: where a file has a
gap the series is NaN. `hourly` is what a run takes: it borrows and fills, and counts both.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.errors import InputError, Problem
from arkwright.factory.series import DRY_BULB, HUMIDITY, TIME
from arkwright.factory.weather import Weather
from arkwright.twin.workload import convert
from arkwright.twin.workload.delimited import Cells, delimited, plain
from arkwright.twin.workload.opening import opened
from arkwright.twin.workload.reading import Reading
from arkwright.units import MS_PER_S, S_PER_HOUR

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

HOUR_MS = S_PER_HOUR * MS_PER_S
_WEEK_MS = 7 * 24 * HOUR_MS
_WEEKS_PER_YEAR = 365.2425 / 7
_PLACES = ("zone", "site", "place", "area", "bidding_zone", "zone_id")
_PER_MWH, _PERCENT = 1e-3, 1e-2


class Kind(Enum):
    """What a series is of."""

    PRICE = "price"
    CARBON = "carbon"
    DRY_BULB = "dry_bulb"
    HUMIDITY = "humidity"


class _Known(NamedTuple):
    """Columns that hold a kind, the best first, each with its factor to the unit."""

    unit: str
    columns: dict[str, float]
    low: float
    high: float


_KINDS = {
    Kind.PRICE: _Known(
        "/kWh",
        {"price_per_kwh": 1.0, "price_per_mwh": _PER_MWH, "price": _PER_MWH,
         "day_ahead_price": _PER_MWH, "price_eur_mwh": _PER_MWH, "price_(eur/mwhe)": _PER_MWH},
        -1e3, 1e3,
    ),
    Kind.CARBON: _Known(
        "g/kWh",
        # The life cycle before the chimney alone, as the catalogue's yearly means are.
        dict.fromkeys(
            ("carbon_g_per_kwh", "g_per_kwh", "gco2_kwh_lca", "carbon_intensity",
             "carbon_intensity_gco₂eq/kwh_(life_cycle)", "carbon_intensity_gco₂eq/kwh_(lca)",
             "gco2_kwh_direct", "carbon_intensity_gco₂eq/kwh_(direct)"), 1.0),
        0.0, 5e3,
    ),
    Kind.DRY_BULB: _Known("°C", dict.fromkeys(DRY_BULB, 1.0), -90.0, 60.0),
    Kind.HUMIDITY: _Known("", dict(HUMIDITY), 0.0, 1.1),
}  # fmt: skip


class Series(Struct, frozen=True, eq=False, kw_only=True):
    """A value from each instant on, until the next."""

    label: str
    """Column, and place where the file has several."""
    unit: str
    """`°C`, `g/kWh`, `EUR/kWh`; empty for a fraction."""
    at_ms: Int64
    """Since 1970 (UTC), ascending."""
    values: Float64
    """NaN in a gap; shape as `at_ms`."""
    until_ms: int
    """Where the last value ends."""


class Hours(NamedTuple):
    """A value for every hour of a span, and how much of it the file had."""

    values: Float64
    borrowed: int
    """Hours taken from the same hour and weekday of another year."""
    filled: int
    """Hours interpolated between their neighbours."""


def read_series(
    path: Path,
    kind: Kind,
    *,
    place: str | None = None,
    column: str | None = None,
    clock: str | float = 0.0,
) -> Reading[Series]:
    """The series of one kind and place in a CSV with a column of instants.

    `column` names the values where they have no usual name; they are in the kind's unit then, a
    price per MWh. `clock` is that of instants without a zone: seconds ahead of UTC, or the name of
    a time zone such as `Europe/Oslo`. Raises InputError for a file without the columns or place.
    """
    cells = delimited(opened(path))
    column, factor = _values(cells, kind, column)
    rows, place = _rows(cells, place)
    at_ms, told = _instants(cells, clock)
    values, junk = _numbers(cells, column, factor)
    known = _KINDS[kind]
    sieve = cells.sieve()
    sieve.drop(~rows, "of another place than the one asked for")
    sieve.drop(~told, "the time cannot be read")
    sieve.drop(junk, "no number")
    sieve.drop((values < known.low) | (values > known.high), f"no {kind.value} that can be")
    order = np.argsort(at_ms, kind="stable")
    order = order[sieve.keep[order]]
    again = np.zeros(cells.count, dtype=np.bool_)
    again[order[1:]] = at_ms[order[1:]] == at_ms[order[:-1]]
    sieve.drop(again, "a time that was there already")
    sieve.note(np.isnan(values), "a gap: no value")
    kept = order[sieve.keep[order]]
    if np.isnan(values[kept]).all():
        raise InputError(f"{cells.source} has no {kind.value} in any row")
    unit = known.unit
    if kind is Kind.PRICE:
        unit = _currency(cells, sieve.keep) + unit
    label = f"{column} of {place}" if place else column
    series = series_of(at_ms[kept], values[kept], label=label, unit=unit)
    return sieve.reading(series, cells.source, f"CSV of {kind.value}")


def series_of(at_ms: Int64, values: Float64, *, label: str, unit: str) -> Series:
    """A series of instants in order; a value holds an hour at most, or the usual step if longer."""
    steps = np.diff(at_ms)
    usual = int(np.median(steps)) if len(steps) else HOUR_MS
    hold = max(HOUR_MS, usual)
    late = np.flatnonzero(steps > hold)
    at_ms = np.insert(at_ms, late + 1, at_ms[late] + hold)
    values = np.insert(values, late + 1, np.nan)
    last = min(hold, int(steps[-1])) if len(steps) else hold
    return Series(
        label=label, unit=unit, at_ms=at_ms, values=values, until_ms=int(at_ms[-1]) + last
    )


def weather_series(
    weather: Weather, year: int, utc_offset_s: float = 0.0
) -> tuple[Series, Series | None]:
    """Dry bulb (°C) and relative humidity (0..1, None where there is none) of a year of hours.

    The year's first hour is 1 January 00:00 of a clock `utc_offset_s` ahead of UTC.
    """
    january = int(np.datetime64(f"{year:04}-01-01", "ms").astype(np.int64))
    at_ms = january - round(utc_offset_s * MS_PER_S) + np.arange(weather.hours) * HOUR_MS
    dry = series_of(at_ms, weather.dry_bulb_c, label=f"dry bulb of {weather.label}", unit="°C")
    if weather.humidity is None:
        return dry, None
    return dry, series_of(at_ms, weather.humidity, label=f"humidity of {weather.label}", unit="")


def hourly(series: Series, from_ms: int, until_ms: int) -> Hours:
    """Means over each hour from `from_ms` on that begins before `until_ms`.

    An hour that the series does not have is taken from the nearest year that has it, whole weeks
    away so that the weekday stays, earlier years first; what is still missing is interpolated.
    """
    count = -(-(until_ms - from_ms) // HOUR_MS)
    edges = from_ms + np.arange(count + 1, dtype=np.int64) * HOUR_MS
    values = means(series, edges)
    missing = np.isnan(values)
    absent = int(missing.sum())
    for weeks in _other_weeks(series, from_ms, until_ms):
        if not missing.any():
            break
        values = np.where(missing, means(series, edges + weeks * _WEEK_MS), values)
        missing = np.isnan(values)
    filled = int(missing.sum())
    if filled:
        there = np.flatnonzero(~missing)
        if not len(there):
            raise InputError(f"{series.label} has no value in any hour of the span, in any year")
        values = np.interp(np.arange(count), there, values[there])
    return Hours(values, absent - filled, filled)


def means(series: Series, edges_ms: Int64) -> Float64:
    """Time-weighted means between successive edges, of what there is; NaN where nothing is."""
    ends = np.append(series.at_ms, series.until_ms)
    length = np.diff(ends).astype(np.float64)
    there = ~np.isnan(series.values)
    known = np.concatenate([[0.0], np.cumsum(length * there)])
    total = np.concatenate([[0.0], np.cumsum(length * np.where(there, series.values, 0.0))])
    covered = np.diff(np.interp(edges_ms, ends, known))
    held = np.diff(np.interp(edges_ms, ends, total))
    has_any = covered > 0
    return np.where(has_any, held / np.where(has_any, covered, 1.0), np.nan)


def at(series: Series, instants_ms: Int64) -> Float64:
    """Values at instants; NaN in gaps and outside."""
    place = np.searchsorted(series.at_ms, instants_ms, side="right") - 1
    outside = (place < 0) | (instants_ms >= series.until_ms)
    return np.where(outside, np.nan, series.values[place.clip(min=0)])


def _other_weeks(series: Series, from_ms: int, until_ms: int) -> list[int]:
    """Whole weeks to look away, by year: the nearest first, the earlier of two before the later.

    A year is not whole weeks, so a week beside it comes after all of them, for the days at the
    ends of a series that is one year long.
    """
    year_ms = _WEEKS_PER_YEAR * _WEEK_MS
    first = int((series.at_ms[0] - until_ms) // year_ms)
    last = int((series.until_ms - from_ms) // year_ms) + 1
    years = sorted((year for year in range(first, last + 1) if year), key=lambda y: (abs(y), y))
    exact = [round(year * _WEEKS_PER_YEAR) for year in years]
    return exact + [week + beside for week in exact for beside in (-1, 1)]


def _values(cells: Cells, kind: Kind, asked: str | None) -> tuple[str, float]:
    known = _KINDS[kind].columns
    names = [plain(asked)] if asked is not None else list(known)
    found = next((name for name in names if name in cells.columns), None)
    if found is None:
        there = ", ".join(cells.columns) or "none"
        problem = Problem(f"{cells.source}:1", kind.value, f"columns {there}", _such(names))
        raise InputError(f"{cells.source} has no column of {kind.value}", [problem])
    return found, known.get(found, _PER_MWH if kind is Kind.PRICE else 1.0)


def _such(names: Sequence[str]) -> str:
    return f"a column called {names[0]}" + (f" (or {', '.join(names[1:])})" if names[1:] else "")


def _rows(cells: Cells, place: str | None) -> tuple[NDArray[np.bool_], str | None]:
    column = cells.first(*_PLACES)
    if column is None:
        if place is not None:
            problem = Problem(
                f"{cells.source}:1", "zone", f"columns {', '.join(cells.columns)}", _such(_PLACES)
            )
            raise InputError(
                f"{cells.source} has no column of places to find {place} in", [problem]
            )
        return np.ones(cells.count, dtype=np.bool_), None
    found = convert.labels(column)
    if place is None:
        if len(found.names) > 1:
            raise InputError(f"{cells.source} is of several places; say which: {_few(found.names)}")
        return np.ones(cells.count, dtype=np.bool_), found.names[0] if found.names else None
    if place not in found.names:
        raise InputError(f"{cells.source} has no place {place!r}; it has {_few(found.names)}")
    return found.codes == found.names.index(place), place


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def _instants(cells: Cells, clock: str | float) -> tuple[Int64, NDArray[np.bool_]]:
    names = (*TIME, "date", "datetime_(utc)", "timestamp_(utc)", "mtu_start")
    column = cells.require("a series", time=names)["time"]
    if isinstance(clock, (int, float)):
        found = convert.instants(column, float(clock))
        return found.ms, found.told & found.is_dated
    found = convert.instants(column)
    local = pa.array(found.ms, pa.timestamp("ms"))
    try:
        # The hour that a clock leaves out or has twice counts as the earlier one.
        zoned = pc.assume_timezone(local, clock, ambiguous="earliest", nonexistent="earliest")
    except pa.ArrowInvalid:
        raise InputError(
            f"clock {clock!r} is no time zone; write one such as Europe/Oslo, or seconds"
        ) from None
    ms: Any = pc.cast(zoned, pa.int64()).to_numpy(zero_copy_only=False)
    return ms, found.told & found.is_dated


def _numbers(cells: Cells, column: str, factor: float) -> tuple[Float64, NDArray[np.bool_]]:
    found = convert.numbers(cells.columns[column])
    return found.values * factor, found.junk


def _currency(cells: Cells, keep: NDArray[np.bool_]) -> str:
    """The one currency of the rows that stay; empty where the file names none."""
    column = cells.first("currency")
    if column is None:
        return ""
    found = convert.labels(column)
    used = [found.names[code] for code in np.unique(found.codes[keep]) if code >= 0]
    if len(used) > 1:
        raise InputError(f"{cells.source} has prices in {', '.join(used)}; keep one currency")
    return used[0] if used else ""
