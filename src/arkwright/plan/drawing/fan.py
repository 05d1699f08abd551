"""Figures over quarters, each a line in the band that most outcomes lie in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from arkwright.design.drawing.svg import Drawing
from arkwright.plan.answers.bands import Band
from arkwright.plan.drawing.frame import HALF, Frame, framed, quarters_below, rows_of_legend
from arkwright.plan.rollout import Floats

_PLOT = 190.0


class Line(Struct, frozen=True, kw_only=True, eq=False):
    """One figure over quarters."""

    title: str
    band: Band
    colour: str
    is_stepped: bool = False
    """Held for the whole quarter, as what stands is."""


def fan(
    title: str,
    quarters: Sequence[str],
    lines: Sequence[Line],
    unit: str,
    *,
    width: float = HALF,
    from_zero: bool = True,
) -> str:
    """Lines for the mean, veils from P10 to P90."""
    entries = [(line.colour, line.title) for line in lines]
    drawing = Drawing(title, 0.0, width)
    drawing.text(0, 16, title, "strong")
    y = rows_of_legend(drawing, 0, 38, entries) if len(lines) > 1 else 20.0
    top = y + 30
    drawing.height = top + _PLOT + 26
    ends = [value for line in lines for value in _ends(line.band)]
    if from_zero:
        ends.append(0.0)
    last = max(len(quarters) - 1, 1)
    frame = framed(
        drawing, top=top, bottom=top + _PLOT, values=ends, across=(0.0, float(last)), unit=unit
    )
    quarters_below(drawing, frame, quarters)
    for line in lines:
        _veil(drawing, frame, line)
    for line in lines:
        drawing.path(_way(frame, line.band.mean), f"line-{line.colour} stroke", line.title)
    return drawing.done()


def _ends(band: Band) -> list[float]:
    whole = np.concatenate([band.low, band.mean, band.high])
    whole = whole[np.isfinite(whole)]
    return [float(whole.min()), float(whole.max())] if whole.size else []


def _veil(drawing: Drawing, frame: Frame, line: Line) -> None:
    for part in _runs(np.isfinite(line.band.low) & np.isfinite(line.band.high)):
        over = [(frame.x(q), frame.y(float(line.band.high[q]))) for q in part]
        under = [(frame.x(q), frame.y(float(line.band.low[q]))) for q in reversed(part)]
        points = "L".join(f"{x:.1f} {y:.1f}" for x, y in (*over, *under))
        drawing.path(f"M{points}Z", f"{line.colour} veil", f"{line.title}, P10 to P90")


def _way(frame: Frame, values: Floats) -> str:
    parts = []
    for run in _runs(np.isfinite(values)):
        points = [f"{frame.x(q):.1f} {frame.y(float(values[q])):.1f}" for q in run]
        if len(points) == 1:
            points.append(points[0])
        parts.append("M" + "L".join(points))
    return "".join(parts)


def _runs(is_there: np.ndarray) -> list[list[int]]:
    """Runs of quarters that have a value."""
    runs: list[list[int]] = []
    for quarter, there in enumerate(is_there.tolist()):
        if not there:
            continue
        if runs and runs[-1][-1] == quarter - 1:
            runs[-1].append(quarter)
        else:
            runs.append([quarter])
    return runs
