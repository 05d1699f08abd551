"""Where a gang goes: worked by hand on small fleets. Level 0 is the smallest domain."""

from arkwright import sched

# Eight nodes of 8 GPUs: domains of 2 (level 0) in domains of 4 (level 1).
PAIRS = [0, 0, 1, 1, 2, 2, 3, 3]
QUADS = [0, 0, 0, 0, 1, 1, 1, 1]


def fleet(levels=(PAIRS, QUADS), gpus=(8,) * 8, sites=(0,) * 8, pools=(0,) * 8, types=(0,) * 8):
    zeros = [0] * len(gpus)
    nodes = sched.Nodes(levels, pools, types, sites, [1000 * count for count in gpus], zeros, zeros)
    return sched.empty(nodes)


def put(state, shape, nodes):
    """A job of the shape that already runs there."""
    job = int(state.job_count[0])
    state = sched.apply(state, sched.add_class(0, shape))
    state = sched.apply(state, sched.submit(0, int(state.class_count[0]) - 1, 10**6))
    return sched.apply(state, sched.start(0, job, nodes))


def placed(state, shape):
    """Where one job of the shape would start now; () when it would wait."""
    draft = sched.apply(sched.copy(state), sched.add_class(0, shape))
    draft = sched.apply(draft, sched.submit(0, int(draft.class_count[0]) - 1, 1000))
    sched.cycle(draft, 0, sched.room(draft))
    assert sched.check(draft) == []
    return sched.nodes_of(draft, int(draft.job_count[0]) - 1)


def test_a_gang_without_topology_takes_the_nodes_with_least_free():
    state = put(fleet(), sched.Shape(2, 4000), [3, 6])
    assert placed(state, sched.Shape(2, 4000)) == (3, 6)
    assert placed(state, sched.Shape(2, 8000)) == (2, 7)


def test_equal_nodes_go_by_what_is_free_around_them_then_by_index():
    # Node 5 is taken, so node 4 sits in a broken pair and is used up before whole pairs.
    state = put(fleet(), sched.Shape(1, 8000), [5])
    assert placed(state, sched.Shape(1, 8000)) == (4,)
    assert placed(fleet(), sched.Shape(1, 8000)) == (0,)


def test_a_required_level_keeps_the_gang_in_one_domain():
    # One node of each pair is taken: no pair has two, each quad has two.
    state = put(fleet(), sched.Shape(4, 8000), [0, 2, 4, 6])
    assert placed(state, sched.Shape(2, 8000, level_required=0)) == ()
    assert placed(state, sched.Shape(2, 8000, level_required=1)) == (1, 3)
    assert placed(state, sched.Shape(3, 8000, level_required=1)) == ()


def test_a_required_level_is_met_by_a_smaller_domain_when_one_fits():
    # Quad 0 has the pair 2-3 whole; quad 1 is empty. The pair is the smallest domain that fits.
    state = put(fleet(), sched.Shape(1, 8000), [0])
    assert placed(state, sched.Shape(2, 8000, level_required=1)) == (2, 3)


def test_the_domain_with_least_free_that_fits_is_taken():
    # A gang of three: both quads fit, quad 1 has one node taken and less free.
    state = put(fleet(), sched.Shape(1, 8000), [5])
    assert placed(state, sched.Shape(3, 8000, level_required=1)) == (4, 6, 7)


def test_a_preferred_level_falls_back_step_by_step_to_anywhere():
    shape = sched.Shape(2, 8000, level_preferred=0)
    assert placed(fleet(), shape) == (0, 1)
    state = put(fleet(), sched.Shape(4, 8000), [0, 2, 4, 6])
    assert placed(state, shape) == (1, 3)
    state = put(state, sched.Shape(2, 8000), [1, 5])
    assert placed(state, sched.Shape(2, 8000, level_preferred=0)) == (3, 7)


def test_a_gang_that_does_not_fit_whole_gets_nothing():
    state = put(fleet(), sched.Shape(1, 8000), [5])
    assert placed(state, sched.Shape(8, 8000)) == ()


def test_a_gang_takes_distinct_nodes():
    # One node could hold both halves, but a gang of two is two nodes.
    one = sched.empty(sched.Nodes([], [0], [0], [0], [8000], [0], [0]))
    assert placed(one, sched.Shape(2, 1000)) == ()


def test_only_allowed_sites_pools_and_types_are_used():
    state = fleet(
        sites=[0, 0, 0, 0, 1, 1, 1, 1], pools=[0, 1, 0, 1, 0, 1, 0, 1], types=[0, 0, 1, 1] * 2
    )
    assert placed(state, sched.Shape(1, 1000, sites=0b10)) == (4,)
    assert placed(state, sched.Shape(1, 1000, pool=0b10)) == (1,)
    assert placed(state, sched.Shape(1, 1000, gpu_type=1, sites=0b10, pool=0b10)) == (7,)
    assert placed(state, sched.Shape(2, 1000, gpu_type=1, sites=0b10, pool=0b10)) == ()


def test_draining_and_down_nodes_take_no_new_work():
    state = sched.apply(fleet(), sched.node_state(0, 0, sched.DRAINING))
    state = sched.apply(state, sched.node_state(0, 1, sched.DOWN))
    assert placed(state, sched.Shape(1, 1000)) == (2,)


def test_a_node_that_comes_up_is_noticed_by_a_class_that_had_failed():
    state = sched.apply(fleet(), sched.node_state(0, 0, sched.DOWN))
    state = sched.apply(state, sched.add_class(0, sched.Shape(8, 1000)))
    state = sched.apply(state, sched.submit(0, 0, 10))
    assert sched.cycle(state, 0, sched.room(state)) == 0
    state = sched.apply(state, sched.node_state(1, 0, sched.UP))
    assert sched.cycle(state, 1, sched.room(state)) == 1


def test_cpu_and_memory_count_as_gpus_do():
    nodes = sched.Nodes([], [0] * 3, [0] * 3, [0] * 3, [8000] * 3, [4000, 9000, 9000], [64, 8, 64])
    state = sched.empty(nodes)
    assert placed(state, sched.Shape(1, 1000, cpu_milli=8000, memory_mib=32)) == (2,)
