"""Numbers as a person reads them: durations, shares, energies, instants."""

from __future__ import annotations

import math

from arkwright import units

_HOUR_MS = 3_600_000


def number(value: float) -> str:
    """With thousands separated; three digits where it is small."""
    if not math.isfinite(value):
        return "∞"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """A fraction as percent: never 100 % or 0 % for what is only nearly so."""
    percent = 100 * value
    if 99.95 <= percent < 100:
        return "more than 99.9 %"
    if 0 < percent < 0.1:
        return "less than 0.1 %"
    return f"{percent:.1f} %" if percent != int(percent) else f"{percent:.0f} %"


def hours(value: float) -> str:
    """A duration in the unit that suits it."""
    if not math.isfinite(value):
        return "never"
    if value == 0:
        return "0 min"
    if value < 1 / 60:
        return f"{value * 3600:.0f} s"
    if value < 1:
        return f"{value * 60:.0f} min"
    if value < 48:
        return f"{round(value, 1):g} h"
    return f"{number(value / 24)} days"


def energy(kwh: float) -> str:
    """Three digits, kWh through TWh."""
    return units.render(float(f"{kwh:.4g}"), "kWh", 4)


def power(watt: float) -> str:
    """Three digits."""
    return units.render(float(f"{watt / 1000:.4g}"), "kW", 4)


def mass(kg: float) -> str:
    """kg, or tonnes from one tonne."""
    return f"{number(kg / 1000)} t" if kg >= 1000 else f"{number(kg)} kg"


def instant(at_ms: int, is_dated: bool) -> str:
    """To the minute: in UTC, or as a day of the trace where no calendar is known."""
    if is_dated:
        return units.render_instant(at_ms)[:16].replace("T", " ")
    day, rest = divmod(at_ms, 24 * _HOUR_MS)
    return f"day {day} {rest // _HOUR_MS:02}:{rest % _HOUR_MS // 60_000:02}"


def plural(count: int, one: str, many: str = "") -> str:
    """The count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
