"""Small charts that need no hands: waits by size, where GPU-time went, energy, runs side by side.

Each is one panel of a grid, so that a row of them on a desk is a column of them on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from arkwright.design.drawing.svg import COLOURS, Drawing, cut
from arkwright.twin.report.figures import Figures, meter_w
from arkwright.twin.report.steps import Steps, edges, means
from arkwright.twin.report.tally import Tally
from arkwright.twin.report.told import Floats, Told
from arkwright.twin.report.waits import WaitClass
from arkwright.twin.report.wording import energy, hours, number, power, share

WIDTH = 320.0
_LEFT, _RIGHT = 42.0, 312.0
_TOP, _BOTTOM = 46.0, 172.0
_FIRST_H = 1 / 60
_TICKS_H = (
    (1 / 60, "1 min"), (1 / 6, "10 min"), (1.0, "1 h"), (10.0, "10 h"), (96.0, "4 d"),
    (720.0, "30 d"),
)  # fmt: skip
_SPARK_POINTS = 280


def wait_panels(names: Sequence[str], found: Sequence[Figures]) -> list[str]:
    """One panel per size of job, a line per run: the share that had started, by time waited."""
    rank = {one.title: one.rank for figure in found for one in figure.classes}
    return [
        _wait_panel(title, names, [_of(figure, title) for figure in found])
        for title in sorted(rank, key=lambda title: rank[title])
    ]


def _of(figure: Figures, title: str) -> WaitClass | None:
    return next((one for one in figure.classes if one.title == title), None)


def _wait_panel(title: str, names: Sequence[str], lines: Sequence[WaitClass | None]) -> str:
    count = max(one.count for one in lines if one)
    drawing = Drawing(f"Waits of {title}", 208, WIDTH)
    drawing.text(0, 14, f"{title[0].upper()}{title[1:]}", "strong")
    drawing.text(0, 31, f"{count:,} jobs", "soft small")
    last_h = max(_last_h(one) for one in lines if one)
    _wait_axes(drawing, last_h)
    for at, one in enumerate(lines):
        if one is None:
            continue
        d = _line([(_wait_x(h, last_h), s) for h, s in zip(one.hours, one.share, strict=True)])
        tip = f"{names[at]}: half within {hours(one.p50_h)}, 95 % within {hours(one.p95_h)}" + (
            f", {one.never:,} never started" if one.never else ""
        )
        drawing.path(d, f"line-{COLOURS[at % len(COLOURS)]} stroke", tip)
    only = lines[0]
    if len(lines) == 1 and only:
        drawing.text(
            _RIGHT, 31, f"median {hours(only.p50_h)} · p95 {hours(only.p95_h)}", "small", "end"
        )
    tag = 'class="wait" data-low="{}" data-high="{}" data-last-h="{:.6g}"'
    return f"<div {tag.format(*_bounds(lines), last_h)}>{drawing.done()}<i></i></div>"


def _bounds(lines: Sequence[WaitClass | None]) -> tuple[int, int]:
    """In milli-GPU: which jobs stand in this panel, so that the one in hand finds its place."""
    return next(one.gpus_milli for one in lines if one)


def _last_h(one: WaitClass) -> float:
    """The first time by which all had started that ever did; at least an hour."""
    whole = one.share[-1]
    at = next(h for h, s in zip(one.hours, one.share, strict=True) if s >= whole)
    return max(1.0, float(at) * 1.3)


def _wait_x(hour: float, last_h: float) -> float:
    """Logarithmic from one minute; what started at once stands on the axis."""
    place = math.log(max(hour, _FIRST_H) / _FIRST_H) / math.log(last_h / _FIRST_H)
    return _LEFT + (_RIGHT - _LEFT) * min(place, 1.0)


def _wait_axes(drawing: Drawing, last_h: float) -> None:
    for part in (0.0, 0.5, 1.0):
        y = _BOTTOM - (_BOTTOM - _TOP) * part
        drawing.line(_LEFT, y, _RIGHT, y)
        drawing.text(_LEFT - 4, y + 4, f"{100 * part:.0f} %", "soft small", "end")
    for hour, text in _TICKS_H:
        if hour <= last_h:
            x = _wait_x(hour, last_h)
            drawing.line(x, _TOP, x, _BOTTOM + 4)
            drawing.text(min(x, _RIGHT - 12), _BOTTOM + 17, text, "soft small", "middle")
    drawing.text(_RIGHT, _BOTTOM + 33, "waited at most", "soft small", "end")


def _line(points: Sequence[tuple[float, float]]) -> str:
    rows = [(x, _BOTTOM - (_BOTTOM - _TOP) * share_) for x, share_ in points]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in rows)


def share_bar(title: str, parts: Sequence[tuple[str, str, float]], unit: str) -> str:
    """One bar of parts (words, class, amount), with every part named below it."""
    total = sum(amount for _, _, amount in parts) or 1.0
    shown = [part for part in parts if part[2] > 0]
    drawing = Drawing(title, 62 + 20 * len(shown), 480)
    drawing.text(0, 14, title, "strong")
    x = 0.0
    for y, (words, classes, amount) in enumerate(shown):
        width = 480 * amount / total
        text = _amount(amount, unit)
        drawing.rect(x, 24, max(width - 1, 0.5), 18, classes, f"{words}: {text}")
        x += width
        drawing.rect(0, 55 + 20 * y, 10, 10, classes, radius=2)
        drawing.text(16, 64 + 20 * y, words)
        drawing.text(380, 64 + 20 * y, text, "", "end")
        drawing.text(480, 64 + 20 * y, share(amount / total), "soft", "end")
    return drawing.done()


def _amount(amount: float, unit: str) -> str:
    return energy(amount) if unit == "kWh" else f"{number(amount)} {unit}"


def spark_panels(runs: Sequence[Told], tallies: Sequence[Tally]) -> list[tuple[str, list[str]]]:
    """Rows of small multiples, one panel per run, each row on one scale: (what, panels)."""
    busy = [
        _spark(t.held, run, 1 / max(t.capacity_milli, 1))
        for run, t in zip(runs, tallies, strict=True)
    ]
    queue = [_spark(t.queue_gpus, run, 1 / 1000) for run, t in zip(runs, tallies, strict=True)]
    most = max(1.0, *(float(line.max()) for line in queue))
    rows = [
        ("GPUs busy", "c1", busy, 1.0, share(1.0)),
        ("GPUs waited for", "c4", queue, most, number(most)),
    ]
    meters = [_meter(run) for run in runs]
    if all(meters):
        lines = [_spark(steps, run, 1.0) for run, steps in zip(runs, meters, strict=True) if steps]
        top = max(float(line.max()) for line in lines)
        rows.append(("Power at the meters", "c0", lines, top, power(top)))
    return [
        (
            what,
            [
                _spark_panel(run.name, what, line, colour, top, said)
                for run, line in zip(runs, lines, strict=True)
            ],
        )
        for what, colour, lines, top, said in rows
    ]


def _meter(run: Told) -> Steps | None:
    """All sites together; None where one of them does not tell its power."""
    sites, until_ms = run.power.sites, run.record.until_ms
    powers = [meter_w(site) for site in sites]
    if not sites or not all(len(one) for one in powers):
        return None
    start = run.record.from_ms
    at = np.unique(np.concatenate([np.maximum(site.t_ms, start) for site in sites]))
    total = np.zeros(len(at))
    for site, watt in zip(sites, powers, strict=True):
        total += watt[np.searchsorted(site.t_ms, at, side="right") - 1]
    return Steps(at, total, until_ms)


def _spark(steps: Steps, run: Told, scale: float) -> Floats:
    at = edges(run.record.from_ms, run.record.until_ms, _SPARK_POINTS)
    return means(steps, at) * scale


def _spark_panel(name: str, what: str, line: Floats, colour: str, top: float, said: str) -> str:
    drawing = Drawing(f"{what}: {name}", 104, WIDTH)
    drawing.text(0, 13, cut(name, 200), "strong")
    drawing.text(WIDTH, 13, f"full height: {said}", "soft small", "end")
    step = WIDTH / max(len(line), 1)
    points = [(i * step, 100 - 80 * min(v / top, 1.0)) for i, v in enumerate(line)]
    d = "M0 100" + "".join(f"L{x:.1f} {y:.1f}H{x + step:.1f}" for x, y in points)
    drawing.path(f"{d}L{WIDTH:.0f} 100z", f"{colour} soft-fill", f"{name}: {what}")
    drawing.line(0, 20, WIDTH, 20)
    drawing.line(0, 100, WIDTH, 100)
    return drawing.done()
