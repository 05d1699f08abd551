"""Dates as announcements give them: from a year down to a day."""

from __future__ import annotations

from typing import NamedTuple

from arkwright.units import parse_instant

_MS_PER_DAY = 86_400_000
_MONTHS = 12


class Span(NamedTuple):
    """First and last day, counted from 1970-01-01."""

    first: int
    last: int


def period(written: str) -> Span:
    """The days that a `Moment` stands for. ValueError: no such day, or no such month.

    >>> period("2026-Q4")
    Span(first=20727, last=20818)
    >>> period("2027-03-01")
    Span(first=20878, last=20878)
    """
    year, _, rest = written.partition("-")
    if not rest:
        return _months(int(year), 1, _MONTHS)
    if rest[0] in "QH":
        length = _MONTHS // (4 if rest[0] == "Q" else 2)
        return _months(int(year), 1 + (int(rest[1:]) - 1) * length, length)
    if "-" in rest:
        day = _day(written)
        return Span(day, day)
    return _months(int(year), int(rest), 1)


def _months(year: int, first: int, count: int) -> Span:
    after_year, after = divmod(first - 1 + count, _MONTHS)
    end = _day(f"{year + after_year:04}-{after + 1:02}-01") - 1
    return Span(_day(f"{year:04}-{first:02}-01"), end)


def _day(written: str) -> int:
    return parse_instant(f"{written}T00:00:00Z") // _MS_PER_DAY
