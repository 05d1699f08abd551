"""Jobs that share GPUs: whose GPU is the scheduler's choice, kept in the log and over crashes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from arkwright import sched
from arkwright.engines.fake import Script
from arkwright.engines.port import Attempt
from arkwright.jobs.spec import Resources, Topology
from simulation.world import World


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path, nodes=1, gpus=2)) as world:
        world.engine.default_script = Script(duration_ms=3_600_000, launch_ms=0)
        yield world


def _submit(world: World, gpus: float) -> str:
    return world.submit(resources=Resources(gpus_per_node=gpus))


def _attempt(world: World, job: str) -> Attempt:
    return next(each for each in world.engine.launches if each.job_id == job)


def test_two_halves_share_one_gpu_and_a_whole_one_gets_the_other(shared: World) -> None:
    jobs = [_submit(shared, gpus) for gpus in (0.5, 0.5, 1)]
    shared.until(lambda: all(shared.state(job) == "running" for job in jobs))
    parts = [_attempt(shared, job).placements[0] for job in jobs]
    assert [part.shared_gpu for part in parts] == [0, 0, None]
    assert [part.gpu_fraction for part in parts] == [0.5, 0.5, None]
    assert [part.gpus for part in parts] == [1, 1, 1]
    started = [e for e in shared.store.read().events(job_id=jobs[1]) if "gpus" in e.after]
    assert (started[0].after["gpus"], started[0].after["gpu_indexes"]) == (0.5, [0])


def test_a_fraction_waits_where_only_crumbs_are_left(shared: World) -> None:
    jobs = [_submit(shared, 0.6) for _ in range(3)]
    shared.until(lambda: shared.state(jobs[1]) == "running")
    for _ in range(20):
        shared.step()
    assert shared.state(jobs[2]) == "queued"


def test_after_a_restart_an_aligned_gang_is_on_the_gpus_the_log_names(tmp_path: Path) -> None:
    """Of other whole GPUs the log says nothing: without those that are gone they move up."""
    with closing(World(tmp_path, nodes=2, gpus=2)) as world:
        world.engine.default_script = Script(duration_ms=3_600_000, launch_ms=0)
        half, one, two, three = (_running(world, gpus) for gpus in (0.5, 1, 1, 1))
        _ended(world, one)
        fraction = _running(world, 0.75)
        _ended(world, half)
        _ended(world, two)
        aligned = _running(world, 1, nodes=2, topology=Topology(rails="aligned"))
        kept = (fraction, three, aligned)
        (started,) = [e for e in world.store.read().events(job_id=aligned) if "gpus" in e.after]
        assert started.after["gpu_indexes"] == [0, 0]
        assert [part.shared_gpu for part in _attempt(world, aligned).placements] == [None, None]
        world.restart()
        assert sched.gpus_of(world.fleet._state, 2) == (0, 2)
        world.step()
        assert [world.state(job) for job in kept] == ["running"] * 3


def _running(world: World, gpus: float, **fields: Any) -> str:
    job = world.submit(resources=Resources(gpus_per_node=gpus), **fields)
    world.until(lambda: world.state(job) == "running")
    return job


def _ended(world: World, job: str) -> None:
    world.engine.finish(f"{job}.1")
    world.until(lambda: world.state(job) == "succeeded")


def test_after_a_restart_fractions_are_on_the_gpus_the_log_names(shared: World) -> None:
    """The whole job that held GPU 0 before the fraction is over: replaying must not mind."""
    known = _submit(shared, 0.25)  # from here on GPUs are told apart
    shared.until(lambda: shared.state(known) == "running")
    shared.engine.finish(f"{known}.1")
    shared.until(lambda: shared.state(known) == "succeeded")
    first, second = _submit(shared, 1), _submit(shared, 1)
    shared.until(lambda: shared.state(second) == "running")
    shared.engine.finish(f"{first}.1")
    shared.until(lambda: shared.state(first) == "succeeded")
    fraction = _submit(shared, 0.25)
    shared.until(lambda: shared.state(fraction) == "running")
    assert _attempt(shared, fraction).placements[0].shared_gpu == 0
    shared.restart()
    assert shared.fleet.violations() == []
    index = shared.fleet._job_index[fraction]
    state = shared.fleet._state
    assert int(state.slot_gpu[int(state.job_slot[index])]) == 0


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_shared_gpus_are_never_over_committed_whatever_ends_and_restarts(
    tmp_path: Path, seed: int
) -> None:
    """The fake engine counts GPUs itself, by number for fractions; restarts come at any time."""
    draw = random.Random(seed)
    with closing(World(tmp_path, nodes=2, gpus=2)) as world:
        world.engine.default_script = Script(duration_ms=3_600_000, launch_ms=0)
        for _ in range(150):
            act = draw.random()
            if act < 0.3:
                _submit(world, draw.choice([0.25, 0.4, 0.5, 0.75, 1, 2]))
            elif act < 0.45 and world.engine.live():
                world.engine.finish(draw.choice(world.engine.live()))
            elif act < 0.5:
                world.restart()
            world.step()
            _no_gpu_is_over_full(world)
        assert any(a.placements[0].shared_gpu is not None for a in world.engine.launches)


def _no_gpu_is_over_full(world: World) -> None:
    live = set(world.engine.live())
    used: dict[tuple[str, int], float] = {}
    whole: dict[str, int] = {}
    for attempt in world.engine.launches:
        if attempt.attempt_id not in live:
            continue
        (part,) = attempt.placements
        if part.shared_gpu is None:
            whole[part.node] = whole.get(part.node, 0) + part.gpus
        else:
            key = part.node, part.shared_gpu
            used[key] = used.get(key, 0.0) + (part.gpu_fraction or 0.0)
    assert all(share <= 1.000001 for share in used.values())
    for node in {node for node, _ in used} | set(whole):
        begun = sum(1 for where, _ in used if where == node)
        assert begun + whole.get(node, 0) <= 2
