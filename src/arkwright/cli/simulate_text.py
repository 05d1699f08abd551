"""What `arkwright simulate` prints of runs: a column each."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.show import count, duration, table

if TYPE_CHECKING:
    from arkwright.twin.outcome import Simulated

INTERRUPTED = 130


def show(simulated: Simulated, folder: Path | None) -> None:
    """The runs beside each other, then what was assumed or left out."""
    from arkwright.twin.outputs.summary import row

    outcomes = simulated.outcomes
    rows = [row(outcome) for outcome in outcomes]
    names = [outcome.name.upper() for outcome in outcomes]
    currencies = {outcome.power.currency for outcome in outcomes} - {""}
    lines = [
        (
            title.format(", ".join(currencies) or "–"),
            *[_cell(figures.get(key), render) for figures in rows],
        )
        for title, key, render in _LINES
        if any(figures.get(key) not in (None, 0) for figures in rows) or key in _ALWAYS
    ]
    if len({outcome.factory for outcome in outcomes}) == 1:
        click.echo(f"{simulated.name}: {outcomes[0].factory}")
    click.echo(table(("", *names), lines, right=names))
    for outcome in outcomes:
        click.echo(f"decisions of {outcome.name}: sha256 {outcome.record.decisions[:16]}…")
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes):
        click.echo(f"note: {note}")
    if folder is not None:
        click.echo(f"wrote {folder}: tables, summary.json and report.html")


def told_how_far(simulated: Simulated) -> int:
    """The exit code; where Ctrl-C came, it is said how far everything is."""
    if simulated.is_complete:
        return 0
    cut = [outcome.how_far for outcome in simulated.outcomes if not outcome.is_complete]
    rest = [f"{count(len(simulated.left_out), 'run')} not begun"] if simulated.left_out else []
    click.echo(f"arkwright: stopped: {'; '.join([*cut, *rest])}", err=True)
    return INTERRUPTED


def _cell(value: Any, render: Callable[[Any], str]) -> str:
    is_there = value is not None and not (isinstance(value, float) and math.isnan(value))
    return render(value) if is_there else "–"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _seconds(value: float) -> str:
    return duration(value * 1000)


def _share(value: float) -> str:
    return f"{value:.1%}"


def _number(value: float) -> str:
    return f"{value:,.2f}"


def _mwh(value: float) -> str:
    return f"{value / 1000:,.1f}"


_ALWAYS = frozenset(
    {"jobs", "started", "wait_s_mean", "wait_s_median", "wait_s_p90", "wait_s_p99", "utilisation",
     "makespan_s", "slowdown_mean"}
)  # fmt: skip
_LINES: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("jobs", "jobs", _whole),
    ("started", "started", _whole),
    ("never started", "never_started", _whole),
    ("completed", "completed", _whole),
    ("wait, mean", "wait_s_mean", _seconds),
    ("wait, median", "wait_s_median", _seconds),
    ("wait, p90", "wait_s_p90", _seconds),
    ("wait, p99", "wait_s_p99", _seconds),
    ("bounded slowdown", "slowdown_mean", _number),
    ("utilisation", "utilisation", _share),
    ("makespan", "makespan_s", _seconds),
    ("GPU-hours held", "held_gpu_h", _whole),
    ("goodput", "goodput", _share),
    ("failures", "failures", _whole),
    ("lost to failures, GPU-h", "lost_to_failures_gpu_h", _whole),
    ("lost to stops, GPU-h", "lost_to_stops_gpu_h", _whole),
    ("energy, MWh", "meter_kwh", _mwh),
    ("carbon, kg CO2e", "carbon_kg", _whole),
    ("water, m3", "water_m3", _whole),
    ("cost, {}", "cost", _whole),
)
