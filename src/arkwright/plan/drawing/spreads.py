"""Spreads: a histogram of outcomes, bars either way of a middle, points on a frontier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from arkwright.design.drawing.scatter import ticks
from arkwright.design.drawing.svg import Drawing, cut, width_of
from arkwright.plan.drawing.frame import HALF, framed, rows_of_legend, scale_below, signed
from arkwright.plan.rollout import Floats

_PLOT = 190.0
_BARS = 24
_STEP = 26.0


class Mark(Struct, frozen=True, kw_only=True):
    """A value told apart on a scale."""

    value: float
    title: str


class TwoSided(Struct, frozen=True, kw_only=True):
    """One bar of a tornado: values for the lower and the higher input."""

    title: str
    lower: float
    higher: float
    lower_words: str
    higher_words: str


class Spot(Struct, frozen=True, kw_only=True):
    """One point of a frontier."""

    x: float
    y: float
    title: str
    is_own: bool = False


def histogram(
    title: str, values: Floats, probability: Floats, marks: Sequence[Mark], unit: str
) -> str:
    """How likely each size of `values` (W,) is; `marks` are lines across."""
    steps = ticks(float(values.min()), float(values.max()))
    edges = np.linspace(steps[0], steps[-1], _BARS + 1)
    heights, _ = np.histogram(values, bins=edges, weights=probability)
    drawing = Drawing(title, 0.0, HALF)
    drawing.text(0, 16, title, "strong")
    top = 48.0 + 16 * len(marks)
    drawing.height = top + _PLOT + 44
    frame = framed(
        drawing, top=top, bottom=top + _PLOT, values=[0.0, float(heights.max()) * 100],
        across=(steps[0], steps[-1]), unit="% of outcomes",
    )  # fmt: skip
    scale_below(drawing, frame, steps, unit)
    for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
        if height > 0:
            y = frame.y(height * 100)
            tip = f"{height:.1%} from {signed(float(left))} to {signed(float(right))} {unit}"
            wide = frame.x(right) - frame.x(left) - 1
            kind = "c4" if right <= 0 else "c0"
            drawing.rect(frame.x(left) + 0.5, y, wide, frame.bottom - y, kind, tip)
    for number, mark in enumerate(sorted(marks, key=lambda mark: mark.value)):
        _mark(drawing, frame.x(mark.value), mark.title, 42.0 + 16 * number, frame.bottom)
    return drawing.done()


def _mark(drawing: Drawing, x: float, title: str, y: float, bottom: float) -> None:
    drawing.line(x, y - 6, x, bottom, "wire")
    is_right = x + 6 + width_of(title, 11) > drawing.width
    drawing.text(x - 5 if is_right else x + 5, y, title, "small", "end" if is_right else "start")


def tornado(title: str, bars: Sequence[TwoSided], middle: float, unit: str) -> str:
    """Bars from the middle to what a lower and a higher input make of it."""
    drawing = Drawing(title, 0.0, HALF)
    drawing.text(0, 16, title, "strong")
    y = rows_of_legend(drawing, 0, 38, [("c4", "input lower, or sooner"),
                                        ("c0", "input higher, or later")])  # fmt: skip
    top = y + 18
    bottom = top + _STEP * len(bars) + 4
    drawing.height = bottom + 44
    steps = ticks(*_ends([middle, *(v for bar in bars for v in (bar.lower, bar.higher))]))
    left, right = 150.0, drawing.width - 8

    def at(value: float) -> float:
        return left + (right - left) * (value - steps[0]) / (steps[-1] - steps[0])

    for step in steps:
        drawing.line(at(step), top, at(step), bottom, "wire faint" if step == 0 else "rule")
        anchor = "end" if at(step) > right - 12 else "middle"
        drawing.text(at(step), bottom + 15, signed(step), "soft small", anchor)
    drawing.text(right, bottom + 33, unit, "small", "end")
    for number, bar in enumerate(bars):
        y = top + _STEP * number + 6
        drawing.text(0, y + 11, cut(bar.title, left - 8, 11), "small")
        ends = ((bar.lower, "c4", bar.lower_words), (bar.higher, "c0", bar.higher_words))
        # The longer end first, so that of two on one side both are seen.
        for value, kind, words in sorted(ends, key=lambda end: -abs(end[0] - middle)):
            x = min(at(value), at(middle))
            tip = f"{bar.title} {words}: {signed(value)} {unit}"
            drawing.rect(x, y, abs(at(value) - at(middle)), 14, kind, tip)
    drawing.line(at(middle), top, at(middle), bottom, "wire")
    return drawing.done()


def points(title: str, spots: Sequence[Spot], x_title: str, y_title: str) -> str:
    """Points joined in order, each with its words."""
    drawing = Drawing(title, 64 + _PLOT + 46, HALF)
    drawing.text(0, 16, title, "strong")
    across = ticks(*_ends([spot.x for spot in spots]))
    frame = framed(
        drawing, top=64.0, bottom=64.0 + _PLOT, values=_ends([spot.y for spot in spots]),
        across=(across[0], across[-1]), unit=y_title,
    )  # fmt: skip
    scale_below(drawing, frame, across, x_title)
    way = "L".join(f"{frame.x(spot.x):.1f} {frame.y(spot.y):.1f}" for spot in spots)
    drawing.path(f"M{way}", "line-c5")
    taken: list[tuple[float, float]] = []
    for spot in spots:
        x, y = frame.x(spot.x), frame.y(spot.y)
        drawing.circle(x, y, 6.0 if spot.is_own else 4.0, "c2" if spot.is_own else "c0", spot.title)
        # Points on one place are one point: the words of the first stay readable.
        if all(abs(x - a) + abs(y - b) > 14 for a, b in taken):
            is_right = x + 10 + width_of(spot.title, 11) > drawing.width
            drawing.text(x - 9 if is_right else x + 9, y - 6, spot.title, "small",
                         "end" if is_right else "start")  # fmt: skip
            taken.append((x, y))
    return drawing.done()


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return (min(values), max(values)) if values else (0.0, 1.0)
