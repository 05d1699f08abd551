"""An operator pulls a limit down: the right jobs slow, none dies, and all recover."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from arkwright.control import power
from arkwright.control.power import PowerRequest
from arkwright.engines.fake import Script
from arkwright.jobs.spec import Power, Resources, Tier
from simulation.test_power_limits import RealWorld
from simulation.world import OWNER_IDENTITY, Crash, World


@pytest.fixture
def real(tmp_path: Path) -> Iterator[World]:
    with closing(RealWorld(tmp_path)) as world:
        world.engine.default_script = Script(duration_ms=3_600_000, launch_ms=0)
        yield world


def _limit(world: World, limit_w: int) -> None:
    power.set_limit(world.controller, OWNER_IDENTITY, "fake", PowerRequest(limit_w=limit_w))


def _running(world: World, tier: Tier) -> str:
    """2 GPUs of 1000 W, which makes sense down to 400 W."""
    watts = Power(watts_per_gpu=1000, cap_watts_per_gpu_min=400)
    job = world.submit(resources=Resources(gpus_per_node=2), power=watts, tier=tier)
    world.until(lambda: world.state(job) == "running")
    return job


def _steps(world: World, count: int = 5) -> None:
    for _ in range(count):
        world.step()


def test_a_cut_slows_the_flexible_first_ends_nobody_and_is_lifted_again(real: World) -> None:
    """6 kW under 4.2 kW, thirty percent less: the flexible gives 1.2 kW, the standard 0.6 kW."""
    jobs = [_running(real, tier) for tier in (Tier.CRITICAL, Tier.STANDARD, Tier.FLEXIBLE)]
    _limit(real, 4200)
    _steps(real)
    caps = [real.engine.caps.get(f"{job}.1") for job in jobs]
    assert caps == [None, 700, 400]
    (place,) = real.fleet.power()
    assert (place.used_w, place.capped_w, place.over_w) == (6000, 1800, 0)
    assert [real.state(job) for job in jobs] == ["running"] * 3
    real.engine.finish(f"{jobs[0]}.1")
    _steps(real)
    # 2 kW are free: the standard is full again, the flexible nearly so: 2 + 2.2 kW.
    assert [real.engine.caps.get(f"{job}.1") for job in jobs[1:]] == [None, None]
    capped = [e for e in real.store.read().events(job_id=jobs[2]) if e.kind.value == "job_capped"]
    assert [event.after["watts_per_gpu"] for event in capped] == [400, None]
    assert capped[0].cause == "power limit"


def test_what_caps_cannot_cover_is_said_and_nothing_is_ended(real: World) -> None:
    jobs = [_running(real, Tier.STANDARD) for _ in range(2)]
    _limit(real, 1000)
    _steps(real)
    (place,) = real.fleet.power()
    assert (place.capped_w, place.over_w) == (2400, 600)
    assert [real.state(job) for job in jobs] == ["running", "running"]


def test_room_that_caps_leave_is_not_given_to_new_jobs(real: World) -> None:
    _running(real, Tier.FLEXIBLE)
    _limit(real, 1500)
    new = real.submit(resources=Resources(gpus_per_node=1), power=Power(watts_per_gpu=100))
    _steps(real, 20)
    assert real.state(new) == "queued"
    reason = real.fleet.explain(new, real.now_ms)
    assert "draws 2 kW of 1.5 kW, which was cut below what runs" in reason.message


@pytest.mark.slow
def test_after_a_crash_at_any_point_engines_are_told_the_caps_of_the_log(tmp_path: Path) -> None:
    for touch in itertools.count(1):
        folder = tmp_path / str(touch)
        folder.mkdir()
        with closing(RealWorld(folder)) as world:
            world.engine.default_script = Script(duration_ms=3_600_000, launch_ms=0)
            jobs = [_running(world, tier) for tier in (Tier.STANDARD, Tier.FLEXIBLE)]
            world.crash_at(touch)
            crashed = False
            for step in range(40):
                try:
                    if step in (5, 20):
                        _limit(world, {5: 2000, 20: 9000}[step])
                    world.step()
                except Crash:
                    crashed = True
                    world.restart()
                if step == 18:
                    wanted = [world.controller.book.jobs[job].cap_w for job in jobs]
                    told = [world.engine.caps.get(f"{job}.1") for job in jobs]
                    assert told == wanted
            assert [world.state(job) for job in jobs] == ["running", "running"]
            if not crashed:
                break
    assert touch > 8
