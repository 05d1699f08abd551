"""When a site could run: steps with lead times as bands, the critical path, three milestones.

Each band is the sum of the ends of the lead times on the way: all quick, or all slow. Days are
counted from 1970-01-01, so nothing here asks what day it is.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.catalog import money as figures
from arkwright.design.span import Span

_DAYS_PER_WEEK = 7
_KW_PER_MW = 1000.0
_MILESTONES = {
    "plant": "Building with power and cooling",
    "energise": "Energised",
    "first-racks": "First GPUs run",
}


class Step(Struct, frozen=True, kw_only=True):
    """One step; weeks from the start."""

    name: str
    title: str
    start: Span
    end: Span
    after: tuple[str, ...]
    is_critical: bool
    """On the longest way when every step is slow."""
    source: str


class Milestone(Struct, frozen=True, kw_only=True):
    """A state that is reached."""

    title: str
    day: tuple[int, int]
    """Earliest and latest, days since 1970-01-01."""

    @property
    def text(self) -> str:
        """`2028-03 to 2030-01`: a band of months, for nobody knows the day."""
        first, last = (date_text(day)[:7] for day in self.day)
        return first if first == last else f"{first} to {last}"


class Timeline(Struct, frozen=True, kw_only=True):
    """The schedule of one site."""

    site: str
    start_day: int
    is_grid_reserved: bool
    steps: tuple[Step, ...]
    milestones: tuple[Milestone, ...]

    @property
    def critical_path(self) -> tuple[str, ...]:
        """Titles of the steps that decide the slow end, in order."""
        return tuple(step.title for step in self.steps if step.is_critical)


def timeline(
    site: str,
    country: str | None,
    facility_kw_max: float,
    start_day: int,
    *,
    is_grid_reserved: bool,
) -> Timeline:
    """The schedule of a site whose planning starts on `start_day`.

    Where no grid capacity is reserved, the country's wait for one stands before everything that
    needs the grid; where none was read, that of the longest-waiting country does.
    """
    rows = _rows(country, facility_kw_max, is_grid_reserved)
    low, high = _ends(rows, slow=False), _ends(rows, slow=True)
    critical = _longest(rows, high)
    steps = []
    for name, row in rows.items():
        start = Span(low[name] - row.weeks.low, high[name] - row.weeks.high)
        steps.append(
            Step(
                name=name,
                title=row.title,
                start=start,
                end=Span(low[name], high[name]),
                after=row.after,
                is_critical=name in critical,
                source=row.source,
            )
        )
    milestones = [
        Milestone(title=title, day=(_day(start_day, low[name]), _day(start_day, high[name])))
        for name, title in _MILESTONES.items()
    ]
    return Timeline(
        site=site,
        start_day=start_day,
        is_grid_reserved=is_grid_reserved,
        steps=tuple(steps),
        milestones=tuple(milestones),
    )


def date_text(day: int) -> str:
    """`2026-11-22` of days since 1970-01-01."""
    return str(np.datetime64(day, "D"))


class _Row(Struct, frozen=True):
    title: str
    weeks: Span
    after: tuple[str, ...]
    source: str


def _rows(country: str | None, facility_kw_max: float, is_grid_reserved: bool) -> dict[str, _Row]:
    is_large = facility_kw_max / _KW_PER_MW >= figures.figure("large_transformer_mw").middle
    unused = "transformer" if is_large else "large-transformer"
    rows = {}
    for name, lead in figures.lead_times().items():
        if name == unused:
            continue
        title, weeks, source = lead.title, Span(lead.weeks_low, lead.weeks_high), lead.provenance
        if name == "grid" and not is_grid_reserved:
            wait = figures.grid_wait(country) or figures.longest_grid_wait()
            weeks, source = Span(wait.weeks_low, wait.weeks_high), wait.provenance
            title = "Grid connection, not reserved"
        after = tuple(before for before in lead.after.split() if before != unused)
        rows[name] = _Row(title, weeks, after, source)
    return rows


def _ends(rows: dict[str, _Row], slow: bool) -> dict[str, float]:
    """Week in which each step ends; the catalogue holds steps after those they wait for."""
    ends: dict[str, float] = {}
    for name, row in rows.items():
        begin = max((ends[before] for before in row.after), default=0.0)
        ends[name] = begin + (row.weeks.high if slow else row.weeks.low)
    return ends


def _longest(rows: dict[str, _Row], ends: dict[str, float]) -> set[str]:
    """Steps of the longest way to the last milestone."""
    name, found = list(rows)[-1], set()
    while True:
        found.add(name)
        if not rows[name].after:
            return found
        name = max(rows[name].after, key=lambda before: ends[before])


def _day(start_day: int, weeks: float) -> int:
    return start_day + round(weeks * _DAYS_PER_WEEK)
