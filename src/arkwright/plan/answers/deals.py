"""Loans drawn and power contracts signed, what is done of one in a year together."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.answers.milestones import taken
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Rollout
from arkwright.plan.schedule import Schedule

LOAN, CONTRACT = "loan", "power contract"
_NOTHING = 1e-6


class Deal(Struct, frozen=True, kw_only=True):
    """One line."""

    kind: str
    """`loan` or `power contract`."""
    name: str
    begun: int
    """First quarter."""
    until: int
    """Last quarter."""
    amount: float
    """M drawn, or MW signed: expected."""
    probability: float
    """Of anything of it being done."""


def deals(rollout: Rollout, futures: Futures, schedule: Schedule) -> tuple[Deal, ...]:
    """By first quarter."""
    names = rollout.names
    tables = ((LOAN, names.facilities, schedule.drawn), (CONTRACT, names.offers, schedule.signed))
    found = []
    for kind, items, decided in tables:
        for item, name in enumerate(items):
            amounts = taken(decided[item], futures.path)
            years: dict[str, list[int]] = {}
            for quarter in np.flatnonzero((amounts > _NOTHING).any(axis=0)).tolist():
                years.setdefault(names.quarters[quarter][:4], []).append(quarter)
            for quarters in years.values():
                mine = amounts[:, quarters].sum(axis=1)
                chance = float(futures.probability[mine > _NOTHING].sum())
                found.append(
                    Deal(
                        kind=kind,
                        name=name,
                        begun=quarters[0],
                        until=quarters[-1],
                        amount=float(futures.probability @ mine),
                        probability=1.0 if chance > 1 - 1e-9 else chance,
                    )
                )
    return tuple(sorted(found, key=lambda deal: (deal.begun, deal.kind, deal.name)))
