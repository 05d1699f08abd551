"""A factory's scheduler through drawn failures: what it logs is what the failures and the
checkpoints say, to the millisecond."""

import numpy as np
import pytest

from arkwright import sched
from arkwright.sched.advance import AT_MS, FORWARD_COLUMNS
from arkwright.sched.forward import Lasting, Run, timetable
from arkwright.twin.checkpoint import Checkpoints, job_checkpoints, lost_ms, wall_ms_all
from arkwright.twin.failures import Group, Part, Topology, forward_rows, node_events, outages
from arkwright.twin.goodput import goodput_of
from arkwright.twin.record import Attempts, Ending, Record
from twin.fleets import DAY_MS, START_MS, cause, fleet, model

NODES, DAYS, JOBS, GANG = 32, 60, 12, 4
END_MS = START_MS + DAYS * DAY_MS
SPEC = model(
    cause("gpu", Part.GPU, 6.0, hours=12), cause("leaf", Part.LEAF, 6.0, hours=3)
)  # fmt: skip
TOPOLOGY = Topology((Group(Part.LEAF, [f"l{k}" for k in range(4)], np.arange(NODES) // 8),))


@pytest.fixture(scope="module")
def run():
    """Twelve gangs of 4 nodes with 15 days of work each, on 32 nodes that fail often."""
    places = fleet(NODES)
    out = outages(SPEC, places, TOPOLOGY, START_MS, END_MS, 4)
    plan = job_checkpoints(
        Checkpoints(interval=3600.0, cost=120.0, restart=600.0),
        np.full(JOBS, GANG), np.full(JOBS, 8 * GANG), SPEC.node_per_1000_days(8),
    )  # fmt: skip
    work = np.full(JOBS, 15 * DAY_MS)
    walls = wall_ms_all(work, plan.interval_ms, plan.cost_ms)
    jobs = timetable((sched.submit(START_MS, 0, int(wall)), int(wall)) for wall in walls)
    zero, node = [0] * NODES, list(range(NODES))
    state = sched.empty(
        sched.Nodes([node, node, zero], zero, zero, zero, [8000] * NODES, zero, zero)
    )
    state = sched.apply(state, sched.add_class(0, sched.Shape(GANG, 8000)))
    events = np.concatenate([jobs, forward_rows(node_events(out, END_MS))])
    assert events.shape[1] == FORWARD_COLUMNS
    events = events[np.argsort(events[:, AT_MS], kind="stable")]
    made = Run(state, events, START_MS, lasting=Lasting(plan.period_ms, plan.restart_ms))
    made.through(END_MS)
    log = made.log(END_MS)
    attempts = Attempts(
        log.job, log.start_ms, log.end_ms, log.ending, log.lost_ms, log.node_first, log.node,
        np.full(len(log.node), 8000),
    )  # fmt: skip
    return Record(START_MS, END_MS, places, attempts, out, ""), plan, work


def test_a_gang_ends_when_one_of_its_nodes_goes_out_and_not_otherwise(run):
    record, _, _ = run
    attempts, out = record.attempts, record.outages
    failures = 0
    for k in range(len(attempts.job)):
        nodes = attempts.node[attempts.node_first[k] : attempts.node_first[k + 1]]
        mine = np.isin(out.node, nodes)
        begin, end = attempts.start_ms[k], attempts.end_ms[k]
        is_out = mine & (out.from_ms < end) & (out.until_ms > begin)
        assert not is_out.any()
        if attempts.ending[k] == Ending.NODE_FAILED:
            assert (mine & (out.from_ms == end)).any()
            failures += 1
    assert failures > 20


def test_a_gang_loses_what_its_checkpoints_do_not_hold(run):
    record, plan, _ = run
    attempts, seen = record.attempts, set()
    for k, job in enumerate(attempts.job.tolist()):
        head = int(plan.restart_ms[job]) if job in seen else 0
        seen.add(job)
        if attempts.ending[k] == Ending.NODE_FAILED:
            ran = int(attempts.end_ms[k] - attempts.start_ms[k]) - head
            lost = lost_ms(ran, int(plan.interval_ms[job]), int(plan.cost_ms[job]))
            assert attempts.lost_ms[k] == lost


def test_a_gang_that_ended_has_done_its_work_and_no_more(run):
    record, plan, work = run
    done = np.unique(record.attempts.job[record.attempts.ending == Ending.COMPLETED])
    assert len(done) >= 6
    keep = np.isin(record.attempts.job, done)
    found = goodput_of(_only(record, keep), plan)
    assert found.productive_gpu_h * 3_600_000 == pytest.approx(
        8 * GANG * work[done].sum(), rel=1e-12
    )


def test_gangs_fail_as_often_as_their_nodes(run):
    record, plan, _ = run
    found = goodput_of(record, plan)
    # 48 per 1,000 node-days of GPUs and 6 of the leaf: of a gang of four behind one leaf
    # 4 x 48 + 6 = 198 per 1,000 gang-days.
    gang_days = found.held_gpu_h / (8 * GANG * 24)
    failures = found.interruptions["node_failed"]
    expected = 198 / 1000 * gang_days
    assert failures == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert found.held_gpu_h + found.out_gpu_h + found.idle_gpu_h == found.capacity_gpu_h


def test_goodput_is_what_the_checkpoints_promise(run):
    record, plan, _ = run
    # The model counts 48 per 1,000 days and node and no leaves: a little better than what is seen.
    assert goodput_of(record, plan).goodput == pytest.approx(plan.goodput_expected[0], abs=0.005)


def _only(record, keep):
    attempts = record.attempts
    count = np.diff(attempts.node_first)[keep]
    of = np.repeat(keep, np.diff(attempts.node_first))
    return record._replace(
        attempts=Attempts(
            *(column[keep] for column in attempts[:5]),
            node_first=np.concatenate([[0], np.cumsum(count)]),
            node=attempts.node[of],
            gpu_milli=attempts.gpu_milli[of],
        )
    )
