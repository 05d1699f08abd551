"""Quantities: text in the user's unit outside, a plain number in one canonical unit inside.

Inside Arkwright a quantity is a float in the canonical unit of its dimension, and its name ends in
that unit (`power_kw`). Text such as `132 kW` or `1.3 GW` exists only at the edge; `parse` and
`render` are the two doors. A bare number where a unit is required is refused, because nobody can
tell 12 from 12 kW, 12 MW or 12 racks.

The annotated types below (`Kilowatts`, `Seconds`, …) carry their dimension in `msgspec.Meta`, so
the decoder, the JSON Schema and the documentation all read it from one place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from arkwright.errors import UnitError

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
MS_PER_S = 1000
S_PER_HOUR = 3600
J_PER_KWH = 3_600_000
KJ_PER_KWH = 3600
W_PER_KW = 1000
MILLI = 1000
"""Milli-GPU and milli-CPU per whole GPU and CPU."""
_RFC_3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Dimension(NamedTuple):
    """A kind of quantity: its canonical unit and, per accepted unit, the factor to it."""

    name: str
    unit: str
    factors: Mapping[str, float]
    example: str


_DECIMAL = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


def _scaled(base: str, canonical: str, prefixes: str) -> dict[str, float]:
    """`base` with each SI prefix, as factors to `canonical` (itself a prefixed `base`)."""
    canonical_prefix = canonical.removesuffix(base)
    names = ["", *prefixes]
    return {f"{p}{base}": _DECIMAL[p] / _DECIMAL[canonical_prefix] for p in names}


_CALENDAR = {
    f"{name}{ending}": months
    for name, months in (("month", 1.0), ("quarter", 3.0), ("year", 12.0), ("week", 84 / 365.25))
    for ending in ("", "s")
}
"""Months, as lead times are agreed; a week is 7 days of a mean year of 365.25."""
_TIME = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_BYTES = {f"{p}B": _DECIMAL[p] / 1e9 for p in ("", "k", "M", "G", "T", "P")} | {
    "KiB": KIB / 1e9,
    "MiB": MIB / 1e9,
    "GiB": GIB / 1e9,
    "TiB": TIB / 1e9,
}

_RAMP = {
    f"{power}/{time}": factor / seconds
    for power, factor in _scaled("W", "kW", "kMG").items()
    for time, seconds in (("s", 1.0), ("min", 60.0))
}

DIMENSIONS: Mapping[str, Dimension] = {
    d.unit: d
    for d in (
        Dimension("power", "kW", _scaled("W", "kW", "kMG"), "132 kW"),
        Dimension("energy", "kWh", _scaled("Wh", "kWh", "kMGT"), "40 MWh"),
        Dimension("ramp", "kW/s", _RAMP, "20 MW/min"),
        Dimension("temperature", "°C", {"°C": 1.0, "degC": 1.0, "C": 1.0}, "45 °C"),
        Dimension("bandwidth", "Gbit/s", _scaled("bit/s", "Gbit/s", "kMGT"), "400 Gbit/s"),
        Dimension("throughput", "GB/s", {f"{u}/s": f for u, f in _BYTES.items()}, "40 GB/s"),
        Dimension("data size", "GB", _BYTES, "80 GB"),
        Dimension("duration", "s", _TIME, "2 h"),
        Dimension("span of the calendar", "months", _CALENDAR, "6 months"),
        Dimension("length", "m", {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0}, "30 m"),
        Dimension("mass", "kg", {"g": 0.001, "kg": 1.0, "t": 1000.0}, "1360 kg"),
        Dimension(
            "carbon intensity",
            "g/kWh",
            {"g/kWh": 1.0, "gCO2e/kWh": 1.0, "kg/kWh": 1000.0, "kg/MWh": 1.0},
            "30 g/kWh",
        ),
    )
}

_LENGTH_MAX = 64
"""Characters a quantity may have: longer ones are no quantity and slow to refuse."""

_QUANTITY = re.compile(
    r"\s*(?P<number>[+-]?(?:\d+(?:_\d{3})*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>\S*)\s*"
)


def parse(text: str, unit: str) -> float:
    """Read `text` as a quantity whose canonical unit is `unit`; return it in that unit.

    Raises UnitError naming what was found and an example of what would be right.

    >>> parse("1.3 GW", "kW")
    1300000.0
    """
    dimension = DIMENSIONS[unit]
    if len(text) > _LENGTH_MAX:
        raise UnitError(f"{text[:20]!r}… is too long to be a {dimension.name}")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UnitError(
            f"{text!r} is not a {dimension.name}; write for example {dimension.example!r}"
        )
    found = match["unit"].replace("℃", "°C").replace("Gb/s", "Gbit/s").replace("Gbps", "Gbit/s")
    if not found:
        raise UnitError(f"{text!r} has no unit; write for example '{text.strip()} {unit}'")
    factor = dimension.factors.get(found)
    if factor is None:
        raise UnitError(
            f"{text!r}: {found!r} is not a unit of {dimension.name}; "
            f"use one of {', '.join(dimension.factors)}"
        )
    value = float(match["number"].replace("_", "")) * factor
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is too large to be a {dimension.name}")
    return value


def render(value: float, unit: str, digits: int = 6) -> str:
    """Write `value` (in the canonical `unit`) in the largest unit that keeps it at 1 or above.

    At most `digits` significant figures.

    >>> render(1_300_000, "kW")
    '1.3 GW'
    """
    dimension = DIMENSIONS[unit]
    scale = {u: f for u, f in dimension.factors.items() if u not in _READ_ONLY_UNITS}
    fitting = [(f, u) for u, f in scale.items() if abs(value) >= f]
    factor, name = max(fitting) if fitting else (1.0, unit)
    number = f"{value / factor:.{digits}g}"
    if number == "1" and name[:-1] in dimension.factors:
        name = name[:-1]  # 1 month, 2 months
    return f"{number} {name}"


_READ_ONLY_UNITS = frozenset(
    {
        "degC",
        "C",
        "month",
        "quarter",
        "quarters",
        "year",
        "week",
        "weeks",
        "KiB",
        "MiB",
        "GiB",
        "TiB",
        "w",
        "kg/kWh",
        "kg/MWh",
        "gCO2e/kWh",
    }
    | {f"{u}/s" for u in ("KiB", "MiB", "GiB", "TiB")}
)
"""Units that are understood but not written, so that each value has one written form."""


def quantity(unit: str, *, ge: float | None = 0.0) -> Meta:
    """Annotation of a float that is written as text with a unit of `unit`'s dimension."""
    dimension = DIMENSIONS[unit]
    pattern = rf"^\s*[+-]?[0-9._eE+-]+\s*({'|'.join(re.escape(u) for u in dimension.factors)})\s*$"
    schema = {"type": "string", "pattern": pattern, "examples": [dimension.example]}
    return Meta(extra={"unit": unit, "ge": ge}, extra_json_schema=schema)


Kilowatts = Annotated[float, quantity("kW")]
KilowattHours = Annotated[float, quantity("kWh")]
KilowattsPerSecond = Annotated[float, quantity("kW/s")]
Celsius = Annotated[float, quantity("°C", ge=None)]
GigabitsPerSecond = Annotated[float, quantity("Gbit/s")]
GigabytesPerSecond = Annotated[float, quantity("GB/s")]
Gigabytes = Annotated[float, quantity("GB")]
Seconds = Annotated[float, quantity("s")]
Months = Annotated[float, quantity("months")]
Metres = Annotated[float, quantity("m")]
Kilograms = Annotated[float, quantity("kg")]
GramsPerKilowattHour = Annotated[float, quantity("g/kWh")]

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
"""A share between 0 and 1; never percent."""


class EnergyPrice(NamedTuple):
    """Money per energy; the year of the money is a matter of its source."""

    per_kwh: float
    currency: str
    """ISO 4217 code."""


_PRICE = re.compile(r"\s*(?P<amount>\S+)\s+(?P<currency>[A-Z]{3})/(?P<unit>kWh|MWh)\s*")


def parse_price(text: str) -> EnergyPrice:
    """Read `80 EUR/MWh` or `0.08 EUR/kWh`; raises UnitError.

    >>> parse_price("80 EUR/MWh")
    EnergyPrice(per_kwh=0.08, currency='EUR')
    """
    match = _PRICE.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    number = _QUANTITY.fullmatch(match["amount"]) if match else None
    if match is None or number is None or number["unit"]:
        shown = text[:_LENGTH_MAX]
        raise UnitError(f"{shown!r} is not a price of energy; write for example '80 EUR/MWh'")
    value = float(number["number"].replace("_", "")) / (1000 if match["unit"] == "MWh" else 1)
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is too large to be a price of energy")
    return EnergyPrice(value, match["currency"])


EnergyPriceText = Annotated[
    str,
    Meta(
        pattern=r"^\s*[+-]?[0-9][0-9._eE+-]*\s+[A-Z]{3}/(kWh|MWh)\s*$",
        description="a price of energy with its currency",
        examples=["80 EUR/MWh"],
    ),
]
"""A price as it is written; `parse_price` reads it."""


class Amount(NamedTuple):
    """Money."""

    value: float
    currency: str
    """ISO 4217 code."""


_SCALES = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9}
_AMOUNT = re.compile(
    r"\s*(?P<number>[0-9][0-9._]*)\s*(?P<scale>[kMB]?)\s+(?P<currency>[A-Z]{3})\s*"
)


def parse_amount(text: str) -> Amount:
    """Read `2.5 B USD`, `300 M EUR` or `450_000 GBP`; raises UnitError.

    >>> parse_amount("2.5 B USD")
    Amount(value=2500000000.0, currency='USD')
    """
    match = _AMOUNT.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    number = _QUANTITY.fullmatch(match["number"]) if match else None
    if match is None or number is None or number["unit"]:
        shown = text[:_LENGTH_MAX]
        raise UnitError(f"{shown!r} is not an amount of money; write for example '2.5 B USD'")
    value = float(number["number"].replace("_", "")) * _SCALES[match["scale"]]
    return Amount(value, match["currency"])


AmountText = Annotated[
    str,
    Meta(
        pattern=r"^\s*[0-9][0-9._]*\s*[kMB]?\s+[A-Z]{3}\s*$",
        description="an amount of money with its currency; k, M and B are thousand to billion",
        examples=["2.5 B USD"],
    ),
]
"""Money as it is written; `parse_amount` reads it."""


class Rate(NamedTuple):
    """Money for each of something."""

    value: float
    currency: str
    """ISO 4217 code."""


_RATE = re.compile(r"(?P<amount>[^/]*)/(?P<per>\S+)\s*")


def parse_rate(text: str, per: str) -> Rate:
    """Read `2.4 USD/GPU-h` (`per` is `GPU-h`) or `70 EUR/t`; raises UnitError.

    >>> parse_rate("2.4 USD/GPU-h", "GPU-h")
    Rate(value=2.4, currency='USD')
    """
    match = _RATE.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    try:
        amount = parse_amount(match["amount"]) if match and match["per"] == per else None
    except UnitError:
        amount = None
    if amount is None:
        shown = text[:_LENGTH_MAX]
        raise UnitError(f"{shown!r} is no money per {per}; write for example '2.5 USD/{per}'")
    return Rate(amount.value, amount.currency)


def _rate(per: str, description: str, example: str) -> Meta:
    pattern = rf"^\s*[0-9][0-9._]*\s*[kMB]?\s+[A-Z]{{3}}/{per}\s*$"
    return Meta(pattern=pattern, description=description, examples=[example])


GpuHourPriceText = Annotated[
    str, _rate("GPU-h", "a price of a GPU-hour with its currency", "2.4 USD/GPU-h")
]
"""A price as it is written; `parse_rate` reads it with `GPU-h`."""
CarbonPriceText = Annotated[
    str, _rate("t", "a price of a tonne of CO2e with its currency", "70 EUR/t")
]
"""A price as it is written; `parse_rate` reads it with `t`."""


def gigabytes_to_mib(size_gb: float) -> int:
    """Whole MiB in `size_gb` [GB], rounded up: the scheduler must not promise what is not there."""
    return math.ceil(size_gb * 1e9 / MIB - 1e-6)


def parse_instant(text: str) -> int:
    """The instant [ms since the Unix epoch] an RFC 3339 text names, such as `2026-05-01T12:00:00Z`.

    In whole numbers, as `render_instant`. Parts of a millisecond are dropped. Raises ValueError for
    what is no such text: no such day or time of day, or no offset from UTC.
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


def render_instant(at_ms: int) -> str:
    """A point in time [ms since the Unix epoch] as RFC 3339 in UTC, to the second.

    Days are counted in 400-year cycles of the Gregorian calendar, in integers alone: what reads no
    clock does not import one.

    >>> render_instant(1_803_888_000_000)
    '2027-03-01T08:00:00Z'
    """
    second = at_ms // MS_PER_S
    days, second = divmod(second, 86_400)
    # Years begin in March here, so that the day a leap year adds is its last.
    cycle, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    year += 400 * cycle + (1 if month >= 10 else 0)
    month += 3 if month < 10 else -9
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def _days(year: int, month: int) -> int:
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS[month - 1] + int(month == 2 and is_leap)


def _day_number(year: int, month: int, day: int) -> int:
    """Days since 1 January 1970: whole years and their leap days, months, days."""
    before = year - 1
    leap_days = before // 4 - before // 100 + before // 400 - 477
    months = sum(_days(year, each) for each in range(1, month))
    return (year - 1970) * 365 + leap_days + months + day - 1
