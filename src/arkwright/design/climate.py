"""The weather in force at a site: its file, else a synthetic year that says it is one."""

from __future__ import annotations

from arkwright.catalog import plant
from arkwright.errors import InputError
from arkwright.factory import Climate
from arkwright.factory.weather import Weather
from arkwright.physics.climate import synthetic_year_c


def weather_of(climate: Climate, country: str | None, read: Weather | None = None) -> Weather:
    """`read` (by `factory.series.load_weather`) where the factory names a file, else synthetic.

    A synthetic year takes from the catalogue what the file does not give; its humidity is constant.
    """
    if read is not None:
        return read
    if climate.weather is not None:
        raise InputError(f"the weather file {climate.weather} was not read")
    rows = plant.climates()
    row = rows.get(country or "", rows["*"])
    mean = row.mean_c if climate.mean is None else climate.mean
    dry_bulb = synthetic_year_c(
        mean,
        row.season_k if climate.season is None else climate.season,
        row.day_k if climate.day is None else climate.day,
        plant.figure("warmest_day"),
        plant.figure("warmest_hour"),
    )
    where = row.country if row.country != "*" else "a temperate place"
    return Weather(
        label=f"synthetic year for {where}, mean {mean:g} °C",
        source=row.provenance,
        is_synthetic=True,
        dry_bulb_c=dry_bulb,
        humidity=dry_bulb * 0 + row.humidity,
    )
