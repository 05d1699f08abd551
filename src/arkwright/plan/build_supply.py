"""Racks of a roll-out: what each holds, draws and costs to run, and when it may be ordered."""

from __future__ import annotations

import numpy as np

from arkwright import catalog
from arkwright.catalog import money as money_figures
from arkwright.design.money import terms_of
from arkwright.factory import quarters as calendar
from arkwright.factory.programme_spec import Generation
from arkwright.plan.axes import Axes, vendor
from arkwright.plan.given import Given, compute_of, rack_cost, racks_standing
from arkwright.plan.rack_power import mean, rack_mw
from arkwright.plan.rollout import Bools, Floats, Ints, Power, Supply

_MONTHS_PER_YEAR = 12.0


def supply(given: Given, power: Power) -> Supply:
    """Everything of `Supply`."""
    lines = given.axes
    kinds = lines.generations
    mw = rack_mw(given)
    lead = _leads(given)
    return Supply(
        generation_vendor=np.array(
            [lines.vendors.index(vendor(k.system)) for k in kinds], np.int64
        ),
        rack_gpus=np.array([catalog.system(k.system).gpus_per_rack for k in kinds], np.int64),
        rack_compute=_compute(given),
        rack_mw=mw,
        load_factor=np.array([_load_factor(given, site) for site in lines.sites]),
        rack_opex=_opex(given),
        rack_lead=lead,
        may_order=_may_order(given, power, mw, lead),
        allocation=_allocation(lines, power, mw),
        minimum=_minimum(given),
        racks_now=_standing(given),
    )


def lives(given: Given) -> Ints:
    """(G,) quarters from delivery until a rack is written off and gone, as planned."""
    years = terms_of(given.factory.money).it_life_years
    found = []
    for kind in given.axes.generations:
        months = kind.offered.life if kind.offered is not None else None
        if months is None:
            months = years * _MONTHS_PER_YEAR
            is_given = given.factory.money.it_life_years is not None
            source = (
                "money.it_life_years" if is_given else money_figures.figure("it_life").provenance
            )
            given.said.assume(kind.name, "life of racks", f"{years:g} years", source)
        found.append(calendar.whole(months))
    return np.array(found, np.int64)


def _compute(given: Given) -> Floats:
    """(G,) H100-equivalents a rack sells: GPUs x equivalents x share of hours it can be sold."""
    share = given.said.figure("programme", "availability", None)
    found = []
    for kind in given.axes.generations:
        each, source = compute_of(kind)
        given.said.assume(kind.name, "H100-equivalents of a GPU", f"{each:.3g}", source)
        found.append(catalog.system(kind.system).gpus_per_rack * each * share)
    return np.array(found)


def _load_factor(given: Given, site: str) -> float:
    return mean((held.load_factor for held in given.at_site(site)), 1.0)


def _opex(given: Given) -> Floats:
    lines, purse = given.axes, given.purse
    found = np.zeros((len(lines.places), len(lines.generations)))
    for (p, g), held in given.halls.items():
        if lines.generations[g].offered is None and held.rack_cost is None:
            continue
        found[p, g] = rack_cost(given, p, g) * purse.pick(held.rack_opex_share)
    return found


def _leads(given: Given) -> Ints:
    found = []
    for kind in given.axes.generations:
        if kind.offered is None:
            found.append(0)
            continue
        lead = given.said.months(
            kind.name, "delivery and burn-in", kind.offered.lead, ["gpus", "first-racks"]
        )
        found.append(calendar.whole(lead))
    return np.array(found, np.int64)


def _may_order(given: Given, power: Power, mw: Floats, lead: Ints) -> Bools:
    """Where it fits, while it is offered, and if it is delivered within the horizon as promised."""
    lines = given.axes
    at = np.arange(lines.quarters)
    found = np.zeros((len(lines.places), len(lines.generations), lines.quarters), bool)
    for p, g in given.halls:
        offered = lines.generations[g].offered
        if offered is None or mw[p, g] > power.hall_mw[p]:
            continue
        first = lines.index(offered.available, 0)
        last = lines.index(offered.end, lines.quarters - 1)
        found[p, g] = (at >= first) & (at <= last) & (at + lead[g] < lines.quarters)
    return found


def _allocation(lines: Axes, power: Power, mw: Floats) -> Floats:
    """(G, T); without a limit as many as all halls together hold, replaced in every quarter."""
    whole_mw = float(power.hall_mw @ (power.hall_count_max + power.halls_now))
    most = np.ceil(whole_mw / mw.min(axis=0)) if len(mw) else np.zeros(len(lines.generations))
    found = np.repeat(most[:, None], lines.quarters, axis=1)
    for g, kind in enumerate(lines.generations):
        if kind.offered is not None:
            _limited(found[g], lines, kind.offered)
    return found


def _limited(row: Floats, lines: Axes, offered: Generation) -> None:
    limit = offered.allocation
    if isinstance(limit, int):
        row[:] = limit
    elif limit is not None:
        steps = sorted(limit, key=lambda step: lines.index(step.start, 0))
        row[:] = 0.0
        for step in steps:
            row[max(0, lines.index(step.start, 0)) :] = step.racks


def _minimum(given: Given) -> Floats:
    """(G, T) ordered by the end of a quarter: contracts of one generation add up."""
    lines = given.axes
    found = np.zeros((len(lines.generations), lines.quarters))
    for contract in given.programme.supply.values():
        g = lines.generation(contract.generation)
        each = catalog.system(lines.generations[g].system).gpus_per_rack
        racks = contract.racks or -(-(contract.gpus or 0) // each)
        found[g, max(0, lines.index(contract.by, 0)) :] += racks
    return found


def _standing(given: Given) -> Floats:
    """(P, G, T) racks of halls that stand, until their life is over."""
    lines = given.axes
    found = np.zeros((len(lines.places), len(lines.generations), lines.quarters))
    life = lives(given)
    for p, place in enumerate(lines.places):
        if place.kind is not None:
            continue
        system = given.factory.sites[place.site].halls[place.hall].system
        g = next(at for at, kind in enumerate(lines.generations) if kind.system == system)
        since = given.programme.sites[place.site].since.get(place.hall)
        if since is None:
            given.said.assume(place.name, "age of its racks", "new", "since: not given")
        gone = lines.index(since, 0) + int(life[g])
        found[p, g, : max(0, gone)] = racks_standing(given.factory, place)
    return found
