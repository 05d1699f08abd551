"""Whether a site's connection carries what was asked for, and the nearest that it does carry."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from arkwright import catalog, units
from arkwright.design.blueprint import Finding, HallPlan, Severity, SitePlan
from arkwright.design.lower import CONNECTION_RULE
from arkwright.design.site_power import SitePower
from arkwright.factory import Factory, PowerBasis

_FIGURES = 4
"""Significant figures of a demand: parts are not known better."""
_TRIES = 8
"""Designs that are tried to find the most racks that fit; three or four are usual."""


class Shortfall(Struct, frozen=True, kw_only=True):
    """A connection that does not carry what was asked for."""

    site: str
    basis: str
    limit_kw: float
    demand_kw: float
    gpus_asked: int
    gpus_fit: int
    """In whole racks: the most found whose design the connection carries."""
    pue: float
    """Yearly mean of the design that fits (or of the one asked for, where none does)."""

    def __str__(self) -> str:
        limit = units.render(self.limit_kw, "kW")
        demand = units.render(self.demand_kw, "kW", _FIGURES)
        over = units.render(self.demand_kw - self.limit_kw, "kW", _FIGURES)
        return (
            f"{limit} of {self.basis} carries {self.gpus_fit:,} GPUs at PUE {self.pue:.2f}; you "
            f"asked for {self.gpus_asked:,}, which take {demand} at maximum, {over} too much"
        )


def connection_findings(plan: SitePlan, power: SitePower) -> Iterator[Finding]:
    """The site's demand against its connection, on the connection's own basis."""
    demand_kw = power.demand_kw(PowerBasis(power.connection_basis))
    limit_kw = power.connection_kw
    if limit_kw is None or demand_kw is None or demand_kw <= limit_kw:
        return
    demand = units.render(demand_kw, "kW", _FIGURES)
    over = units.render(demand_kw - limit_kw, "kW", _FIGURES)
    text = (
        f"{power.connection_basis} demand of {demand} at maximum exceeds the connection of "
        f"{units.render(limit_kw, 'kW')} by {over}; build fewer racks, ask for more grid, or cap "
        "power"
    )
    yield Finding(severity=Severity.WARNING, where=plan.name, text=text, rule=CONNECTION_RULE)


def nearest(
    factory: Factory,
    plan: SitePlan,
    power: SitePower,
    powered: Callable[[Factory], SitePower | None],
) -> Shortfall | None:
    """What the connection of `plan` carries, where that is less than was asked for.

    `powered` designs a factory of that one site; each count is tried, not scaled.
    """
    demand_kw = power.demand_kw(PowerBasis(power.connection_basis))
    limit_kw = power.connection_kw
    if limit_kw is None or demand_kw is None or demand_kw <= limit_kw:
        return None
    basis = PowerBasis(power.connection_basis)
    gpus, pue = 0, power.pue
    fits, fails = 0, plan.racks
    racks = _scaled(plan.racks, limit_kw / demand_kw)
    for _ in range(_TRIES):
        racks = min(fails - 1, max(fits + 1, racks))
        if fails - fits <= 1:
            break
        counts = _shares(plan.halls, racks)
        tried = powered(_with_racks(factory, plan, counts))
        needed_kw = None if tried is None else tried.demand_kw(basis)
        if tried is not None and needed_kw is not None and needed_kw <= limit_kw:
            fits, gpus, pue = racks, _gpus(plan.halls, counts), tried.pue
        else:
            fails = racks
        racks = _scaled(racks, limit_kw / needed_kw) if needed_kw else (fits + fails) // 2
    return Shortfall(
        site=plan.name,
        basis=power.connection_basis,
        limit_kw=limit_kw,
        demand_kw=demand_kw,
        gpus_asked=sum(hall.gpus_asked or hall.gpus for hall in plan.halls),
        gpus_fit=gpus,
        pue=pue,
    )


def _scaled(racks: int, share: float) -> int:
    return math.floor(racks * share + 1e-9)


def _shares(halls: Sequence[HallPlan], racks: int) -> list[int]:
    """`racks` in proportion to the halls, earlier halls first where it does not come out even."""
    total = sum(hall.racks for hall in halls)
    edges = [0]
    for hall in halls:
        edges.append(edges[-1] + hall.racks)
    cuts = [-(-edge * racks // total) for edge in edges]
    return [last - first for first, last in itertools.pairwise(cuts)]


def _gpus(halls: Sequence[HallPlan], counts: Sequence[int]) -> int:
    pairs = zip(halls, counts, strict=True)
    return sum(catalog.system(hall.system).gpus_per_rack * count for hall, count in pairs)


def _with_racks(factory: Factory, plan: SitePlan, counts: Sequence[int]) -> Factory:
    """A factory of that one site alone, with so many racks in its halls."""
    site = factory.sites[plan.name]
    halls = {
        hall.name: msgspec.structs.replace(
            site.halls[hall.name], racks=count, gpus=None, nodes=None
        )
        for hall, count in zip(plan.halls, counts, strict=True)
        if count
    }
    alone = msgspec.structs.replace(site, halls=halls, links={})
    return msgspec.structs.replace(factory, sites={plan.name: alone})
