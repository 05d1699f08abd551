"""Designs as dots: one figure against each of the others, all panels on the same first figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from arkwright.design.drawing.svg import Drawing, cut

_TOP = 56.0
_PANEL_W, _PANEL_H = 400.0, 240.0
_LEFT, _GAP_X, _GAP_Y = 62.0, 72.0, 86.0
_TICKS = 4
_CELL = 2.0
"""Dots that are closer than so many px are one."""


class Dot(Struct, frozen=True, kw_only=True):
    """One design."""

    x: float
    y: float
    tip: str
    is_front: bool
    is_own: bool = False


class Panel(Struct, frozen=True, kw_only=True):
    """Two figures; titles with their units."""

    x_title: str
    y_title: str
    dots: tuple[Dot, ...]


def scatters(title: str, panels: Sequence[Panel]) -> str:
    """`panels` in two columns."""
    rows = math.ceil(len(panels) / 2) or 1
    drawing = Drawing(title, _TOP + rows * (_PANEL_H + _GAP_Y))
    drawing.text(0, 16, title, "strong")
    entries = [("c0", "none beats it"), ("c5 faint", "beaten"), ("c2", "the file as it is")]
    drawing.legend(0, 38, entries)
    for number, panel in enumerate(panels):
        x = _LEFT + (number % 2) * (_PANEL_W + _GAP_X)
        y = _TOP + 18 + (number // 2) * (_PANEL_H + _GAP_Y)
        _panel(drawing, x, y, panel)
    return drawing.done()


def _panel(drawing: Drawing, left: float, top: float, panel: Panel) -> None:
    bottom = top + _PANEL_H
    across = ticks(*_ends([dot.x for dot in panel.dots]))
    up = ticks(*_ends([dot.y for dot in panel.dots]))

    def place(dot: Dot) -> tuple[float, float]:
        x = left + _PANEL_W * (dot.x - across[0]) / (across[-1] - across[0])
        return x, bottom - _PANEL_H * (dot.y - up[0]) / (up[-1] - up[0])

    drawing.text(left - _LEFT, top - 8, cut(panel.y_title, _PANEL_W), "small strong")
    drawing.text(left + _PANEL_W, bottom + 34, cut(panel.x_title, _PANEL_W), "small strong", "end")
    for tick in up:
        y = bottom - _PANEL_H * (tick - up[0]) / (up[-1] - up[0])
        drawing.line(left, y, left + _PANEL_W, y)
        drawing.text(left - 6, y + 4, number_text(tick), "soft small", "end")
    for tick in across:
        x = left + _PANEL_W * (tick - across[0]) / (across[-1] - across[0])
        drawing.line(x, bottom, x, bottom + 4)
        drawing.text(x, bottom + 17, number_text(tick), "soft small", "middle")
    seen = set()
    for dot in sorted(panel.dots, key=lambda dot: (dot.is_own, dot.is_front)):
        x, y = place(dot)
        cell = (round(x / _CELL), round(y / _CELL), dot.is_front, dot.is_own)
        if cell not in seen:
            seen.add(cell)
            if dot.is_own:
                drawing.circle(x, y, 7, "c2 faint")
            radius, kind = (3.5, "c0") if dot.is_front else (3.0, "c5 faint")
            drawing.circle(x, y, radius, kind, dot.tip)


def ticks(low: float, high: float) -> list[float]:
    """Round figures, evenly, from at or below `low` to at or above `high`; at least two.

    >>> ticks(3.1, 9.7)
    [2.0, 4.0, 6.0, 8.0, 10.0]
    """
    span = high - low or abs(high) or 1.0
    rough = span / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(
        step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= rough * 0.999
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(at * step, 12) for at in range(first, max(last, first + 1) + 1)]


def number_text(value: float) -> str:
    """A tick's figure, thousands as k and millions as M."""
    for scale, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= scale:
            return f"{value / scale:.4g}{unit}"
    return f"{value:.4g}"


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return (min(values), max(values)) if values else (0.0, 1.0)
