"""Times of day as sbatch takes them (`--begin`, `--deadline`), as instants.

Grammar: sbatch(1), TIME FORMATS; a time of day that is past means tomorrow's, `now+1hour` counts
from `now`, which the caller gives with its zone.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

_NAMED: Final = {
    "midnight": (0, 0), "noon": (12, 0), "elevenses": (11, 0), "fika": (15, 0), "teatime": (16, 0),
}  # fmt: skip
_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_NOW: Final = re.compile(r"now(?:\+(\d+)([a-z]*))?")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*([ap]m)?")
_DATES: Final = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)"),
    re.compile(r"(?P<month>\d\d?)[/.](?P<day>\d\d?)(?:[/.](?P<year>\d{2,4}))?"),
    re.compile(r"(?P<month>\d\d)(?P<day>\d\d)(?P<year>\d\d)?"),
)
RIGHT: Final = "write 2026-05-01T18:00:00, 18:00, tomorrow or now+1hour"


def instant(text: str, now: datetime) -> str:
    """The instant as RFC 3339 with `now`'s offset. Raises ValueError.

    >>> from datetime import timezone
    >>> instant("now+90minutes", datetime(2026, 5, 1, 12, 0, tzinfo=timezone.utc))
    '2026-05-01T13:30:00+00:00'
    """
    words = text.strip().lower()
    if found := _NOW.fullmatch(words):
        return _written(now + timedelta(seconds=int(found[1] or 0) * _unit(found[2] or "")))
    date, time = _split(words)
    hour, minute, second = _clock(time) if time else (0, 0, 0)
    try:
        moment = _day(date, now).replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError:
        raise ValueError(RIGHT) from None
    if not date and moment < now:
        moment += timedelta(days=1)
    return _written(moment)


def _split(words: str) -> tuple[str, str]:
    """Date and time of day, either may be empty."""
    for pattern in _DATES:
        if (found := pattern.match(words)) and not words[found.end() :].startswith(":"):
            return found[0], words[found.end() :].lstrip("t -")
    for name in ("today", "tomorrow"):
        if words.startswith(name):
            return name, words.removeprefix(name).lstrip("t -")
    return "", words


def _day(date: str, now: datetime) -> datetime:
    if date in ("", "today"):
        return now
    if date == "tomorrow":
        return now + timedelta(days=1)
    for pattern in _DATES:
        if found := pattern.fullmatch(date):
            year = int(found["year"] or now.year)
            day = now.replace(
                year=year + 2000 if year < 100 else year,
                month=int(found["month"]),
                day=int(found["day"]),
            )
            is_past = not found["year"] and day.date() < now.date()
            return day.replace(year=day.year + 1) if is_past else day
    raise ValueError(RIGHT)


def _clock(text: str) -> tuple[int, int, int]:
    if text in _NAMED:
        return (*_NAMED[text], 0)
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(RIGHT)
    hour = int(found[1])
    if found[4]:
        hour = hour % 12 + (12 if found[4] == "pm" else 0)
    return hour, int(found[2]), int(found[3] or 0)


def _unit(name: str) -> int:
    for unit, length in _UNITS.items():
        if name and unit.startswith(name.removesuffix("s")) and name.removesuffix("s"):
            return length
    if not name:
        return 1
    raise ValueError(RIGHT)


def _written(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat()
