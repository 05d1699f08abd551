"""Where power goes and where its heat goes: ribbons as wide as what they carry."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from arkwright.design.drawing.svg import Drawing, cut, power
from arkwright.errors import InputError

_TOP = 62.0
_HEIGHT = 320.0
_BAR = 13.0
_GAP = 46.0
_RIGHT = 790.0
_THINNEST_PX = 1.0
_TOLERANCE = 1e-6


class Station(Struct, frozen=True, kw_only=True):
    """Where flows begin and end."""

    name: str
    column: int
    colour: str


class Flow(Struct, frozen=True, kw_only=True):
    """`kw` from one station to another, to the right."""

    origin: str
    target: str
    kw: float


def sankey(title: str, stations: Sequence[Station], flows: Sequence[Flow], note: str = "") -> str:
    """`flows` between `stations`; what a station in the middle takes it also gives.

    InputError where a station in the middle gives another amount than it takes.
    """
    flows = [flow for flow in flows if flow.kw > 0]
    _refuse(stations, flows)
    sizes = {s.name: _size(s.name, flows) for s in stations}
    shown = [station for station in stations if sizes[station.name] > 0]
    columns = max(station.column for station in shown)
    whole = max(sum(sizes[s.name] for s in shown if s.column == c) for c in range(columns + 1))
    most = max(sum(s.column == c for s in shown) for c in range(columns + 1))
    scale = (_HEIGHT - _GAP * (most - 1)) / whole
    places = _places(shown, sizes, scale, columns)
    drawing = Drawing(title, _TOP + _HEIGHT + 40)
    drawing.text(0, 16, title, "strong")
    if note:
        drawing.text(0, 35, note, "soft")
    _ribbons(drawing, shown, flows, places, scale)
    for station in shown:
        x, y = places[station.name]
        high = max(sizes[station.name] * scale, _THINNEST_PX)
        drawing.rect(x, y, _BAR, high, station.colour, station.name)
        drawing.text(x + _BAR + 6, y + min(high / 2, 8) + 4, cut(station.name, 160), "strong")
        drawing.text(x + _BAR + 6, y + min(high / 2, 8) + 19, power(sizes[station.name]))
    return drawing.done()


def _refuse(stations: Sequence[Station], flows: Sequence[Flow]) -> None:
    for station in stations:
        taken = sum(flow.kw for flow in flows if flow.target == station.name)
        given = sum(flow.kw for flow in flows if flow.origin == station.name)
        if taken and given and abs(taken - given) > _TOLERANCE * max(taken, given) + _TOLERANCE:
            raise InputError(f"{station.name} takes {taken:,.1f} kW and gives {given:,.1f} kW")


def _size(name: str, flows: Sequence[Flow]) -> float:
    taken = sum(flow.kw for flow in flows if flow.target == name)
    given = sum(flow.kw for flow in flows if flow.origin == name)
    return max(taken, given)


def _places(
    stations: Sequence[Station], sizes: dict[str, float], scale: float, columns: int
) -> dict[str, tuple[float, float]]:
    """Left and top of every station; columns spread evenly, each centred."""
    places = {}
    for column in range(columns + 1):
        mine = [station for station in stations if station.column == column]
        high = sum(sizes[s.name] * scale for s in mine) + _GAP * (len(mine) - 1)
        y = _TOP + max(0.0, (_HEIGHT - high) / 2)
        for station in mine:
            places[station.name] = (_RIGHT * column / max(columns, 1), y)
            y += sizes[station.name] * scale + _GAP
    return places


def _ribbons(
    drawing: Drawing,
    stations: Sequence[Station],
    flows: Sequence[Flow],
    places: dict[str, tuple[float, float]],
    scale: float,
) -> None:
    """Each ribbon leaves below the last one of its origin and arrives below the last of its target.

    Drawn in the order of the other ends, from the top, so that ribbons of one station do not cross.
    """
    colour = {station.name: station.colour for station in stations}
    left = {name: y for name, (_, y) in places.items()}
    right = dict(left)
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for n in sorted(range(len(flows)), key=lambda n: places[flows[n].target][1]):
        starts[n] = left[flows[n].origin]
        left[flows[n].origin] += flows[n].kw * scale
    for n in sorted(range(len(flows)), key=lambda n: places[flows[n].origin][1]):
        ends[n] = right[flows[n].target]
        right[flows[n].target] += flows[n].kw * scale
    for n, flow in enumerate(flows):
        x1, x2 = places[flow.origin][0] + _BAR, places[flow.target][0]
        y1, y2, high = starts[n], ends[n], max(flow.kw * scale, _THINNEST_PX)
        middle = (x1 + x2) / 2
        d = (
            f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
            f"v{high:.1f}C{middle:.1f} {y2 + high:.1f} {middle:.1f} {y1 + high:.1f} "
            f"{x1:.1f} {y1 + high:.1f}z"
        )
        tip = f"{flow.origin} to {flow.target}: {power(flow.kw)}"
        drawing.path(d, f"{colour[flow.target]} faint", tip)
