"""A plan as lanes: what is begun when, and the quarters in which it is there.

Each bar runs from the decision to the quarter by which nine of ten outcomes have it: solid until
one in ten has it, pale from there. A tick is the promise. Bars that overlap are stacked.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright.design.drawing.svg import WIDTH, Drawing, cut, width_of

_TOP = 74.0
_LEFT = 236.0
_BAR = 9.0
_STEP = 13.0
_LANE = 8.0
_HEAD = 26.0


class Piece(Struct, frozen=True, kw_only=True):
    """One bar; quarters from 0, the horizon's end is their number."""

    begun: int
    low: int
    high: int
    promised: int
    tip: str
    share: float = 1.0
    """Probability of being begun at all: less is drawn paler."""


class Lane(Struct, frozen=True, kw_only=True):
    """What is called one thing."""

    group: str
    """A heading stands above the first lane of each group."""
    title: str
    detail: str
    colour: str
    pieces: tuple[Piece, ...]


def lanes(
    title: str, quarters: Sequence[str], rows: Sequence[Lane], kinds: Sequence[tuple[str, str]]
) -> str:
    """The drawing; `kinds` are colours with their words for the legend."""
    stacks = [_stacked(lane.pieces) for lane in rows]
    drawing = Drawing(title, 0.0, WIDTH)
    drawing.text(0, 16, title, "strong")
    legend = [*kinds, ("c5 faint", "pale: P10 to P90"), ("c5", "tick: promised")]
    drawing.legend(0, 38, legend)
    heads = len({lane.group for lane in rows})
    height = sum(_STEP * (max(stack, default=0) + 1) + _LANE for stack in stacks)
    bottom = _TOP + heads * _HEAD + height
    drawing.height = bottom + 10
    _axis(drawing, quarters, bottom)
    y, group = _TOP, ""
    for lane, stack in zip(rows, stacks, strict=True):
        if lane.group != group:
            group = lane.group
            drawing.text(0, y + 18, cut(group, _LEFT - 8), "strong")
            drawing.line(0, y + _HEAD - 3, WIDTH - 8, y + _HEAD - 3)
            y += _HEAD
        y = _lane(drawing, lane, stack, y, len(quarters))
    return drawing.done()


def _at(quarter: float, count: int) -> float:
    return _LEFT + (WIDTH - 12 - _LEFT) * quarter / count


def _axis(drawing: Drawing, quarters: Sequence[str], bottom: float) -> None:
    count = len(quarters)
    room = (WIDTH - 12 - _LEFT) / count
    for number, name in enumerate([*quarters, ""]):
        x = _at(number, count)
        year, _, part = name.partition("-")
        is_year = part == "Q1"
        drawing.line(x, _TOP - (16 if is_year else 4), x, bottom)
        if is_year or number == 0:
            clear = number == 0 and quarters[1:2] and any(q.endswith("Q1") for q in quarters[1:3])
            if not clear:
                drawing.text(x + 3, _TOP - 7, year, "soft small")
        elif room > 34 and part:
            drawing.text(x + 3, _TOP - 7, part, "soft small")


def _stacked(pieces: Sequence[Piece]) -> list[int]:
    """The row of each piece in its lane, so that none lies on another."""
    ends: list[int] = []
    rows = []
    for piece in pieces:
        until = max(piece.high, piece.promised, piece.begun + 1)
        row = next((n for n, end in enumerate(ends) if end <= piece.begun), len(ends))
        if row == len(ends):
            ends.append(until)
        else:
            ends[row] = until
        rows.append(row)
    return rows


def _lane(drawing: Drawing, lane: Lane, stack: Sequence[int], y: float, count: int) -> float:
    room = _LEFT - 26 - width_of(lane.detail, 11)
    drawing.text(10, y + 10, cut(lane.title, room, 12))
    drawing.text(_LEFT - 10, y + 10, lane.detail, "soft small", "end")
    for piece, row in zip(lane.pieces, stack, strict=True):
        top = y + 1 + _STEP * row
        left, solid, right = (_at(q, count) for q in (piece.begun, piece.low, piece.high))
        faint = " faint" if piece.share < 0.5 else ""
        if right > solid:
            drawing.rect(solid, top, right - solid, _BAR, f"{lane.colour} faint", piece.tip)
        drawing.rect(left, top, max(solid - left, 2), _BAR, lane.colour + faint, piece.tip, 1.5)
        tick = _at(piece.promised, count)
        drawing.line(tick, top - 2, tick, top + _BAR + 2, "wire")
    return y + _STEP * (max(stack, default=0) + 1) + _LANE
