"""A loaded scenario to what a run takes: setting, jobs, outages, checkpoints, pace, events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import structs

from arkwright.design.budget import funded
from arkwright.design.whole import Design
from arkwright.errors import InputError
from arkwright.factory import Factory
from arkwright.factory.series import load_weather
from arkwright.factory.weather import Weather
from arkwright.twin.checkpoint import Checkpoints, JobCheckpoints, job_checkpoints, wall_ms_all
from arkwright.twin.failures import (
    FailureSpec,
    failure_spec,
    outages,
    strikes_nothing,
    topology_of,
)
from arkwright.twin.fitting import fitting
from arkwright.twin.outcome import Happening
from arkwright.twin.record import Outages
from arkwright.twin.run import Conditions, Saving
from arkwright.twin.scenario.happenings import made_of, with_planned
from arkwright.twin.scenario.load import Loaded, Site
from arkwright.twin.scenario.sources import jobs_of
from arkwright.twin.scenario.spec import Scenario
from arkwright.twin.setting import Setting, gpus_of_node, of_factory
from arkwright.twin.workload.table import JobTable
from arkwright.units import MILLI

_LONG_MS = 10**15
"""Beyond any horizon, for events of a run that goes on until all jobs are over."""


class Prepared(NamedTuple):
    """One run, ready to go."""

    site: Site
    built: Design
    setting: Setting
    jobs: JobTable
    from_ms: int
    until_ms: int | None
    conditions: Conditions
    checkpoints: JobCheckpoints | None
    happenings: tuple[Happening, ...]
    modelled: tuple[str, ...]
    notes: tuple[str, ...]
    seed: int


def prepared(loaded: Loaded, site: Site, seed: int) -> Prepared:
    """Everything that one run of `site` takes; InputError for what does not fit together."""
    scenario = loaded.scenario
    weather = weather_of(site.factory, site.folder)
    found, built = funded(site.factory, weather)
    setting = of_factory(found, built)
    if not setting.nodes:
        raise InputError(f"simulating {scenario.name}: factory {found.factory} has no nodes")
    gpus = int(setting.places.gpus.sum())
    jobs = jobs_of(scenario, loaded.folder, gpus, seed)
    table, misfits = fitting(setting, jobs.table)
    if not len(table):
        raise InputError(f"simulating {scenario.name}: {misfits}")
    is_service = np.isin(table.workload.codes, jobs.services)
    notes = [*jobs.notes, *([misfits] if misfits else [])]
    from_ms, until_ms = jobs.from_ms, jobs.until_ms
    spec = None if scenario.failures == "none" else failure_spec(scenario.failures)
    drawn, said = _outages(spec, setting, built, from_ms, until_ms, seed)
    asked = scenario.checkpoints or (Checkpoints() if spec is not None else None)
    saves = _checkpoints(asked, spec, setting, table, is_service)
    made = made_of(
        scenario, loaded.tree, setting, from_ms, _LONG_MS if until_ms is None else until_ms
    )
    return Prepared(
        site=site,
        built=built,
        setting=setting,
        jobs=_with_writing(table, saves),
        from_ms=from_ms,
        until_ms=until_ms,
        conditions=Conditions(
            outages=with_planned(drawn, made.out),
            saving=None if saves is None else Saving(saves.period_ms, saves.restart_ms),
            pace=scenario.pace or None,
            events=made.events if len(made.events) else None,
        ),
        checkpoints=saves,
        happenings=made.told,
        modelled=_modelled(scenario, setting, spec, asked),
        notes=(*notes, *said, *_unknown_projects(setting, table)),
        seed=seed,
    )


def weather_of(found: Factory, folder: Path) -> dict[str, Weather]:
    """The years of the sites that name a weather file, relative to the factory file."""
    named = {name: site.climate for name, site in found.sites.items() if site.climate.weather}
    return {
        name: load_weather(folder / (climate.weather or ""), climate)
        for name, climate in named.items()
    }


def policy_of(found: Factory) -> dict[str, Any]:
    """What the policy says, by the words of the file; what is left out of it is not there."""
    plain: Mapping[str, Any] = msgspec.to_builtins(found.policy)
    return {key: value for key, value in plain.items() if value is not None and value != ()}


def _outages(
    spec: FailureSpec | None,
    setting: Setting,
    built: Design,
    from_ms: int,
    until_ms: int | None,
    seed: int,
) -> tuple[Outages | None, list[str]]:
    if spec is None or until_ms is None:
        return None, []
    topology = topology_of(built, setting.places)
    idle = strikes_nothing(spec, topology)
    said = [f"failures of {', '.join(idle)} strike nothing: no node hangs on one"] if idle else []
    return outages(spec, setting.places, topology, from_ms, until_ms, seed), said


def _checkpoints(
    asked: Checkpoints | None,
    spec: FailureSpec | None,
    setting: Setting,
    table: JobTable,
    is_service: np.ndarray,
) -> JobCheckpoints | None:
    """Of each job; replicas of services have nothing to lose, so they save all the time."""
    if asked is None and not is_service.any():
        return None
    per_node = gpus_of_node(setting)
    gpus = np.maximum(table.gpus_milli / MILLI, 1e-3)
    nodes = np.where(table.nodes > 0, table.nodes, np.maximum(1, np.ceil(gpus / per_node)))
    rate = 0.0 if spec is None else spec.node_per_1000_days(per_node)
    quiet = asked or Checkpoints(enabled=False)
    found = job_checkpoints(quiet, nodes.astype(np.int64), gpus, rate)
    if not is_service.any():
        return found
    return found._replace(
        interval_ms=np.where(is_service, 1, found.interval_ms),
        cost_ms=np.where(is_service, 0, found.cost_ms),
    )


def _with_writing(table: JobTable, saves: JobCheckpoints | None) -> JobTable:
    """Jobs last what their work and the writing of their checkpoints take, and ask for as much
    more."""
    if saves is None:
        return table
    wall_ms = wall_ms_all(table.run_ms, saves.interval_ms, saves.cost_ms)
    more = wall_ms - table.run_ms
    asked = np.where(table.estimate_ms >= 0, table.estimate_ms + more, table.estimate_ms)
    return structs.replace(table, run_ms=wall_ms, estimate_ms=asked)


def _unknown_projects(setting: Setting, table: JobTable) -> list[str]:
    known = setting.names.row_of_project
    unknown = [name for name in table.project.names if name not in known]
    used = np.unique(table.project.codes)
    lost = [name for code, name in enumerate(table.project.names)
            if name in unknown and code in used]  # fmt: skip
    if not lost or not known:
        return []
    shown = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
    return [
        f"{len(lost)} projects of the jobs are none of the factory's ({shown}): no quota holds them"
    ]


def _modelled(
    scenario: Scenario, setting: Setting, spec: FailureSpec | None, asked: Checkpoints | None
) -> tuple[str, ...]:
    has_quota = any(quota.gpus_limit is not None or quota.guarantee is not None
                    for quota in setting.names.projects)  # fmt: skip
    has_power = any(limit.limit_w is not None for limit in setting.names.power_limits)
    parts = {
        "scheduling": True,
        "topology": True,
        "quota": has_quota,
        "power limits": has_power,
        "failures": spec is not None,
        "checkpoints": asked is not None and asked.enabled,
        "slow-down by distance": bool(scenario.pace),
        "services": bool(scenario.services),
        "preemption": setting.policy.preemption.enabled,
        "events": bool(scenario.events),
    }
    return tuple(name for name, is_there in parts.items() if is_there)
