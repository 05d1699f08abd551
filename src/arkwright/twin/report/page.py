"""The twin's report as one HTML document that asks nothing of the network.

Python counts and fills in; `assets/*.js` draws what has to answer to a hand, `assets/style.css`
dresses it. All of it is in the one document, whose own policy forbids it to load or send anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources

from arkwright.design.drawing.svg import DARK, LIGHT, clean
from arkwright.twin.report.embed import Embedded, embed
from arkwright.twin.report.figures import figures
from arkwright.twin.report.sections import Shown, sections
from arkwright.twin.report.tally import tally
from arkwright.twin.report.told import Told, check

SCRIPTS = (
    "unpack.js", "format.js", "run.js", "view.js", "canvas.js", "lines.js", "heat.js", "gantt.js",
    "fleet.js", "panel.js", "hands.js", "main.js",
)  # fmt: skip
"""In the order in which they are joined."""
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; form-action 'none'; base-uri 'none'"
)


def report_html(runs: Sequence[Told], title: str = "") -> str:
    """One self-contained HTML document over `runs`, which are compared where they are several.

    Up to some 100,000 attempts it carries everything; of more, the largest jobs, and says so.
    Raises InputError where there is no run or a name twice.
    """
    check(runs)
    title = title or " and ".join(run.name for run in runs)
    shown = []
    tallies = [tally(run) for run in runs]
    embedded = embed(runs, tallies, title)
    for run, counted, chosen in zip(runs, tallies, embedded.details, strict=True):
        shown.append(Shown(run, counted, figures(run, counted), chosen))
    body = sections(shown, title)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{clean(title)}</title>",
            f"<style>{_theme()}{_file('style.css')}</style></head>",
            f"<body>{body}",
            _data(embedded),
            f'<script>"use strict";\n{"".join(_file(name) for name in SCRIPTS)}</script>',
            "</body></html>\n",
        ]
    )


def _file(name: str) -> str:
    return (resources.files("arkwright.twin.report") / "assets" / name).read_text(encoding="utf-8")


def _theme() -> str:
    """The palette of every drawing of Arkwright, which a button may set against the system's."""
    light, dark = (
        ";".join(f"--{name}:{value}" for name, value in palette.items())
        for palette in (LIGHT, DARK)
    )
    return (
        f":root{{{light};color-scheme:light}}"
        f"@media(prefers-color-scheme:dark){{:root{{{dark};color-scheme:dark}}}}"
        f":root[data-theme=light]{{{light};color-scheme:light}}"
        f":root[data-theme=dark]{{{dark};color-scheme:dark}}"
        f"@media print{{:root,:root[data-theme]{{{light};color-scheme:light}}}}\n"
    )


def _data(embedded: Embedded) -> str:
    # A name that holds `</script>` must not end the element it stands in.
    head = json.dumps(embedded.head, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    head = head.replace("<", "\\u003c")
    return (
        f'<script type="application/json" id="head">{head}</script>\n'
        f'<script type="text/plain" id="block">{embedded.block}</script>'
    )
