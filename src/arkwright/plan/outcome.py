"""What becomes of a schedule: capacities, use, money and worth in every outcome.

The same function prices a schedule for reports, for the solver's best so far and for its cuts.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.capacity import Capacity, capacity, constant
from arkwright.plan.dispatch import Dispatch, dispatch
from arkwright.plan.futures import Futures
from arkwright.plan.rollout import Floats, Rollout
from arkwright.plan.schedule import Schedule


class Money(Struct, frozen=True, kw_only=True, eq=False):
    """(W, T) M each, by outcome and quarter."""

    capex_tranche: Floats
    capex_hall: Floats
    capex_rack: Floats
    drawn: Floats
    service: Floats
    equity: Floats

    @property
    def capex(self) -> Floats:
        """Of tranches, halls and racks."""
        return self.capex_tranche + self.capex_hall + self.capex_rack


class Outcome(Struct, frozen=True, kw_only=True, eq=False):
    """A schedule's worth. Axes as in `rollout` and `futures`."""

    schedule: Schedule
    capacity: Capacity
    """Energised MW, ready halls, standing racks, contracts in force."""
    dispatch: Dispatch
    """Racks in use, compute served by class and country, dual values of every limit."""
    margin: Floats
    """(W, T) M: Q of the rules, before capital and debt."""
    settled: Floats
    """(W, T) M paid by power contracts, in `margin`."""
    opex: Floats
    """(W, T) M for halls and racks that stand, in `margin`."""
    money: Money
    cash: Floats
    """(W, T) M at the end of the quarter."""
    npv: Floats
    """(W,) M"""
    expected: float
    """E[NPV], M."""
    cvar: float
    """Mean NPV of the worst `tail` share, M."""
    value: float
    """(1 - risk_weight) E[NPV] + risk_weight CVaR."""
    tail_weight: Floats
    """(W,) share of each outcome in the tail; sums to 1."""

    @property
    def active(self) -> Floats:
        """(P, G, W, T) MW of racks in use."""
        return self.dispatch.running_mw

    @property
    def served(self) -> Floats:
        """(C, R, W, T) H100-equivalents."""
        return self.dispatch.served


def evaluate(rollout: Rollout, futures: Futures, schedule: Schedule) -> Outcome:
    """Play a schedule through every outcome with the best use of what stands."""
    built = capacity(rollout, futures, schedule)
    used = dispatch(rollout, futures, built.energised, built.ready, built.present)
    market, capital = rollout.market, rollout.capital
    spread = futures.spot[market.offer_site] - market.offer_strike[:, None, None]
    settled = (spread * built.in_force).sum(axis=0)
    opex = np.einsum("p,pwt->wt", rollout.power.hall_opex, built.halls)
    opex += np.einsum("pg,pgwt->wt", rollout.supply.rack_opex, built.present)
    margin = used.surplus - opex + settled
    money = _money(rollout, futures, schedule)
    income = margin + money.drawn - money.service - money.capex
    cash = capital.cash_now + np.cumsum(income + money.equity, axis=1)
    npv = income @ capital.discount + capital.discount_end * _end(rollout, futures, schedule)
    expected = float(futures.probability @ npv)
    weight = tail_weight(npv, futures.probability, rollout.tail)
    cvar = float(weight @ npv)
    return Outcome(
        schedule=schedule,
        capacity=built,
        dispatch=used,
        margin=margin,
        settled=settled,
        opex=opex,
        money=money,
        cash=cash,
        npv=npv,
        expected=expected,
        cvar=cvar,
        value=(1 - rollout.risk_weight) * expected + rollout.risk_weight * cvar,
        tail_weight=weight,
    )


def tail_weight(npv: Floats, probability: Floats, tail: float) -> Floats:
    """(W,) weights of the worst `tail` share: at most probability / tail each, sum 1."""
    order = np.argsort(npv, kind="stable")
    most = probability[order] / tail
    before = np.cumsum(most) - most
    weight = np.empty_like(most)
    weight[order] = np.minimum(most, np.maximum(0.0, 1.0 - before))
    total: float = weight.sum()
    return weight / total


def _money(rollout: Rollout, futures: Futures, schedule: Schedule) -> Money:
    capital = rollout.capital
    return Money(
        capex_tranche=constant(schedule.starts, futures, capital.pay_tranche).sum(axis=0),
        capex_hall=constant(schedule.halls, futures, capital.pay_hall).sum(axis=0),
        capex_rack=constant(schedule.racks, futures, capital.pay_rack).sum(axis=(0, 1)),
        drawn=schedule.drawn[:, futures.path].sum(axis=0),
        service=constant(schedule.drawn, futures, capital.service).sum(axis=0),
        equity=np.broadcast_to(capital.equity, futures.path.shape),
    )


def _end(rollout: Rollout, futures: Futures, schedule: Schedule) -> Floats:
    """(W,) worth at the horizon less what is owed, along each outcome's path."""
    capital, quarter = rollout.capital, futures.slot_quarter
    by_slot = (
        (capital.salvage_tranche[:, quarter] * schedule.starts).sum(axis=0)
        + (capital.salvage_hall[:, quarter] * schedule.halls).sum(axis=0)
        + (capital.salvage_rack[:, :, quarter] * schedule.racks).sum(axis=(0, 1))
        - (capital.owed[:, quarter] * schedule.drawn).sum(axis=0)
    )
    worth: Floats = by_slot[futures.path].sum(axis=1)
    return worth
