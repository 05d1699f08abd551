"""Energy of a run, under the weather, prices and carbon that the scenario or the factory names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs

from arkwright.errors import InputError
from arkwright.physics.steps import hour_edges
from arkwright.twin.energy import Energy
from arkwright.twin.hours import Ints, SiteHours, factory_hours
from arkwright.twin.record import Record
from arkwright.twin.run_energy import run_energy
from arkwright.twin.scenario.prepare import Prepared, weather_of
from arkwright.twin.scenario.spec import Environment, Series
from arkwright.twin.series import Kind, read_series
from arkwright.twin.series import Series as ReadSeries
from arkwright.twin.series_hours import with_series
from arkwright.units import MILLI, EnergyPrice, parse_price

_KWH_PER_MWH = MILLI


class Around(NamedTuple):
    """What the scenario says of one site, read; what it leaves out is the factory's."""

    series: dict[Kind, ReadSeries]
    price: EnergyPrice | None = None
    carbon_g_per_kwh: float | None = None
    """One figure for every hour, where it gives no series."""


def surroundings(environment: dict[str, Environment], folder: Path) -> dict[str, Around]:
    """Every series that the scenario names, read before anything runs; raises InputError."""
    return {name: _around(name, asked, folder) for name, asked in environment.items()}


def account(ready: Prepared, record: Record, around: dict[str, Around]) -> Energy | None:
    """The energy of `record`; None where times have no date, or nothing has happened yet."""
    if not ready.jobs.is_dated or record.until_ms <= record.from_ms:
        return None
    factory = ready.site.factory
    weather = weather_of(factory, ready.site.folder)
    edges_ms = hour_edges(record.from_ms, record.until_ms)
    told = factory_hours(factory, edges_ms, weather)
    hours = {
        name: _laid_over(name, told[name], found, edges_ms)
        for name, found in around.items()
        if name in told
    }
    return run_energy(factory, ready.built, record, ready.jobs, hours, weather=weather)


def _around(name: str, asked: Environment, folder: Path) -> Around:
    series = {}
    for kind, given in (
        (Kind.DRY_BULB, asked.weather),
        (Kind.PRICE, asked.price),
        (Kind.CARBON, asked.carbon),
    ):
        if isinstance(given, Series):
            series[kind] = _read(given, kind, folder)
    if asked.weather is not None:
        humidity = _humidity(asked.weather, folder)
        series |= {} if humidity is None else {Kind.HUMIDITY: humidity}
    if isinstance(asked.price, Series) and series[Kind.PRICE].unit.startswith("/"):
        raise InputError(
            f"environment.{name}.price: {asked.price.file} does not say its currency; add a column "
            "called currency"
        )
    return Around(
        series,
        parse_price(asked.price) if isinstance(asked.price, str) else None,
        asked.carbon if isinstance(asked.carbon, float) else None,
    )


def _read(asked: Series, kind: Kind, folder: Path) -> ReadSeries:
    reading = read_series(
        folder / asked.file,
        kind,
        place=asked.place,
        column=asked.column,
        clock=asked.clock or 0.0,
    )
    return reading.table


def _humidity(asked: Series, folder: Path) -> ReadSeries | None:
    """Beside the dry bulb, where the file has it."""
    try:
        return _read(structs.replace(asked, column=None), Kind.HUMIDITY, folder)
    except InputError:
        return None


def _laid_over(name: str, hours: SiteHours, found: Around, edges_ms: Ints) -> SiteHours:
    count = len(edges_ms) - 1
    sources = dict(hours.sources)
    if found.price is not None:
        sources["price_per_mwh"] = f"{name}: one price for every hour, from the scenario."
        hours = structs.replace(
            hours,
            price_per_mwh=np.full(count, found.price.per_kwh * _KWH_PER_MWH),
            currency=found.price.currency,
        )
    if found.carbon_g_per_kwh is not None:
        sources["carbon_g_per_kwh"] = (
            f"{name}: one carbon intensity for every hour, from the scenario."
        )
        hours = structs.replace(hours, carbon_g_per_kwh=np.full(count, found.carbon_g_per_kwh))
    return with_series(name, structs.replace(hours, sources=sources), edges_ms, found.series)
