"""A chart's frame: a scale up, quarters or a scale across, and their words."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright.design.drawing.scatter import number_text, ticks
from arkwright.design.drawing.svg import Drawing, cut, width_of

HALF = 470.0
"""Width of a drawing that stands beside another, and alone on a telephone."""
_YEARS_MAX = 9


class Frame(Struct, frozen=True, kw_only=True):
    """Where values lie, px."""

    left: float
    right: float
    top: float
    bottom: float
    low_x: float
    high_x: float
    low_y: float
    high_y: float

    def x(self, value: float) -> float:
        """Of a value across."""
        return self.left + (self.right - self.left) * (value - self.low_x) / (
            self.high_x - self.low_x
        )

    def y(self, value: float) -> float:
        """Of a value up."""
        return self.bottom - (self.bottom - self.top) * (value - self.low_y) / (
            self.high_y - self.low_y
        )


def framed(
    drawing: Drawing,
    *,
    top: float,
    bottom: float,
    values: Sequence[float],
    across: tuple[float, float],
    unit: str,
    left: float = 50.0,
) -> Frame:
    """Draw the scale up for `values` and give the frame; `unit` stands above the scale."""
    steps = ticks(min(values, default=0.0), max(values, default=1.0))
    frame = Frame(
        left=left,
        right=drawing.width - 8,
        top=top,
        bottom=bottom,
        low_x=across[0],
        high_x=across[1],
        low_y=steps[0],
        high_y=steps[-1],
    )
    drawing.text(0, top - 10, unit, "soft small")
    for step in steps:
        y = frame.y(step)
        drawing.line(left, y, frame.right, y, "wire faint" if step == 0 else "rule")
        drawing.text(left - 6, y + 4, signed(step), "soft small", "end")
    return frame


def quarters_below(drawing: Drawing, frame: Frame, quarters: Sequence[str]) -> None:
    """Years under the first quarter of each that is shown."""
    years = [(n, name[:4]) for n, name in enumerate(quarters) if name.endswith("Q1") or n == 0]
    if len(years) > 1 and years[1][0] - years[0][0] < 3:
        years = years[1:]
    every = -(-len(years) // _YEARS_MAX)
    for number, (quarter, year) in enumerate(years):
        x = frame.x(quarter)
        drawing.line(x, frame.bottom, x, frame.bottom + 4)
        if number % every == 0:
            is_last = x > frame.right - 20
            drawing.text(x, frame.bottom + 17, year, "soft small", "end" if is_last else "middle")


def scale_below(drawing: Drawing, frame: Frame, steps: Sequence[float], title: str) -> None:
    """A scale across and what it is."""
    for step in steps:
        x = frame.x(step)
        drawing.line(x, frame.bottom, x, frame.bottom + 4)
        anchor = "end" if x > frame.right - 12 else "middle"
        drawing.text(x, frame.bottom + 17, signed(step), "soft small", anchor)
    room = frame.right - frame.left
    drawing.text(frame.right, frame.bottom + 34, cut(title, room), "small", "end")


def signed(value: float) -> str:
    """A tick's figure with a real minus."""
    return number_text(value).replace("-", "\N{MINUS SIGN}")


def rows_of_legend(
    drawing: Drawing, x: float, y: float, entries: Sequence[tuple[str, str]]
) -> float:
    """A legend in as many rows as it takes; gives the baseline of the last."""
    row: list[tuple[str, str]] = []
    at = x
    for entry in entries:
        wide = 15 + width_of(entry[1]) + 18
        if row and at + wide - 18 > drawing.width:
            drawing.legend(x, y, row)
            row, at, y = [], x, y + 18
        row.append(entry)
        at += wide
    drawing.legend(x, y, row)
    return y
