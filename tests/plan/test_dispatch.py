"""Dispatch finds the optimum that a solver finds, and its dual values are exact."""

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.plan.dispatch import dispatch
from arkwright.plan.rollout import ANYWHERE
from plan.instances import changed, small


def by_solver(rollout, futures, energised, ready, present, w, t):
    """Optimum of one outcome and quarter, written from the formulas."""
    power, supply, market = rollout.power, rollout.supply, rollout.market
    places, generations = supply.rack_mw.shape
    h = highspy.Highs()
    h.silent()
    racks = {
        (p, g): h.addVariable(lb=0, ub=float(present[p, g, w, t]))
        for p in range(places)
        for g in range(generations)
    }
    sold = {
        (c, r): h.addVariable(lb=0)
        for c, home in enumerate(market.class_country)
        for r in range(len(rollout.names.countries))
        if home in (r, ANYWHERE)
    }
    for s in range(len(energised)):
        here = [k for k in racks if power.place_site[k[0]] == s]
        if here:
            total = sum(float(supply.rack_mw[k]) * racks[k] for k in here)
            h.addConstr(total <= float(energised[s, w, t]))
    for p in range(places):
        total = sum(float(supply.rack_mw[p, g]) * racks[p, g] for g in range(generations))
        h.addConstr(total <= float(ready[p, w, t]))
    compute = {k: float(supply.rack_compute[k[1]]) for k in racks}
    for r in range(len(rollout.names.countries)):
        here = [k for k in racks if power.site_country[power.place_site[k[0]]] == r]
        made = sum(compute[k] * racks[k] for k in here)
        bought = sum(z for (_, where), z in sold.items() if where == r)
        h.addConstr(bought - made <= 0)
    stands = (supply.rack_compute[:, None] * present[:, :, w, t].T).sum()
    worth = futures.price[:, w, t] + market.class_penalty
    for c in range(len(worth)):
        most = min(float(futures.demand[c, w, t]), float(market.class_share_max[c] * stands))
        h.addConstr(sum(z for (k, _), z in sold.items() if k == c) <= most)
    cost = {
        (p, g): float(
            futures.energy[power.place_site[p], w, t]
            * supply.load_factor[power.place_site[p]]
            * supply.rack_mw[p, g]
        )
        for p, g in racks
    }
    income = sum(float(worth[c]) * z for (c, _), z in sold.items())
    h.maximize(income - sum(cost[k] * racks[k] for k in racks))
    return h.getObjectiveValue() - (market.class_penalty * futures.demand[:, w, t]).sum()


def random_case(seed, energy_low=-0.05):
    rollout, futures = small(seed, sites=3, places=2, generations=3, countries=2, outcomes=3)
    rng = np.random.default_rng(seed)
    sites, outcomes, quarters = futures.energy.shape
    places, generations = rollout.supply.rack_mw.shape

    def some(*shape):
        """A third of them nothing: the corners are where duals go wrong."""
        return rng.uniform(0, 10, shape) * (rng.random(shape) < 0.7)

    energised, ready = some(sites, outcomes, quarters), some(places, outcomes, quarters)
    ever = (rollout.supply.may_order | (rollout.supply.racks_now > 0)).any(axis=2)
    present = np.round(5 * some(places, generations, outcomes, quarters)) * ever[:, :, None, None]
    kinds = len(futures.demand)
    futures = changed(
        futures,
        demand=some(kinds, outcomes, quarters) * 400,
        price=rng.uniform(0, 0.01, futures.price.shape),
        energy=rng.uniform(energy_low, 0.3, futures.energy.shape),
    )
    share = rng.choice([0.1, 0.5, 1.0], kinds)
    penalty = rng.uniform(0, 0.002, kinds)
    rollout = changed(rollout, class_share_max=share, class_penalty=penalty)
    return rollout, futures, energised, ready, present


@settings(max_examples=12)
@given(st.integers(0, 100_000))
def test_it_is_the_optimum_a_solver_finds(seed):
    case = random_case(seed)
    found = dispatch(*case)
    outcomes, quarters = found.surplus.shape
    rng = np.random.default_rng(seed)
    w, t = rng.integers(outcomes), rng.integers(quarters)
    best = by_solver(*case, w, t)
    assert found.surplus[w, t] == pytest.approx(best, abs=1e-6)


@given(st.integers(0, 100_000))
def test_what_it_runs_and_serves_keeps_every_limit(seed):
    case = random_case(seed)
    rollout, futures, energised, ready, present = case
    found = dispatch(*case)
    eps = 1e-7
    running, supply, power = found.running_mw, rollout.supply, rollout.power
    assert (running >= 0).all()
    assert (found.served >= -eps).all()
    assert (running <= supply.rack_mw[:, :, None, None] * present + eps).all()
    assert (running.sum(axis=1) <= ready + eps).all()
    at_site = np.zeros_like(energised)
    np.add.at(at_site, power.place_site, running.sum(axis=1))
    assert (at_site <= energised + eps).all()
    compute = running * (supply.rack_compute / supply.rack_mw)[:, :, None, None]
    made = np.zeros(found.served.shape[1:])
    np.add.at(made, power.site_country[power.place_site], compute.sum(axis=1))
    assert (found.served.sum(axis=0) <= made + 1e-5).all()
    assert (found.served.sum(axis=1) <= futures.demand + 1e-5).all()
    stands = np.einsum("g,pgwt->wt", supply.rack_compute, present)
    share = rollout.market.class_share_max[:, None, None]
    assert (found.served.sum(axis=1) <= share * stands + 1e-5).all()
    for c, home in enumerate(rollout.market.class_country):
        if home != ANYWHERE:
            assert not np.delete(found.served[c], home, axis=0).any()


@given(st.integers(0, 100_000))
def test_the_capacities_at_their_dual_values_are_worth_the_optimum(seed):
    case = random_case(seed)
    _, _, energised, ready, present = case
    found = dispatch(*case)
    dual = (
        found.constant
        + (found.grid_value * energised).sum(axis=0)
        + (found.hall_value * ready).sum(axis=0)
        + (found.rack_value * present).sum(axis=(0, 1))
    )
    np.testing.assert_allclose(dual, found.surplus, atol=1e-8)


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_a_cut_bounds_the_optimum_of_any_other_capacities(seed, other):
    rollout, futures, energised, ready, present = random_case(seed)
    cut = dispatch(rollout, futures, energised, ready, present)
    rng = np.random.default_rng(other)
    energised, ready = (x * rng.uniform(0, 3, x.shape) for x in (energised, ready))
    present = np.round(present * rng.uniform(0, 3, present.shape))
    bound = (
        cut.constant
        + (cut.grid_value * energised).sum(axis=0)
        + (cut.hall_value * ready).sum(axis=0)
        + (cut.rack_value * present).sum(axis=(0, 1))
    )
    assert (dispatch(rollout, futures, energised, ready, present).surplus <= bound + 1e-7).all()


def test_nothing_that_stands_serves_nothing_and_pays_what_was_agreed():
    rollout, futures = small(3)
    sites, outcomes, quarters = futures.energy.shape
    places, generations = rollout.supply.rack_mw.shape
    nothing = dispatch(
        rollout,
        futures,
        np.zeros((sites, outcomes, quarters)),
        np.zeros((places, outcomes, quarters)),
        np.zeros((places, generations, outcomes, quarters)),
    )
    owed = np.einsum("c,cwt->wt", rollout.market.class_penalty, futures.demand)
    np.testing.assert_allclose(nothing.surplus, -owed)
    assert not nothing.running_mw.any()
