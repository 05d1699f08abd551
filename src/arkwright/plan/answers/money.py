"""What the plan is worth, and how its money runs."""

from __future__ import annotations

from msgspec import Struct

from arkwright.plan.answers.bands import Band, Spread, band, spread
from arkwright.plan.futures import Futures
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Rollout


class Worth(Struct, frozen=True, kw_only=True):
    """In M of the programme's currency."""

    npv: Spread
    cvar: float
    """Mean of the worst `tail` share."""
    objective: float
    loss: float
    """Probability of a negative NPV."""
    capex: Spread
    """Paid for grid, halls and racks, not discounted."""
    drawn: Spread
    equity: float
    cash_least: Spread
    """At the end of the worst quarter of each outcome."""


class Flow(Struct, frozen=True, kw_only=True, eq=False):
    """Money by quarter, M; bands (T,)."""

    cash: Band
    margin: Band
    spent: Band
    service: Band


def worth(rollout: Rollout, futures: Futures, outcome: Outcome) -> Worth:
    """NPV and what it hangs on."""
    probability = futures.probability
    return Worth(
        npv=spread(outcome.npv, probability),
        cvar=outcome.cvar,
        objective=outcome.value,
        loss=float(probability[outcome.npv < 0].sum()),
        capex=spread(outcome.money.capex.sum(axis=1), probability),
        drawn=spread(outcome.money.drawn.sum(axis=1), probability),
        equity=float(rollout.capital.equity.sum()),
        cash_least=spread(outcome.cash.min(axis=1), probability),
    )


def flow(futures: Futures, outcome: Outcome) -> Flow:
    """How the money runs."""
    probability = futures.probability
    return Flow(
        cash=band(outcome.cash, probability),
        margin=band(outcome.margin, probability),
        spent=band(outcome.money.capex, probability),
        service=band(outcome.money.service, probability),
    )
