"""The solver against the same programmes in one piece, and those against everything tried."""

import time

import pytest

from arkwright.plan.checker import check
from arkwright.plan.solve import solve
from naive.plan_enumeration import enumerate_all
from naive.plan_extensive import extensive
from plan.crosschecked import VALUES, programmes
from plan.instances import small

KNOWN = programmes()
CLOSE = 1e-6  # of the value, and of a million at least


def is_close(value):
    return pytest.approx(value, rel=CLOSE, abs=CLOSE)


# Seconds each, on one core.
LONG = ("4", "5", "7", "18", "20", "28", "vendors 39")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n.endswith(LONG) else []) for n in KNOWN],
)
def test_bound_and_plan_are_what_one_programme_over_every_outcome_says(name):
    rollout, futures = KNOWN[name]
    divisible, whole = VALUES[name]
    solution = solve(rollout, futures, clock=time.process_time, gap=CLOSE / 10, whole=False)
    if divisible is not None:
        assert solution.policy_value == is_close(divisible)
    assert solution.value == is_close(whole)
    assert solution.bound == is_close(whole)
    assert {breach.rule for breach in check(rollout, futures, solution.schedule)} <= {7}  # in parts


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_the_extensive_form_still_says_what_is_written_down(name):
    divisible, whole = VALUES[name]
    assert extensive(*KNOWN[name]).value == is_close(whole)
    if divisible is not None:
        assert extensive(*KNOWN[name], whole="none").value == is_close(divisible)


TINY = {
    "places": 1,
    "tranches": 1,
    "loans": 0,
    "offers": 0,
    "quarters": 2,
    "outcomes": 2,
    "hall_count": 1,
    "tranche_mw": (0.5, 1.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_the_extensive_form_is_worth_the_best_of_all_that_can_be_tried(seed):
    one_site = {"sites": 1, "countries": 1, "generations": 1, "stage_quarters": seed % 2}
    rollout, futures = small(seed, **TINY, **one_site)
    best = enumerate_all(rollout, futures)
    assert extensive(rollout, futures, whole="all").value == is_close(best.value)
