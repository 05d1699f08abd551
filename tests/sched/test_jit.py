"""Compiled kernels decide what interpreted ones decide, byte for byte."""

import subprocess
import sys
from random import Random

import numpy as np
import pytest

from arkwright import sched
from arkwright.sched import attempts, codes
from arkwright.sched.advance import AT_MS, FAULT, FORWARD_COLUMNS, INDEX, KIND
from arkwright.sched.forward import Lasting, Run
from naive.flat_pool import pool, single_gpus, starts_s
from naive.golden import GOLDEN, read_golden
from naive.random_factory import (
    POLICIES,
    decide_both,
    random_event,
    random_eviction,
    random_pair,
    random_placing,
    reserve_random,
)


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("numba")


@pytest.fixture(scope="module")
def kernels(cache_folder):
    return sched.compiled(str(cache_folder), bounds_check=True)


@pytest.mark.slow
def test_compiled_cycles_leave_the_same_state_as_interpreted_ones(kernels):
    for seed in range(90):
        random = Random(seed)
        policy = [None, *POLICIES][seed % (1 + len(POLICIES))]
        placing = None if policy is None else random_placing(random, policy)
        pair = random_pair(random, placing)
        for _ in range(20):
            for _ in range(3):
                random_event(pair, random)
            mode = random.choice(
                [sched.EASY, sched.EASY, sched.STRICT, sched.GREEDY, sched.CONSERVATIVE]
            )
            compiled = sched.copy(pair.state)
            ours, theirs = sched.room(pair.state), sched.room(compiled)
            count = sched.cycle(pair.state, pair.now_ms, ours, mode)
            assert count == sched.cycle(compiled, pair.now_ms, theirs, mode, kernels)
            assert ours[:count].tolist() == theirs[:count].tolist()
            assert sched.same(pair.state, compiled)
            for job in ours[:count].tolist():  # the naive side is told, not asked
                nodes = list(sched.nodes_of(pair.state, job))
                pair.factory.start(pair.factory.jobs[job], nodes, pair.now_ms)
            pair.now_ms += random.choice([0, 1, 5])


@pytest.mark.slow
def test_compiled_kernels_tell_the_same_jobs_to_stop(kernels):
    told = 0
    for seed in range(60):
        random = Random(seed)
        pair = random_pair(random, forms=False, has_quotas=False, eviction=random_eviction(random))
        for _ in range(25):
            for _ in range(3):
                random_event(pair, random)
            compiled = sched.copy(pair.state)
            found = sched.decisions(compiled, pair.now_ms, kernels=kernels)
            told += len(found.notices)
            ours, theirs = decide_both(pair)
            assert ours == theirs
            assert sched.same(compiled, pair.state)
            pair.now_ms += random.choice([0, 1, 5])
        ends = np.full(int(pair.state.job_count[0]), 40, np.int64)
        nothing = sched.timetable([])
        one = sched.forward(sched.copy(pair.state), nothing, pair.now_ms, 10**6, ends)
        other = sched.forward(
            sched.copy(pair.state), nothing, pair.now_ms, 10**6, ends, kernels=kernels
        )
        assert sched.same(one.state, other.state)
        assert np.array_equal(one.start_at_ms, other.start_at_ms)
    assert told > 50


@pytest.mark.slow
def test_compiled_runs_forward_give_the_same_bytes(kernels):
    for seed in range(20):
        random = Random(seed)
        policy = list(POLICIES)[seed % len(POLICIES)]
        pair = random_pair(random, random_placing(random, policy))
        for _ in range(random.choice([0, 3])):
            reserve_random(pair, random)
        mode = random.choice([sched.EASY, sched.CONSERVATIVE])
        rows = []
        for at_ms in sorted(random.randint(0, 300) for _ in range(60)):
            cls = random.randrange(len(pair.shapes))
            rows.append((sched.submit(at_ms, cls, random.randint(1, 60)), random.randint(1, 90)))
        table = sched.timetable(rows)
        one = sched.forward(sched.copy(pair.state), table, 0, 10_000, backfill=mode)
        other = sched.forward(
            sched.copy(pair.state), table, 0, 10_000, backfill=mode, kernels=kernels
        )
        assert sched.same(one.state, other.state)
        assert np.array_equal(one.start_job, other.start_job)
        assert np.array_equal(one.start_at_ms, other.start_at_ms)


@pytest.mark.slow
def test_compiled_runs_through_failures_log_the_same_attempts(kernels):
    """With bounds checked: the log of attempts has room for every restart."""
    lost = 0
    for seed in range(40):
        random = Random(seed)
        evicting = seed % 4 == 0
        pair = random_pair(
            random,
            forms=not evicting,
            has_quotas=not evicting,
            eviction=random_eviction(random) if evicting else None,
        )
        n_nodes, count = len(pair.state.node_state), 60
        rows = [
            (sched.submit(random.randint(0, 300), random.randrange(len(pair.shapes)), lasts), lasts)
            for lasts in (random.randint(1, 90) for _ in range(count))
        ]
        faults = np.zeros((30, FORWARD_COLUMNS), np.int64)
        faults[:, AT_MS] = [random.randint(0, 400) for _ in faults]
        faults[:, INDEX] = [random.randrange(n_nodes) for _ in faults]
        back = faults.copy()
        faults[:, KIND], back[:, KIND] = FAULT, codes.NODE_STATE
        back[:, AT_MS] += 7
        table = np.concatenate([sched.timetable(rows), faults, back])
        table = table[np.argsort(table[:, AT_MS], kind="stable")]
        known = int(pair.state.job_count[0])
        each = np.ones(known + count, np.int64)
        levels = len(pair.state.node_domain)
        pace = np.array([1000 + 100 * level for level in range(levels + 1)], np.int64)
        logs = []
        for form in (sched.INTERPRETED, kernels):
            made = Run(
                sched.copy(pair.state),
                table,
                0,
                kernels=form,
                lasting=Lasting(9 * each, 2 * each, pace),
            )
            while made.next_ms <= 10_000:
                made.through(made.next_ms + random.randint(0, 50))
            logs.append((made.log(10_000), made.state))
        (one, state), (other, compiled) = logs
        assert sched.same(state, compiled)
        for ours, theirs in zip(one, other, strict=True):
            assert np.array_equal(ours, theirs)
        lost += int((one.ending == attempts.NODE_LOST).sum())
    assert lost > 100


@pytest.mark.slow
def test_a_thousand_nodes_of_one_gpu_are_textbook_easy(kernels):
    if not GOLDEN.exists():
        pytest.skip("the golden traces are not beside the checkout")
    jobs, expected = read_golden(85)
    assert starts_s(pool(1024), jobs, single_gpus, kernels=kernels) == expected


CYCLE_FROM_CACHE = """
import sys
from arkwright import sched
nodes = sched.Nodes([], [0], [0], [0], [8000], [0], [0])
state = sched.apply(sched.empty(nodes), sched.add_class(0, sched.Shape(1, 1000)))
state = sched.apply(state, sched.submit(0, 0, 5))
kernels = sched.compiled(sys.argv[1], bounds_check=True)
print(sched.cycle(state, 0, sched.room(state), kernels=kernels))
"""


@pytest.mark.slow
def test_another_process_reads_the_kernels_from_the_cache(cache_folder):
    command = [sys.executable, "-c", CYCLE_FROM_CACHE, str(cache_folder)]
    written = []
    for _ in range(2):  # the first may still compile, the second must find it all
        assert subprocess.run(command, check=True, capture_output=True).stdout == b"1\n"
        written.append({file: file.stat().st_mtime_ns for file in cache_folder.rglob("*.nbc")})
    assert written[0] == written[1] != {}


def test_numba_is_not_imported_by_the_scheduler():
    code = "import sys, arkwright.sched; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
