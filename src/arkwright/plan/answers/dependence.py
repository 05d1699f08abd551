"""How much hangs on each vendor, country and customer, and what losing it would cost."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from msgspec import Struct

from arkwright.plan.answers.funnel import in_use
from arkwright.plan.answers.milestones import taken
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome, evaluate
from arkwright.plan.rollout import Floats, Rollout
from arkwright.plan.schedule import Schedule

replace = msgspec.structs.replace
LOST = {
    "vendor": "its orders never come and are not paid",
    "country": "no site of it has power, what is spent is spent",
    "customer": "it buys nothing and owes nothing",
}


class Dependence(Struct, frozen=True, kw_only=True):
    """On one party; shares 0..1, in expectation over the horizon."""

    kind: str
    """`vendor`, `country` or `customer`."""
    name: str
    compute: float
    """Of the H100-equivalent quarters sold."""
    revenue: float
    capex: float | None
    """Of what is paid for grid, halls and racks; None of customers."""
    limit: float | None
    """Most that the programme allows, where it limits it (R13, R14, R15)."""
    npv_without: float
    """Expected NPV of the same schedule with it lost, M."""
    lost: float
    """How much less that is."""


def dependences(
    rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome
) -> tuple[Dependence, ...]:
    """Vendors, countries, customers; within each the largest first."""
    found = [
        *_vendors(rollout, futures, schedule, outcome),
        *_countries(rollout, futures, schedule, outcome),
        *_customers(rollout, futures, schedule, outcome),
    ]
    kinds = list(LOST)
    return tuple(sorted(found, key=lambda d: (kinds.index(d.kind), -d.revenue, -d.compute)))


def _vendors(
    rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome
) -> Iterator[Dependence]:
    vendor_of, compute = rollout.supply.generation_vendor, rollout.supply.rack_compute
    used = np.einsum("w,pgwt->g", futures.probability, in_use(rollout, outcome)) * compute
    spent = _capex_racks(rollout, futures, schedule)
    whole = spent.sum() + _capex_sites(rollout, futures, schedule).sum()
    for vendor, name in enumerate(rollout.names.vendors):
        mine = vendor_of == vendor
        racks = np.where(mine[None, :, None], 0.0, schedule.racks)
        rest = evaluate(rollout, futures, replace(schedule, racks=racks))
        share = _share(used[mine].sum(), used.sum())
        limit = float(rollout.market.vendor_share_max[vendor])
        yield _dependence(
            futures, outcome, rest, "vendor", name, limit,
            compute=share, revenue=share, capex=_share(spent[:, mine].sum(), whole),
        )  # fmt: skip


def _countries(
    rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome
) -> Iterator[Dependence]:
    power = rollout.power
    place_country = power.site_country[power.place_site]
    revenue = np.einsum("w,cwt,crwt->r", futures.probability, futures.price, outcome.served)
    used = np.einsum(
        "w,pgwt,g->p", futures.probability, in_use(rollout, outcome), rollout.supply.rack_compute
    )
    racks = _capex_racks(rollout, futures, schedule).sum(axis=1)
    sites = _capex_sites(rollout, futures, schedule)
    whole = racks.sum() + sites.sum()
    for country, name in enumerate(rollout.names.countries):
        mine = power.site_country == country
        dark = replace(power, mw_now=np.where(mine, 0.0, power.mw_now))
        powered = futures.powered & ~mine[power.tranche_site][None, :, None, None]
        rest = evaluate(replace(rollout, power=dark), replace(futures, powered=powered), schedule)
        here = place_country == country
        yield _dependence(
            futures, outcome, rest, "country", name,
            float(rollout.market.country_share_max[country]),
            compute=_share(used[here].sum(), used.sum()),
            revenue=_share(revenue[country], revenue.sum()),
            capex=_share(racks[here].sum() + sites[mine].sum(), whole),
        )  # fmt: skip


def _customers(
    rollout: Rollout, futures: Futures, schedule: Schedule, outcome: Outcome
) -> Iterator[Dependence]:
    market = rollout.market
    sold = np.einsum("w,crwt->c", futures.probability, outcome.served)
    revenue = np.einsum("w,cwt,crwt->c", futures.probability, futures.price, outcome.served)
    for customer, name in enumerate(rollout.names.customers):
        mine = market.class_customer == customer
        demand = np.where(mine[:, None, None], 0.0, futures.demand)
        rest = evaluate(rollout, replace(futures, demand=demand), schedule)
        limits = market.class_share_max[mine]
        yield _dependence(
            futures, outcome, rest, "customer", name,
            float(limits.max()) if limits.size else 1.0,
            compute=_share(sold[mine].sum(), sold.sum()),
            revenue=_share(revenue[mine].sum(), revenue.sum()), capex=None,
        )  # fmt: skip


def _dependence(
    futures: Futures,
    outcome: Outcome,
    rest: Outcome,
    kind: str,
    name: str,
    limit: float,
    *,
    compute: float,
    revenue: float,
    capex: float | None,
) -> Dependence:
    without = float(futures.probability @ rest.npv)
    return Dependence(
        kind=kind,
        name=name,
        compute=compute,
        revenue=revenue,
        capex=capex,
        limit=limit if limit < 1 else None,
        npv_without=without,
        lost=float(futures.probability @ outcome.npv) - without,
    )


def _capex_racks(rollout: Rollout, futures: Futures, schedule: Schedule) -> Floats:
    """(P, G) M expected."""
    ordered = np.einsum("w,pgwt->pgt", futures.probability, taken(schedule.racks, futures.path))
    found: Floats = np.einsum("pga,pgab->pg", ordered, rollout.capital.pay_rack)
    return found


def _capex_sites(rollout: Rollout, futures: Futures, schedule: Schedule) -> Floats:
    """(S,) M expected for grid and halls."""
    power, capital = rollout.power, rollout.capital
    probability = futures.probability
    starts = np.einsum("w,kwt->kt", probability, taken(schedule.starts, futures.path))
    halls = np.einsum("w,pwt->pt", probability, taken(schedule.halls, futures.path))
    found = np.zeros(len(rollout.names.sites))
    np.add.at(found, power.tranche_site, np.einsum("ka,kab->k", starts, capital.pay_tranche))
    np.add.at(found, power.place_site, np.einsum("pa,pab->p", halls, capital.pay_hall))
    return found


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0
