"""Money of a roll-out: when what is begun is paid, what it is worth at the end, loans and equity.

A payment kernel says what is paid in the second quarter for a start in the first. Connections and
halls are paid in equal parts while they are built; a rack with a deposit at its order and the rest
at its promised delivery.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arkwright.catalog import money as prices
from arkwright.catalog import programme as figures
from arkwright.design.money import Terms, terms_of
from arkwright.factory import quarters as calendar
from arkwright.factory.programme_spec import Loan, Repayment
from arkwright.plan.given import Given, grid_cost_per_mw, hall_cost, rack_cost
from arkwright.plan.rollout import Capital, Floats, Ints, Power, Supply

_QUARTERS_PER_YEAR = 4


def capital(given: Given, power: Power, supply: Supply) -> Capital:
    """Everything of `Capital`, in M of the factory's currency."""
    lines, money = given.axes, given.programme.capital
    terms = _terms(given)
    quarters = lines.quarters
    tranche = _tranche_costs(given)
    hall = np.array([hall_cost(given, p) for p in range(len(lines.places))])
    rack = _rack_costs(given)
    later = (1 + terms.cost_of_capital) ** (-(np.arange(quarters) + 0.5) / _QUARTERS_PER_YEAR)
    loans = [_loan(given, loan) for _, loan in lines.loans]
    aged = _book(terms.facility_life_years)
    return Capital(
        discount=later,
        discount_end=float((1 + terms.cost_of_capital) ** (-quarters / _QUARTERS_PER_YEAR)),
        cash_now=_cash(given),
        cash_min=0.0 if money.reserve is None else given.purse.amount(money.reserve),
        equity=_equity(given),
        pay_tranche=tranche[:, None, None] * _spread(power.tranche_lead, quarters),
        pay_hall=hall[:, None, None] * _spread(power.hall_lead, quarters),
        pay_rack=rack[:, :, None, None] * _two_parts(given, supply)[None],
        salvage_tranche=_left(tranche, power.tranche_lead, quarters, aged),
        salvage_hall=_left(hall, power.hall_lead, quarters, aged),
        salvage_rack=rack[:, :, None] * _rack_values(supply, quarters)[None],
        draw_limit=np.array([limit for limit, _, _ in loans]).reshape(len(loans), quarters),
        service=np.array([due for _, due, _ in loans]).reshape(len(loans), quarters, quarters),
        owed=np.array([left for _, _, left in loans]).reshape(len(loans), quarters),
        cover_min=money.cover,
    )


def _terms(given: Given) -> Terms:
    money = given.factory.money
    terms = terms_of(money)
    for written, value, name, title in (
        (money.cost_of_capital, terms.cost_of_capital, "cost_of_capital", "cost of capital a year"),
        (
            money.facility_life_years,
            terms.facility_life_years,
            "facility_life",
            "life of halls, years",
        ),
    ):
        if written is None:
            given.said.assume("money", title, f"{value:g}", prices.figure(name).provenance)
    return terms


def _tranche_costs(given: Given) -> Floats:
    """(K,) M."""
    found = []
    for step in given.axes.steps:
        if step.tranche.cost is not None:
            found.append(given.purse.amount(step.tranche.cost))
        else:
            found.append(grid_cost_per_mw(given) * step.tranche.power / 1000.0)
    return np.array(found)


def _rack_costs(given: Given) -> Floats:
    """(P, G) M for a rack with network and storage; 0 where none can be ordered."""
    lines = given.axes
    found = np.zeros((len(lines.places), len(lines.generations)))
    for p, g in given.halls:
        if lines.generations[g].offered is not None:
            found[p, g] = rack_cost(given, p, g)
    return found


def _spread(lead: Ints, quarters: int) -> Floats:
    """(N, T, T) equal parts from the start until the quarter before completion."""
    start, paid = np.arange(quarters)[:, None], np.arange(quarters)[None]
    takes = np.maximum(lead, 1)[:, None, None]
    return np.where((paid >= start) & (paid < start + takes), 1.0 / takes, 0.0)


def _two_parts(given: Given, supply: Supply) -> Floats:
    """(G, T, T) a deposit with the order, the rest at promised delivery."""
    quarters = given.axes.quarters
    found = np.zeros((len(given.axes.generations), quarters, quarters))
    start = np.arange(quarters)
    for g, kind in enumerate(given.axes.generations):
        if kind.offered is None:
            continue
        share = given.said.figure(kind.name, "deposit", kind.offered.deposit)
        found[g, start, start] += share
        due = start + int(supply.rack_lead[g])
        inside = due < quarters
        found[g, start[inside], due[inside]] += 1.0 - share
    return found


def _book(life_years: float) -> Callable[[Floats], Floats]:
    """Written off in equal parts over `life_years`."""
    return lambda years: np.maximum(0.0, 1.0 - years / life_years)


def _left(cost: Floats, lead: Ints, quarters: int, worth: Callable[[Floats], Floats]) -> Floats:
    """(N, T) worth at the end of what was begun in a quarter; nothing of what is not complete."""
    age = quarters - np.arange(quarters)[None] - lead[:, None]
    share = np.where(age > 0, worth(np.maximum(age, 0) / _QUARTERS_PER_YEAR), 0.0)
    return cost[:, None] * share


def _rack_values(supply: Supply, quarters: int) -> Floats:
    """(G, T) share of a rack's price at the end of the horizon, of an order in a quarter."""
    rows = figures.rack_values()
    ages, shares = [row.age_years for row in rows], [row.share for row in rows]
    age = quarters - np.arange(quarters)[None] - supply.rack_lead[:, None]
    years = np.maximum(age, 0) / _QUARTERS_PER_YEAR
    return np.where(age > 0, np.interp(years, ages, shares, right=0.0), 0.0)


def _cash(given: Given) -> float:
    """M at the beginning: the file's, else the equity that was paid in before."""
    money, purse = given.programme.capital, given.purse
    before = [e for e in money.equity if given.axes.index(e.paid, 0) < 0]
    if money.cash is not None:
        if before:
            text = f"{len(before)} rounds paid in before the programme"
            given.said.assume("capital.equity", text, "are in capital.cash", "not counted twice")
        return purse.amount(money.cash)
    return sum(purse.amount(each.amount) for each in before)


def _equity(given: Given) -> Floats:
    """(T,) M paid in during the programme."""
    found = np.zeros(given.axes.quarters)
    for each in given.programme.capital.equity:
        quarter = given.axes.index(each.paid, 0)
        if 0 <= quarter < given.axes.quarters:
            found[quarter] += given.purse.amount(each.amount)
    return found


def _loan(given: Given, loan: Loan) -> tuple[Floats, Floats, Floats]:
    """(T,) limit, (T, T) service and (T,) owed at the end, for 1 M drawn in a quarter.

    Through its grace nothing is paid and interest is added to what is owed. Then interest is paid
    every quarter on what was owed before it; an amortising loan is paid back in equal parts until
    maturity, a bullet at maturity. What is drawn at or after maturity is paid back at once, so that
    nobody gains by it.
    """
    quarters = given.axes.quarters
    first, due = given.axes.index(loan.start, 0), given.axes.index(loan.maturity, 0)
    limit = np.where(np.arange(quarters) >= first, given.purse.amount(loan.amount), 0.0)
    service, owed = np.zeros((quarters, quarters)), np.zeros(quarters)
    interest = loan.rate / _QUARTERS_PER_YEAR
    for drawn in range(quarters):
        if drawn >= due:
            service[drawn, drawn] = 1.0
            continue
        begins = min(drawn + 1 + calendar.whole(loan.grace), due)
        left = principal = (1.0 + interest) ** (begins - drawn - 1)
        for quarter in range(begins, min(due, quarters - 1) + 1):
            part = principal / (due - begins + 1)
            if loan.repayment is Repayment.BULLET:
                part = principal * (quarter == due)
            service[drawn, quarter] = left * interest + part
            left -= part
        if begins >= quarters:
            left = (1.0 + interest) ** (quarters - 1 - drawn)
        owed[drawn] = max(0.0, left)
    return limit, service, owed
