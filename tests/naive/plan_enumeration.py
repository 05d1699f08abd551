"""The roll-out of tiny programmes by trying everything: every start, every hall, every rack.

No decision is left to a solver: programmes here have no loans and no power contracts. For each
combination the rules are walked through outcome by outcome and quarter by quarter, in plain Python;
only the best use of what stands, in one quarter of one outcome, is a small linear programme.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from arkwright.plan.rollout import ANYWHERE


@dataclass(frozen=True)
class Best:
    value: float
    starts: tuple  # starts[k][m]
    halls: tuple
    racks: tuple  # racks[p][g][m]
    tried: int


def enumerate_all(rollout, futures, count_max=300_000):
    """The best of all schedules, or None when no schedule keeps every rule."""
    assert not rollout.names.facilities
    assert not rollout.names.offers
    best, tried = None, 0
    margins = {}
    racks = list(_racks(rollout, futures))
    halls = list(_halls(rollout, futures))
    starts = list(_starts(rollout, futures))
    assert len(racks) * len(halls) * len(starts) <= count_max, "not tiny"
    for s, h, r in itertools.product(starts, halls, racks):
        tried += 1
        if not _offtake_kept(rollout, futures, s, r):
            continue
        value = _value(rollout, futures, s, h, r, margins)
        if value is not None and (best is None or value > best.value + 1e-12):
            best = Best(value, s, h, r, 0)
    return best and Best(best.value, best.starts, best.halls, best.racks, tried)


def _per_slot(most):
    """All lists with a whole number from 0 to most[m] in each slot."""
    return itertools.product(*(range(int(n) + 1) for n in most))


def _starts(rollout, futures):
    """R5 (but for offtake) and R14."""
    power, market = rollout.power, rollout.market
    may = [
        [power.may_start[k, q] for q in futures.slot_quarter] for k in range(len(power.tranche_mw))
    ]
    for starts in itertools.product(*(_per_slot(row) for row in may)):
        fine = True
        for path in futures.path:
            by_country = np.bincount(
                power.site_country, power.mw_now, minlength=len(rollout.names.countries)
            )
            for k, row in enumerate(starts):
                taken = [row[m] for m in path]
                fine &= sum(taken) <= 1
                before = power.tranche_before[k]
                if sum(taken) and before >= 0:
                    first = [starts[before][m] for m in path]
                    fine &= sum(first[: taken.index(1) + 1]) >= 1
                by_country[power.site_country[power.tranche_site[k]]] += (
                    sum(taken) * power.tranche_mw[k]
                )
            fine &= all(by_country <= market.country_share_max * by_country.sum() + 1e-9)
        if fine:
            yield starts


def _halls(rollout, futures):
    """R6."""
    power = rollout.power
    most = [
        [power.may_build[p, q] * power.hall_count_max[p] for q in futures.slot_quarter]
        for p in range(len(power.place_site))
    ]
    for halls in itertools.product(*(_per_slot(row) for row in most)):
        if all(
            sum(row[m] for m in path) <= power.hall_count_max[p]
            for path in futures.path
            for p, row in enumerate(halls)
        ):
            yield halls


def _racks(rollout, futures):
    """R7, R8 and R13."""
    supply, market = rollout.supply, rollout.market
    places, generations = supply.rack_mw.shape
    most = [
        [supply.may_order[p, g, q] * supply.allocation[g, q] for q in futures.slot_quarter]
        for p in range(places)
        for g in range(generations)
    ]
    for flat in itertools.product(*(_per_slot(row) for row in most)):
        racks = tuple(flat[p * generations : (p + 1) * generations] for p in range(places))
        ordered = [
            [sum(racks[p][g][m] for p in range(places)) for m in range(len(futures.slot_quarter))]
            for g in range(generations)
        ]
        fine = all(
            ordered[g][m] <= supply.allocation[g, q]
            for g in range(generations)
            for m, q in enumerate(futures.slot_quarter)
        )
        for path in futures.path:
            compute = np.zeros(len(rollout.names.vendors))
            for g in range(generations):
                total = 0
                for t, m in enumerate(path):
                    total += ordered[g][m]
                    fine &= total >= supply.minimum[g, t]
                compute[supply.generation_vendor[g]] += total * supply.rack_compute[g]
            fine &= all(compute <= market.vendor_share_max * compute.sum() + 1e-9)
        if fine:
            yield racks


def _offtake_kept(rollout, futures, starts, racks):
    """R5: what a site must have ordered before it starts a tranche."""
    power, supply = rollout.power, rollout.supply
    for path in futures.path:
        for k, row in enumerate(starts):
            for t, m in enumerate(path):
                if not row[m]:
                    continue
                ordered = sum(
                    supply.rack_mw[p, g] * racks[p][g][n]
                    for p in range(len(racks))
                    if power.place_site[p] == power.tranche_site[k]
                    for g in range(len(racks[p]))
                    for n in path[: t + 1]
                )
                if ordered < power.tranche_offtake_mw[k] - 1e-9:
                    return False
    return True


def _value(rollout, futures, starts, halls, racks, margins):
    """What is maximised, or None where cash runs out (R9)."""
    capital = rollout.capital
    npv = []
    for w, path in enumerate(futures.path):
        cash, worth = capital.cash_now, 0.0
        for t in range(len(path)):
            margin = _margin(rollout, futures, w, t, starts, halls, racks, margins)
            paid = 0.0
            for a, m in enumerate(path):
                paid += sum(capital.pay_tranche[k, a, t] * row[m] for k, row in enumerate(starts))
                paid += sum(capital.pay_hall[p, a, t] * row[m] for p, row in enumerate(halls))
                paid += sum(
                    capital.pay_rack[p, g, a, t] * row[m]
                    for p, kinds in enumerate(racks)
                    for g, row in enumerate(kinds)
                )
            cash += capital.equity[t] + margin - paid
            if cash < capital.cash_min - 1e-9:
                return None
            worth += capital.discount[t] * (margin - paid)
        for a, m in enumerate(path):
            left = sum(capital.salvage_tranche[k, a] * row[m] for k, row in enumerate(starts))
            left += sum(capital.salvage_hall[p, a] * row[m] for p, row in enumerate(halls))
            left += sum(
                capital.salvage_rack[p, g, a] * row[m]
                for p, kinds in enumerate(racks)
                for g, row in enumerate(kinds)
            )
            worth += capital.discount_end * left
        npv.append(worth)
    mean = sum(p * x for p, x in zip(futures.probability, npv, strict=True))
    risk = rollout.risk_weight
    return (1 - risk) * mean + risk * worst_mean(npv, futures.probability, rollout.tail)


def worst_mean(npv, probability, tail):
    """CVaR: the mean of the worst `tail` of all probability, the last outcome in part."""
    left, total = tail, 0.0
    for x, p in sorted(zip(npv, probability, strict=True)):
        part = min(p, left)
        total += part * x
        left -= part
    return total / tail


def _margin(rollout, futures, w, t, starts, halls, racks, margins):
    """Q[w, t]."""
    power, supply = rollout.power, rollout.supply
    path = futures.path[w]
    energised = [float(mw) for mw in power.mw_now]
    for k, row in enumerate(starts):
        for a, m in enumerate(path):
            energised[power.tranche_site[k]] += (
                power.tranche_mw[k] * row[m] * futures.powered[w, k, a, t]
            )
    ready = [
        power.halls_now[p] + sum(row[m] * futures.opened[w, p, a, t] for a, m in enumerate(path))
        for p, row in enumerate(halls)
    ]
    present = [
        [
            supply.racks_now[p, g, t]
            + sum(row[m] * futures.arrived[w, g, a, t] for a, m in enumerate(path))
            for g, row in enumerate(kinds)
        ]
        for p, kinds in enumerate(racks)
    ]
    known = (futures.price, futures.demand, futures.energy)
    market = tuple(tuple(array[:, w, t]) for array in known)
    key = (market, tuple(energised), tuple(ready), tuple(map(tuple, present)))
    if key not in margins:
        margins[key] = (
            _dispatch(rollout, futures, w, t, energised, ready, present)
            - sum(cost * n for cost, n in zip(power.hall_opex, ready, strict=True))
            - float((supply.rack_opex * np.array(present)).sum())
        )
    return margins[key]


def _dispatch(rollout, futures, w, t, energised, ready, present):
    """The best use, one row of a dense matrix at a time: x[p, g], then z[c, r]."""
    power, supply, market = rollout.power, rollout.supply, rollout.market
    places, generations = supply.rack_mw.shape
    classes, countries = len(rollout.names.classes), len(rollout.names.countries)
    width = places * generations + classes * countries

    def x(p, g):
        return p * generations + g

    def z(c, r):
        return places * generations + c * countries + r

    cost, bounds = np.zeros(width), [(0, None)] * width
    rows, most = [], []
    for s in range(len(energised)):
        row = np.zeros(width)
        for p in range(places):
            if power.place_site[p] == s:
                for g in range(generations):
                    row[x(p, g)] = supply.rack_mw[p, g]
        rows.append(row)
        most.append(energised[s])
    for p in range(places):
        row = np.zeros(width)
        s = power.place_site[p]
        for g in range(generations):
            row[x(p, g)] = supply.rack_mw[p, g]
            bounds[x(p, g)] = (0, present[p][g])
            cost[x(p, g)] = futures.energy[s, w, t] * supply.load_factor[s] * supply.rack_mw[p, g]
        rows.append(row)
        most.append(power.hall_mw[p] * ready[p])
    for r in range(countries):
        row = np.zeros(width)
        for c in range(classes):
            row[z(c, r)] = 1
        for p in range(places):
            if power.site_country[power.place_site[p]] == r:
                for g in range(generations):
                    row[x(p, g)] = -supply.rack_compute[g]
        rows.append(row)
        most.append(0.0)
    total = sum(
        supply.rack_compute[g] * present[p][g] for p in range(places) for g in range(generations)
    )
    owed = 0.0
    for c in range(classes):
        row = np.zeros(width)
        for r in range(countries):
            row[z(c, r)] = 1
            cost[z(c, r)] = -futures.price[c, w, t] - market.class_penalty[c]
            if market.class_country[c] not in (r, ANYWHERE):
                bounds[z(c, r)] = (0, 0)
        rows.append(row)
        most.append(min(futures.demand[c, w, t], market.class_share_max[c] * total))
        owed += market.class_penalty[c] * futures.demand[c, w, t]
    found = linprog(cost, A_ub=np.array(rows), b_ub=most, bounds=bounds)
    assert found.status == 0, found.message
    return -found.fun - owed
