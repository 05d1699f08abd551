"""The one module that reads series: hourly weather of a year, from EPW or CSV.

Nothing is invented. An hour that a file lacks, or marks as missing, is NaN and counted as a gap; a
value that no weather has is refused. A year is local or UTC as its file has it.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arkwright.errors import InputError, Problem
from arkwright.factory.plant_spec import Climate
from arkwright.factory.spec import Factory
from arkwright.factory.weather import Weather

TIME = ("time", "utc", "date_time", "datetime", "timestamp")
DRY_BULB = ("dry_bulb_c", "drybulb_c", "temp_c", "temperature_c")
HUMIDITY = {"rh": 1.0, "rh_pct": 0.01, "humidity": 1.0}
"""Columns of relative humidity and the factor to 0..1."""
_COLDEST_C, _WARMEST_C = -90.0, 60.0
_EPW_HEADER = 8
_EPW_MISSING_C, _EPW_MISSING_RH = 99.9, 999.0
_PROBLEMS_MAX = 20
_BYTES_MAX = 64 * 2**20


def load_weather(path: Path, climate: Climate) -> Weather:
    """The year that `climate` names in the file at `path`; InputError for what cannot be read."""
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise InputError(f"{path.name} is larger than {_BYTES_MAX // 2**20} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the weather file {path.name}: {error}") from None
    if path.suffix.lower() == ".epw":
        return epw(text, path.name)
    return weather_csv(text, path.name, climate.place, climate.year, climate.utc_offset or 0.0)


def read_weather(factory: Factory, folder: Path) -> dict[str, Weather]:
    """The years of the sites that name a weather file, which is relative to `folder`, where the
    factory file is. Reads nothing where no site names one."""
    return {
        name: load_weather(folder / site.climate.weather, site.climate)
        for name, site in factory.sites.items()
        if site.climate.weather
    }


def weather_csv(
    text: str,
    name: str,
    place: str | None = None,
    year: int | None = None,
    offset_s: float = 0.0,
) -> Weather:
    """One year of a CSV: a time column, a dry bulb in °C, and relative humidity if there is one.

    Times are ISO 8601 at whole hours. `place` picks the rows of a column `site`, `year` those of a
    year once `offset_s` is added to its times; without `year` the file must hold one year only.
    Raises InputError with every bad line, up to a bound.
    """
    reader = csv.DictReader(io.StringIO(text))
    columns = _columns(reader.fieldnames or (), name, place)
    rows = _Rows(name, offset=timedelta(seconds=offset_s))
    for cells in reader:
        if place is not None and cells[columns["site"]] != place:
            continue
        rows.take(cells, reader.line_num, columns, year)
    return rows.weather(" ".join(str(part) for part in (place, year) if part) or name)


def epw(text: str, name: str) -> Weather:
    """An EnergyPlus weather file: 8 lines of header, then an hour a line.

    Months of a typical year come from different years, so only month, day and hour count; a file
    with 29 February has 8,784 hours.
    """
    lines = text.splitlines()
    head = lines[0].split(",") if lines else [""]
    if head[0] != "LOCATION" or len(lines) <= _EPW_HEADER:
        right = "its first line must begin with LOCATION"
        raise InputError(f"{name} is no EPW file", [Problem(f"{name}:1", "", head[0][:20], right)])
    leap = any(re.match(r"\d+,2,29,", line) for line in lines[_EPW_HEADER:])
    rows = _Rows(name, first_year=2024 if leap else 2023)
    for number, line in enumerate(lines[_EPW_HEADER:], start=_EPW_HEADER + 1):
        cells = line.split(",")
        if len(cells) > _EPW_HEADER:
            rows.take_epw(cells, number)
    return rows.weather(" ".join(part for part in head[1:4] if part))


class _Rows:
    """Hours as they are read, and what is wrong with them."""

    def __init__(
        self, name: str, first_year: int | None = None, offset: timedelta = timedelta()
    ) -> None:
        self.name, self.offset = name, offset
        self.year = first_year
        self.problems: list[Problem] = []
        self.dry: dict[int, float] = {}
        self.wet: dict[int, float] = {}

    def take(
        self, cells: dict[str, Any], line: int, columns: dict[str, str], year: int | None
    ) -> None:
        written = cells[columns["time"]] or ""
        try:
            at = datetime.fromisoformat(written).replace(tzinfo=None) + self.offset
        except (ValueError, OverflowError):
            self.wrong(line, "time", written, "write it as 2026-01-31T13:00")
            return
        if year is not None and at.year != year:
            return
        self.year = self.year or at.year
        if at.year != self.year:
            self.wrong(line, "time", written, f"the file begins in {self.year}; give climate.year")
        elif at.minute or at.second:
            self.wrong(line, "time", written, "write whole hours")
        else:
            dry = self.number(cells[columns["dry"]], line, "dry bulb")
            wet = None
            if "rh" in columns:
                wet = self.number(cells[columns["rh"]], line, "humidity")
                wet = None if wet is None else wet * HUMIDITY[_plain(columns["rh"])]
            self.put(at, dry, wet, line)

    def take_epw(self, cells: list[str], line: int) -> None:
        try:
            month, day, hour = (int(cell) for cell in cells[1:4])
            at = datetime(self.year or 2023, month, day, hour - 1)  # noqa: DTZ001
        except ValueError:
            self.wrong(line, "date", ",".join(cells[1:4]), "month, day, and hour from 1 to 24")
            return
        dry, wet = self.number(cells[6], line, "dry bulb"), self.number(cells[8], line, "humidity")
        dry = None if dry is None or dry >= _EPW_MISSING_C else dry
        wet = None if wet is None or wet >= _EPW_MISSING_RH else wet / 100
        self.put(at, dry, wet, line)

    def number(self, written: str | None, line: int, key: str) -> float | None:
        text = (written or "").strip()
        if text == "":
            return None
        try:
            return float(text)
        except ValueError:
            self.wrong(line, key, text, "write a number, or nothing for a gap")
            return None

    def put(self, at: datetime, dry: float | None, wet: float | None, line: int) -> None:
        hour = (at - datetime(at.year, 1, 1)).days * 24 + at.hour  # noqa: DTZ001
        if hour in self.dry:
            self.wrong(line, "time", f"{at:%Y-%m-%d %H:%M}", "it is there twice; keep one")
        if dry is not None and not _COLDEST_C <= dry <= _WARMEST_C:
            found = f"{dry:g} °C"
            self.wrong(line, "dry bulb", found, f"from {_COLDEST_C:g} to {_WARMEST_C:g} °C")
        if wet is not None and not 0 <= wet <= 1.1:
            self.wrong(line, "humidity", f"{wet:g}", "from 0 to 1 in rh, 0 to 100 in rh_pct")
        self.dry[hour] = float("nan") if dry is None else dry
        if wet is not None:
            self.wet[hour] = min(wet, 1.0)

    def wrong(self, line: int, key: str, found: str, right: str) -> None:
        if len(self.problems) < _PROBLEMS_MAX:
            self.problems.append(Problem(f"{self.name}:{line}", key, f"found {found!r}", right))

    def weather(self, label: str) -> Weather:
        if self.problems:
            raise InputError(f"{self.name} is not valid", self.problems)
        if self.year is None:
            raise InputError(f"{self.name} has no hour of the place and year that were asked for")
        if all(value != value for value in self.dry.values()):
            raise InputError(f"{self.name} has no dry bulb in any hour; fill the column")
        leap = self.year % 4 == 0 and (self.year % 100 != 0 or self.year % 400 == 0)
        hours = (366 if leap else 365) * 24
        return Weather(
            label=label,
            source=self.name,
            is_synthetic=False,
            dry_bulb_c=_column(self.dry, hours),
            humidity=_column(self.wet, hours) if self.wet else None,
        )


def _column(found: dict[int, float], hours: int) -> NDArray[np.float64]:
    column = np.full(hours, np.nan)
    for hour, value in found.items():
        column[hour] = value
    return column


def _columns(names: Any, source: str, place: str | None) -> dict[str, str]:
    plain = {_plain(name): name for name in names}
    wanted: dict[str, tuple[str, ...]] = {"time": TIME, "dry": DRY_BULB}
    if place is not None:
        wanted["site"] = ("site", "place")
    found = {}
    problems = []
    for key, choices in wanted.items():
        name = next((plain[choice] for choice in choices if choice in plain), None)
        if name is None:
            said, right = f"columns {', '.join(plain) or 'none'}", f"one called {choices[0]}"
            problems.append(Problem(f"{source}:1", key, said, right))
        else:
            found[key] = name
    if problems:
        raise InputError(f"{source} is not a weather file", problems)
    humidity = next((plain[name] for name in HUMIDITY if name in plain), None)
    return found if humidity is None else {**found, "rh": humidity}


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")
