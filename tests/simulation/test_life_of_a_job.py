"""One job's life through the real control plane, told event by event."""

from __future__ import annotations

import pytest

from arkwright.control import intake
from arkwright.engines.fake import Script
from arkwright.errors import InfeasibleError, InputError
from arkwright.jobs.spec import Checkpoint, Resources, Retry, RetryOn
from simulation.world import OWNER_IDENTITY, World


def test_a_job_that_ends_well_goes_through_start_launch_and_end(world: World) -> None:
    job = world.submit(nodes=2)
    world.until(lambda: world.state(job) == "succeeded")
    assert world.kinds(job) == ["job_submitted", "job_started", "job_launched", "job_ended"]


def test_a_gang_whose_node_is_lost_starts_again_whole_on_other_nodes(world: World) -> None:
    job = world.submit(
        nodes=2,
        resources=Resources(gpus_per_node=2),
        checkpoint=Checkpoint(dir="/checkpoints"),
    )
    world.until(lambda: world.state(job) == "running")
    first = world.engine.launches[0]
    lost = first.placements[1].node
    world.engine.lose_node(lost)
    world.until(lambda: len(world.engine.launches) == 2)
    second = world.engine.launches[1]
    assert second.attempt_id == f"{job}.2"
    assert lost not in [placement.node for placement in second.placements]
    assert second.checkpoint_dir == "/checkpoints"
    assert world.fleet.node_state(lost) == "down"
    world.until(lambda: world.state(job) == "succeeded")


def test_the_second_attempt_is_launched_only_when_nothing_of_the_first_is_left(
    world: World,
) -> None:
    world.engine.default_script = Script(duration_ms=60_000, ignores_stop_for_ms=5_000)
    job = world.submit(nodes=2)
    world.until(lambda: world.state(job) == "running")
    world.engine.lose_node(world.engine.launches[0].placements[0].node)
    world.until(lambda: world.state(job) == "stopping")
    world.step(1_000)
    assert len(world.engine.launches) == 1  # the other node's part still ignores SIGTERM
    world.until(lambda: len(world.engine.launches) == 2)


def test_a_job_whose_ranks_fail_is_not_tried_again_unless_it_asks_for_it(world: World) -> None:
    world.engine.default_script = Script(duration_ms=1_000, exit_code=3)
    job = world.submit()
    world.until(lambda: world.state(job) == "failed")
    assert len(world.engine.launches) == 1


def test_retries_of_failures_are_counted_and_end(world: World) -> None:
    world.engine.default_script = Script(duration_ms=1_000, exit_code=3)
    job = world.submit(retry=Retry(limit=2, on=(RetryOn.FAILURE,)))
    world.until(lambda: world.state(job) == "failed")
    assert len(world.engine.launches) == 3  # one attempt and two retries


def test_a_launch_the_engine_could_not_begin_is_tried_again(world: World) -> None:
    world.engine.fail_launches(1, "no room on the disk")
    job = world.submit()
    world.until(lambda: world.state(job) == "succeeded")
    causes = [event.cause for event in world.store.read().events(job_id=job)]
    assert "launch failed: no room on the disk" in causes


def test_a_launch_that_keeps_failing_fails_the_job_with_the_engine_s_words(world: World) -> None:
    world.engine.fail_launches(10, "no room on the disk")
    job = world.submit(retry=Retry(limit=3))
    world.until(lambda: world.state(job) == "failed")
    last = world.store.read().events(job_id=job)[-1]
    assert last.cause == "launch failed: no room on the disk; no retry left of 3"


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_through_its_engine(
    world: World,
) -> None:
    running = world.submit(nodes=4, resources=Resources(gpus_per_node=2))
    world.until(lambda: world.state(running) == "running")
    waiting = world.submit()
    assert intake.cancel(world.controller, OWNER_IDENTITY, waiting, "") == "cancelled"
    assert intake.cancel(world.controller, OWNER_IDENTITY, running, "") == "stopping"
    world.until(lambda: world.state(running) == "cancelled")
    assert ("stop", f"{running}.1") in world.engine.calls


def test_a_held_job_starts_only_when_it_is_released(world: World) -> None:
    job = world.submit(held=True)
    for _ in range(5):
        world.step()
    assert world.state(job) == "held"
    intake.release(world.controller, OWNER_IDENTITY, job)
    world.until(lambda: world.state(job) == "succeeded")


def test_a_drained_node_takes_nothing_new_and_keeps_what_it_has(world: World) -> None:
    world.engine.default_script = Script(duration_ms=1_000)
    job = world.submit()
    world.until(lambda: world.state(job) == "running")
    node = world.engine.launches[0].placements[0].node
    intake.set_node(world.controller, OWNER_IDENTITY, node, "draining", "maintenance")
    others = [world.submit() for _ in range(8)]
    world.until(lambda: all(world.state(other) == "succeeded" for other in others))
    used = {p.node for launch in world.engine.launches[1:] for p in launch.placements}
    assert node not in used


def test_a_project_never_holds_more_gpus_than_its_quota(world: World) -> None:
    world.engine.default_script = Script(duration_ms=1_000)
    # vision may hold 4 GPUs; three jobs of 2 GPUs each: two run, one waits for quota.
    jobs = [
        world.submit(project="lab/vision", resources=Resources(gpus_per_node=2)) for _ in range(3)
    ]
    world.until(lambda: world.state(jobs[1]) == "running")
    assert world.state(jobs[2]) == "queued"
    reason = world.fleet.explain(jobs[2], world.now_ms)
    assert reason.code == "quota"
    assert "lab/vision may use 4 GPUs, uses 4 GPUs now" in reason.message
    world.until(lambda: world.state(jobs[2]) == "succeeded")


def test_a_job_that_can_never_fit_is_refused_with_the_largest_gang_that_would(
    world: World,
) -> None:
    with pytest.raises(InfeasibleError, match="this factory has 4; nodes: 4 would fit"):
        world.submit(nodes=5)


def test_what_is_not_supported_yet_is_refused_by_name(world: World) -> None:
    with pytest.raises(InputError, match="image: not yet"):
        world.submit(image="docker.io/library/alpine")


def test_the_clock_may_jump_back_but_the_log_never_does(world: World) -> None:
    job = world.submit()
    world.until(lambda: world.state(job) == "running")
    world.now_ms -= 3_600_000
    other = world.submit()
    world.until(lambda: world.state(other) == "running")
    times = [event.at_ms for event in world.store.read().events(limit=10_000)]
    assert times == sorted(times)
