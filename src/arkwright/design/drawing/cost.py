"""Costs as bars: solid to the low end, pale to the high one."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright.design.drawing.svg import Drawing, cut
from arkwright.design.span import Span

_TOP = 58.0
_STEP = 38.0
_LEFT = 300.0
_ROOM = 440.0


class CostBar(Struct, frozen=True, kw_only=True):
    """One part."""

    title: str
    cost: Span
    how: str
    colour: str
    is_estimate: bool = False


def cost_bars(title: str, unit: str, bars: Sequence[CostBar], whole: Span) -> str:
    """`bars` on one scale, each with its range and how it follows; `whole` is their sum."""
    drawing = Drawing(title, _TOP + _STEP * len(bars) + 40)
    drawing.text(0, 16, title, "strong")
    drawing.legend(0, 38, [("c5", "low end"), ("c5 faint", "up to the high end")])
    most = max((bar.cost.high for bar in bars), default=0.0) or 1.0
    y = _TOP
    for bar in bars:
        name = bar.title + (" (estimate)" if bar.is_estimate else "")
        drawing.text(0, y + 12, cut(name, _LEFT - 12), "strong")
        drawing.text(0, y + 27, cut(bar.how, _LEFT - 12, 11), "soft small")
        low, high = (_ROOM * (end / most) for end in (bar.cost.low, bar.cost.high))
        drawing.rect(_LEFT, y + 3, high, 16, f"{bar.colour} faint", bar.how, 2)
        drawing.rect(_LEFT, y + 3, low, 16, bar.colour, bar.how, 2)
        drawing.text(_LEFT + high + 8, y + 15, bar.cost.text(unit))
        y += _STEP
    drawing.line(0, y + 4, 960, y + 4)
    drawing.text(0, y + 24, "Together", "strong")
    drawing.text(_LEFT, y + 24, whole.text(unit), "strong")
    return drawing.done()
