"""Rules between fields of a factory: every broken one is reported, with its line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator

from arkwright import catalog, units
from arkwright.catalog import parts, plant
from arkwright.documents import Node, where_of
from arkwright.errors import Problem, UnitError
from arkwright.factory.contract_rules import contract_rules
from arkwright.factory.declared_rules import declared_rules
from arkwright.factory.engine_rules import engine_rules
from arkwright.factory.futures_rules import futures_rules
from arkwright.factory.inventory_rules import inventory_rules
from arkwright.factory.plant_spec import Climate
from arkwright.factory.programme_rules import programme_rules
from arkwright.factory.programme_spec import Programme
from arkwright.factory.quota_rules import quota_rules
from arkwright.factory.spec import (
    Energy,
    EngineKind,
    Factory,
    Hall,
    Ownership,
    Placement,
    Policy,
    Site,
)

_GPUS_MAX = 5_000_000
"""Beyond this a blueprint no longer fits a laptop; no announced campus comes near."""

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""


def validate(factory: Factory, tree: Node | None = None) -> list[Problem]:
    """Problems of a well-typed factory, in file order of the sections; empty when there are none.

    `tree` gives the lines; without it problems name the factory only.
    """
    rules: tuple[Callable[[Factory], Found], ...] = (
        _not_yet,
        _sites,
        _organisations,
        _energy,
        _money,
        programme_rules,
        futures_rules,
        declared_rules,
    )
    return [
        Problem(_where(tree, key, factory), key, found, right)
        for rule in rules
        for key, found, right in rule(factory)
    ]


def validate_runnable(factory: Factory, tree: Node | None = None) -> list[Problem]:
    """What keeps a valid factory from being run here and now (`arkwright up`)."""
    return [
        Problem(_where(tree, key, factory), key, found, right)
        for key, found, right in _runnable(factory)
    ]


def _not_yet(factory: Factory) -> Found:
    held: list[tuple[str, object, tuple[str, ...]]] = [
        ("", factory, ("workloads", "failures")),
        ("policy", factory.policy, ("power_tiers",)),
        ("energy", factory.energy, ("series", "programmes")),
    ]
    for name, site in factory.sites.items():
        if site.energy is not None:
            held.append((f"sites.{name}.energy", site.energy, ("series", "programmes")))
    for path, section, keys in held:
        for key in keys:
            if getattr(section, key) is not None:
                yield f"{path}.{key}".lstrip("."), "not yet: nothing acts on it", "leave it out"


def _sites(factory: Factory) -> Found:
    programme = factory.programme or Programme()
    if not factory.sites and not programme.declared:
        yield "sites", "there is no site", "add one, for example sites: {narvik: {country: NO, …}}"
    named = {*programme.sites, *(at for said in programme.declared.values() for at in said.sites)}
    for name, site in factory.sites.items():
        path = f"sites.{name}"
        is_empty = not site.halls and site.engine is None and site.inventory is None
        if is_empty and name not in named:
            yield path, "it has neither halls nor an engine", "add halls, or engine: {kind: local}"
        if site.inventory is not None:
            yield from inventory_rules(f"{path}.inventory", site.inventory)
        for hall_name, hall in site.halls.items():
            yield from _hall(f"{path}.halls.{hall_name}", hall_name, hall, factory)
        yield from engine_rules(f"{path}.engine", site.engine)
        yield from _climate(f"{path}.climate", site.climate)
        yield from _plant(path, site)
        yield from _network(path, site, factory)
    gpus = sum(_gpus(hall) for site in factory.sites.values() for hall in site.halls.values())
    if gpus > _GPUS_MAX:
        yield "sites", f"{gpus:,} GPUs", f"a factory may have at most {_GPUS_MAX:,}"


def _climate(path: str, climate: Climate) -> Found:
    synthetic = [key for key in ("mean", "season", "day") if getattr(climate, key) is not None]
    if climate.weather is not None and synthetic:
        yield (
            f"{path}.{synthetic[0]}",
            "it is of a synthetic year; weather is given",
            "leave it out",
        )
    for key in ("place", "year", "utc_offset"):
        if climate.weather is None and getattr(climate, key) is not None:
            yield f"{path}.{key}", "there is no weather file", "add weather: FILE, or leave it out"


def _plant(path: str, site: Site) -> Found:
    supply = site.cooling.supply.strip()
    if supply not in plant.water_classes():
        try:
            supply_c = units.parse(supply, "°C")
        except UnitError as error:
            yield f"{path}.cooling.supply", str(error), "a class such as W45, or for example 32 °C"
        else:
            least, most = plant.figure("supply_min"), plant.figure("supply_max")
            if not least <= supply_c <= most:
                right = f"from {least:g} to {most:g} °C"
                yield f"{path}.cooling.supply", f"{supply_c:g} °C", right
    busways = [part.name for part in plant.power_parts().values() if part.kind == "busway"]
    if site.power.busway is not None and site.power.busway not in busways:
        found = f"unknown busway {site.power.busway!r}"
        yield f"{path}.power.busway", found, f"known: {', '.join(busways)}"


def _hall(path: str, name: str, hall: Hall, factory: Factory) -> Found:
    known = list(catalog.systems())
    if hall.system not in known:
        near = difflib.get_close_matches(hall.system.lower(), known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        right = f"{hint}known systems: {', '.join(known)}"
        yield f"{path}.system", f"unknown system {hall.system!r}", right
    given = [key for key in ("gpus", "racks", "nodes") if getattr(hall, key) is not None]
    if len(given) > 1:
        yield path, f"both {' and '.join(given)}", "give one of them, for example gpus: 5184"
    yield from _amount(f"{path}.budget", hall.budget)
    if given and hall.budget is not None:
        found = f"both {given[0]} and a budget"
        yield f"{path}.budget", found, "leave one out; a limit on all is money: {budget: …}"
    if not given and hall.power is None and hall.budget is None and factory.money.budget is None:
        found = "neither gpus nor racks nor nodes nor power nor budget"
        yield path, found, "give one of them, for example gpus: 5184"
    system = catalog.systems().get(hall.system)
    if not given and hall.power is not None and system and not _racks_by_power(hall, system):
        found = f"{units.render(hall.power, 'kW')} carry no rack of {system.title}"
        right = f"give at least {units.render(system.rack_power_kw_max, 'kW')}"
        yield f"{path}.power", found, right
    if name == "local":
        yield path, "the name local is taken by the nodes of an engine", "call the hall h1"


def _gpus(hall: Hall) -> int:
    system = catalog.systems().get(hall.system)
    if hall.nodes:
        return hall.nodes * (system.gpus_per_node if system else 1)
    if hall.gpus:
        return hall.gpus
    racks = hall.racks or (_racks_by_power(hall, system) if system else 0)
    return racks * (system.gpus_per_rack if system else 1)


def _racks_by_power(hall: Hall, system: catalog.System) -> int:
    """Racks that the hall's power carries at their maximum, where it says nothing else."""
    return 0 if hall.power is None else int(hall.power // system.rack_power_kw_max)


def _network(path: str, site: Site, factory: Factory) -> Found:
    known = parts.switches()
    if site.fabric.switch is not None and site.fabric.switch not in known:
        found = f"unknown switch {site.fabric.switch!r}"
        yield f"{path}.fabric.switch", found, f"known switches: {', '.join(known)}"
    if site.storage.checkpoint_within is not None and site.storage.checkpoint is None:
        right = "give checkpoint too, for example checkpoint: 782 GB"
        yield f"{path}.storage.checkpoint_within", "there is no checkpoint to write", right
    for other, link in site.links.items():
        here = f"{path}.links.{other}"
        if other not in factory.sites or factory.sites[other] is site:
            right = f"use {', '.join(factory.sites)}"
            yield here, f"no other site is called {other}", right
            continue
        lost = [place for place in (site, factory.sites[other]) if place.location is None]
        if link.distance is None and lost:
            right = "give distance, or the location of both sites"
            yield f"{here}.distance", "nobody knows how far it is", right


def _organisations(factory: Factory) -> Found:
    for name, organisation in factory.organisations.items():
        path = f"organisations.{name}"
        yield from _residency(f"{path}.residency", organisation.residency, factory)
        yield from quota_rules(path, organisation)
        yield from contract_rules(path, organisation)
        for project, spec in organisation.projects.items():
            key = f"{path}.projects.{project}.residency"
            yield from _residency(key, spec.residency, factory)


def _residency(path: str, allowed: tuple[str, ...], factory: Factory) -> Found:
    countries = sorted({site.country for site in factory.sites.values() if site.country})
    for index, place in enumerate(allowed):
        if place not in factory.sites and place not in countries:
            here = ", ".join([*factory.sites, *countries])
            yield f"{path}[{index}]", f"no site is called {place} or lies there", f"use {here}"


def _energy(factory: Factory) -> Found:
    sections: list[tuple[str, Energy | None]] = [("energy", factory.energy)]
    sections += [(f"sites.{name}.energy", site.energy) for name, site in factory.sites.items()]
    for path, energy in sections:
        if energy is not None and energy.price is not None:
            try:
                units.parse_price(energy.price)
            except UnitError as error:
                yield f"{path}.price", str(error), "for example 80 EUR/MWh"
    policy = factory.policy
    if policy.time_limit_max and (policy.time_limit_default or 0) > policy.time_limit_max:
        most = units.render(policy.time_limit_max, "s")
        found = f"it is longer than time_limit_max ({most})"
        yield "policy.time_limit_default", found, f"give at most {most}"
    yield from _typical_jobs(policy)


def _amount(path: str, text: str | None) -> Found:
    try:
        if text is not None and units.parse_amount(text).value <= 0:
            yield path, f"{text} buys nothing", "for example 2.5 B USD"
    except UnitError as error:
        yield path, str(error), "for example 2.5 B USD"


def _money(factory: Factory) -> Found:
    money = factory.money
    yield from _amount("money.budget", money.budget)
    if money.budget is not None:
        left = [
            f"sites.{name}.halls.{key}"
            for name, site in factory.sites.items()
            for key, hall in site.halls.items()
            if (hall.gpus, hall.racks, hall.nodes, hall.power, hall.budget) == (None,) * 5
        ]
        for path in left[1:]:
            found = f"{left[0]} has no number of racks either"
            yield path, found, "only one hall gets what the budget leaves; give gpus here"
    if money.currency in money.rates:
        right = "leave it out: it is worth 1 of itself"
        yield f"money.rates.{money.currency}", "it is the currency of the totals", right


def _typical_jobs(policy: Policy) -> Found:
    if policy.placement is Placement.FGD and not policy.typical_jobs:
        right = "add typical_jobs, for example [{gpus_per_node: 1, cpus_per_node: 8, weight: 3}]"
        yield "policy.placement", "fgd judges nodes by typical jobs, and none are given", right
    for index, job in enumerate(policy.typical_jobs):
        if job.gpus_per_node > 1 and job.gpus_per_node % 1:
            key = f"policy.typical_jobs[{index}].gpus_per_node"
            yield key, f"{job.gpus_per_node:g} GPUs", "whole GPUs, or a part of one"


def _runnable(factory: Factory) -> Found:
    engines = {name: site.engine for name, site in factory.sites.items() if site.engine}
    for name, engine in engines.items():
        if engine.kind is EngineKind.KUBERNETES:
            yield f"sites.{name}.engine.kind", f"not yet: {engine.kind.value}", "use local or slurm"
        if engine.ownership is Ownership.SHARED and engine.kind is not EngineKind.SLURM:
            yield f"sites.{name}.engine.ownership", "not yet: shared", "use exclusive"
    if engines and not factory.organisations:
        right = "add one, for example organisations: {lab: {}}"
        yield "organisations", "there is none, so nobody could submit a job", right
    if not engines:
        right = "add to a site: engine: {kind: local, nodes: 4, gpus_per_node: 2}"
        yield "sites", "no site has an engine to run jobs", right


def _where(tree: Node | None, key: str, factory: Factory) -> str:
    return f"factory {factory.factory}" if tree is None else where_of(tree, key)
