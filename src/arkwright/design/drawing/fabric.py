"""A fabric as tiers of boxes, with how many and what joins them."""

from __future__ import annotations

from msgspec import Struct

from arkwright.design.drawing.svg import Drawing, cut

_TOP = 66.0
_STEP = 112.0
_LEFT = 170.0
_RIGHT = 690.0
_BOX = (26.0, 20.0)
_SHOWN_MAX = 14


class TierSketch(Struct, frozen=True, kw_only=True):
    """One tier, and its links down."""

    name: str
    """core, spine, leaf, nodes."""
    count: int
    note: str
    """What one of them is."""
    links: int = 0
    """To the tier below."""
    link_note: str = ""
    groups: int = 1
    """Groups that links down stay in; in a group everybody reaches everybody."""


class FabricSketch(Struct, frozen=True, kw_only=True):
    """One fabric, top tier first."""

    title: str
    subtitle: str
    tiers: tuple[TierSketch, ...]


def fabric_tiers(fabric: FabricSketch) -> str:
    """Tiers from the top; a row shows at most fourteen boxes and says how many there are."""
    drawing = Drawing(fabric.title, _TOP + _STEP * (len(fabric.tiers) - 1) + 44)
    drawing.text(0, 16, fabric.title, "strong")
    drawing.text(0, 35, fabric.subtitle, "soft")
    rows = [_places(tier.count) for tier in fabric.tiers]
    y = _TOP
    for tier, places, below in zip(fabric.tiers, rows, [*rows[1:], []], strict=True):
        _links(drawing, places, below, y, tier.groups)
        if below:
            words = f"{tier.links:,} links"
            drawing.text(_RIGHT + 30, y + _STEP / 2 + 6, words)
            note = cut(tier.link_note, 235, 11)
            drawing.text(_RIGHT + 30, y + _STEP / 2 + 22, note, "soft small")
        y += _STEP
    y = _TOP
    for number, (tier, places) in enumerate(zip(fabric.tiers, rows, strict=True)):
        colour = "c5" if number == len(rows) - 1 else f"c{number % 4}"
        _boxes(drawing, tier, places, y, colour)
        y += _STEP
    return drawing.done()


def _places(count: int) -> list[float]:
    """Middles of the boxes that stand for `count`."""
    shown = min(count, _SHOWN_MAX)
    if shown == 1:
        return [(_LEFT + _RIGHT) / 2]
    step = (_RIGHT - _LEFT - _BOX[0]) / (shown - 1)
    return [_LEFT + _BOX[0] / 2 + step * n for n in range(shown)]


def _links(drawing: Drawing, upper: list[float], lower: list[float], y: float, groups: int) -> None:
    """Strokes within each group that is shown; boxes stand for many, so groups do too."""
    shown = min(groups, max(1, len(upper) // 2), max(1, len(lower) // 2))
    ways = [
        f"M{a:.1f} {y + _BOX[1] / 2:.1f}L{b:.1f} {y + _STEP - _BOX[1] / 2:.1f}"
        for i, a in enumerate(upper)
        for j, b in enumerate(lower)
        if i * shown // len(upper) == j * shown // len(lower)
    ]
    if ways:
        drawing.path("".join(ways), "rule")


def _boxes(drawing: Drawing, tier: TierSketch, places: list[float], y: float, colour: str) -> None:
    for number, x in enumerate(places):
        is_gap = tier.count > _SHOWN_MAX and number == len(places) - 2
        if is_gap:
            drawing.rect(x - _BOX[0] / 2, y - _BOX[1] / 2, *_BOX, "bg")
            drawing.text(x, y + 4, "…", "strong", "middle")
            continue
        drawing.rect(x - _BOX[0] / 2, y - _BOX[1] / 2, *_BOX, colour, tier.name, 2)
    drawing.text(0, y - 1, f"{tier.count:,} {tier.name}", "strong")
    drawing.text(0, y + 15, cut(tier.note, _LEFT - 12, 11), "soft small")
