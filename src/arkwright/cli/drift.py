"""`arkwright drift`: what was foretold of a factory against what happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.connection import json_option
from arkwright.cli.show import API_VERSION, count, duration, moment, show_json, table

if TYPE_CHECKING:
    from arkwright.twin.drift import Drift, EnergyErrors, Errors, JobDrift

WORST_SHOWN = 10


@click.command(short_help="Compare a prediction with what happened")
@click.argument(
    "prediction", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="PREDICTION"
)
@click.argument("log", required=False, metavar="[LOG]")
@click.option("--factory", metavar="NAME", help="Whose log; default the factory started last.")
@json_option
def drift(prediction: Path, log: str | None, factory: str | None, is_json: bool) -> None:
    """Compare PREDICTION, of `arkwright simulate --from-live -o`, with the factory's log since.

    Starts and ends in seconds, late is positive; kWh of jobs whose energy was metered. LOG is what
    `arkwright replay --log` takes; without one it is the log of this machine's factory.
    """
    from arkwright import catalog
    from arkwright.cli.log_source import log_from
    from arkwright.fleet.log_replay import whole
    from arkwright.twin import drift as drifting

    made = drifting.read(prediction.read_bytes(), str(prediction))
    found = drifting.drift(made, whole(log_from(log, factory)()), catalog.cpu_model())
    if is_json:
        import msgspec

        head: dict[str, Any] = {"api_version": API_VERSION, "kind": "drift"}
        show_json(head | msgspec.to_builtins(found))
        return
    _show(found)


def _show(found: Drift) -> None:
    ahead = duration(found.observed_ms - found.foretold_ms)
    click.echo(
        f"{found.factory}: foretold {moment(found.foretold_ms)}, observed through "
        f"{moment(found.observed_ms)}, {ahead} later; {count(found.jobs, 'job')}"
    )
    headers = ("", "jobs", "mean", "median", "p10", "p90", "90 % within", "near")
    rows = [_line("starts", found.starts), _line("ends", found.ends)]
    click.echo(table(headers, rows, right=headers[1:]))
    click.echo("late is positive; near: off by at most 60 s or a tenth of the time looked ahead")
    click.echo(_energy(found.energy))
    for words in _apart(found):
        click.echo(words)
    if worst := _worst(found.rows):
        click.echo("furthest off:")
        named = ("job", "name", "project", "start", "end", "note")
        click.echo(table(named, [_job(row) for row in worst], right=("start", "end")))


def _line(name: str, errors: Errors) -> tuple[str, ...]:
    figures = (errors.mean_s, errors.median_s, errors.p10_s, errors.p90_s)
    within = "–" if errors.abs_p90_s is None else f"{errors.abs_p90_s:,.0f} s"
    near = "–" if errors.near is None else f"{errors.near:.0%}"
    return (name, f"{errors.jobs:,}", *map(_seconds, figures), within, near)


def _energy(energy: EnergyErrors) -> str:
    if not energy.jobs or energy.ratio is None:
        return "energy: no job that is over was both foretold in kWh and metered"
    return (
        f"energy: {energy.metered_kwh:,.3g} kWh metered, {energy.foretold_kwh:,.3g} kWh foretold "
        f"for {count(energy.jobs, 'job')}: {energy.ratio:.2f} times; median job "
        f"{energy.median:.2f}, 90 % within {energy.abs_p90:.0%}, {energy.near:.0%} within a tenth"
    )


def _apart(found: Drift) -> list[str]:
    """What takes no part in the figures, and what may explain them."""
    counts = (
        (found.overdue, "still waiting that should have started"),
        (found.not_due, "still waiting and not due yet"),
        (found.unforeseen, "started though no start was foretold"),
        (found.cancelled, "cancelled"),
        (found.unknown, "submitted since, which could not be known and took place as well"),
    )
    said = [f"{count(number, 'job')} {words}" for number, words in counts if number]
    if found.is_same_policy is False:
        said.append("the factory's policy is another than the one it was foretold under")
    return said


def _worst(rows: tuple[JobDrift, ...]) -> list[JobDrift]:
    off = [row for row in rows if _off(row) > 0]
    return sorted(off, key=_off, reverse=True)[:WORST_SHOWN]


def _off(row: JobDrift) -> float:
    return max(abs(row.start_error_s or 0.0), abs(row.end_error_s or 0.0))


def _job(row: JobDrift) -> tuple[str, ...]:
    start, end = _seconds(row.start_error_s), _seconds(row.end_error_s)
    return (row.job_id[-8:], row.name, row.project, start, end, row.note)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:+,.0f} s"
