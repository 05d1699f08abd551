"""Budgets through the real control plane: months that begin, servers that come back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from arkwright.engines.fake import Script
from arkwright.errors import InfeasibleError
from arkwright.jobs.spec import Resources
from simulation.world import World

FACTORY = b"""
factory: simulated
sites:
  fake: {country: NO, engine: {kind: local, nodes: 4, gpus_per_node: 2}}
organisations:
  lab: {budget: {gpu_hours: 10}}
policy: {ordering: fair-share}
"""
FEBRUARY_MS = 1_801_440_000_000
"""2027-02-01T00:00Z; the world begins on 15 January 2027, 08:00."""
HOUR_MS = 3_600_000


@pytest.fixture
def world(tmp_path: Path):
    with closing(World(tmp_path, factory=FACTORY)) as world:
        yield world


def budget(world: World):
    (use,) = world.fleet.quotas(world.now_ms)
    return use.budget


def periods(world: World):
    return [
        (event.subject, event.after["start_ms"], event.after["end_ms"])
        for event in world.store.read().events()
        if event.kind.value == "budget_period_began"
    ]


def gpu_job(world: World, hours: float, gpus: int = 2, **fields) -> str:
    resources = Resources(gpus_per_node=gpus)
    return world.submit(resources=resources, time_limit=hours * 3600, **fields)


def test_the_first_round_notes_the_month_and_later_ones_nothing(world: World) -> None:
    for _ in range(3):
        world.step()
    assert periods(world) == [("lab", 1_798_761_600_000, FEBRUARY_MS)]


def test_a_job_beyond_the_budget_waits_for_the_month_and_then_starts(world: World) -> None:
    world.engine.default_script = Script(duration_ms=5 * HOUR_MS)
    first, second = gpu_job(world, 4), gpu_job(world, 2)
    world.step()
    assert [world.state(job) for job in (first, second)] == ["starting", "queued"]
    reason = world.fleet.explain(second, world.now_ms)
    assert reason.code == "budget"
    assert "2027-02-01T00:00Z" in reason.message
    assert reason.change == "time_limit: 3600 s would start now"
    world.step(FEBRUARY_MS - world.now_ms - 1)
    world.step(0)
    assert world.state(second) == "queued"
    world.step(1)
    assert periods(world)[-1] == ("lab", FEBRUARY_MS, 1_803_859_200_000)
    assert world.state(second) == "starting"


def test_a_job_beyond_a_whole_budget_is_refused_at_once(world: World) -> None:
    with pytest.raises(InfeasibleError, match="10 GPU-hours"):
        gpu_job(world, 6)


def test_a_forecast_knows_the_month_to_come(world: World) -> None:
    from arkwright.fleet import forecast

    world.engine.default_script = Script(duration_ms=30 * 24 * HOUR_MS)
    gpu_job(world, 5)
    waiting = gpu_job(world, 1)
    world.step()
    scene = world.fleet.scene(world.now_ms, 10**7)
    assert forecast(scene, waiting).start_ms == FEBRUARY_MS


def test_what_was_spent_is_known_to_a_server_that_comes_back(world: World) -> None:
    world.engine.default_script = Script(duration_ms=HOUR_MS)
    first = gpu_job(world, 4)
    world.step()
    world.step(HOUR_MS)
    world.until(lambda: world.state(first) == "succeeded")
    running = gpu_job(world, 2, gpus=1)
    world.until(lambda: world.state(running) == "starting")
    before, used = budget(world), world.fleet.quotas(world.now_ms)[0].usage_gpu_hours
    assert before.spent_gpu_hours == pytest.approx(2, abs=0.01)
    assert before.promised_gpu_hours == 2
    world.restart()
    assert budget(world) == before
    assert world.fleet.quotas(world.now_ms)[0].usage_gpu_hours == pytest.approx(used, rel=1e-4)


def test_what_was_spent_last_month_is_forgotten_by_a_server_that_comes_back_in_the_next(
    world: World,
) -> None:
    world.engine.default_script = Script(duration_ms=HOUR_MS)
    job = gpu_job(world, 4)
    world.step()
    world.step(HOUR_MS)
    world.until(lambda: world.state(job) == "succeeded")
    world.store.close()
    world.now_ms = world.real_ms = FEBRUARY_MS + HOUR_MS
    world.boot()
    world.step()
    assert (budget(world).spent_gpu_hours, budget(world).left_gpu_hours) == (0, 10)
    assert len(periods(world)) == 2
