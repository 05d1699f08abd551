"""The power chain as a single-line diagram: one symbol a stage, how many, what they carry."""

from __future__ import annotations

from msgspec import Struct

from arkwright.design.drawing.svg import Drawing, cut, power

_TOP = 62.0
_STEP = 74.0
_MIDDLE = 150.0
_SPREAD = 90.0
_WORDS = 300.0
_BAR = (690.0, 230.0)
_SHORT = {"cooling": "cool"}


class Stage(Struct, frozen=True, kw_only=True):
    """One stage of the chain, grid first."""

    kind: str
    """grid, utility, transformer, ups, busway, pdu, shelf, rack, generator, cooling."""
    title: str
    """With its count and rating: `6 transformers of 2,450 kW`."""
    note: str = ""
    carried_kw: float | None = None
    """By all parts of the stage together, at peak."""
    installed_kw: float | None = None
    """Of all parts of the stage together; None where nothing limits it."""
    is_branch: bool = False
    """Beside the way to the racks: generators, cooling."""


def single_line(title: str, stages: tuple[Stage, ...], lines: int = 2) -> str:
    """`stages` from the grid down, drawn as `lines` parallel ways, with load over installed."""
    drawing = Drawing(title, _TOP + _STEP * len(stages) + 8)
    drawing.text(0, 16, title, "strong")
    drawing.text(_BAR[0], 38, "carried at peak, of installed", "soft small")
    ways = _ways(lines)
    y = _TOP
    on_line = [stage for stage in stages if not stage.is_branch]
    last_y = _TOP + _STEP * (len(stages) - 1)
    drawing.line(ways[0], _TOP, ways[0], last_y, "wire")
    for x in ways[1:]:
        drawing.line(x, _TOP, x, last_y, "wire")
    for stage in stages:
        places = ways
        if stage.is_branch:
            places = [ways[-1] + 62]
            drawing.line(ways[-1], y, places[0], y, "wire")
        elif stage in (on_line[0], on_line[-1]):
            places = [_MIDDLE]
            drawing.line(ways[0], y, ways[-1], y, "wire")
        for x in places:
            _symbol(drawing, stage.kind, x, y)
        _words(drawing, stage, y)
        y += _STEP
    return drawing.done()


def _ways(lines: int) -> list[float]:
    shown = max(1, min(lines, 3))
    if shown == 1:
        return [_MIDDLE]
    return [_MIDDLE - _SPREAD + 2 * _SPREAD * n / (shown - 1) for n in range(shown)]


def _words(drawing: Drawing, stage: Stage, y: float) -> None:
    drawing.text(_WORDS + 30, y, cut(stage.title, 350), "strong")
    if stage.note:
        drawing.text(_WORDS + 30, y + 17, cut(stage.note, 350, 11), "soft small")
    if stage.carried_kw is None:
        return
    left, width = _BAR
    carried = power(stage.carried_kw)
    if not stage.installed_kw:
        drawing.text(left, y + 4, carried)
        return
    share = stage.carried_kw / stage.installed_kw
    drawing.rect(left, y - 9, width, 10, "pale", radius=2)
    drawing.rect(left, y - 9, width * min(share, 1.0), 10, "c4" if share > 1 else "c0", radius=2)
    text = f"{carried} of {power(stage.installed_kw)}, {share:.0%}"
    drawing.text(left, y + 17, text, "soft small")


def _symbol(drawing: Drawing, kind: str, x: float, y: float) -> None:
    """As single-line diagrams have them: two rings a transformer, a box with a wave a UPS."""
    if kind.startswith("transformer"):
        drawing.circle(x, y - 6, 10, "box")
        drawing.circle(x, y + 6, 10, "box")
        drawing.circle(x, y - 6, 10, "wire")
    elif kind == "generator":
        drawing.circle(x, y, 15, "box")
        drawing.text(x, y + 4, "G", "strong", "middle")
    elif kind in ("ups", "shelf"):
        drawing.rect(x - 15, y - 15, 30, 30, "box")
        drawing.line(x - 15, y + 15, x + 15, y - 15, "wire")
        drawing.path(f"M{x - 11:.1f} {y - 6:.1f}q3 -6 6 0t6 0", "wire")
        drawing.line(x + 2, y + 8, x + 11, y + 8, "wire")
    elif kind == "busway":
        drawing.rect(x - 34, y - 4, 68, 8, "box")
    elif kind == "grid":
        drawing.circle(x, y, 14, "box")
        drawing.path(f"M{x - 8:.1f} {y:.1f}q4 -9 8 0t8 0", "wire")
    elif kind == "utility":
        drawing.rect(x - 7, y - 7, 14, 14, "box")
        drawing.line(x - 7, y - 7, x + 7, y + 7, "wire")
    else:
        drawing.rect(x - 22, y - 13, 44, 26, "box", radius=2)
        drawing.text(x, y + 4, _SHORT.get(kind, kind), "small", "middle")
