"""Figures of a plan as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"


def money(millions: float, currency: str) -> str:
    """`840 M USD`, `1.24 B USD`: three digits."""
    size = abs(millions)
    if size >= 999.5:
        text = f"{_digits(size / 1000)} B"
    elif size >= 0.9995 or size == 0:
        text = f"{_digits(size)} M"
    else:
        text = f"{_digits(size * 1000)} k"
    sign = MINUS if millions < 0 and float(text.split()[0].replace(",", "")) else ""
    return f"{sign}{text} {currency}"


def millions(value: float) -> str:
    """A cell of a table whose heading names the unit: `1,240`, `84.2`, `0.31`."""
    text = _digits(abs(value))
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) else text


def quarter(index: int, names: Sequence[str]) -> str:
    """Its name; what never comes within the horizon lies after it."""
    return names[index] if index < len(names) else f"after {names[-1]}"


def dates(low: int, high: int, names: Sequence[str]) -> str:
    """`2028-Q1`, `2028-Q1 – Q3` within a year, `2028-Q1 – after 2029-Q4`."""
    first, last = quarter(low, names), quarter(high, names)
    if low == high:
        return first
    is_near = high < len(names) and first[:4] == last[:4]
    return f"{first} \N{EN DASH} {last.partition('-')[2] if is_near else last}"


def share(value: float) -> str:
    """`4 %`; what is not nothing is not 0 %."""
    if 0 < value < 0.005:
        return "<1%"
    return ">99%" if 0.995 < value < 1 else f"{value:.0%}"


def megawatts(value: float) -> str:
    """`120 MW`, `1.34 GW`."""
    return f"{_digits(value / 1000)} GW" if value >= 999.5 else f"{_digits(value)} MW"


def gpus(value: float) -> str:
    """`23,000`: whole ones, as racks hold them."""
    return f"{value:,.0f}"


def _digits(value: float) -> str:
    """Three digits, or whole."""
    if value >= 99.95:
        return f"{value:,.0f}"
    if value >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}"
