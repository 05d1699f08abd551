"""A job's deadline, from the text of its file to milliseconds since the Unix epoch.

In whole numbers and without the clock's library, which nothing that decides may import.
"""

from __future__ import annotations

import re
from typing import Final

_RFC_3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def deadline_ms(text: str) -> int:
    """The instant an RFC 3339 text names, for example `2026-05-01T12:00:00+02:00`.

    Parts of a millisecond are dropped. Raises ValueError for what is no such text: no such day or
    time of day, or no offset from UTC.
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError("it is not of the form 2026-05-01T12:00:00Z")
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    offset_hour, offset_minute = int(found[9] or 0), int(found[10] or 0)
    if not (1 <= month <= 12 and 1 <= day <= _days(year, month)):
        raise ValueError("there is no such day")
    if max(hour, offset_hour) > 23 or max(minute, offset_minute, second) > 59:
        raise ValueError("there is no such time of day")
    offset_min = (offset_hour * 60 + offset_minute) * (-1 if found[8] == "-" else 1)
    minutes = (_day_number(year, month, day) * 24 + hour) * 60 + minute - offset_min
    return (minutes * 60 + second) * 1000 + int((found[7] or "").ljust(3, "0")[:3])


def _days(year: int, month: int) -> int:
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS[month - 1] + int(month == 2 and is_leap)


def _day_number(year: int, month: int, day: int) -> int:
    """Days since 1 January 1970: whole years and their leap days, months, days."""
    before = year - 1
    leap_days = before // 4 - before // 100 + before // 400 - 477
    months = sum(_days(year, each) for each in range(1, month))
    return (year - 1970) * 365 + leap_days + months + day - 1
