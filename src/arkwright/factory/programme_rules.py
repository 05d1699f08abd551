"""Rules of the `programme` section: its horizon, sites, generations and supply.

What it says of money and buyers is in `programme_money_rules`.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator

from msgspec import Struct, structs

from arkwright import catalog, units
from arkwright.catalog import parts
from arkwright.catalog import programme as figures
from arkwright.factory import quarters
from arkwright.factory.programme_money_rules import amount, money_rules
from arkwright.factory.programme_spec import (
    Generation,
    HallKind,
    Programme,
    ProgrammeSite,
    Supply,
)
from arkwright.factory.spec import Factory, Site
from arkwright.factory.terms import energy_at

Found = Iterator[tuple[str, str, str]]
"""Key path, what was found, what would be right."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ELSEWHERE = ("futures", "declared")
"""Sections with rules of their own."""
_QUARTERS_MAX = 120
"""Thirty years: beyond it a plan of single quarters says nothing."""


def programme_rules(factory: Factory) -> Found:
    """Every broken one. A programme that is only declared is audited, and has none here."""
    programme = factory.programme
    if programme is None or is_declared_only(programme):
        return
    yield from _horizon(programme)
    yield from _dates(programme)
    span = _span(programme)
    if span is not None and span[1] < span[0]:
        programme = structs.replace(programme, start=None, end=None)
    yield from _sites(factory, programme)
    for name, generation in programme.generations.items():
        yield from _generation(f"programme.generations.{name}", factory, programme, generation)
    for name, contract in programme.supply.items():
        yield from _supply(f"programme.supply.{name}", programme, contract)
    yield from money_rules(factory, programme)


def is_declared_only(programme: Programme) -> bool:
    """Whether there is nothing to plan: statements to audit, and perhaps what may happen."""
    planned = (programme.start, programme.end)
    return planned == (None, None) and not (
        programme.sites or programme.generations or programme.demand or programme.supply
    )


def _horizon(programme: Programme) -> Found:
    for key, given, example in (
        ("from", programme.start, "2026-Q4"),
        ("until", programme.end, "2031-Q4"),
    ):
        if given is None:
            right = f"add {key}: {example}"
            yield f"programme.{key}", "it is missing", right
    for key, held, right in (
        ("sites", programme.sites, "add one, for example sites: {narvik: {halls: …}}"),
        ("generations", programme.generations, "add one, for example {gb300: {system: …}}"),
        ("demand", programme.demand, "add one, for example {market: {compute: 20000}}"),
    ):
        if not held:
            yield f"programme.{key}", "there is none, so there is nothing to plan", right
    span = _span(programme)
    if span is not None and span[1] < span[0]:
        found = f"{programme.end} is before its start, {programme.start}"
        yield "programme.until", found, "give a later quarter"
    elif span is not None and span[1] - span[0] >= _QUARTERS_MAX:
        found = f"{span[1] - span[0] + 1} quarters"
        yield "programme.until", found, f"plan at most {_QUARTERS_MAX}"


def _span(programme: Programme) -> tuple[int, int] | None:
    """First and last quarter; None where one is missing or no date."""
    first, last = quarters.known(programme.start), quarters.known(programme.end)
    return None if first is None or last is None else (first, last)


def _dates(programme: Programme) -> Found:
    """Days that no calendar has, wherever they stand."""
    for key, written in _days(programme, "programme"):
        if quarters.known(written) is None:
            right = "give a quarter such as 2027-Q2, or a day such as 2027-05-17"
            yield key, f"there is no such day as {written}", right


def _days(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every text of the form of a day, with its key."""
    if isinstance(value, Struct):
        written = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        for name, key in written:
            if name not in _ELSEWHERE:
                yield from _days(getattr(value, name), f"{path}.{key}")
    elif isinstance(value, dict):
        for key, held in value.items():
            yield from _days(held, f"{path}.{key}")
    elif isinstance(value, tuple):
        for at, held in enumerate(value):
            yield from _days(held, f"{path}[{at}]")
    elif isinstance(value, str) and _DAY.fullmatch(value):
        yield path, value


def _sites(factory: Factory, programme: Programme) -> Found:
    for name, plan in programme.sites.items():
        path = f"programme.sites.{name}"
        site = factory.sites.get(name)
        if site is None:
            hint = _near(name, factory.sites)
            right = f"{hint}add it to sites: {{{name}: {{country: NO}}}}"
            yield path, f"no site is called {name}", right
            continue
        if site.country is None:
            right = f"add sites: {{{name}: {{country: NO}}}}"
            yield path, "its country is not given; prices and residency depend on it", right
        elif energy_at(factory, name).price is None:
            right = f"add sites: {{{name}: {{energy: {{price: 60 EUR/MWh}}}}}}"
            yield path, f"no price of electricity in {site.country} is known", right
        yield from _standing(path, site, plan, programme)
        yield from _tranches(path, factory, site, plan, programme)
        for hall, kind in plan.halls.items():
            yield from _hall(f"{path}.halls.{hall}", factory, kind, programme)


def _standing(path: str, site: Site, plan: ProgrammeSite, programme: Programme) -> Found:
    for hall in plan.halls:
        if hall in site.halls:
            right = "give the new kind another name: one that stands is not built again"
            yield f"{path}.halls.{hall}", f"a hall {hall} stands there already", right
    for hall, held in site.halls.items():
        counts = (held.gpus, held.racks, held.nodes, held.power)
        if counts == (None,) * len(counts):
            right = f"give racks in sites: {{…: {{halls: {{{hall}: {{racks: 8}}}}}}}}"
            yield path, f"its hall {hall} stands, and nobody says how many racks", right
    for hall, since in plan.since.items():
        key = f"{path}.since.{hall}"
        if hall not in site.halls:
            stands = ", ".join(site.halls) or "none"
            yield key, f"no hall {hall} stands there", f"those that stand: {stands}"
        begun, first = quarters.known(since), quarters.known(programme.start)
        if begun is not None and first is not None and begun > first:
            found = f"{since} is after the programme's start, {programme.start}"
            yield key, found, "what comes later is ordered by the plan; give an earlier quarter"


def _tranches(
    path: str, factory: Factory, site: Site, plan: ProgrammeSite, programme: Programme
) -> Found:
    reachable_kw = (site.grid.connection or 0.0) + sum(each.power for each in plan.tranches)
    before: str | None = None
    for at, tranche in enumerate(plan.tranches):
        key = f"{path}.tranches[{at}]"
        if tranche.power <= 0:
            yield f"{key}.power", "a tranche of nothing", "for example 60 MW"
        yield from amount(f"{key}.cost", tranche.cost, factory.money)
        yield from _after_end(f"{key}.earliest", tranche.earliest, programme)
        own, earlier = quarters.known(tranche.earliest), quarters.known(before)
        if own is not None and earlier is not None and own < earlier:
            found = f"{tranche.earliest} is before {before}, the earliest of the tranche above"
            yield f"{key}.earliest", found, "they are started in the order written: swap them"
        if tranche.offtake > reachable_kw:
            found = f"{units.render(tranche.offtake, 'kW')} of racks"
            right = f"the site has at most {units.render(reachable_kw, 'kW')} with every tranche"
            yield f"{key}.offtake", found, right
        before = tranche.earliest or before


def _hall(path: str, factory: Factory, kind: HallKind, programme: Programme) -> Found:
    yield from amount(f"{path}.cost", kind.cost, factory.money)
    yield from _after_end(f"{path}.earliest", kind.earliest, programme)
    known = catalog.systems()
    offered = [known[g.system] for g in programme.generations.values() if g.system in known]
    if not offered:
        return
    lightest = min(offered, key=lambda system: system.rack_power_kw_max)
    least = units.render(lightest.rack_power_kw_max, "kW")
    if kind.power < lightest.rack_power_kw_max:
        found = f"{units.render(kind.power, 'kW')} carry no rack of any generation"
        yield f"{path}.power", found, f"give at least {least}, a rack of {lightest.title}"
    elif kind.density is not None and kind.density < lightest.rack_power_kw_max:
        found = f"{units.render(kind.density, 'kW')} is below every rack that is offered"
        yield f"{path}.density", found, f"give at least {least}, a rack of {lightest.title}"
    elif not kind.liquid and all(system.liquid_fraction for system in offered):
        found = "every generation that is offered needs liquid"
        yield f"{path}.liquid", found, "leave it out, or offer racks that air cools"


def _generation(path: str, factory: Factory, programme: Programme, generation: Generation) -> Found:
    system = catalog.systems().get(generation.system)
    if system is None:
        known = list(catalog.systems())
        right = f"{_near(generation.system, known)}known systems: {', '.join(known)}"
        yield f"{path}.system", f"unknown system {generation.system!r}", right
    else:
        if generation.price is None and parts.part_price(system.name) is None:
            found = f"no price of {system.title} was read"
            yield f"{path}.price", found, "give that of a rack, for example price: 4 M USD"
        if generation.compute is None and figures.gpu_compute(system.gpu) is None:
            found = f"nobody was read who compares {system.gpu} with an H100"
            yield f"{path}.compute", found, "give H100-equivalents of a GPU, for example 2.5"
    yield from amount(f"{path}.price", generation.price, factory.money)
    if generation.life is not None and generation.life <= 0:
        yield f"{path}.life", "a life of nothing", "for example 5 years"
    yield from _after_end(f"{path}.available", generation.available, programme)
    first, last = quarters.known(generation.available), quarters.known(generation.end)
    begin = quarters.known(programme.start)
    if first is not None and last is not None and last < first:
        found = f"{generation.end} is before it is available, {generation.available}"
        yield f"{path}.until", found, "give a later quarter"
    elif last is not None and begin is not None and last < begin:
        found = f"{generation.end} is before the programme begins, {programme.start}"
        yield f"{path}.until", found, "leave the generation out, or give a later quarter"
    if isinstance(generation.allocation, tuple):
        steps = [quarters.known(step.start) for step in generation.allocation]
        for at, (above, below) in enumerate(itertools.pairwise(steps)):
            if above is not None and below is not None and below <= above:
                found = f"{generation.allocation[at + 1].start} is not after the step above"
                yield f"{path}.allocation[{at + 1}].from", found, "write them in order, each once"


def _supply(path: str, programme: Programme, contract: Supply) -> Found:
    generation = programme.generations.get(contract.generation)
    if generation is None:
        known = ", ".join(programme.generations) or "none"
        right = f"{_near(contract.generation, programme.generations)}known: {known}"
        yield f"{path}.generation", f"no generation is called {contract.generation}", right
    if (contract.racks is None) == (contract.gpus is None):
        found = "neither racks nor gpus" if contract.racks is None else "both racks and gpus"
        yield path, found, "give one of them, for example racks: 200"
    by, begin = quarters.known(contract.by), quarters.known(programme.start)
    if by is not None and begin is not None and by < begin:
        found = f"{contract.by} is before the programme begins, {programme.start}"
        yield f"{path}.by", found, "leave it out: what was ordered before is no decision"
        return
    first = quarters.known(generation.available) if generation is not None else None
    if by is not None and first is not None and by < first and generation is not None:
        found = f"{contract.by} is before it is available, {generation.available}"
        yield f"{path}.by", found, "give a later quarter"


def _after_end(key: str, written: str | None, programme: Programme) -> Found:
    at, last = quarters.known(written), quarters.known(programme.end)
    if at is not None and last is not None and at > last:
        found = f"{written} is after the programme's end, {programme.end}"
        yield key, found, "leave it out of this programme, or end later"


def _near(written: str, known: Iterable[str]) -> str:
    longer = [name for name in known if name.startswith(written.lower())]
    close = longer or difflib.get_close_matches(written, list(known), n=1)
    return f"did you mean {close[0]}? " if close else ""
