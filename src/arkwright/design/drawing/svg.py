"""SVG, written piece by piece: shapes, words, one palette for light and dark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from arkwright import units

WIDTH = 960.0
"""Of every drawing; a page scales it."""

LIGHT = {
    "bg": "#ffffff",
    "ink": "#1d2127",
    "soft": "#5f6875",
    "rule": "#d8dde4",
    "pale": "#f1f3f6",
    "c0": "#3f6ea8",
    "c1": "#2a8c82",
    "c2": "#b7791f",
    "c3": "#7d5ba6",
    "c4": "#a8485b",
    "c5": "#7b8794",
}
DARK = {
    "bg": "#14171b",
    "ink": "#e6e9ed",
    "soft": "#9aa4b1",
    "rule": "#343b45",
    "pale": "#1d2228",
    "c0": "#7fa9db",
    "c1": "#5bbdb2",
    "c2": "#dfab57",
    "c3": "#b394d8",
    "c4": "#dd8797",
    "c5": "#8d98a5",
}
COLOURS = ("c0", "c1", "c2", "c3", "c4", "c5")
"""Classes of fills: one meaning each within a drawing."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CHARACTER_WIDTH = 0.62
"""Of a wide sans-serif face, in parts of its size: rather cut a word than cross another."""


def _variables(palette: dict[str, str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in palette.items())


THEME = (
    f":root{{{_variables(LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    f"@media print{{:root{{{_variables(LIGHT)}}}}}"
)
"""Custom properties: a page and every drawing in it agree on them."""

STYLE = (
    THEME + ".ark text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;"
    "fill:var(--ink);font-variant-numeric:tabular-nums}"
    ".ark .soft{fill:var(--soft)}.ark .strong{font-weight:600}.ark .small{font-size:11px}"
    ".ark .bg{fill:var(--bg)}.ark .pale{fill:var(--pale)}"
    ".ark .rule{stroke:var(--rule);fill:none}.ark .wire{stroke:var(--ink);fill:none;"
    "stroke-width:1.4}.ark .box{fill:var(--bg);stroke:var(--ink);stroke-width:1.2}"
    + "".join(
        f".ark .{c}{{fill:var(--{c})}}.ark .line-{c}{{stroke:var(--{c});fill:none}}"
        for c in COLOURS
    )
    + ".ark .faint{opacity:.34}.ark .veil{opacity:.22}.ark .stroke{stroke-width:1.8}"
)


def clean(text: str) -> str:
    """`text` as XML may hold it, escaped."""
    return escape(_NOT_XML.sub("", text), quote=True)


def width_of(text: str, size: float = 12.0) -> float:
    """About how wide `text` is; a little more rather than less."""
    return len(text) * size * _CHARACTER_WIDTH


def power(kw: float) -> str:
    """`kw` in the unit that suits it, four digits."""
    return units.render(float(f"{kw:.4g}"), "kW")


def cut(text: str, room: float, size: float = 12.0) -> str:
    """`text`, shortened with … to fit `room`."""
    most = max(1, int(room / (size * _CHARACTER_WIDTH)))
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


class Drawing:
    """One SVG while it is drawn; x to the right, y down, in px of `WIDTH`."""

    def __init__(self, title: str, height: float, width: float = WIDTH) -> None:
        self.title = title
        self.height = height
        self.width = width
        self.parts: list[str] = []

    def text(self, x: float, y: float, text: str, classes: str = "", anchor: str = "start") -> None:
        """Words whose baseline is `y`."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        kind = f' class="{classes}"' if classes else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{kind}{where}>{clean(text)}</text>')

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        classes: str,
        tip: str = "",
        radius: float = 0.0,
    ) -> None:
        """A box; `tip` is shown when the pointer rests on it."""
        round_ = f' rx="{radius:g}"' if radius else ""
        body = f"<title>{clean(tip)}</title>" if tip else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" '
            f'height="{max(height, 0):.1f}" class="{classes}"{round_}>{body}</rect>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, classes: str = "rule") -> None:
        """A straight stroke."""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}"/>'
        )

    def path(self, d: str, classes: str, tip: str = "") -> None:
        """A path; `d` as SVG has it."""
        body = f"<title>{clean(tip)}</title>" if tip else ""
        self.parts.append(f'<path d="{d}" class="{classes}">{body}</path>')

    def circle(self, x: float, y: float, radius: float, classes: str, tip: str = "") -> None:
        """A circle; `tip` as of a box."""
        where = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"'
        end = f"><title>{clean(tip)}</title></circle>" if tip else "/>"
        self.parts.append(f'<circle {where} class="{classes}"{end}')

    def legend(self, x: float, y: float, entries: Sequence[tuple[str, str]]) -> None:
        """Chips with words in one row: (class, words)."""
        for classes, words in entries:
            self.rect(x, y - 9, 10, 10, classes, radius=2)
            self.text(x + 15, y, words, "soft")
            x += 15 + width_of(words) + 18

    def done(self) -> str:
        """The whole SVG, its style inside."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="ark" role="img" '
            f'viewBox="0 0 {self.width:g} {self.height:.0f}" '
            f'width="{self.width:g}" height="{self.height:.0f}">'
            f"<title>{clean(self.title)}</title><style>{STYLE}</style>"
            f'<rect width="{self.width:g}" height="{self.height:.0f}" class="bg"/>'
            + "".join(self.parts)
            + "</svg>\n"
        )
