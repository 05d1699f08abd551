"""What the world does at a site hour by hour: weather, price, carbon, and how much it may draw.

Rows are the hours of `physics.steps.hour_edges`: whole hours UTC, the first and last cut by the
run. A year of weather is laid over a run by month, day and hour of its own clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from arkwright.design.climate import weather_of
from arkwright.errors import InputError, InternalError
from arkwright.factory import Factory, PowerBasis, Term, energy_at
from arkwright.factory.weather import Weather
from arkwright.physics.steps import HOUR_MS
from arkwright.twin.power import NO_FLOATS
from arkwright.units import MILLI, MS_PER_S, W_PER_KW

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_HOURS_PER_DAY, _DAYS_BEFORE_29_FEBRUARY = 24, 59
_KWH_PER_MWH = MILLI


class CapBasis(Enum):
    """What a cap bounds."""

    SITE = "site"
    """IT, losses and cooling together."""
    IT = "it"
    NODES = "nodes"
    """Racks of nodes alone, as the limits of the scheduler's power tree do."""


class SiteHours(Struct, frozen=True, eq=False, kw_only=True):
    """Columns [n_hours], or [0] where nobody knows. NaN is a gap: it is interpolated and said."""

    dry_bulb_c: Floats = NO_FLOATS
    humidity: Floats = NO_FLOATS
    """Relative, 0..1."""
    price_per_mwh: Floats = NO_FLOATS
    currency: str = ""
    """Of the price, for example `EUR`."""
    carbon_g_per_kwh: Floats = NO_FLOATS
    cap_w: Floats = NO_FLOATS
    """Infinite where there is none."""
    cap_basis: CapBasis = CapBasis.SITE
    sources: Mapping[str, str] = {}
    """By column, where it comes from, as a sentence."""


SERIES = ("dry_bulb_c", "humidity", "price_per_mwh", "carbon_g_per_kwh")
"""Columns of `SiteHours` in which a gap may be filled."""


def factory_hours(
    factory: Factory, edges_ms: Ints, weather: Mapping[str, Weather] | None = None
) -> dict[str, SiteHours]:
    """What the factory file and the catalogue say of every site, where there are no series.

    `weather`: by site, where its file was read. Price and carbon are one figure for every hour, and
    so is the connection as a cap.
    """
    count = len(edges_ms) - 1
    sites = {}
    for name, site in factory.sites.items():
        terms = energy_at(factory, name)
        year = weather_of(site.climate, site.country, (weather or {}).get(name))
        dry, wet = weather_hours(year, edges_ms, site.climate.utc_offset or 0.0)
        sources = {"dry_bulb_c": f"{name}: weather is {year.label} ({year.source})."}
        for column, word, term in (
            ("price_per_mwh", "price", terms.price),
            ("carbon_g_per_kwh", "carbon intensity", terms.carbon),
        ):
            if term is not None:
                sources[column] = f"{name}: one {word} for every hour, {term.source}."
        limit_kw, basis = site.grid.connection, site.grid.basis
        is_capped = limit_kw is not None and basis is not PowerBasis.AI_CAPACITY
        sites[name] = SiteHours(
            dry_bulb_c=dry,
            humidity=NO_FLOATS if wet is None else wet,
            price_per_mwh=_always(terms.price, _KWH_PER_MWH, count),
            currency=terms.currency or "",
            carbon_g_per_kwh=_always(terms.carbon, 1, count),
            cap_w=np.full(count, (limit_kw or 0.0) * W_PER_KW) if is_capped else NO_FLOATS,
            cap_basis=CapBasis.IT if basis is PowerBasis.IT else CapBasis.SITE,
            sources=sources,
        )
    return sites


def _always(term: Term | None, factor: int, count: int) -> Floats:
    return NO_FLOATS if term is None else np.full(count, term.value * factor)


def in_one_currency(hours: Mapping[str, SiteHours]) -> tuple[dict[str, SiteHours], str]:
    """`hours` with prices in one currency, that of the first site with a price, and which it is.

    Nothing is converted: a site priced in another loses its price, and a note says so.
    """
    used = [site.currency for site in hours.values() if len(site.price_per_mwh)]
    currency = next((name for name in used if name), "")
    return {
        name: site
        if site.currency in ("", currency) or not len(site.price_per_mwh)
        else replace(
            site,
            price_per_mwh=NO_FLOATS,
            sources={
                **site.sources,
                "price_per_mwh": f"{name}: its price is in {site.currency}, not {currency}; "
                "no cost is counted.",
            },
        )
        for name, site in hours.items()
    }, currency


def weather_hours(
    weather: Weather, edges_ms: Ints, utc_offset_s: float = 0.0
) -> tuple[Floats, Floats | None]:
    """Dry bulb [°C] and humidity (0..1) of every hour of a run, from a year of them.

    The year's clock is `utc_offset_s` ahead of UTC. An hour of the run takes the year's hour in
    which it begins; on 29 February a common year lends its 28th. NaN where the year has a gap.
    """
    begins = (edges_ms[:-1] // HOUR_MS) * HOUR_MS + round(utc_offset_s * MS_PER_S)
    at = begins.astype("datetime64[ms]")
    year = at.astype("datetime64[Y]")
    row = (at - year).astype("timedelta64[h]").astype(np.int64)
    is_leap = (year + 1).astype("datetime64[D]") - year.astype("datetime64[D]") == np.timedelta64(
        366, "D"
    )
    after = (_DAYS_BEFORE_29_FEBRUARY + 1) * _HOURS_PER_DAY
    has_29_february = weather.hours > 365 * _HOURS_PER_DAY
    if has_29_february:
        late = ~is_leap & (row >= after - _HOURS_PER_DAY)
        row = row + late * _HOURS_PER_DAY
    else:
        late = is_leap & (row >= after - _HOURS_PER_DAY)
        row = row - late * _HOURS_PER_DAY
    humidity = None if weather.humidity is None else weather.humidity[row]
    return weather.dry_bulb_c[row], humidity


def least_in_hours(at_ms: Ints, values: Floats, edges_ms: Ints) -> Floats:
    """The least value in force in every hour of steps: `values[i]` from `at_ms[i]` on.

    For caps: the hour in which one falls is held to it. Infinite before the first step. Steps rise.
    """
    begin, end = edges_ms[:-1], edges_ms[1:]
    known = np.concatenate([[np.inf], values])
    found = known[np.searchsorted(at_ms, begin, side="right")]
    hour = np.searchsorted(end, at_ms, side="right")
    inside = (at_ms > edges_ms[0]) & (hour < len(begin))
    np.minimum.at(found, hour[inside], values[inside])
    return np.asarray(found)


def filled(name: str, hours: SiteHours, count: int) -> tuple[SiteHours, tuple[str, ...]]:
    """`hours` of the site `name` without gaps, and a sentence for each column that had some.

    A gap is interpolated between its neighbours. Raises InternalError for a column of another
    length than `count`, InputError for one of gaps alone.
    """
    notes = []
    full: dict[str, Floats] = {}
    for column in (*SERIES, "cap_w"):
        values: Floats = getattr(hours, column)
        if len(values) not in (0, count):
            raise InternalError(f"{name}: {column} has {len(values)} hours where {count} are due")
    for column in SERIES:
        values = getattr(hours, column)
        gap = np.isnan(values)
        if not gap.any():
            continue
        if gap.all():
            raise InputError(f"{name}: {column} has no value in any hour of the run")
        there = np.flatnonzero(~gap)
        full[column] = np.interp(np.arange(count), there, values[there])
        notes.append(f"{name}: {int(gap.sum()):,} hours of {column} were missing; interpolated.")
    return replace(hours, **full), tuple(notes)
