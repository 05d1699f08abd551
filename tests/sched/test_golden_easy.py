"""Start times of an independent public simulator (CQSim) on two traces of 10,000 jobs.

With all ends of one instant seen before one cycle, as our rules say, the first trace is identical.
The second has one instant (95,037 s) at which two jobs end: CQSim schedules between the two ends,
and all that follows differs a little. Given a cycle after every single end it is identical too.
"""

import heapq

import pytest

from arkwright import sched
from naive.flat_pool import one_node, pool, single_gpus, starts_s
from naive.golden import GOLDEN, read_golden

golden = pytest.mark.skipif(
    not GOLDEN.exists(), reason="the golden traces are not beside the checkout"
)


@golden
@pytest.mark.slow
def test_the_first_trace_is_identical():
    jobs, expected = read_golden(85)
    assert len(jobs) == 10_000
    assert starts_s(pool(1, 1024), jobs, one_node) == expected


@golden
@pytest.mark.slow
def test_the_second_trace_is_identical_when_each_end_has_its_own_cycle():
    jobs, expected = read_golden(95)
    state = pool(1, 1024)
    classes = {gpus: index for index, gpus in enumerate(sorted({job[2] for job in jobs}))}
    for gpus in classes:
        state = sched.apply(state, sched.add_class(0, one_node(gpus)))
    starts, ends, coming = {}, [], list(enumerate(jobs))[::-1]
    while coming or ends:
        if ends and (not coming or ends[0][0] <= coming[-1][1][0]):
            now, job = heapq.heappop(ends)
            state = sched.apply(state, sched.end(now, job))
        else:
            _, (now, run_s, gpus) = coming.pop()
            state = sched.apply(state, sched.submit(now, classes[gpus], run_s))
        out = sched.room(state)
        for job in out[: sched.cycle(state, now, out)].tolist():
            starts[job] = now
            heapq.heappush(ends, (now + jobs[job][1], job))
    assert [starts[job] for job in range(len(jobs))] == expected


def test_two_ends_of_one_instant_are_seen_together():
    """The instant of the second trace where the references part, by hand.

    8 GPUs. Two jobs of 4 end at 10. First in the queue is a job of 8; a scheduler that looks after
    the first end alone sees room for the job of 4 only and backfills it past the job of 8.
    """
    jobs = [(0, 10, 4), (0, 10, 4), (1, 5, 8), (2, 8, 4)]
    assert starts_s(pool(1, 8), jobs, one_node) == [0, 0, 10, 15]
    assert starts_s(pool(8), jobs, single_gpus) == [0, 0, 10, 15]
