"""Money as intent: the most whole racks that a budget builds, each count that is named designed.

The high end of the range of costs is what has to fit: a planner who is told a number can then build
it at the dearest prices that were read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from arkwright import catalog, units
from arkwright.catalog import parts
from arkwright.design.blueprint import Finding, Severity
from arkwright.design.money import Exchange
from arkwright.design.plant_cost import money_of
from arkwright.design.span import Span, total
from arkwright.design.whole import Design, whole
from arkwright.errors import InfeasibleError, InputError
from arkwright.factory import Factory, Hall
from arkwright.factory.weather import Weather

replace = msgspec.structs.replace
_TRIES = 40
"""Designs tried at most; five are usual, for costs follow the racks nearly in proportion."""
_GPUS_MAX = 5_000_000
"""As a factory may have (`factory.validate`)."""


class Open(NamedTuple):
    """A hall whose racks a budget decides."""

    site: str
    hall: str
    budget: str
    is_alone: bool
    """The budget is the hall's; else the whole factory's."""


def funded(
    factory: Factory, weather: Mapping[str, Weather] | None = None
) -> tuple[Factory, Design]:
    """`factory` with racks in every hall that gives a budget instead, and its design.

    Halls with a budget of their own come first, as if alone at their site; what is left of the
    factory's budget goes into the one hall without a number. InputError where a price is missing,
    InfeasibleError where not one rack fits.
    """
    years = weather or {}
    notes = []
    for hall in open_halls(factory):
        factory, note = _filled(factory, hall, years)
        notes.append(note)
    built = whole(factory, years)
    if not notes:
        return factory, built
    findings = (*notes, *built.findings)
    plan = replace(built.blueprint, findings=findings)
    return factory, replace(built, blueprint=plan, findings=findings)


def open_halls(factory: Factory) -> list[Open]:
    """Halls whose racks a budget decides, those with one of their own first."""
    found = []
    for name, site in factory.sites.items():
        for key, hall in site.halls.items():
            if (hall.gpus, hall.racks, hall.nodes) != (None, None, None):
                continue
            if hall.budget is not None:
                found.append(Open(name, key, hall.budget, is_alone=True))
            elif hall.power is None and factory.money.budget is not None:
                found.append(Open(name, key, factory.money.budget, is_alone=False))
    return sorted(found, key=lambda hall: not hall.is_alone)


def capex(factory: Factory, design: Design) -> Span:
    """What `design` costs to build, in the currency of `factory`; InputError without a price."""
    missing = {
        catalog.system(hall.system).title
        for site in design.sites
        for hall in site.plan.halls
        if parts.part_price(hall.system) is None
    }
    if missing:
        raise InputError(
            f"no price of {', '.join(sorted(missing))} was read: a budget says nothing"
        )
    return total(money_of(factory, design, site).capex_total for site in design.sites)


def limit_of(factory: Factory, budget: str) -> float:
    """`budget` in the currency of `factory`."""
    amount = units.parse_amount(budget)
    span = Span(amount.value, amount.value)
    return Exchange(factory.money).convert(span, amount.currency).high


def _filled(
    factory: Factory, hall: Open, weather: Mapping[str, Weather]
) -> tuple[Factory, Finding]:
    """`factory` with the most racks in `hall` that fit, and how that came out."""
    limit = limit_of(factory, hall.budget)
    asked = factory.sites[hall.site].halls[hall.hall]
    scope = _alone(factory, hall) if hall.is_alone else factory
    known: dict[int, Span] = {}

    def cost(racks: int) -> Span:
        if racks not in known:
            tried = _with_racks(scope, hall, racks)
            known[racks] = capex(tried, whole(tried, weather))
        return known[racks]

    most = _racks_max(asked)
    racks = most_racks(lambda count: cost(count).high, limit, most)
    system, currency = catalog.system(asked.system), factory.money.currency
    path = f"{hall.site}/{hall.hall}"
    if not racks:
        least = cost(1).text(currency)
        what = f"{hall.budget} builds no rack of {system.title}"
        where = path if hall.is_alone else f"{path}, beside the other halls"
        raise InfeasibleError(f"{where}: {what}: one takes {least}, and the high end has to fit")
    gpus = racks * system.gpus_per_rack
    text = (
        f"{hall.budget} builds {racks:,} racks of {system.title}, {gpus:,} GPUs: "
        f"{cost(racks).text(currency)} to build, and the high end has to fit"
    )
    if racks + 1 in known:
        text += f"; one rack more takes up to {known[racks + 1].high / limit:.2%} of the budget"
    elif racks == most:
        text += "; the power of the hall carries no more"
    note = Finding(severity=Severity.NOTE, where=path, text=text, rule="budget")
    return _with_racks(factory, hall, racks), note


def most_racks(cost: Callable[[int], float], limit: float, most: int) -> int:
    """The largest count up to `most` whose `cost` is within `limit`, 0 where none is.

    Each guess scales the last in proportion, between the most that fit and the fewest that do not.
    `cost` has to rise with the count; then the next count was tried and does not fit.
    """
    fits, fails = 0, most + 1
    racks = 1
    for number in range(_TRIES):
        if fails - fits <= 1:
            break
        spent = cost(racks)
        if spent <= limit:
            fits = racks
        else:
            fails = racks
        guess = math.floor(racks * limit / spent)
        # Where costs have steps, scaling creeps: then halve what is left.
        racks = guess if number < _TRIES // 4 else (fits + fails) // 2
        racks = min(fails - 1, max(fits + 1, racks))
    return fits


def _racks_max(hall: Hall) -> int:
    system = catalog.system(hall.system)
    racks = _GPUS_MAX // system.gpus_per_rack
    if hall.power is not None:
        racks = min(racks, math.floor(hall.power / system.rack_power_kw_max))
    return racks


def _alone(factory: Factory, hall: Open) -> Factory:
    """A factory of that one hall."""
    site = factory.sites[hall.site]
    only = replace(site, halls={hall.hall: site.halls[hall.hall]}, links={})
    return replace(factory, sites={hall.site: only})


def _with_racks(factory: Factory, hall: Open, racks: int) -> Factory:
    site = factory.sites[hall.site]
    filled = replace(site.halls[hall.hall], racks=racks, budget=None)
    halls = {**site.halls, hall.hall: filled}
    return replace(factory, sites={**factory.sites, hall.site: replace(site, halls=halls)})


def over_budget(factory: Factory, design: Design) -> Iterator[tuple[Span, float]]:
    """The cost of `design` and the factory's budget, where the high end is above it."""
    if factory.money.budget is None:
        return
    cost, limit = capex(factory, design), limit_of(factory, factory.money.budget)
    if cost.high > limit:
        yield cost, limit
