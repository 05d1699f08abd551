"""Preemption in names: who is told for whom, what a claim is called, what was saved by then."""

from __future__ import annotations

from typing import Any

import msgspec

from arkwright.fleet import (
    Fleet,
    FleetPolicy,
    NoticeKind,
    Preemption,
    ProjectQuota,
    decision_bytes,
)
from arkwright.jobs.events import EventKind
from arkwright.jobs.spec import Checkpoint, JobSpec, Level, Tier, Topology, TopologyMode
from fleet.world import NODES, Log, fleet, spec

RACK_1, RACK_2 = "narvik/h1/r1", "narvik/h1/r2"
IN_ONE_RACK = Topology(level=Level.RACK, mode=TopologyMode.REQUIRED)


def a_log(**fields: Any) -> Log:
    policy = FleetPolicy(preemption=Preemption(enabled=True, **fields))
    log = Log(Fleet(NODES, [ProjectQuota(path="lab", gpus_limit=None)], policy))
    for site in ("oslo/h1/r1/t1", "oslo/h1/r1/t2"):
        log.fleet.set_node_state(site, "down")
    return log


def soft(**fields: Any) -> JobSpec:
    return spec(**{"tier": Tier.FLEXIBLE, "preemptible": True, "time_limit": 9_000.0} | fields)


def run_at(log: Log, job_id: str, *nodes: str, **fields: Any) -> None:
    submit(log, job_id, soft(nodes=len(nodes), **fields))
    after = {"state": "starting", "attempt": 1, "nodes": list(nodes)}
    log.write(EventKind.JOB_STARTED, f"{job_id}.1", "queued", after)
    log.write(EventKind.JOB_LAUNCHED, f"{job_id}.1", "starting", {"state": "running"})


def submit(log: Log, job_id: str, job: JobSpec) -> None:
    after = {"spec": msgspec.to_builtins(job), "state": "queued", "project": "lab", "user": "u"}
    log.write(EventKind.JOB_SUBMITTED, job_id, None, after)


def test_the_least_work_lost_goes_first_and_a_checkpoint_interval_counts_as_saving() -> None:
    log = a_log()
    run_at(log, "long", f"{RACK_1}/t1", checkpoint=Checkpoint(dir="/c", interval=100.0))
    run_at(log, "short", f"{RACK_1}/t2")
    submit(log, "first", spec(nodes=3, tier=Tier.CRITICAL, time_limit=90.0))
    # Two nodes are free; at 399 s `long` has saved 99 s ago, and `short` has never saved.
    decided = log.fleet.decisions(400_000)
    assert [(n.kind, n.job_id) for n in decided.notices] == [
        (NoticeKind.CLAIM, "first"),
        (NoticeKind.PREEMPT, "long"),
    ]
    assert decided.notices[0].nodes == (f"{RACK_1}/t1", f"{RACK_2}/t1", f"{RACK_2}/t2")
    assert (decided.notices[1].claimant_id, decided.notices[1].why) == ("first", "evicted")


def test_a_job_between_two_racks_is_moved_for_a_gang_that_needs_one_whole() -> None:
    log = a_log(defragment=True)
    run_at(log, "left", f"{RACK_1}/t1")
    run_at(log, "right", f"{RACK_2}/t1")
    submit(log, "gang", spec(nodes=2, topology=IN_ONE_RACK, tier=Tier.FLEXIBLE, time_limit=90.0))
    notices = log.fleet.decisions(60_000).notices
    assert [(n.kind, n.job_id, n.why) for n in notices] == [
        (NoticeKind.CLAIM, "gang", ""),
        (NoticeKind.PREEMPT, "right", "moved"),
    ]
    assert notices[0].nodes == (f"{RACK_2}/t1", f"{RACK_2}/t2")


def test_without_defragmentation_the_gang_waits_for_its_equals() -> None:
    log = a_log()
    run_at(log, "left", f"{RACK_1}/t1")
    run_at(log, "right", f"{RACK_2}/t1")
    submit(log, "gang", spec(nodes=2, topology=IN_ONE_RACK, tier=Tier.FLEXIBLE, time_limit=90.0))
    assert log.fleet.decisions(60_000).notices == ()


def test_what_jobs_say_of_preemption_splits_no_class_where_nobody_may_be_stopped() -> None:
    log = Log(fleet())
    submit(log, "a", soft())
    submit(log, "b", spec(tier=Tier.CRITICAL, time_limit=9_000.0))
    state = log.fleet.scene(0, 1).state
    assert int(state.class_count[0]) == 1


def test_a_decision_without_notices_has_the_bytes_it_always_had() -> None:
    body = decision_bytes([("a", ("n",))], now_ms=1, parent=0, policy="p")
    assert body == b'{"now_ms":1,"parent":0,"policy_sha256":"p","starts":[["a",["n"]]]}'


def test_a_claim_in_the_log_bars_others_and_one_given_up_does_not() -> None:
    log = a_log()
    run_at(log, "there", f"{RACK_1}/t1", f"{RACK_1}/t2")
    submit(log, "first", spec(nodes=4, tier=Tier.CRITICAL, time_limit=9_000.0))
    nodes = [f"{rack}/{tray}" for rack in (RACK_1, RACK_2) for tray in ("t1", "t2")]
    claimed = {"state": "queued", "nodes": nodes}
    log.write(EventKind.JOB_CLAIMED, "first", "queued", claimed)
    told = {"state": "stopping", "is_cancel": False, "for": "first", "why": "evicted"}
    log.write(EventKind.JOB_STOPPING, "there.1", "running", told)
    submit(log, "other", spec(time_limit=1.0))
    assert log.fleet.decide(log.now_ms) == []
    assert log.fleet.explain("other", log.now_ms).code == "claimed"
    log.write(EventKind.JOB_UNCLAIMED, "first", "queued", {"state": "queued"})
    assert [start.job_id for start in log.fleet.decide(log.now_ms)] == ["other"]
    assert log.fleet.violations() == []
