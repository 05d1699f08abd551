"""On a tree decisions wait for what becomes known: never worth less than all decided beforehand."""

import time

import numpy as np
import pytest

from arkwright.plan import mean
from arkwright.plan.beforehand import on_tree
from arkwright.plan.checker import check
from arkwright.plan.cutting import converge, optimise
from arkwright.plan.information import blind, everywhere
from arkwright.plan.master import Master
from arkwright.plan.outcome import evaluate
from arkwright.plan.progress import Search
from arkwright.plan.solve import solve
from plan.instances import changed, small
from plan.ticks import Ticks


def tree(seed, **shape):
    """Four outcomes over three quarters: one node, two, then four."""
    return small(seed, outcomes=4, quarters=3, stage_quarters=1, **shape)


@pytest.mark.parametrize("seed", [2, 13, 27])
def test_a_tree_is_worth_at_least_what_is_decided_beforehand(seed):
    """Even where a wide gap lets the search on the tree stop at the first plan it has."""
    rollout, futures = tree(seed)
    for gap in (0.5, 0.05):
        beforehand = solve(rollout, blind(futures), clock=Ticks(1e-6), gap=gap)
        found = solve(rollout, futures, clock=Ticks(1e-6), gap=gap)
        assert check(rollout, futures, found.schedule) == []
        assert found.value >= beforehand.value - 1e-9 * abs(beforehand.value)
        assert found.bound >= beforehand.value - 1e-9 * abs(beforehand.value)


def test_without_time_for_the_tree_there_is_the_plan_decided_beforehand():
    rollout, futures = tree(13)

    def stop(progress):
        if progress.phase == "policy":
            raise KeyboardInterrupt

    found = solve(rollout, futures, clock=Ticks(1e-6), gap=1e-6, told=stop)
    beforehand = solve(rollout, blind(futures), clock=Ticks(1e-6), gap=1e-6)
    assert found.stopped == "interrupted"
    assert found.value == pytest.approx(beforehand.value, rel=1e-6)
    assert found.bound >= found.value


def test_a_plan_made_beforehand_is_worth_the_same_on_the_tree():
    rollout, futures = tree(13)
    beforehand = solve(rollout, blind(futures), clock=Ticks(1e-6), gap=0.01)
    mapped = on_tree(rollout, futures, beforehand)
    assert mapped.outcome.value == beforehand.value
    assert mapped.bound == np.inf
    assert check(rollout, futures, everywhere(beforehand.schedule, futures)) == []


@pytest.mark.parametrize("seed", [2, 13, 27])
def test_the_dispatch_of_every_outcome_in_the_master_is_exact_without_a_cut(seed, monkeypatch):
    """Expectation and CVaR both: its optimum is what the policy is worth."""
    rollout, futures = tree(seed, risk_weight=0.3)
    rollout = changed(rollout, cash_now=1e5)
    master, search = _started(rollout, futures)
    optimum, columns = optimise(master, search)
    policy = master.columns.schedule(columns[: len(master.columns.lower)])
    assert optimum == pytest.approx(evaluate(rollout, futures, policy).value, rel=1e-6, abs=1e-6)
    # Cuts alone come to the same: nothing in the master cuts a plan off.
    monkeypatch.setattr(mean, "CELLS", 0)
    cuts, search = _started(rollout, futures)
    assert converge(cuts, search, gap=1e-7).bound == pytest.approx(optimum, rel=1e-5, abs=1e-5)


def test_groups_of_outcomes_bound_from_above_what_is_exact(monkeypatch):
    """Two groups of two: more than the truth, less than one group of four."""
    rollout, futures = tree(13, risk_weight=0.3)
    rollout = changed(rollout, cash_now=1e5)
    optimum = {}
    for cells in (0, 6, 48):  # groups times three quarters; all apart from four times as many
        monkeypatch.setattr(mean, "CELLS", cells)
        master, search = _started(rollout, futures)
        optimum[cells] = optimise(master, search)[0]
    assert optimum[0] >= optimum[6] - 1e-6
    assert optimum[6] >= optimum[48] - 1e-6


def _started(rollout, futures):
    search = Search(gap=1e-6, limit_s=60.0, clock=time.process_time, told=None)
    return Master(rollout, futures), search
