"""The floor of a hall from above, to scale."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from arkwright.design.drawing.svg import WIDTH, Drawing

_TOP = 58.0
_SIDE = 46.0
_HEIGHT_MAX = 620.0
_NAMED_MIN_PX = 9.0
"""Rows closer than this share a name."""


class HallSketch(Struct, frozen=True, kw_only=True, eq=False):
    """One hall; racks as columns of one length [n_racks]."""

    title: str
    length_m: float
    width_m: float
    x_m: NDArray[np.float64]
    """Centres, from the hall's left wall."""
    y_m: NDArray[np.float64]
    row: NDArray[np.int16]
    kind: NDArray[np.int8]
    """Index in `kinds`."""
    kinds: tuple[str, ...]
    rack_width_m: float
    rack_depth_m: float


def hall_plan(hall: HallSketch) -> str:
    """Walls, rows and racks to one scale, with a bar of metres."""
    scale = min((WIDTH - _SIDE - 8) / hall.length_m, _HEIGHT_MAX / hall.width_m)
    floor_px = hall.width_m * scale
    drawing = Drawing(hall.title, _TOP + floor_px + 46)
    drawing.text(0, 16, hall.title, "strong")
    counts = np.bincount(hall.kind, minlength=len(hall.kinds))
    entries = [
        (f"c{number}", f"{count:,} {name}")
        for number, (name, count) in enumerate(zip(hall.kinds, counts.tolist(), strict=True))
        if count
    ]
    drawing.legend(0, 38, entries)
    drawing.rect(_SIDE, _TOP, hall.length_m * scale, floor_px, "box")
    for number in range(len(hall.kinds)):
        _racks(drawing, hall, number, scale)
    _rows(drawing, hall, scale)
    _measures(drawing, hall, scale)
    return drawing.done()


def _racks(drawing: Drawing, hall: HallSketch, kind: int, scale: float) -> None:
    """All racks of a kind as one path: a hall of thousands stays small."""
    mine = hall.kind == kind
    wide, deep = hall.rack_width_m * scale, hall.rack_depth_m * scale
    gap = min(1.0, wide * 0.12)
    left = _SIDE + hall.x_m[mine] * scale - wide / 2 + gap / 2
    top = _TOP + hall.y_m[mine] * scale - deep / 2
    size = f"h{wide - gap:.1f}v{deep:.1f}h{gap - wide:.1f}z"
    ways = [f"M{x:.1f} {y:.1f}{size}" for x, y in zip(left.tolist(), top.tolist(), strict=True)]
    if ways:
        drawing.path("".join(ways), f"c{kind}", f"{len(ways):,} {hall.kinds[kind]}")


def _rows(drawing: Drawing, hall: HallSketch, scale: float) -> None:
    """Numbers of the rows at their left ends, those of the first block only where many share y."""
    last_px = -_NAMED_MIN_PX
    for y in np.unique(np.round(hall.y_m, 2)).tolist():
        here = np.abs(hall.y_m - y) < 0.01
        y_px = _TOP + y * scale + 4
        if y_px - last_px >= _NAMED_MIN_PX:
            names = np.unique(hall.row[here]).tolist()
            text = f"{names[0]}" if len(names) == 1 else f"{names[0]}…{names[-1]}"
            drawing.text(_SIDE - 6, y_px, text, "soft small", "end")
            last_px = y_px
    drawing.text(_SIDE - 6, _TOP - 6, "row", "soft small", "end")


def _measures(drawing: Drawing, hall: HallSketch, scale: float) -> None:
    y = _TOP + hall.width_m * scale + 22
    bar = next((m for m in (50, 20, 10, 5, 2, 1) if m * scale <= 0.3 * WIDTH), 1)
    drawing.line(_SIDE, y, _SIDE + bar * scale, y, "wire")
    for x in (_SIDE, _SIDE + bar * scale):
        drawing.line(x, y - 4, x, y + 4, "wire")
    drawing.text(_SIDE + bar * scale + 8, y + 4, f"{bar} m", "small")
    area = f"{hall.length_m:.1f} m x {hall.width_m:.1f} m = {hall.length_m * hall.width_m:,.0f} m2"
    drawing.text(
        max(_SIDE + hall.length_m * scale, _SIDE + 420), y + 4, f"{area}, aisles included",
        "soft small", "end",
    )  # fmt: skip
