"""R9 to R11: cash, and what lenders ask for. (R10, the limit of a loan, is its column's bound.)"""

from __future__ import annotations

import numpy as np

from arkwright.plan.blocks import Rows, rows
from arkwright.plan.columns import Columns
from arkwright.plan.futures import Futures, by_slot
from arkwright.plan.rollout import Floats, Ints, Rollout


def cash(rollout: Rollout, bound: tuple[Floats, Floats], at: tuple[Ints, Ints]) -> Rows:
    """R9: cash at the end of a quarter >= cash_min, in every outcome.

    Added for outcomes and quarters where a schedule broke it, each as the cut that bounds its cash
    from above: coefficients x + constant >= cash_min.
    """
    coefficients, constant = bound
    row, column = np.nonzero(coefficients)
    return rows(
        "R9",
        "cash",
        [(row, column, coefficients[row, column])],
        axes=("outcome", "quarter"),
        index=at,
        lower=rollout.capital.cash_min - constant,
        count=len(constant),
    )


def cover(
    rollout: Rollout,
    futures: Futures,
    columns: Columns,
    running: Floats,
    now: Floats,
) -> list[Rows]:
    """R11: expected margin >= cover_min x expected service, in each quarter with service.

    A quarter is one with service if its column `in_service` is 1, which any service forces.

    Args:
        rollout: the programme.
        futures: for who draws on which path.
        columns: the master's.
        running: (T, n) expected running costs and contracts, which are not in the margin's column.
        now: (T,) the same of what stands already.
    """
    capital, due = rollout.capital, due_quarters(rollout)
    # A bound from below of all but `now`: without service nothing more is asked.
    owed = np.einsum("c,cwt->wt", rollout.market.class_penalty, futures.demand)
    upper = np.where(np.isfinite(columns.upper), columns.upper, 0.0)
    least = np.minimum(running, 0.0) @ upper - futures.probability @ owed
    service = expected_service(rollout, futures, columns)
    most = capital.service[:, :, due].max(axis=1).T @ capital.draw_limit.max(axis=1)
    n = np.arange(len(due))
    row, column = np.nonzero(running[due] - capital.cover_min * service[due])
    value = (running - capital.cover_min * service)[due[row], column]
    covered = rows(
        "R11",
        "cover of debt service",
        [
            (n, columns.margin[due], np.ones(len(due))),
            (row, column, value),
            (n, columns.in_service[due], (least + now)[due]),
        ],
        axes=("quarter",),
        index=(due,),
        lower=least[due],
        count=len(due),
    )
    row, column = np.nonzero(service[due])
    known = rows(
        "R11",
        "a quarter with debt service",
        [(row, column, service[due[row], column]), (n, columns.in_service[due], -most)],
        axes=("quarter",),
        index=(due,),
        upper=0.0,
        count=len(due),
    )
    return [covered, known]


def due_quarters(rollout: Rollout) -> Ints:
    """Quarters in which service can fall due under a rule of cover."""
    if rollout.capital.cover_min <= 0:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(rollout.capital.service.any(axis=(0, 1)))


def expected_service(rollout: Rollout, futures: Futures, columns: Columns) -> Floats:
    """(T, n) M of service expected in each quarter."""
    service = rollout.capital.service
    share = by_slot(futures, futures.probability)
    items = sum(int(np.prod(shape)) for shape in columns.shapes.values())
    decided = np.zeros((service.shape[2], items, columns.slots))
    owed = service[:, futures.slot_quarter, :] * share[None, :, None]  # (F, M, T)
    decided[:, columns.kind["drawn"]] = owed.transpose(2, 0, 1)
    return columns.coefficients(decided)
