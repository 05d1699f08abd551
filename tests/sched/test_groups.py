"""Gangs of different nodes, worked by hand: 8-GPU nodes, 4-GPU nodes, nodes without GPUs."""

from random import Random

import pytest

from arkwright import sched
from arkwright.errors import InternalError
from naive.random_factory import decide_both, random_event, random_pair

GPUS_8, GPUS_4, CPUS = sched.Shape(1, 8000), sched.Shape(1, 4000), sched.Shape(1, 0, 16000)


def factory(gpus, site=None, policy=sched.ARKWRIGHT, row=(), rows=None, eviction=None):
    """Nodes with so many GPUs; those without have 16 CPUs, the others none to spare."""
    zeros = [0] * len(gpus)
    nodes = sched.Nodes(
        domain=[],
        pool=zeros,
        gpu_type=zeros,
        site=zeros if site is None else site,
        gpu_milli=[1000 * each for each in gpus],
        cpu_milli=[0 if each else 16000 for each in gpus],
        memory_mib=zeros,
        row=row,
    )
    return sched.empty(nodes, rows, sched.Placing(policy), eviction)


def submitted(state, *shapes, at_ms=0, lasts_ms=100, priority=0):
    """The state with a job of these groups, or of one shape."""
    cls, classes = sched.class_of(state, sched.Gang(shapes[0], (), shapes[1:]), at_ms)
    for event in classes:
        state = sched.apply(state, event)
    return sched.apply(state, sched.submit(at_ms, cls, lasts_ms, priority))


def decide(state, now_ms=0, mode=sched.EASY):
    out = sched.room(state)
    started = out[: sched.cycle(state, now_ms, out, mode)].tolist()
    assert sched.check(state) == []
    return {job: sched.nodes_of(state, job) for job in started}


@pytest.mark.parametrize("mode", [sched.EASY, sched.STRICT, sched.GREEDY, sched.CONSERVATIVE])
def test_groups_start_together_and_their_nodes_stand_in_the_order_written(mode):
    state = submitted(factory([0, 8, 8, 0]), GPUS_8._replace(nodes=2), CPUS)
    assert decide(state, mode=mode) == {0: (1, 2, 0)}
    assert state.node_gpu_milli_free.tolist() == [0, 0, 0, 0]
    assert state.node_cpu_milli_free.tolist() == [0, 0, 0, 16000]
    state = sched.apply(state, sched.end(1, 0))
    assert state.node_gpu_milli_free.tolist() == [0, 8000, 8000, 0]
    assert sched.check(state) == []


@pytest.mark.parametrize("mode", [sched.EASY, sched.CONSERVATIVE])
def test_all_groups_go_to_the_first_site_that_holds_them(mode):
    """Site 0 has two nodes of 8 GPUs and none without; site 1 has one of each."""
    state = submitted(factory([8, 8, 8, 0], site=[0, 0, 1, 1]), GPUS_8, CPUS)
    assert decide(state, mode=mode) == {0: (2, 3)}


def test_a_group_may_take_what_only_a_later_one_could_use_so_the_hardest_comes_first():
    """First fit gives 4 GPUs of the large node to the first group; then 8 are nowhere."""
    state = factory([8, 4], policy=sched.FIRST_FIT)
    assert decide(submitted(sched.copy(state), GPUS_4, GPUS_8)) == {}
    assert decide(submitted(sched.copy(state), GPUS_8, GPUS_4)) == {0: (0, 1)}


def test_a_gang_starts_beside_the_head_though_another_of_its_class_could_not():
    """Job 0 holds one large node to 50, when the head gets both. Jobs 2 and 3 ask for the same
    groups: one would last past 50, the other is over by then."""
    state = factory([8, 8, 0])
    state = sched.apply(submitted(state, GPUS_8, lasts_ms=50), sched.start(0, 0, (0,)))
    state = submitted(state, GPUS_8._replace(nodes=2), at_ms=1)  # the head: at 50
    state = submitted(state, GPUS_8, CPUS, at_ms=2, lasts_ms=100)
    state = submitted(state, GPUS_8, CPUS, at_ms=3, lasts_ms=47)
    assert decide(state, 3) == {3: (1, 2)}


def test_no_node_serves_two_groups():
    """One node has 8 GPUs: 4 and 4 of it would be enough for an ordinary sum."""
    state = submitted(factory([8]), GPUS_4, GPUS_4)
    reason = sched.explain(state, 0, 0)
    assert (reason.code, reason.asked, reason.free) == (sched.NEVER_TOO_MANY_NODES, 1, 0)
    assert reason.group == 1


def test_a_quota_counts_the_gpus_of_all_groups_and_gives_them_back():
    """8 + 2 x 4 = 16 GPUs of a quota of 20; with 4 in use by another job there is room for 16."""
    rows = sched.Rows([-1, 0], [20000, -1])
    state = factory([8, 4, 4, 4], rows=rows)
    in_row = {"row": 1}
    state = submitted(state, GPUS_8._replace(**in_row), GPUS_4._replace(nodes=2, **in_row))
    state = submitted(state, GPUS_4._replace(**in_row))
    assert decide(state) == {0: (0, 1, 2), 1: (3,)}
    assert state.row_used.tolist() == [20000, 20000]
    state = sched.apply(state, sched.end(1, 0))
    assert state.row_used.tolist() == [4000, 4000]


def test_a_gang_beyond_its_quota_waits_and_is_told_what_all_groups_ask():
    rows = sched.Rows([-1], [20000])
    state = factory([8, 4, 4, 8], rows=rows)
    state = submitted(state, GPUS_8._replace(row=0))
    state = submitted(state, GPUS_8._replace(row=0), GPUS_4._replace(nodes=2, row=0))
    assert list(decide(sched.copy(state))) == [0]
    state = sched.apply(state, sched.start(0, 0, (3,)))
    reason = sched.explain(state, 1, 0)
    assert (reason.code, reason.asked, reason.used) == (sched.QUOTA, 16000, 8000)


def test_a_quota_of_a_gpu_type_counts_the_groups_that_name_it():
    """Row 1 counts one type: 8 GPUs of the first group, none of the second."""
    rows = sched.Rows([-1, -1], [-1, 8000])
    state = factory([8, 4], rows=rows)
    state = submitted(state, GPUS_8._replace(row=0, type_row=1), GPUS_4._replace(row=0))
    assert decide(state) == {0: (0, 1)}
    assert state.row_used.tolist() == [12000, 8000]


def test_a_budget_counts_the_time_of_all_groups():
    """12 GPUs for 100 ms are 1,200 GPU-ms; 1,199 are not enough."""
    state = factory([8, 4], rows=sched.Rows([-1, -1], [-1, 1199], budget=[1, -1]))
    state = submitted(state, GPUS_8._replace(row=0), GPUS_4._replace(row=0))
    assert decide(sched.copy(state)) == {}
    state = sched.apply(state, sched.row_limit(0, 1, 1200))
    assert decide(state) == {0: (0, 1)}


def test_what_one_group_draws_is_not_there_for_the_next():
    """Nodes 0 and 1 share a rack of 500 W. The first group takes 300 W of it on node 0: the second,
    of 300 W as well, fits the rack no longer and goes to node 2."""
    state = factory([4, 8, 8], row=[0, 0, -1], rows=sched.Rows([-1], [500]))
    state = submitted(state, GPUS_4._replace(watts=300), GPUS_8._replace(watts=300))
    assert decide(state) == {0: (0, 2)}
    assert state.row_used.tolist() == [300]


@pytest.mark.parametrize("mode", [sched.EASY, sched.CONSERVATIVE])
def test_the_head_keeps_the_nodes_of_all_its_groups(mode):
    """Job 0 holds the large node to 100. The head wants it and a small one: at 100. One of the two
    small nodes is kept for it, so only one of the two long jobs behind it starts."""
    state = sched.apply(submitted(factory([8, 4, 4]), GPUS_8), sched.start(0, 0, (0,)))
    state = submitted(state, GPUS_8, GPUS_4, at_ms=1)
    for _ in range(2):
        state = submitted(state, GPUS_4, at_ms=2, lasts_ms=1000)
    started = decide(state, 2, mode)
    assert list(started) == [2]
    state = sched.apply(state, sched.end(100, 0))
    (left,) = {1, 2} - set(started[2])
    assert decide(state, 100, mode)[1] == (0, left)


def test_a_fraction_leaves_the_head_the_whole_gpus_of_its_group():
    """Node 1 has 4 GPUs, all for the head's second group at 100: a tenth of one cannot stay."""
    state = submitted(factory([8, 4]), GPUS_8)
    state = sched.apply(state, sched.start(0, 0, (0,)))
    state = submitted(state, GPUS_8, GPUS_4, at_ms=1)
    state = submitted(state, sched.Shape(1, 100), at_ms=2, lasts_ms=1000)
    assert decide(sched.copy(state), 2) == {}
    state = submitted(state, sched.Shape(1, 100), at_ms=2, lasts_ms=98)
    assert decide(state, 2) == {3: (1,)}


def test_others_stop_for_all_groups_of_a_gang():
    """One preemptible job on each node; the gang of a better tier needs both nodes. Who loses
    least is told first: 4 GPUs for 10 ms."""
    flexible = {"tier": 2, "preemptible": 1, "grace_ms": 5}
    state = factory([8, 4], eviction=sched.Eviction(enabled=1))
    for node, shape in enumerate([GPUS_8, GPUS_4]):
        state = submitted(state, shape._replace(**flexible), lasts_ms=10**6)
        state = sched.apply(state, sched.start(0, node, (node,)))
    state = submitted(state, GPUS_8, GPUS_4, at_ms=10)
    found = sched.decisions(sched.copy(state), 10)
    assert [notice.job for notice in found.notices] == [2, 1, 0]
    draft = sched.copy(state)
    for notice in sched.decisions(draft, 10).notices:
        state = sched.apply(state, sched.notified(draft, 10, notice))
    assert sched.claimed_by(state, 2) == [0, 1]
    for job in (0, 1):
        state = sched.apply(state, sched.requeue(15, job))
    assert decide(state, 15) == {2: (0, 1)}


def test_the_reason_names_the_group_that_finds_no_nodes():
    state = submitted(factory([8, 4, 4]), GPUS_4)
    state = sched.apply(state, sched.start(0, 0, (1,)))
    state = submitted(state, GPUS_8, GPUS_4._replace(nodes=2), at_ms=1)
    reason = sched.explain(state, 1, 1)
    assert (reason.code, reason.group) == (sched.NOT_ENOUGH_FREE, 1)
    assert (reason.asked, reason.free, reason.change) == (2, 1, sched.WAIT)
    assert sched.most_nodes_now(state, 1, 1) == 0


def test_a_gang_that_no_empty_factory_holds_never_starts():
    state = factory([8, 4], site=[0, 1])
    assert sched.never_fits(state, GPUS_8, 0, (GPUS_4,)).code == sched.NEVER_TOO_MANY_NODES
    assert sched.never_fits(state, GPUS_8, 0, (CPUS,)).group == 1
    assert sched.never_fits(factory([8, 4]), GPUS_8, 0, (GPUS_4,)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        GPUS_8._replace(gpu_milli=500),
        GPUS_8._replace(segment=1, segment_level=0),
        GPUS_8._replace(spread_level=0),
        GPUS_8._replace(rails=1),
        GPUS_8._replace(row=0),
        GPUS_8._replace(more=5),
    ],
)
def test_a_group_with_a_form_of_its_own_or_in_another_quota_is_refused(wrong):
    zeros = [0, 0]
    nodes = sched.Nodes([zeros], zeros, zeros, zeros, [8000, 8000], zeros, zeros)
    state = sched.empty(nodes, sched.Rows([-1], [-1]))
    state = sched.apply(state, sched.add_class(0, GPUS_8))
    chain = wrong if wrong.more >= 0 else wrong._replace(more=0)
    with pytest.raises(InternalError):
        sched.apply(state, sched.add_class(0, chain))
    if wrong.more < 0:
        state = sched.apply(state, sched.add_class(0, wrong))
        with pytest.raises(InternalError):
            sched.apply(state, sched.add_class(0, GPUS_8._replace(more=1)))


def test_sizes_and_groups_exclude_each_other():
    state = factory([8, 8, 4])
    with pytest.raises(InternalError, match="not both"):
        sched.class_of(state, sched.Gang(GPUS_8, (2,), (GPUS_4,)), 0)


def test_a_start_names_every_node_once_and_each_of_its_group():
    state = submitted(factory([8, 8, 4]), GPUS_8, GPUS_4)
    for nodes in [(0,), (0, 0), (2, 0), (0, 1, 2)]:
        with pytest.raises(InternalError):
            sched.apply(sched.copy(state), sched.start(0, 0, nodes))
    assert sched.nodes_of(sched.apply(state, sched.start(0, 0, (1, 0))), 0) == (1, 0)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [sched.EASY, sched.STRICT, sched.CONSERVATIVE])
def test_random_gangs_of_groups_start_where_the_naive_rules_put_them(mode):
    started = 0
    for seed in range(60):
        random = Random(seed)
        pair = random_pair(random, forms=mode != sched.CONSERVATIVE)
        for _ in range(12):
            for _ in range(3):
                random_event(pair, random)
            ours, theirs = decide_both(pair, mode)
            assert ours == theirs
            assert sched.check(pair.state) == []
            started += sum(pair.shapes[int(pair.state.job_asked[job])].more >= 0 for job, _ in ours)
            pair.now_ms += random.choice([0, 1, 5])
        for job in pair.in_state("queued"):
            sched.explain(pair.state, job, pair.now_ms, mode)
    assert started > 20
