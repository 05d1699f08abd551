"""`arkwright simulate SCENARIO`: its runs beside each other, or a sweep over keys and seeds."""

from __future__ import annotations

from pathlib import Path

import click

from arkwright.cli.progress import Progress
from arkwright.cli.show import show_json
from arkwright.cli.simulate_quick import kernels_folder, notice
from arkwright.cli.simulate_text import show, told_how_far


def run_scenario(
    scenario: Path,
    folder: Path | None,
    is_json: bool,
    *,
    policy: tuple[str, ...],
    seed: int | None,
    sweep: tuple[str, ...],
    seeds: int | None,
    processes: int | None,
    backend: str | None,
) -> int:
    """Load, run, write, print; the exit code."""
    if sweep or seeds is not None:
        from arkwright.cli.simulate_sweep import run_sweep

        return run_sweep(
            scenario, folder, is_json, policy=policy, seed=seed, sweep=sweep, seeds=seeds or 1,
            processes=processes, backend=backend,
        )  # fmt: skip
    given = {"--jobs": processes, "--on": backend}
    unfit = [name for name, value in given.items() if value is not None]
    if unfit:
        raise click.UsageError(f"{', '.join(unfit)} is of a sweep; add --sweep or --seeds")
    from arkwright.twin.outputs.folder import check_folder, write_outputs
    from arkwright.twin.outputs.summary import document
    from arkwright.twin.scenario.load import load
    from arkwright.twin.scenario.simulate import chosen, simulate

    if folder is not None:
        check_folder(folder)
    loaded = load(scenario)
    sites = chosen(loaded, policy)
    with Progress(loaded.scenario.name) as progress:
        found = simulate(loaded, sites, kernels_folder(), seed, progress, notice)
    if found.outcomes and folder is not None:
        write_outputs(folder, found)
    if is_json:
        show_json(document(found))
    elif found.outcomes:
        show(found, folder)
    return told_how_far(found)
