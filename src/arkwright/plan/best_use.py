"""The best use of what stands, as a linear programme of each outcome and quarter.

The solver prices schedules with an oracle that needs no solver; this is the same optimum once more,
from the rules as they are written, for those who check it.
"""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np

from arkwright.plan.futures import Futures
from arkwright.plan.rollout import ANYWHERE, Floats, Ints, Rollout


def best_use(
    rollout: Rollout, futures: Futures, energised: Floats, ready: Floats, present: Floats
) -> Floats:
    """(W, T) M: what is served at its price, less penalties and energy, at best.

        max  sum_c,r (price + penalty) z[c,r] - sum_c penalty demand - sum_p,g energy load mw x[p,g]
        R1   sum_{p in s, g} mw x[p,g] <= energised[s]        R2  sum_g mw x[p,g] <= ready[p]
        R3   x[p,g] <= present[p,g]        R12 sum_c z[c,r] <= sum_{p in r, g} compute[g] x[p,g]
        R15  sum_r z[c,r] <= min(demand[c], share[c] * sum compute[g] present[p,g])

    Args:
        rollout: the programme.
        futures: its outcomes; prices and demand are taken from here.
        energised: (S, W, T) MW.
        ready: (P, W, T) MW of halls.
        present: (P, G, W, T) racks.

    Raises:
        RuntimeError: the solver found no optimum, which no input of the right shape explains.
    """
    supply, market = rollout.supply, rollout.market
    places, generations = supply.rack_mw.shape
    class_, country = _may_serve(rollout)
    racks = places * generations
    solver = _programme(rollout, class_, country)
    total = np.einsum("g,pgwt->wt", supply.rack_compute, present)
    demand = np.minimum(futures.demand, market.class_share_max[:, None, None] * total)
    rows = np.concatenate(
        [energised, ready, np.zeros((len(rollout.names.countries), *total.shape))]
    )
    upper = np.concatenate([rows, demand])
    drawn = (supply.load_factor[rollout.power.place_site][:, None] * supply.rack_mw).reshape(racks)
    energy = futures.energy[np.repeat(rollout.power.place_site, generations)]
    worth = futures.price + market.class_penalty[:, None, None]
    cost = np.concatenate([-drawn[:, None, None] * energy, worth[class_]])
    most = present.reshape(racks, *total.shape)
    value = np.empty(total.shape)
    row, column, rack = (np.arange(n, dtype=np.int32) for n in (len(upper), len(cost), racks))
    for w, t in np.ndindex(*total.shape):
        free = np.full(len(row), -np.inf)
        solver.changeRowsBounds(len(row), row, free, np.ascontiguousarray(upper[:, w, t]))
        solver.changeColsBounds(racks, rack, np.zeros(racks), np.ascontiguousarray(most[:, w, t]))
        solver.changeColsCost(len(column), column, np.ascontiguousarray(cost[:, w, t]))
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            where = f"{futures.names[w]}, {rollout.names.quarters[t]}"
            raise RuntimeError(f"no best use of what stands in {where}")
        value[w, t] = solver.getInfo().objective_function_value
    penalty: Floats = np.einsum("c,cwt->wt", market.class_penalty, futures.demand)
    return value - penalty


def _may_serve(rollout: Rollout) -> tuple[Ints, Ints]:
    """Class and country of every z that residency allows (R12)."""
    wanted = rollout.market.class_country[:, None]
    countries = np.arange(len(rollout.names.countries))
    class_, country = np.nonzero((wanted == countries) | (wanted == ANYWHERE))
    return class_, country


def _programme(rollout: Rollout, class_: Ints, country: Ints) -> Any:
    """Columns x by place and generation, then z; rows sites, places, countries, classes."""
    power, supply = rollout.power, rollout.supply
    places, generations = supply.rack_mw.shape
    sites, countries = len(power.mw_now), len(rollout.names.countries)
    rack = np.arange(places * generations)
    place = rack // generations
    mw, compute = supply.rack_mw.ravel(), np.tile(supply.rack_compute, places)
    serve = len(rack) + np.arange(len(class_))
    at_country, at_class = sites + places, sites + places + countries
    home = power.site_country[power.place_site[place]]
    entries = [
        (power.place_site[place], rack, mw),
        (sites + place, rack, mw),
        (at_country + home, rack, -compute),
        (at_country + country, serve, np.ones(len(serve))),
        (at_class + class_, serve, np.ones(len(serve))),
    ]
    rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    order = np.argsort(columns, kind="stable")
    model = highspy.HighsLp()
    model.num_col_ = len(rack) + len(serve)
    model.num_row_ = at_class + len(rollout.names.classes)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.zeros(model.num_col_)
    model.col_lower_ = np.zeros(model.num_col_)
    model.col_upper_ = np.full(model.num_col_, highspy.kHighsInf)
    model.row_lower_ = np.full(model.num_row_, -highspy.kHighsInf)
    model.row_upper_ = np.zeros(model.num_row_)
    model.a_matrix_.start_ = np.searchsorted(columns[order], np.arange(model.num_col_ + 1))
    model.a_matrix_.index_ = rows[order]
    model.a_matrix_.value_ = values[order]
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.silent()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("presolve", "off")  # tiny, and started from the last
    solver.passModel(model)
    return solver
