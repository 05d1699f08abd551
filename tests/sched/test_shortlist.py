"""A shortlist decides for its jobs what the whole queue's decision has for them."""

from random import Random

from arkwright import sched
from naive.random_factory import POLICIES, random_event, random_pair, random_placing


def test_a_cycle_on_the_first_jobs_starts_exactly_those_of_them_the_whole_cycle_starts():
    cut = 0
    for seed in range(200):
        random = Random(seed)
        policy = [None, *POLICIES][seed % (1 + len(POLICIES))]
        pair = random_pair(random, None if policy is None else random_placing(random, policy))
        pair.state.fair[0] = 0  # with fair share a start moves other projects in the order
        for _ in range(random.randint(5, 40)):
            random_event(pair, random)
        mode = random.choice([sched.EASY, sched.STRICT, sched.GREEDY])
        whole = sched.copy(pair.state)
        out = sched.room(whole)
        started = out[: sched.cycle(whole, pair.now_ms, out, mode)].tolist()
        queue = _queue(pair.state)
        for count in {1, 2, len(queue) // 2, len(queue)}:
            short = sched.shortlist(pair.state, count)
            out = sched.room(short)
            found = out[: sched.cycle(short, pair.now_ms, out, mode)].tolist()
            wanted = [job for job in started if job in queue[:count]]
            assert found == wanted
            assert [_held(short, job) for job in found] == [_held(whole, job) for job in wanted]
            cut += len(wanted) < len(started)
    assert cut > 100


def test_taking_a_shortlist_leaves_the_state_as_it_is():
    random = Random(7)
    pair = random_pair(random, None)
    for _ in range(40):
        random_event(pair, random)
    before = sched.copy(pair.state)
    sched.shortlist(pair.state, 1)
    assert sched.same(pair.state, before)


def _queue(state):
    jobs = [job for job in range(int(state.job_count[0])) if state.job_state[job] == sched.QUEUED]
    key = (state.job_priority, state.job_submit_ms, state.job_seq)
    return sorted(jobs, key=lambda job: (-key[0][job], key[1][job], key[2][job], job))


def _held(state, job):
    return sched.nodes_of(state, job), sched.gpus_of(state, job)
