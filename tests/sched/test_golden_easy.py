"""Start times of an independent public simulator (CQSim) on two traces of 10,000 jobs.

CQSim handles one event at a time: it schedules between two ends of one instant. Under that rule
both traces are identical. Under ours, all ends of an instant first, the first trace is identical
too; the second has one instant (95,037 s) at which it matters, and what follows differs a little.
"""

import pytest

from naive.flat_pool import one_node, pool, single_gpus, starts_s
from naive.golden import GOLDEN, read_golden

golden = pytest.mark.skipif(
    not GOLDEN.exists(), reason="the golden traces are not beside the checkout"
)


@golden
@pytest.mark.slow
@pytest.mark.parametrize("load", [85, 95])
def test_one_event_at_a_time_both_traces_are_identical(load, kernels):
    jobs, expected = read_golden(load)
    assert len(jobs) == 10_000
    assert starts_s(pool(1, 1024), jobs, one_node, one_by_one=True, kernels=kernels) == expected


@golden
@pytest.mark.slow
def test_with_all_ends_of_an_instant_together_the_first_is_identical_and_the_second_is_not(kernels):
    jobs, expected = read_golden(85)
    assert starts_s(pool(1, 1024), jobs, one_node) == expected  # interpreted
    jobs, expected = read_golden(95)
    found = starts_s(pool(1, 1024), jobs, one_node, kernels=kernels)
    assert sum(ours != theirs for ours, theirs in zip(found, expected, strict=True)) == 840


def test_two_ends_of_one_instant_are_seen_together_or_one_by_one():
    """An instant at which the two rules part, by hand.

    8 GPUs. Two jobs of 4 end at 10; a job of 6, one of 8 and a long one of 2 wait. Both ends seen,
    the 6 start and the 2 must leave the 8 their time. After the first end alone the 6 are the head,
    2 GPUs are beside it for any length, and the 8 wait for them until 30.
    """
    jobs = [(0, 10, 4), (0, 10, 4), (1, 5, 6), (2, 5, 8), (3, 20, 2)]
    for nodes, shape in ((pool(1, 8), one_node), (pool(8), single_gpus)):
        assert starts_s(nodes, jobs, shape) == [0, 0, 10, 15, 20]
    for nodes, shape in ((pool(1, 8), one_node), (pool(8), single_gpus)):
        assert starts_s(nodes, jobs, shape, one_by_one=True) == [0, 0, 10, 30, 10]
