"""A plan keeps every rule, is within its gap of the bound, and stops when it is told to."""

import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arkwright.errors import InfeasibleError
from arkwright.plan.checker import check
from arkwright.plan.master import Master
from arkwright.plan.outcome import evaluate
from arkwright.plan.progress import Search
from arkwright.plan.racks import whole_racks
from arkwright.plan.solve import solve
from plan.instances import big, changed, small
from plan.ticks import Ticks


@pytest.mark.parametrize("seed", [0, 2, 13, 23, 27])
def test_a_plan_is_whole_keeps_every_rule_and_is_within_its_gap(seed):
    rollout, futures = small(seed)
    solution = solve(rollout, futures, clock=time.process_time, gap=0.02)
    assert check(rollout, futures, solution.schedule) == []
    for part in (solution.schedule.starts, solution.schedule.halls, solution.schedule.racks):
        np.testing.assert_allclose(part, part.round(), atol=1e-6)
    assert solution.value <= solution.bound + 1e-9
    assert solution.value == evaluate(rollout, futures, solution.schedule).value


@pytest.mark.parametrize(
    ("seed", "shape", "rule"),
    [
        (26, {"sites": 2, "quarters": 8}, "R9"),
        (1, {"sites": 3, "quarters": 16, "tranches": 3, "generations": 2, "places": 1}, "R7"),
    ],
)
def test_racks_are_rounded_together_where_rounding_each_breaks_a_rule(seed, shape, rule):
    rollout, futures = small(seed, **shape, stage_quarters=0)
    parts = solve(rollout, futures, clock=time.process_time, gap=0.05, whole=False)
    master = Master(rollout, futures)
    for up in (0.0, 0.5, 1 - 1e-6):
        each = msgspec.structs.replace(parts.schedule, racks=_each(parts.schedule.racks, up))
        assert rule in dict(master.broken(evaluate(rollout, futures, each)))
    search = Search(gap=0.01, limit_s=60, clock=time.process_time, told=None)
    made = whole_racks(master, search, parts.outcome)
    assert check(rollout, futures, made.schedule) == []
    np.testing.assert_allclose(made.schedule.racks, made.schedule.racks.round(), atol=1e-6)
    np.testing.assert_array_equal(made.schedule.halls, parts.schedule.halls)
    assert made.value > 0.9 * parts.value


def _each(racks, up):
    """Every running sum of orders (..., M), of two stages, rounded for itself."""
    sums = np.floor(np.cumsum(racks, axis=-1) + up)
    return np.diff(sums, axis=-1, prepend=0.0)


def test_divisible_racks_are_never_worth_less_than_whole_ones():
    rollout, futures = small(27)
    whole = solve(rollout, futures, clock=time.process_time, gap=1e-6)
    parts = solve(rollout, futures, clock=time.process_time, gap=1e-6, whole=False)
    assert whole.value <= parts.value + 1e-6
    assert parts.gap <= 1e-6


def test_progress_never_gets_worse_and_ends_at_what_is_returned():
    rollout, futures = small(2)
    told = []
    solution = solve(rollout, futures, clock=Ticks(1e-6), told=told.append, gap=1e-6, whole=False)
    values, bounds = [p.value for p in told], [p.bound for p in told]
    assert values == sorted(values)
    assert bounds == sorted(bounds, reverse=True)
    assert values[-1] == pytest.approx(solution.value)
    assert solution.stopped == "gap"


def test_who_is_told_may_stop_it_and_has_the_best_so_far():
    rollout, futures = small(2)
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 3:
            raise KeyboardInterrupt

    solution = solve(rollout, futures, clock=Ticks(1e-6), told=stop, gap=1e-6)
    assert solution.stopped == "interrupted"
    assert len(seen) == 3
    assert check(rollout, futures, solution.schedule) == []
    assert solution.value <= solution.bound


def test_it_is_never_quiet_for_long_so_that_ctrl_c_is_heard():
    rollout, futures = small(2)
    told = []
    solve(rollout, futures, clock=Ticks(1.0), limit_s=1e6, gap=1e-6, told=told.append)
    # A tick is a look at the clock, of which a linear programme and its pricing take a handful.
    assert np.diff([now.seconds for now in told]).max() < 10


def test_when_time_is_over_it_returns_what_it_has():
    rollout, futures = small(2)
    solution = solve(rollout, futures, clock=Ticks(1.0), limit_s=6.0, gap=1e-6)
    assert solution.stopped == "time"
    assert check(rollout, futures, solution.schedule) == []


def test_the_same_programme_gives_the_same_plan():
    rollout, futures = small(0)
    one, two = (solve(rollout, futures, clock=Ticks(1e-6), gap=0.01) for _ in range(2))
    np.testing.assert_array_equal(one.schedule.racks, two.schedule.racks)
    assert (one.value, one.bound) == (two.value, two.bound)


def test_without_any_plan_it_says_so():
    rollout, futures = small(0)
    least = np.full(rollout.supply.minimum.shape, 1e6)
    with pytest.raises(InfeasibleError, match="no plan keeps every rule"):
        solve(changed(rollout, minimum=least), futures, clock=time.process_time)


def test_what_if_starts_from_the_earlier_cuts_and_finds_the_same():
    rollout, futures = small(23)
    before = solve(rollout, futures, clock=time.process_time, gap=1e-6, whole=False)
    dearer = msgspec.structs.replace(futures, price=futures.price * 0.97)
    cold = solve(rollout, dearer, clock=time.process_time, gap=1e-6, whole=False)
    warm = solve(rollout, dearer, clock=time.process_time, gap=1e-6, whole=False, warm=before)
    assert warm.value == pytest.approx(cold.value, rel=3e-6)
    rounds = [sum(p.phase == "policy" for p in s.history) for s in (warm, cold)]
    assert rounds[0] <= rounds[1]


@settings(max_examples=3)
@given(st.integers(0, 500))
def test_no_schedule_is_worth_more_than_the_bound(seed):
    """Any whole plan of a changed programme is one of the programme it came from."""
    rollout, futures = small(seed, quarters=2, sites=1)
    bound = solve(rollout, futures, clock=time.process_time, gap=0.05, whole=False).bound
    averse = msgspec.structs.replace(rollout, risk_weight=1.0 - rollout.risk_weight)
    other = solve(averse, futures, clock=time.process_time, gap=0.05, whole=False).schedule
    assert evaluate(rollout, futures, other).value <= bound + 1e-6 * abs(bound)


def test_an_allocation_that_binds_has_the_price_of_one_more_rack():
    """A price is the derivative: half a rack more in every quarter that binds is worth as much."""
    rollout, futures = small(31)
    few = changed(rollout, allocation=np.minimum(rollout.supply.allocation, 3.0))
    before = solve(few, futures, clock=time.process_time, gap=1e-7, whole=False)
    price = next(p for p in before.prices if p.rule == "R7" and p.words == "allocation")
    assert (price.value > 0).all()
    g, slot = (axis[0] for axis in price.index)
    more = few.supply.allocation.copy()
    more[g, futures.slot_quarter[slot]] += 0.01
    after = solve(changed(few, allocation=more), futures, clock=time.process_time, gap=1e-7)
    gained = (after.policy_value - before.policy_value) / 0.01
    assert gained <= price.value[0] + 1e-3
    assert gained >= 0


@pytest.mark.slow
def test_the_benchmark_in_little_has_a_plan_that_keeps_every_rule():
    rollout, futures = big(outcomes=20)
    solution = solve(rollout, futures, clock=time.process_time, limit_s=6)
    assert check(rollout, futures, solution.schedule) == []
    assert solution.bound >= solution.policy_value
