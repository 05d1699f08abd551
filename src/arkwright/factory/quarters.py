"""Quarters of the calendar, numbered so that they can be counted."""

from __future__ import annotations

from arkwright.units import parse_instant

QUARTERS_PER_YEAR = 4
MONTHS_PER_QUARTER = 3


def number(written: str) -> int:
    """The quarter of a `When`, counted from the first of year 0. ValueError: no such day.

    >>> number("2027-Q2") - number("2026-Q4")
    2
    """
    year, _, rest = written.partition("-")
    if rest.startswith("Q"):
        return int(year) * QUARTERS_PER_YEAR + int(rest[1:]) - 1
    parse_instant(f"{written}T00:00:00Z")
    month = int(rest.partition("-")[0])
    return int(year) * QUARTERS_PER_YEAR + (month - 1) // MONTHS_PER_QUARTER


def known(written: str | None) -> int | None:
    """The same, or None where nothing is written or no calendar has the day."""
    try:
        return None if written is None else number(written)
    except ValueError:
        return None


def name(quarter: int) -> str:
    """How it is written.

    >>> name(number("2026-11-23"))
    '2026-Q4'
    """
    year, index = divmod(quarter, QUARTERS_PER_YEAR)
    return f"{year:04}-Q{index + 1}"


def whole(months: float) -> int:
    """Quarters that a span of `months` takes when it starts with one: rounded up."""
    return -int(-(months - 1e-9) // MONTHS_PER_QUARTER)
