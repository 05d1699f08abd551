"""What a declared plan is held against: base rates, dates of machines, and the dated record."""

from __future__ import annotations

from collections.abc import Mapping

from arkwright.catalog import Row, table
from arkwright.catalog.money import Figure
from arkwright.errors import InputError


class BaseRate(Row, frozen=True, kw_only=True):
    """What became of announcements like it."""

    name: str
    measure: str
    """`late_share` and `overrun_mean` of whole projects; `due_late_share` of what was due in a
    year; `built_share`, `queue_share`, `begun_share`."""
    low: float
    high: float
    unit: str = ""
    known_from: int
    """Year from which it could be known."""


class SystemDate(Row, frozen=True, kw_only=True):
    """When a system can be had in numbers."""

    system: str
    first: str
    """Quarter."""
    slip_quarters_low: float
    slip_quarters_high: float
    """How much later it may be; 0 once it has happened."""


class Recorded(Row, frozen=True, kw_only=True):
    """A promise of the past and what is known of it since."""

    name: str
    title: str
    country: str
    stated: str
    promised: str
    """A period as in the factory file."""
    milestone: str
    """`energised`, `first`, `all`; `supply` for a machine rather than a site."""
    gpus: int | None = None
    power_kw: float | None = None
    progress: str = ""
    """What stood when it was stated: `energised`, or nothing."""
    later: str
    """`reached`, `restated`, `withdrawn` or `open`."""
    later_period: str = ""
    """When it was reached, or what is promised since; empty for the others."""
    known: str
    """Day from which the later state is known."""


def audit_figure(name: str) -> Figure:
    """The figure of the audit called `name`."""
    known: Mapping[str, Figure] = audit_figures()
    if name not in known:
        raise InputError(f"unknown figure {name}; the catalogue has {', '.join(known)}")
    return known[name]


def audit_figures() -> Mapping[str, Figure]:
    """Tolerances, weights and rates of the audit, by name."""
    return table("audit_figures.csv", Figure)


def base_rates() -> Mapping[str, BaseRate]:
    """Base rates by name."""
    return table("base_rates.csv", BaseRate)


def system_dates() -> Mapping[str, SystemDate]:
    """When systems can be had; one that is not in it was sold before 2025."""
    return table("system_dates.csv", SystemDate)


def recorded() -> Mapping[str, Recorded]:
    """The dated record that the odds are held against."""
    return table("audit_record.csv", Recorded)


def tables() -> list[tuple[str, Mapping[str, Row]]]:
    """Every table with its title, for the catalogue's page."""
    return [
        ("Figures of the plan audit", audit_figures()),
        ("Base rates of announcements", base_rates()),
        ("When systems can be had", system_dates()),
        ("Promises and what became of them", recorded()),
    ]
