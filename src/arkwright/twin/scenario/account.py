"""Energy of a run, under the weather, prices and carbon that the scenario or the factory names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs

from arkwright.errors import InputError
from arkwright.physics.steps import HOUR_MS, hour_edges
from arkwright.twin.draw import INFERENCE, draws, systems_of
from arkwright.twin.energy import Energy, energy
from arkwright.twin.hours import FactoryHours, Floats, Ints, SiteHours, factory_hours
from arkwright.twin.record import Record
from arkwright.twin.scenario.prepare import Prepared, weather_of
from arkwright.twin.scenario.sources import SERVICE
from arkwright.twin.scenario.spec import Environment, Series
from arkwright.twin.series import Kind, hourly, read_series
from arkwright.twin.series import Series as ReadSeries
from arkwright.twin.site_model import site_models
from arkwright.units import MILLI, parse_price

_KWH_PER_MWH = MILLI


class Around(NamedTuple):
    """Series of one site, read; None is what the factory says."""

    dry_bulb: ReadSeries | None = None
    humidity: ReadSeries | None = None
    price: ReadSeries | float | None = None
    """A series, or one figure a kWh."""
    carbon: ReadSeries | float | None = None
    currency: str = ""


def surroundings(environment: dict[str, Environment], folder: Path) -> dict[str, Around]:
    """Every series that the scenario names, read before anything runs; raises InputError."""
    return {name: _around(name, asked, folder) for name, asked in environment.items()}


def account(ready: Prepared, record: Record, around: dict[str, Around]) -> Energy | None:
    """The energy of `record`; None where times have no date, or nothing has happened yet."""
    if not ready.jobs.is_dated or record.until_ms <= record.from_ms:
        return None
    factory = ready.site.factory
    kinds = [INFERENCE if name == SERVICE else name for name in ready.jobs.workload.names]
    drawn = draws(
        record.places,
        systems_of(record.places, factory),
        kinds,
        ready.jobs.workload.codes.astype(np.int64),
    )
    edges_ms = hour_edges(record.from_ms, record.until_ms)
    told = factory_hours(factory, edges_ms, weather_of(factory, ready.site.folder))
    hours = _laid(told, around, edges_ms)
    return energy(
        record,
        drawn,
        site_models(factory, weather_of(factory, ready.site.folder)),
        hours.sites,
        hours.currency,
    )


def _around(name: str, asked: Environment, folder: Path) -> Around:
    found: dict[str, ReadSeries | float | None] = {}
    currency = ""
    if asked.weather is not None:
        found["dry_bulb"] = _read(asked.weather, Kind.DRY_BULB, folder)
        found["humidity"] = _humidity(asked.weather, folder)
    if isinstance(asked.price, str):
        price = parse_price(asked.price)
        found["price"], currency = price.per_kwh, price.currency
    elif asked.price is not None:
        series = _read(asked.price, Kind.PRICE, folder)
        found["price"], currency = series, series.unit.partition("/")[0]
        if not currency:
            raise InputError(
                f"environment.{name}.price: {asked.price.file} does not say its currency; add a "
                "column called currency"
            )
    if isinstance(asked.carbon, Series):
        found["carbon"] = _read(asked.carbon, Kind.CARBON, folder)
    elif asked.carbon is not None:
        found["carbon"] = asked.carbon
    return Around(**found, currency=currency)  # type: ignore[arg-type]


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


def _laid(told: FactoryHours, around: dict[str, Around], edges_ms: Ints) -> FactoryHours:
    """The factory's hours with the scenario's in place of them.

    All costs are in one currency: that of the first price, the scenario's before the factory's; a
    site with a price in another has none, and that is said.
    """
    own = [each.currency for each in around.values() if each.currency]
    currency = own[0] if own else told.currency
    sites = {}
    for name, hours in told.sites.items():
        found = around.get(name, Around())
        if currency != told.currency and found.price is None and len(hours.price_per_mwh):
            note = f"{name}: its price is in {told.currency}, not {currency}: no cost is counted."
            hours = structs.replace(hours, price_per_mwh=np.zeros(0), notes=(*hours.notes, note))
        sites[name] = _laid_over(name, hours, found, currency, edges_ms)
    return FactoryHours(sites, currency)


def _laid_over(
    name: str, hours: SiteHours, found: Around, currency: str, edges_ms: Ints
) -> SiteHours:
    columns: dict[str, Floats] = {}
    notes = list(hours.notes)
    for column, given, factor in (
        ("dry_bulb_c", found.dry_bulb, 1.0),
        ("humidity", found.humidity, 1.0),
        ("price_per_mwh", found.price, _KWH_PER_MWH),
        ("carbon_g_per_kwh", found.carbon, 1.0),
    ):
        if given is None:
            continue
        if column == "price_per_mwh" and found.currency != currency:
            notes.append(f"{name}: its price is in {found.currency}, not {currency}: not counted.")
            columns[column] = np.zeros(0)
            continue
        columns[column], said = _values(given, factor, edges_ms)
        about = {"dry_bulb_c": "weather", "price_per_mwh": "price", "carbon_g_per_kwh": "carbon"}
        if column in about:
            notes = [note for note in notes if not _is_about(note, name, about[column])]
            notes.append(f"{name}: {about[column]} is {said}.")
    if "dry_bulb_c" in columns and "humidity" not in columns:
        columns["humidity"] = np.zeros(0)
    return structs.replace(hours, **columns, notes=tuple(notes))


def _values(given: ReadSeries | float, factor: float, edges_ms: Ints) -> tuple[Floats, str]:
    count = len(edges_ms) - 1
    if not isinstance(given, ReadSeries):
        return np.full(count, given * factor), "one figure for every hour, from the scenario"
    begin = int(edges_ms[0]) // HOUR_MS * HOUR_MS
    found = hourly(given, begin, int(edges_ms[-1]))
    said = f"{given.label}, from the scenario"
    if found.borrowed:
        said += f"; {found.borrowed:,} hours are of another year"
    if found.filled:
        said += f"; {found.filled:,} hours are interpolated"
    return found.values * factor, said


def _is_about(note: str, site: str, what: str) -> bool:
    """Whether a sentence of the factory's hours names the source that was replaced."""
    return note.startswith(f"{site}: ") and what in note
