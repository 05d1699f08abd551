"""Figures as a person says them."""

from __future__ import annotations

from arkwright.design.span import Span
from arkwright.design.timeline import date_text
from arkwright.factory.declared_dates import Span as Days

_KW_PER_MW = 1e3
_KW_PER_GW = 1e6
_DAYS_PER_QUARTER = 93
_DAYS_PER_MONTH = 31


def gpus_text(low: float, high: float | None = None) -> str:
    """`23,040 GPUs`; of a range, ends to three digits: `9,000 to 9,600 GPUs`."""
    if high is None or _three(low) == _three(high):
        return f"{low if high is None else _three(low):,.0f} GPUs"
    return f"{_three(low):,.0f} to {_three(high):,.0f} GPUs"


def power_text(low_kw: float, high_kw: float | None = None) -> str:
    """`20 MW`, `0.42 to 0.48 GW`: GW from half of one."""
    high_kw = low_kw if high_kw is None else high_kw
    if high_kw >= _KW_PER_GW / 2 or low_kw >= _KW_PER_GW * 0.4:
        low, high, unit = low_kw / _KW_PER_GW, high_kw / _KW_PER_GW, "GW"
        shown = [f"{low:.2f}".rstrip("0").rstrip("."), f"{high:.2f}".rstrip("0").rstrip(".")]
    else:
        low, high, unit = low_kw / _KW_PER_MW, high_kw / _KW_PER_MW, "MW"
        shown = [f"{low:.3g}", f"{high:.3g}"]
    return f"{shown[0] if shown[0] == shown[1] else ' to '.join(shown)} {unit}"


def each_text(span: Span) -> str:
    """Power of one GPU: `2.1 to 2.3 kW`, two digits."""
    low, high = f"{span.low:.2g}", f"{span.high:.2g}"
    return f"{low if low == high else f'{low} to {high}'} kW"


def share_text(low: float, high: float | None = None) -> str:
    """`9 %`, `7 to 15 %`."""
    high = low if high is None else high
    ends = [_percent(low), _percent(high)]
    return f"{ends[0] if ends[0] == ends[1] else ' to '.join(ends)} %"


def days_text(span: Days) -> str:
    """`2026-12-31`, `2026-Q4`, `2026`: as short as it can be said."""
    first, last = date_text(span.first), date_text(span.last)
    length = span.last - span.first
    if length == 0:
        return last
    if length > 2 * _DAYS_PER_QUARTER:
        return last[:4]
    if length > _DAYS_PER_QUARTER:
        return f"{last[:4]}-H{1 if int(last[5:7]) <= 6 else 2}"
    if length > _DAYS_PER_MONTH:
        return f"{last[:4]}-Q{int(last[5:7]) // 3}"
    return first[:7]


def when_text(span: Days) -> str:
    """`by 2026-12-31`, `in 2027-Q1`."""
    return f"{'by' if span.first == span.last else 'in'} {days_text(span)}"


def month_text(day: float) -> str:
    """`2028-03`."""
    return date_text(round(day))[:7]


def listed(names: tuple[str, ...] | list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(share: float) -> str:
    return f"{share * 100:.0f}" if share >= 0.01 or share == 0 else f"{share * 100:.1g}"


def _three(value: float) -> float:
    return float(f"{value:.2g}") if value < 100_000 else float(f"{value:.3g}")
