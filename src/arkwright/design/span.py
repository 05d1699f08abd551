"""A range, low to high. What is known as a range stays one through every sum."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

_SCALES = ((1e9, " B"), (1e6, " M"), (1e3, " k"))
_DIGITS_MIN = 10.0


class Span(Struct, frozen=True):
    """Ends included, `low <= high`; equal ends are one figure."""

    low: float
    high: float

    def __add__(self, other: Span) -> Span:
        """Both ends apart: the widest the sum can be."""
        return Span(self.low + other.low, self.high + other.high)

    def times(self, other: Span | float) -> Span:
        """Both ends apart; for factors that are not negative."""
        if isinstance(other, Span):
            return Span(self.low * other.low, self.high * other.high)
        return Span(self.low * other, self.high * other)

    def over(self, other: Span | float) -> Span:
        """The narrowest divisor gives the widest quotient; for positive divisors."""
        by = other if isinstance(other, Span) else Span(other, other)
        return Span(self.low / by.high, self.high / by.low)

    def overlaps(self, other: Span) -> bool:
        """True where some value lies in both."""
        return self.low <= other.high and other.low <= self.high

    def text(self, unit: str = "") -> str:
        """Two or three digits, one scale for both ends: `410 to 592 M`."""
        scale, name = next(((s, n) for s, n in _SCALES if self.high >= s), (1.0, ""))
        ends = [_digits(value / scale) for value in (self.low, self.high)]
        shown = ends[0] if ends[0] == ends[1] else " to ".join(ends)
        return f"{shown}{name}{' ' if unit else ''}{unit}"


def total(spans: Iterable[Span]) -> Span:
    """Their sum; nothing sums to nothing."""
    result = Span(0.0, 0.0)
    for span in spans:
        result += span
    return result


def _digits(value: float) -> str:
    if value >= _DIGITS_MIN or value == 0:
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 1 else f"{value:.1f}"
