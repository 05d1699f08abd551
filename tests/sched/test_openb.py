"""GPU allocation on the openb workloads beside what the authors of FGD publish."""

import sys
from pathlib import Path

import pytest

from arkwright import sched

sys.path.append(str(Path(__file__).parents[2]))
from benchmarks import openb

POINTS = 0.5
traces = pytest.mark.skipif(
    not openb.DATA.exists(), reason="the openb traces are not beside the checkout"
)


@pytest.fixture(scope="module")
def ratios(kernels):
    """By workload and policy, per seed: allocation at 100 % and at 130 % arrived demand."""
    cluster = openb.read_cluster()
    found = {}
    for workload in openb.WORKLOADS:
        tasks = openb.read_tasks(workload, cluster.models)
        for name, ratios in openb.ratios_by_policy(cluster, tasks, kernels).items():
            found[workload, name] = ratios
    return found


def mean(values):
    values = list(values)
    return sum(values) / len(values)


@traces
@pytest.mark.slow
def test_each_policy_allocates_what_its_authors_measured(ratios):
    published = openb.reference()
    off = {
        (workload, name, percent): mean(run[place] for run in runs)
        - published[workload, name, percent]
        for (workload, name), runs in ratios.items()
        if name != openb.OURS
        for place, percent in enumerate(openb.PERCENTS)
    }
    assert len(off) == 7 * 6 * 2
    assert {key: points for key, points in off.items() if abs(points) > POINTS} == {}


@traces
@pytest.mark.slow
def test_our_policy_allocates_more_than_fgd_on_every_workload(ratios):
    for workload in openb.WORKLOADS:
        ours, fgd = ratios[workload, openb.OURS], ratios[workload, "06-FGD"]
        gains = [mine[1] - theirs[1] for mine, theirs in zip(ours, fgd, strict=True)]
        assert mean(gains) > 0, workload
    assert mean(run[1] for run in ratios["default", openb.OURS]) > 95.39
    gains = [
        mine[1] - theirs[1]
        for mine, theirs in zip(
            ratios["default", openb.OURS], ratios["default", "06-FGD"], strict=True
        )
    ]
    assert min(gains) > 0  # seed by seed


CLUSTER = openb.Cluster(((8000, 64000, 2, 0), (4000, 64000, 1, 1)), ("a", "b"))
TASKS = [
    openb.Task(1000, 100, 1000, sched.ANY_TYPE),
    openb.Task(1000, 100, 500, sched.ANY_TYPE),
    openb.Task(1000, 100, 500, 0b10),
    openb.Task(500, 100, 0, sched.ANY_TYPE),
]


def test_arrivals_go_once_through_the_tasks_and_on_to_130_percent():
    # One pass asks 2000 of 3000 milli; 130 % is 3900, and the next draw would have passed it.
    order = openb.arrival_order(CLUSTER, TASKS, seed=1)
    assert sorted(order[:4]) == [0, 1, 2, 3]
    assert 3900 - 1000 < sum(TASKS[index].gpu_milli for index in order) <= 3900
    assert order == openb.arrival_order(CLUSTER, TASKS, seed=1)
    assert order != openb.arrival_order(CLUSTER, TASKS, seed=2)


def test_the_typical_shapes_are_the_most_common_ones():
    # 20 tasks: 12 of one shape, 7 of another, 1 of a third; the first two are 95 %.
    tasks = [TASKS[0]] * 12 + [TASKS[1]] * 7 + [TASKS[3]]
    typical = openb.typical_of(tasks)
    assert [(shape.gpu_milli, shape.weight) for shape in typical] == [(1000, 12), (500, 7)]


@pytest.mark.parametrize("policy", [*openb.POLICIES.values(), sched.ARKWRIGHT])
def test_a_run_allocates_all_that_arrives_until_it_no_longer_fits(policy):
    ratios = openb.run_once(CLUSTER, TASKS, policy, openb.draw_of(CLUSTER, TASKS, seed=3))
    assert all(ratio <= percent + 1 for percent, ratio in ratios.items())
    assert list(ratios.values()) == sorted(ratios.values())
    assert 60 <= max(ratios.values()) <= 100
