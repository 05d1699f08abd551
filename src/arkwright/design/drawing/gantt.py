"""A schedule as bands: the quick case, and up to where the slow one reaches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from arkwright.design.drawing.svg import Drawing, cut

_TOP = 78.0
_STEP = 28.0
_LEFT = 250.0
_RIGHT = 950.0
_DAYS_PER_YEAR = 365.25
_TICKS_MAX = 12


class GanttBar(Struct, frozen=True, kw_only=True):
    """One step; days since 1970-01-01."""

    title: str
    quick: tuple[int, int]
    """First and last day when all is quick."""
    slow: tuple[int, int]
    is_critical: bool = False
    is_milestone: bool = False


class GanttSketch(Struct, frozen=True, kw_only=True):
    """Steps, then milestones."""

    title: str
    subtitle: str
    bars: tuple[GanttBar, ...]


def gantt(sketch: GanttSketch) -> str:
    """Steps against time; a dark bar is the quick case, the pale one reaches to the slow end."""
    first = min(bar.quick[0] for bar in sketch.bars)
    last = max(max(bar.slow[1], first + 1) for bar in sketch.bars)
    at = _scale(first, last)
    bottom = _TOP + _STEP * len(sketch.bars)
    drawing = Drawing(sketch.title, bottom + 12)
    drawing.text(0, 16, sketch.title, "strong")
    drawing.text(0, 35, sketch.subtitle, "soft")
    entries = [
        ("c0", "quick"),
        ("c0 faint", "up to slow"),
        ("c4", "decides the end"),
        ("c1 faint", "milestone"),
    ]
    drawing.legend(545, 35, entries)
    _axis(drawing, first, last, at, bottom)
    y = _TOP
    for bar in sketch.bars:
        _bar(drawing, bar, y, at)
        y += _STEP
    return drawing.done()


def _scale(first: int, last: int) -> Callable[[float], float]:
    def at(day: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (day - first) / (last - first)

    return at


def _axis(
    drawing: Drawing, first: int, last: int, at: Callable[[float], float], bottom: float
) -> None:
    for day, text in _ticks(first, last):
        drawing.line(at(day), _TOP - 8, at(day), bottom)
        drawing.text(at(day), _TOP - 14, text, "soft small", "middle")


def _ticks(first: int, last: int) -> list[tuple[int, str]]:
    """Starts of years, or of quarters and months where few years are shown."""
    months = (last - first) / _DAYS_PER_YEAR * 12
    every = next(m for m in (1, 3, 6, 12, 24, 60, 120) if months / m <= _TICKS_MAX or m == 120)
    start = np.datetime64(first, "D").astype("datetime64[M]").astype(int)
    ticks: list[tuple[int, str]] = []
    for month in range(-(-start // every) * every, start + int(months) + 2, every):
        moment = np.datetime64(int(month), "M")
        day = int(moment.astype("datetime64[D]").astype(int))
        if first <= day <= last:
            ticks.append((day, str(moment)[:4] if every >= 12 else str(moment)))
    return ticks


def _bar(drawing: Drawing, bar: GanttBar, y: float, at: Callable[[float], float]) -> None:
    drawing.text(0, y + 12, cut(bar.title, _LEFT - 14), "strong" if bar.is_critical else "")
    weeks = [(end - begin) / 7 for begin, end in (bar.quick, bar.slow)]
    tip = f"{bar.title}: {weeks[0]:.0f} to {weeks[1]:.0f} weeks"
    if bar.is_milestone:
        left, right = at(bar.quick[1]), at(bar.slow[1])
        drawing.rect(left, y + 4, right - left, 10, "c1 faint", bar.title, 5)
        for x in (left, right):
            drawing.path(f"M{x:.1f} {y + 3:.1f}l6 6l-6 6l-6 -6z", "c1", bar.title)
        text = f"{_month(bar.quick[1])} to {_month(bar.slow[1])}"
        drawing.text(left - 12, y + 13, text, "small", "end")
        return
    colour = "c4" if bar.is_critical else "c0"
    drawing.rect(
        at(bar.quick[0]), y + 4, at(bar.slow[1]) - at(bar.quick[0]), 10, f"{colour} faint", tip, 2
    )
    drawing.rect(at(bar.quick[0]), y + 4, at(bar.quick[1]) - at(bar.quick[0]), 10, colour, tip, 2)


def _month(day: int) -> str:
    return str(np.datetime64(day, "D"))[:7]
