"""Which node each placement policy takes, on cases small enough for the back of an envelope."""

from math import exp, log

import numpy as np
import pytest

from arkwright import sched
from arkwright.errors import InternalError
from arkwright.sched import fragments
from arkwright.sched.draw import draw


def factory(placing, gpus, cpu_milli):
    """Nodes with so many GPUs and so much CPU."""
    zeros = [0] * len(gpus)
    nodes = sched.Nodes([], zeros, zeros, zeros, [1000 * n for n in gpus], cpu_milli, zeros)
    return sched.empty(nodes, placing=placing)


def place(state, gpu_milli, cpu_milli=0):
    """Submit and start one job of one node; the state, its node and its shared GPU."""
    shape = sched.Shape(1, gpu_milli, cpu_milli)
    if sched.find_class(state, shape) < 0:
        state = sched.apply(state, sched.add_class(0, shape))
    state = sched.apply(state, sched.submit(0, sched.find_class(state, shape), 1000))
    out = sched.room(state)
    assert sched.cycle(state, 0, out) == 1
    assert sched.check(state) == []
    job = int(out[0])
    return state, sched.nodes_of(state, job)[0], sched.gpus_of(state, job)


def test_first_fit_takes_the_lowest_index():
    state = factory(sched.Placing(sched.FIRST_FIT), [1, 2, 2], [0, 0, 0])
    state, node, _ = place(state, 2000)
    assert node == 1
    state, node, _ = place(state, 1000)
    assert node == 0


def test_best_fit_weighs_cpu_and_gpu_alike():
    # Shares of the largest node (8 cores, 4 GPUs) left after a job of 1 core and 1 GPU:
    # node 0: 7/8 CPU and 0/4 GPU, mean 7/16; node 1: 1/8 and 1/4, mean 3/16.
    state = factory(sched.Placing(sched.BEST_FIT), [1, 2, 4], [8000, 2000, 8000])
    assert place(state, 1000, 1000)[1] == 1


def test_dot_product_goes_where_little_of_what_is_asked_is_free():
    # A job of CPU only: node 1 has as much GPU free but less CPU.
    state = factory(sched.Placing(sched.DOT_PRODUCT), [4, 4], [8000, 4000])
    assert place(state, 0, 4000)[1] == 1


def test_gpu_packing_prefers_shared_gpus_then_used_nodes_then_small_idle_ones():
    state = factory(sched.Placing(sched.GPU_PACKING), [4, 2, 4], [0, 0, 0])
    state, node, gpu = place(state, 500)
    assert (node, gpu) == (1, (4,))  # all idle: the one with fewest GPUs
    state, node, gpu = place(state, 400)
    assert (node, gpu) == (1, (4,))  # beside the first, on its GPU
    state, node, _ = place(state, 1000)
    assert node == 1  # a free GPU of a node in use
    assert place(state, 1000)[1] == 0


def test_gpu_clustering_keeps_jobs_of_one_gpu_demand_together():
    state = factory(sched.Placing(sched.GPU_CLUSTERING), [4, 4, 4], [0, 0, 0])
    state, node, _ = place(state, 1000)
    assert node == 0
    state, node, _ = place(state, 2000)
    assert node == 1  # an idle node rather than one with another demand
    state, node, _ = place(state, 1000)
    assert node == 0
    state, node, _ = place(state, 300)
    assert node == 2


def test_fgd_spares_the_gpu_that_typical_jobs_could_use_whole():
    # Typical is one whole GPU. Node 0 has a begun GPU (500 free), a fragment already: a fraction
    # goes there and saves it; on an untouched GPU it would turn 500 more into a fragment.
    typical = [sched.Typical(1000, 0, 1)]
    state = factory(sched.Placing(sched.FGD, 0, typical), [2, 2], [0, 0])
    state = sched.apply(state, sched.add_class(0, sched.Shape(1, 500)))
    state = sched.apply(state, sched.submit(0, 0, 1000))
    state = sched.apply(state, sched.start(0, 0, [1], [3]))
    state, node, gpu = place(state, 400)
    assert (node, gpu) == (1, (3,))


def test_arkwright_keeps_cpu_for_the_gpus_that_need_it():
    # Typical is 1 GPU with 4 cores. Both nodes have 2 GPUs; node 0 has 9 cores, node 1 has 40.
    # A job of 4 cores and no GPU strands a GPU of node 0 (5 cores feed one), none of node 1.
    typical = [sched.Typical(1000, 4000, 1)]
    own = factory(sched.Placing(sched.ARKWRIGHT, 0, typical), [2, 2], [9000, 40000])
    assert place(own, 0, 4000)[1] == 1
    fgd = factory(sched.Placing(sched.FGD, 0, typical), [2, 2], [9000, 40000])
    assert place(fgd, 0, 4000)[1] == 0  # it sees room for one such job on either


def test_random_depends_on_seed_and_job_and_takes_every_node():
    def nodes_taken(seed):
        state = factory(sched.Placing(sched.RANDOM, seed), [8] * 8, [0] * 8)
        taken = []
        for _ in range(40):
            state, node, _ = place(state, 1000)
            taken.append(node)
        return taken

    assert nodes_taken(1) == nodes_taken(1)
    assert nodes_taken(1) != nodes_taken(2)
    assert set(nodes_taken(1)) == set(range(8))


def test_draws_are_even_in_every_argument():
    # 4096 draws into 16 bins: 256 each; five standard deviations are 78.
    for arguments in (
        lambda n: (n, 1, 0, 0),
        lambda n: (7, n, 0, 0),
        lambda n: (7, 1, n, 0),
        lambda n: (7, 1, 0, n),
    ):
        bins = np.bincount([draw(*arguments(n)) >> 28 for n in range(4096)], minlength=16)
        assert abs(bins - 256).max() < 78
        assert len({draw(*arguments(n)) for n in range(4096)}) > 4090


def test_the_thresholds_are_those_of_the_logistic_function():
    expected = [round(log(k / (100 - k)) * 1e9) for k in range(1, 100)]
    expected[49] = 0
    assert fragments.THRESHOLDS.tolist() == expected
    state = factory(sched.Placing(sched.FGD, 0, [sched.Typical(1000, 0, 1)]), [1], [0])
    for milli in range(-8000, 8001, 37):
        assert fragments.value(state, milli) == int(100 / (1 + exp(-milli / 1000)))


@pytest.mark.parametrize(
    ("placing", "what"),
    [
        (sched.Placing(8), "placement policy 8"),
        (sched.Placing(sched.RANDOM, -1), "seed -1"),
        (sched.Placing(sched.FGD), "FGD needs the typical shapes"),
        (sched.Placing(sched.ARKWRIGHT, 0, [sched.Typical(1500, 0, 1)]), "typical shape"),
        (sched.Placing(sched.ARKWRIGHT, 0, [sched.Typical(1000, 0, 0)]), "typical shape"),
        (sched.Placing(sched.ARKWRIGHT, 0, [sched.Typical(1000, 0, 1 << 25)]), "exceed"),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(placing, what):
    with pytest.raises(InternalError, match=what):
        factory(placing, [1], [0])
