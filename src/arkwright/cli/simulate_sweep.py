"""`arkwright simulate SCENARIO --sweep … --seeds N`: a table with a row for each run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from arkwright.cli.progress import Progress
from arkwright.cli.show import API_VERSION, count, duration, show_json, table
from arkwright.cli.simulate_quick import kernels_folder
from arkwright.cli.simulate_text import INTERRUPTED

if TYPE_CHECKING:
    from arkwright.twin.sweep import Table

_SHOWN = ("jobs", "never_started", "wait_s_mean", "wait_s_p90", "utilisation", "goodput")
_TITLES = ("JOBS", "NEVER STARTED", "WAIT, MEAN", "WAIT, P90", "UTILISATION", "GOODPUT")


def run_sweep(
    scenario: Path,
    folder: Path | None,
    is_json: bool,
    *,
    policy: tuple[str, ...],
    seed: int | None,
    sweep: tuple[str, ...],
    seeds: int,
    processes: int | None,
    backend: str | None,
) -> int:
    """Run, write, print; the exit code."""
    from arkwright.twin.outputs.folder import check_folder
    from arkwright.twin.sweep import Sweep, swept

    if folder is not None:
        check_folder(folder)
    asked = Sweep(
        path=scenario,
        over=sweep,
        seeds=seeds,
        seed=seed,
        policies=policy,
        processes=processes,
        backend=backend or "processes",
    )
    with Progress(scenario.stem) as progress:
        found = swept(asked, kernels_folder(), progress.told)
    if folder is not None:
        _write(folder, found)
    if is_json:
        show_json(_document(found))
    else:
        _show(found, folder)
    if found.is_complete:
        return 0
    done = f"{len(found.rows):,} of {count(found.units, 'run')}"
    click.echo(f"arkwright: stopped after {done}", err=True)
    return INTERRUPTED


def _document(found: Table) -> dict[str, Any]:
    return {
        "api_version": API_VERSION,
        "kind": "sweep",
        "name": found.name,
        "is_complete": found.is_complete,
        "runs": found.units,
        "keys": list(found.keys),
        "items": list(found.rows),
    }


def _show(found: Table, folder: Path | None) -> None:
    headers = (*(key.upper() for key in found.keys), *_TITLES)
    rows = [
        (*(str(row[key]) for key in found.keys), *(_cell(key, row.get(key)) for key in _SHOWN))
        for row in found.rows
    ]
    click.echo(f"{found.name}: {count(len(found.rows), 'run')}")
    click.echo(table(headers, rows, right=_TITLES))
    if folder is not None:
        click.echo(f"wrote {folder}: sweep.csv, sweep.parquet and sweep.json, with every figure")


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if key.startswith("wait_s"):
        return duration(value * 1000)
    return f"{value:.1%}" if key in ("utilisation", "goodput") else f"{value:,}"


def _write(folder: Path, found: Table) -> None:
    from arkwright.twin.outputs.folder import SWEEP_MARK, whole_folder, write_json
    from arkwright.twin.outputs.rows import write_csv, write_parquet

    def fill(place: Path) -> None:
        write_csv(place / "sweep.csv", found.rows)
        write_parquet(place / "sweep.parquet", found.rows)
        write_json(place / SWEEP_MARK, _document(found))

    whole_folder(folder, fill)
