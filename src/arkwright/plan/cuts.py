"""Linear functions of the columns that are never below what a schedule earns, and touch it where
they were taken.

The margin of every outcome and quarter is concave in what stands, and what stands is linear in the
decisions; so the dual values of `plan.dispatch` at one schedule, pulled back through the kernels of
leads and delays, bound the margin of every other schedule from above. Weighted sums of them bound

- the expected dispatch margin of a quarter (one cut a quarter),
- CVaR, with the weights of that schedule's tail: CVaR is the least weighted mean over all weights
  that no outcome exceeds its probability / tail in, so any such weights bound it from above,
- the cash of one outcome at the end of one quarter (R9).
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from arkwright.plan.columns import Columns
from arkwright.plan.futures import Futures, alone, by_slot
from arkwright.plan.outcome import Outcome
from arkwright.plan.rollout import Bools, Floats, Ints, Rollout


class Values(Struct, frozen=True, kw_only=True, eq=False):
    """M of one more of each item standing, in every outcome and quarter."""

    tranche: Floats
    """(K, W, T)"""
    hall: Floats
    """(P, W, T)"""
    rack: Floats
    """(P, G, W, T)"""
    contract: Floats | None
    """(J, W, T) per MW in force."""


class Flows(Struct, frozen=True, kw_only=True, eq=False):
    """What decisions cost and bring by themselves, whatever the outcome."""

    paid: Floats
    """(I, T, T) M received in the second quarter for a decision in the first."""
    worth: Floats
    """(I, T) M of NPV for a decision in a quarter."""


def flows(rollout: Rollout) -> Flows:
    """Of every item, in the order of `columns`: payments, loans and what is left at the end."""
    capital = rollout.capital
    quarters = len(capital.discount)
    offers = len(rollout.market.offer_strike)
    paid = np.concatenate(
        [
            -capital.pay_tranche,
            -capital.pay_hall,
            -capital.pay_rack.reshape(-1, quarters, quarters),
            np.zeros((offers, quarters, quarters)),
            np.eye(quarters) - capital.service,
        ]
    )
    end = np.concatenate(
        [
            capital.salvage_tranche,
            capital.salvage_hall,
            capital.salvage_rack.reshape(-1, quarters),
            np.zeros((offers, quarters)),
            -capital.owed,
        ]
    )
    return Flows(paid=paid, worth=paid @ capital.discount + capital.discount_end * end)


def dispatch_values(rollout: Rollout, found: Outcome) -> Values:
    """Of the dispatch alone: what limits it, at its dual values."""
    power, used = rollout.power, found.dispatch
    return Values(
        tranche=used.grid_value[power.tranche_site] * power.tranche_mw[:, None, None],
        hall=used.hall_value * power.hall_mw[:, None, None],
        rack=used.rack_value,
        contract=None,
    )


def standing_margin(rollout: Rollout) -> Floats:
    """(T,) M that what stood before the first quarter brings without use: its upkeep, negative."""
    power, supply = rollout.power, rollout.supply
    racks = np.einsum("pg,pgt->t", supply.rack_opex, supply.racks_now)
    found: Floats = -(power.hall_opex @ power.halls_now) - racks
    return found


def running_values(rollout: Rollout, futures: Futures) -> Values:
    """Of the rest of the margin, which is linear: running costs and power contracts."""
    outcomes, quarters = futures.path.shape
    market, shape = rollout.market, (outcomes, quarters)
    opex = -rollout.supply.rack_opex
    return Values(
        tranche=np.zeros((len(rollout.power.tranche_mw), *shape)),
        hall=np.broadcast_to(
            -rollout.power.hall_opex[:, None, None], (len(rollout.power.hall_mw), *shape)
        ),
        rack=np.broadcast_to(opex[:, :, None, None], (*opex.shape, *shape)),
        contract=futures.spot[market.offer_site] - market.offer_strike[:, None, None],
    )


def margin_cuts(
    rollout: Rollout, futures: Futures, columns: Columns, found: Outcome
) -> tuple[Floats, Floats]:
    """(coefficients (T, n), constants (T,)): dispatch margin <= coefficients x + constant."""
    weights = np.broadcast_to(futures.probability[:, None], futures.path.shape)
    pulled = pull(rollout, futures, dispatch_values(rollout, found), weights)
    decided = columns.decided(found.schedule)
    there = (pulled * decided).sum(axis=(1, 2))
    constant = futures.probability @ found.dispatch.surplus - there
    return columns.coefficients(pulled), constant


def tail_cut(
    rollout: Rollout,
    futures: Futures,
    columns: Columns,
    found: Outcome,
    known: Flows,
    running: Values,
) -> tuple[Floats, float]:
    """(coefficients (n,), constant): CVaR <= coefficients x + constant."""
    values = _sum(dispatch_values(rollout, found), running)
    decided = npv_slope(rollout, futures, known, values, found.tail_weight)
    constant = found.cvar - float((decided * columns.decided(found.schedule)).sum())
    return columns.coefficients(decided), constant


def cash_cuts(
    rollout: Rollout,
    futures: Futures,
    columns: Columns,
    found: Outcome,
    known: Flows,
    running: Values,
    at: tuple[Ints, Ints],
) -> tuple[Floats, Floats]:
    """(coefficients (N, n), constants (N,)) of N pairs of outcome and quarter.

    cash at the end of the quarter <= coefficients x + constant.
    """
    values = _sum(dispatch_values(rollout, found), running)
    decided = columns.decided(found.schedule)
    rows = np.empty((len(at[0]), *decided.shape))
    for n, (w, t) in enumerate(zip(*at, strict=True)):
        weights = np.zeros(futures.path.shape)
        weights[w, : t + 1] = 1.0
        one = alone(futures, w)
        few = Values(
            tranche=values.tranche[:, w : w + 1],
            hall=values.hall[:, w : w + 1],
            rack=values.rack[:, :, w : w + 1],
            contract=None if values.contract is None else values.contract[:, w : w + 1],
        )
        rows[n] = pull(rollout, one, few, weights[w : w + 1]).sum(axis=0)
        slot = futures.path[w]
        rows[n][:, slot] += known.paid[:, :, : t + 1].sum(axis=2)
    constant = found.cash[at] - (rows * decided).sum(axis=(1, 2))
    return columns.coefficients(rows), constant


def npv_slope(
    rollout: Rollout, futures: Futures, known: Flows, values: Values, weight: Floats
) -> Floats:
    """(I, M) what one more decision in a slot adds to the NPV, weighted (W,) over outcomes."""
    weights = weight[:, None] * rollout.capital.discount
    pulled = pull(rollout, futures, values, weights).sum(axis=0)
    out: Floats = pulled + known.worth[:, futures.slot_quarter] * by_slot(futures, weight)
    return out


def pull(rollout: Rollout, futures: Futures, values: Values, weights: Floats) -> Floats:
    """(T, I, M) what one more decision in a slot is worth in each quarter, weighted over outcomes.

    Args:
        rollout: for the contracts' terms.
        futures: the kernels.
        values: of what stands.
        weights: (W, T)
    """
    quarters = weights.shape[1]
    places, generations = values.rack.shape[:2]
    out = []
    for value, kernel in ((values.tranche, futures.powered), (values.hall, futures.opened)):
        out.append(_adjoint(futures, np.moveaxis(value * weights, 1, 0), kernel))
    racks = np.moveaxis(values.rack * weights, 2, 0)  # (W, P, G, T)
    slots = len(futures.slot_quarter)
    some = np.empty((quarters, places, generations, slots))
    for g in range(generations):
        some[:, :, g] = _adjoint(futures, racks[:, :, g], futures.arrived[:, g])
    out.append(some.reshape(quarters, -1, slots))
    offers = len(rollout.market.offer_strike)
    if values.contract is None:
        out.append(np.zeros((quarters, offers, slots)))
    else:
        contracts = np.moveaxis(values.contract * weights, 1, 0)
        active = np.broadcast_to(
            rollout.market.offer_active, (len(weights), *rollout.market.offer_active.shape)
        )
        out.append(_adjoint(futures, contracts, active))
    out.append(np.zeros((quarters, len(rollout.capital.draw_limit), slots)))
    return np.concatenate(out, axis=1)


def _adjoint(futures: Futures, value: Floats, kernel: Floats | Bools) -> Floats:
    """(T, X, M) from value (W, X, T) and kernel (W, X, T', T), or (W, T', T) for all X alike."""
    items, quarters = value.shape[1:]
    slots = len(futures.slot_quarter)
    out = np.zeros((quarters, items, slots))
    for q in range(quarters):
        of = futures.path[:, q]
        step = kernel[:, None, q, q:] if kernel.ndim == 3 else kernel[:, :, q, q:]
        if (of == of[0]).all():
            some = np.einsum(
                "wxt,wxt->tx", value[:, :, q:], np.broadcast_to(step, value[:, :, q:].shape)
            )
            out[q:, :, of[0]] = some
            continue
        order = np.argsort(of, kind="stable")
        slot, first = np.unique(of[order], return_index=True)
        effect = (value[:, :, q:] * step)[order]
        out[q:, :, slot] = np.add.reduceat(effect, first, axis=0).transpose(2, 1, 0)
    return out


def _sum(a: Values, b: Values) -> Values:
    return Values(
        tranche=a.tranche + b.tranche,
        hall=a.hall + b.hall,
        rack=a.rack + b.rack,
        contract=b.contract,
    )
