"""Jobs that stop for others, through the real control plane: told, waiting again, resumed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from arkwright.control import intake, views
from arkwright.control.history import finished_attempts
from arkwright.control.naming import named_job
from arkwright.engines.fake import Script
from arkwright.fleet import in_process
from arkwright.jobs.lifecycle import State
from arkwright.jobs.spec import Resources, Tier
from simulation.world import OWNER_IDENTITY, Crash, World

FACTORY = b"""
factory: simulated
sites:
  fake: {country: NO, engine: {kind: local, nodes: 4, gpus_per_node: 2}}
organisations:
  lab: {}
policy: {preemption: {enabled: true, run_min: 1s, evictions_max: 2}}
"""
WHOLE = Resources(gpus_per_node=2)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path, factory=FACTORY)) as world:
        world.engine.default_script = Script(duration_ms=20_000, term_ms=500)
        yield world


def flexible(world: World, **fields: Any) -> str:
    given = {"nodes": 4, "resources": WHOLE, "tier": Tier.FLEXIBLE, "preemptible": True}
    return world.submit(name="flexible", time_limit=60.0, grace=5.0, **given | fields)


def critical(world: World, **fields: Any) -> str:
    given = {"nodes": 2, "resources": WHOLE, "tier": Tier.CRITICAL, "time_limit": 60.0}
    return world.submit(name="critical", **given | fields)


def ran(world: World, job: str) -> World:
    world.until(lambda: world.state(job) == "running")
    world.step(1_000)
    return world


def test_a_critical_job_takes_the_place_of_a_flexible_one_which_resumes_and_none_dies(
    world: World,
) -> None:
    low = flexible(world)
    ran(world, low)
    high = critical(world)
    world.step()
    assert (world.state(low), world.state(high)) == ("stopping", "queued")
    assert ("stop", f"{low}.1") in world.engine.calls
    reason = world.fleet.explain(high, world.now_ms)
    assert reason.code == "claim"
    assert f"waits for job {low} to stop until" in reason.message
    row = world.store.read()
    assert [e.cause for e in row.events(job_id=low)][-1] == f"preempted for job {high}"
    world.until(lambda: world.state(high) == "running")
    assert world.state(low) == "queued"
    assert len(world.fleet.decide(world.now_ms)) == 0
    world.until(lambda: world.state(low) == "succeeded")
    assert world.state(high) == "succeeded"
    assert world.kinds(low) == [
        "job_submitted", "job_started", "job_launched", "job_stopping", "job_ended",
        "job_started", "job_launched", "job_ended",
    ]  # fmt: skip
    assert world.kinds(high) == [
        "job_submitted", "job_claimed", "job_started", "job_launched", "job_ended",
    ]  # fmt: skip
    ends = [e for e in world.store.read().events(job_id=low) if e.kind.value == "job_ended"]
    assert (ends[0].after["evictions"], ends[0].after["failures"]) == (1, 0)


def test_without_the_policy_nobody_is_told_to_stop(tmp_path: Path) -> None:
    with closing(World(tmp_path)) as world:
        world.engine.default_script = Script(duration_ms=20_000)
        low = flexible(world)
        ran(world, low)
        high = critical(world)
        for _ in range(20):
            world.step()
        assert (world.state(low), world.state(high)) == ("running", "queued")


def test_a_job_that_is_not_preemptible_or_has_just_started_is_left_alone(world: World) -> None:
    firm = flexible(world, preemptible=False, nodes=2)
    ran(world, firm)
    soft = flexible(world, nodes=2)
    high = critical(world, nodes=4)
    for _ in range(12):
        world.step()
    assert world.state(firm) == world.state(soft) == "running"
    assert world.state(high) == "queued"
    fitting = critical(world, nodes=1, priority=1)
    world.step()
    assert (world.state(firm), world.state(soft)) == ("running", "stopping")
    world.until(lambda: world.state(fitting) == "running")


def test_a_job_is_evicted_only_so_often_and_a_restart_remembers_how_often(world: World) -> None:
    low = flexible(world)
    for evicted in (1, 2):
        ran(world, low)
        high = critical(world)
        world.until(lambda job=high: world.state(job) == "running")
        intake.cancel(world.controller, OWNER_IDENTITY, high, "")
        world.until(lambda job=high: world.state(job) == "cancelled")
        world.restart()
        assert world.controller.book.jobs[low].evictions == evicted
    ran(world, low)
    high = critical(world)
    for _ in range(20):
        world.step()
    assert (world.state(low), world.state(high)) == ("running", "queued")


def test_an_attempt_that_gave_its_place_teaches_nothing_of_how_long_jobs_last(
    world: World,
) -> None:
    low = flexible(world)
    ran(world, low)
    high = critical(world)
    world.until(lambda: world.state(low) == "succeeded")
    assert world.state(high) == "succeeded"
    read_back = finished_attempts(world.store.read(), world.fleet)
    assert len(read_back) == 2  # of three attempts
    assert min(attempt.ran_ms for attempt in read_back) >= 20_000
    assert list(world.fleet._experience.finished) == read_back


def test_a_claim_whose_job_is_cancelled_leaves_the_nodes_to_others(world: World) -> None:
    low = flexible(world)
    ran(world, low)
    high = critical(world)
    world.step()
    assert intake.cancel(world.controller, OWNER_IDENTITY, high, "") == "cancelled"
    world.until(lambda: world.state(low) == "running")
    assert len(world.engine.launches) == 2


def test_a_claim_on_a_shared_gpu_stands_over_a_restart(world: World) -> None:
    firm = flexible(world, nodes=3, preemptible=False)
    halves = Resources(gpus_per_node=0.5)
    low = [flexible(world, nodes=1, resources=halves) for _ in range(4)]
    ran(ran(world, firm), low[3])
    high = critical(world, nodes=1)
    world.step()
    world.restart()
    assert world.fleet.explain(high, world.now_ms).code == "claim"
    world.until(lambda: world.state(high) == "running")
    assert "job_unclaimed" not in world.kinds(high)


def test_what_ended_while_the_server_was_away_is_known_before_it_decides(world: World) -> None:
    """Else one more would be told to stop in the place of who is gone already."""
    low = [flexible(world, nodes=2) for _ in range(2)]
    ran(world, low[1])
    high = critical(world, priority=1)
    world.step()
    intake.hold(world.controller, OWNER_IDENTITY, high)
    intake.release(world.controller, OWNER_IDENTITY, high)  # its claim is gone
    world.step()
    world.now_ms += 6_000  # past the grace of who stops
    world.real_ms += 6_000
    world.restart()
    world.until(lambda: world.state(high) == "running")
    assert sum("job_stopping" in world.kinds(job) for job in low) == 1


def test_a_preempted_job_that_its_user_cancels_is_cancelled(world: World) -> None:
    low = flexible(world)
    ran(world, low)
    critical(world)
    world.step()
    assert intake.cancel(world.controller, OWNER_IDENTITY, low, "") == "stopping"
    world.until(lambda: world.state(low) == "cancelled")


def test_why_of_a_job_that_stops_names_whom_it_stops_for(world: World) -> None:
    low = flexible(world)
    ran(world, low)
    high = critical(world)
    world.step()
    row = named_job(world.store.read(), OWNER_IDENTITY, low)
    assert views.why_now(world.controller, row) is None
    scene = world.fleet.scene(world.now_ms, 10**6)
    found = views.why_waiting(scene, State.STOPPING, row, OWNER_IDENTITY, in_process)
    assert (found.state, found.reason.code) == ("stopping", "stops-for")
    assert f"told to stop for {high} and has until" in found.reason.message


@pytest.mark.slow
def test_a_crash_at_any_point_of_a_preemption_loses_nothing(tmp_path: Path) -> None:
    """One flexible gang, one critical that takes its place, crashed at touch 1, 2, 3, …"""
    for touch in itertools.count(1):
        folder = tmp_path / str(touch)
        folder.mkdir()
        with closing(World(folder, factory=FACTORY)) as world:
            if not _story_with_a_crash(world, touch):
                break
    assert touch > 20


def _story_with_a_crash(world: World, touch: int) -> bool:
    world.engine.default_script = Script(duration_ms=4_000, launch_ms=100, term_ms=300)
    low = flexible(world)
    high = ""
    world.crash_at(touch)
    crashed = False
    for step in range(220):
        try:
            if step >= 15 and not high:
                high = critical(world)
            world.step()
        except Crash:
            crashed = True
            world.restart()
            known = world.controller.book.jobs
            high = high or next((job for job in known if job != low), "")
    assert (world.state(low), world.state(high)) == ("succeeded", "succeeded")
    assert world.controller.book.jobs == {}
    assert world.engine.live() == ()
    return crashed
