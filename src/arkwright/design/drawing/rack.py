"""A rack seen from its front."""

from __future__ import annotations

from msgspec import Struct

from arkwright.design.drawing.svg import Drawing, cut

_UNIT_PX = 10.0
_TOP = 40.0
_LEFT = 60.0
_FACE = 260.0


class Slot(Struct, frozen=True, kw_only=True):
    """Equal devices one above the other."""

    title: str
    count: int
    height_u: int
    """Of one."""
    colour: str
    """A class of `svg.COLOURS`."""
    note: str = ""


class RackSketch(Struct, frozen=True, kw_only=True):
    """One rack, filled from the bottom."""

    title: str
    height_u: int
    slots: tuple[Slot, ...]
    """From the bottom."""
    facts: tuple[tuple[str, str], ...]
    """Words and values beside it."""
    note: str = ""


def rack_elevation(rack: RackSketch) -> str:
    """The front of `rack`, every unit to scale; groups are named once, beside the rack."""
    used = sum(slot.count * slot.height_u for slot in rack.slots)
    units = max(rack.height_u, used)
    bottom = _TOP + units * _UNIT_PX
    drawing = Drawing(rack.title, bottom + 34)
    drawing.text(0, 16, rack.title, "strong")
    drawing.rect(_LEFT - 8, _TOP - 4, _FACE + 16, units * _UNIT_PX + 8, "box", radius=3)
    _scale(drawing, units, bottom)
    unit = 0
    for slot in rack.slots:
        unit = _slot(drawing, slot, unit, bottom)
    _facts(drawing, rack)
    return drawing.done()


def _scale(drawing: Drawing, units: int, bottom: float) -> None:
    for unit in range(1, units + 1):
        if unit == 1 or unit % 6 == 0:
            drawing.text(
                _LEFT - 14, bottom - (unit - 1) * _UNIT_PX - 1, f"{unit}", "soft small", "end"
            )
    drawing.text(_LEFT - 14, _TOP - 10, "U", "soft small", "end")


def _slot(drawing: Drawing, slot: Slot, unit: int, bottom: float) -> int:
    first = unit
    for _ in range(slot.count):
        top = bottom - (unit + slot.height_u) * _UNIT_PX
        height = slot.height_u * _UNIT_PX - 1.5
        drawing.rect(_LEFT, top + 0.75, _FACE, height, slot.colour, slot.title, 1.5)
        unit += slot.height_u
    middle = bottom - (first + unit) / 2 * _UNIT_PX
    right = _LEFT + _FACE + 8
    drawing.line(right + 2, middle, right + 14, middle)
    words = f"{slot.count} x {slot.title}" if slot.count > 1 else slot.title
    drawing.text(right + 20, middle + 4, cut(words, 300), "strong small")
    if slot.note:
        drawing.text(right + 20, middle + 18, cut(slot.note, 320, 11), "soft small")
    return unit


def _facts(drawing: Drawing, rack: RackSketch) -> None:
    y = _TOP + 8
    for words, value in rack.facts:
        drawing.text(690, y, words, "soft")
        drawing.text(960, y, value, "strong", "end")
        drawing.line(690, y + 8, 960, y + 8)
        y += 26
    if rack.note:
        drawing.text(_LEFT - 8, drawing.height - 8, cut(rack.note, 890, 11), "soft small")
