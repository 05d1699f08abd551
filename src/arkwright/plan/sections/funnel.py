"""The funnel by quarter."""

from __future__ import annotations

from collections.abc import Sequence

from arkwright.design.report import Figure, SiteView, Table
from arkwright.plan.answers.funnel import missing
from arkwright.plan.answers.whole import Answers
from arkwright.plan.drawing.fan import Line, fan

_FUNNEL = {
    "announced": "c5", "contracted": "c3", "secured": "c2", "energised": "c1", "installed": "c0",
    "utilised": "c4",
}  # fmt: skip


def section(found: Answers) -> SiteView:
    """The funnel by quarter."""
    names = found.rollout.names.quarters
    figures = []
    for unit, title in (("mw", "Megawatts at each step"), ("gpus", "GPUs at each step")):
        lines = [
            Line(title=step.name, band=band, colour=_FUNNEL[step.name])
            for step in found.funnel
            if step.name in _FUNNEL and (band := getattr(step, unit)) is not None
        ]
        if lines:
            svg = fan(title, names, lines, "MW" if unit == "mw" else "GPUs")
            figures.append(Figure(name=f"funnel-{unit}", svg=svg, is_half=True))
    gone = missing(found.funnel)
    words = "; ".join(f"{step.name}: {step.meaning}" for step in found.funnel) + "."
    if gone:
        words += f" The file declares nothing as {' or '.join(gone)}."
    words += (
        " GPUs of a step before racks are those its megawatts would carry at the plan's mean draw."
    )
    table = _funnel_table(found, names)
    return SiteView(name="Funnel", words=words, totals=(), figures=tuple(figures), tables=(table,))


def _funnel_table(found: Answers, names: Sequence[str]) -> Table:
    """The last quarter of each year."""
    shown = [n for n, name in enumerate(names) if name.endswith("Q4") or n == len(names) - 1]
    rows = []
    for step in found.funnel:
        for unit, band, scale in (("MW", step.mw, 1.0), ("k GPUs", step.gpus, 1e-3)):
            if band is not None:
                ends = ((band.low[n], band.mean[n], band.high[n]) for n in shown)
                cells = [_banded(*(float(end) * scale for end in each)) for each in ends]
                rows.append((step.name, unit, *cells))
    heads = tuple(names[n] for n in shown)
    return Table(
        title="At the end of each year: expected (P10 \N{EN DASH} P90)",
        columns=("Step", "Unit", *heads),
        rows=tuple(rows),
        right=heads,
    )


def _banded(low: float, mean: float, high: float) -> str:
    if mean != mean:
        return ""
    low_text, text, high_text = (_short(value) for value in (low, mean, high))
    return text if low_text == high_text == text else f"{text} ({low_text}\N{EN DASH}{high_text})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:,.1f}"
