"""The floor of a hall from above, to scale."""

from __future__ import annotations

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.design.drawing.svg import WIDTH, Drawing

_TOP = 76.0
_SIDE = 46.0
_HEIGHT_MAX = 560.0
_NAMED_MIN_PX = 16.0
"""Rows closer than this go without a name."""


class HallSketch(Struct, frozen=True, kw_only=True, eq=False):
    """One hall; racks as columns of one length [n_racks]."""

    title: str
    length_m: float
    width_m: float
    x_m: NDArray[np.float64]
    """Centres along the rows, from the hall's left wall."""
    y_m: NDArray[np.float64]
    row: NDArray[np.int16]
    kind: NDArray[np.int8]
    """Index in `kinds`."""
    kinds: tuple[str, ...]
    rack_width_m: float
    rack_depth_m: float
    hot_aisle_m: float
    """Behind rows of odd number, up to the next."""
    is_turned: bool = False
    """Rows run down the page: x_m is across, y_m along it."""


def hall_plan(hall: HallSketch) -> str:
    """Walls, rows, hot aisles and racks to one scale; the long side of the hall lies across."""
    if hall.width_m > hall.length_m:
        hall = msgspec.structs.replace(hall, is_turned=True)
    across_m, down_m = _turned(hall, hall.length_m, hall.width_m)
    scale = min((WIDTH - _SIDE - 8) / across_m, _HEIGHT_MAX / down_m)
    drawing = Drawing(hall.title, _TOP + down_m * scale + 46)
    drawing.text(0, 16, hall.title, "strong")
    counts = np.bincount(hall.kind, minlength=len(hall.kinds))
    entries = [
        (f"c{number}", f"{count:,} {name}")
        for number, (name, count) in enumerate(zip(hall.kinds, counts.tolist(), strict=True))
        if count
    ]
    drawing.legend(0, 38, [*entries, ("c4 veil", "hot aisle")])
    drawing.rect(_SIDE, _TOP, across_m * scale, down_m * scale, "box")
    _aisles(drawing, hall, scale)
    for number in range(len(hall.kinds)):
        _racks(drawing, hall, number, scale)
    _rows(drawing, hall, scale)
    _measures(drawing, hall, scale)
    return drawing.done()


def _turned(hall: HallSketch, x: float, y: float) -> tuple[float, float]:
    return (y, x) if hall.is_turned else (x, y)


def _aisles(drawing: Drawing, hall: HallSketch, scale: float) -> None:
    """One band behind every odd row, as long as the row."""
    for row in np.unique(hall.row[hall.row % 2 == 1]).tolist():
        mine = np.isin(hall.row, (row, row + 1))
        left = float(hall.x_m[mine].min()) - hall.rack_width_m / 2
        right = float(hall.x_m[mine].max()) + hall.rack_width_m / 2
        top = float(hall.y_m[hall.row == row].min()) + hall.rack_depth_m / 2
        x, y = _turned(hall, left, top)
        wide, high = _turned(hall, right - left, hall.hot_aisle_m)
        drawing.rect(_SIDE + x * scale, _TOP + y * scale, wide * scale, high * scale, "c4 veil")


def _racks(drawing: Drawing, hall: HallSketch, kind: int, scale: float) -> None:
    """All racks of a kind as one path: a hall of thousands stays small."""
    mine = hall.kind == kind
    gap = min(1.0, hall.rack_width_m * scale * 0.12)
    left = hall.x_m[mine] * scale - hall.rack_width_m * scale / 2 + gap / 2
    top = hall.y_m[mine] * scale - hall.rack_depth_m * scale / 2
    wide, high = _turned(hall, hall.rack_width_m * scale - gap, hall.rack_depth_m * scale)
    size = f"h{wide:.1f}v{high:.1f}h{-wide:.1f}z"
    ways = []
    for along, behind in zip(left.tolist(), top.tolist(), strict=True):
        x, y = _turned(hall, along, behind)
        ways.append(f"M{_SIDE + x:.1f} {_TOP + y:.1f}{size}")
    if ways:
        drawing.path("".join(ways), f"c{kind}", f"{len(ways):,} {hall.kinds[kind]}")


def _rows(drawing: Drawing, hall: HallSketch, scale: float) -> None:
    """Numbers of the rows at their ends, of the first block where several share a place."""
    last_px = -_NAMED_MIN_PX
    for place in np.unique(np.round(hall.y_m, 2)).tolist():
        here = np.abs(hall.y_m - place) < 0.01
        at_px = place * scale
        if at_px - last_px < _NAMED_MIN_PX:
            continue
        last_px, name = at_px, f"{int(hall.row[here].min())}"
        if hall.is_turned:
            drawing.text(_SIDE + at_px, _TOP - 6, name, "soft small", "middle")
        else:
            drawing.text(_SIDE - 6, _TOP + at_px + 4, name, "soft small", "end")
    drawing.text(_SIDE - 6, _TOP - 6, "row", "soft small", "end")


def _measures(drawing: Drawing, hall: HallSketch, scale: float) -> None:
    across_m, down_m = _turned(hall, hall.length_m, hall.width_m)
    y = _TOP + down_m * scale + 22
    bar = next((m for m in (50, 20, 10, 5, 2, 1) if m * scale <= 0.3 * WIDTH), 1)
    drawing.line(_SIDE, y, _SIDE + bar * scale, y, "wire")
    for x in (_SIDE, _SIDE + bar * scale):
        drawing.line(x, y - 4, x, y + 4, "wire")
    drawing.text(_SIDE + bar * scale + 8, y + 4, f"{bar} m", "small")
    text = f"{across_m:.1f} m x {down_m:.1f} m = {across_m * down_m:,.0f} m2, aisles included"
    right = max(_SIDE + across_m * scale, _SIDE + 460)
    drawing.text(right, y + 4, text, "soft small", "end")
