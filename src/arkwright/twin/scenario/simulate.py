"""Running a scenario: every factory under every policy, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from arkwright.errors import InputError, Problem
from arkwright.twin.checkpoint import JobCheckpoints
from arkwright.twin.energy import Energy
from arkwright.twin.interrupt import Listened, submitted
from arkwright.twin.kernels import kernels_for
from arkwright.twin.outcome import Outcome, Simulated
from arkwright.twin.run import run
from arkwright.twin.scenario.account import Around, account, surroundings
from arkwright.twin.scenario.load import Loaded, Site
from arkwright.twin.scenario.prepare import Prepared, policy_of, prepared
from arkwright.units import render_instant


class Watcher(Protocol):
    """Who is told how far it is; `told` may raise KeyboardInterrupt to end it."""

    def begin(self, label: str) -> None:
        """A run begins."""

    def told(self, share: float) -> None:
        """So much of it is done."""


def chosen(loaded: Loaded, policies: Sequence[str]) -> tuple[Site, ...]:
    """The runs of these policies, all without any; InputError for one that is not there."""
    known = {site.policy for site in loaded.sites}
    problems = [
        Problem("--policy", name, "the scenario has no such policy", f"use {', '.join(known)}")
        for name in policies
        if name not in known
    ]
    if problems:
        raise InputError(f"{loaded.path.name} cannot be run so", problems)
    return tuple(site for site in loaded.sites if not policies or site.policy in policies)


def simulate(
    loaded: Loaded,
    sites: Sequence[Site],
    kernels_folder: Path,
    seed: int | None = None,
    watcher: Watcher | None = None,
    notice: Callable[[str], None] | None = None,
) -> Simulated:
    """Run `sites` of the scenario; interrupted, what there is of them. InputError before any run
    for jobs, places or files that do not fit."""
    name = loaded.scenario.name
    used = loaded.scenario.seed if seed is None else seed
    outcomes: list[Outcome] = []
    around = surroundings(loaded.scenario.environment, loaded.folder)
    for site in sites:
        if watcher is not None:
            watcher.begin(f"{name}: {site.name}" if len(sites) > 1 else name)
        ready = prepared(loaded, site, used)
        found = outcome_of(ready, around, kernels_folder, watcher, notice)
        if found.record.until_ms > found.record.from_ms:
            outcomes.append(found)
        if not found.is_complete:
            left = tuple(site.name for site in sites[len(outcomes) :])
            return Simulated(name=name, outcomes=tuple(outcomes), left_out=left)
    return Simulated(name=name, outcomes=tuple(outcomes))


def outcome_of(
    ready: Prepared,
    around: dict[str, Around],
    kernels_folder: Path,
    watcher: Watcher | None = None,
    notice: Callable[[str], None] | None = None,
) -> Outcome:
    """One run."""
    listened = Listened(None if watcher is None else watcher.told)
    record = run(
        ready.setting,
        ready.jobs,
        ready.from_ms,
        ready.until_ms,
        ready.conditions,
        kernels=kernels_for(len(ready.jobs), kernels_folder, notice),
        progress=listened,
    )
    cut = listened.is_interrupted
    jobs = submitted(ready.jobs, record)
    ready = ready._replace(jobs=jobs, checkpoints=_first(ready.checkpoints, len(jobs)))
    spent = account(ready, record, around)
    notes = [*ready.notes, *(() if spent is None else spent.notes)]
    if cut:
        reached = render_instant(record.until_ms) if ready.jobs.is_dated else ""
        notes.append(f"stopped by Ctrl-C at {reached or f'{record.until_ms} ms'}")
    return Outcome(
        name=ready.site.name,
        factory=ready.site.factory.factory,
        policy=policy_of(ready.site.factory),
        seed=ready.seed,
        jobs=ready.jobs,
        record=record,
        checkpoints=ready.checkpoints,
        until_ms=ready.until_ms,
        is_complete=not cut,
        energy=spent,
        happenings=ready.happenings,
        modelled=(*ready.modelled, *_of_energy(spent)),
        notes=tuple(notes),
    )


def _first(saves: JobCheckpoints | None, count: int) -> JobCheckpoints | None:
    if saves is None or len(saves.interval_ms) == count:
        return saves
    return saves._replace(**{name: getattr(saves, name)[:count] for name in saves._fields})


def _of_energy(spent: Energy | None) -> list[str]:
    """Which parts of the energy are there at every site."""
    if spent is None or not spent.sites:
        return []
    parts = {
        "IT power": True,
        "losses": all(site.loss_kwh is not None for site in spent.sites),
        "cooling": all(site.cooling_kwh is not None for site in spent.sites),
        "water": all(site.water_m3 is not None for site in spent.sites),
        "carbon": all(site.carbon_kg is not None for site in spent.sites),
        "cost": all(site.cost is not None for site in spent.sites),
    }
    return [name for name, is_there in parts.items() if is_there]
