"""The log of a live run decides the same again, from its first event on, whatever happened."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from arkwright.control import contracting, controller, intake, power, reserving
from arkwright.control.contracting import ContractRequest
from arkwright.control.power import PowerRequest
from arkwright.control.reserving import ReservationRequest
from arkwright.engines.fake import Script
from arkwright.errors import ArkwrightError, InputError
from arkwright.factory import loads
from arkwright.fleet.log_past import LogPast
from arkwright.fleet.log_replay import LogReplay, replay_log
from arkwright.jobs.events import Event, EventKind
from arkwright.jobs.spec import (
    Checkpoint,
    Elastic,
    Level,
    Power,
    Resources,
    Retry,
    RetryOn,
    Tier,
    Topology,
)
from simulation.world import OWNER_IDENTITY, Crash, World

FACTORY = """
factory: simulated
sites:
  fake:
    country: NO
    grid: {connection: 12 kW, basis: it}
    engine: {kind: local, nodes: 4, gpus_per_node: 2}
organisations:
  lab:
    quota: {gpus: 8}
    projects:
      vision: {quota: {guarantee: 2, gpus: 6}}
      speech: {budget: {gpu_hours: 400}}
  rival: {quota: {guarantee: 2, lend: 1}}
policy: POLICY
"""
POLICIES = (
    "{preemption: {enabled: true, run_min: 1s, evictions_max: 2}}",
    "{ordering: fair-share, half_life: 60 s}",
    "{backfill: conservative}",
    "{backfill: greedy, placement: random, placement_seed: 7}",
)
HOUR_MS = 3_600_000


def factory(policy: str) -> bytes:
    return FACTORY.replace("POLICY", policy).encode()


class Factory(World):
    """Nodes with real GPUs, so that jobs draw power under the site's connection."""

    def boot(self) -> None:
        nodes = [replace(n, is_virtual=False, gpu_type="h100") for n in self.engine._nodes]
        self.engine._nodes = tuple(nodes)
        super().boot()

    @property
    def log(self) -> list[Event]:
        return self.store.read().events(limit=1_000_000)

    def replayed(self) -> LogReplay:
        events = self.log
        return replay_log(lambda: events)


def _submit(world: Factory, draw: random.Random) -> None:
    world.engine.default_script = Script(
        duration_ms=draw.choice((200, 3_000, 20_000, 400_000)),
        exit_code=draw.choice((0, 0, 1)),
        term_ms=draw.choice((0, 500)),
    )
    gpus = draw.choice((0.25, 0.5, 1, 1, 2, 2))
    nodes = draw.choice((1, 1, 2, 3)) if gpus >= 1 else 1
    spec = {
        "project": draw.choice(("lab", "lab/vision", "lab/speech", "rival")),
        "nodes": nodes,
        "resources": Resources(gpus_per_node=gpus),
        "time_limit": draw.choice((None, 5.0, 60.0, 600.0)),
        "priority": draw.choice((0, 0, 3)),
        "tier": draw.choice(tuple(Tier)),
        "preemptible": draw.random() < 0.6,
        "checkpoint": draw.choice((None, Checkpoint(dir="/c", interval=2.0))),
        "grace": 2.0,
        "retry": Retry(limit=2, on=(RetryOn.NODE_LOST, RetryOn.FAILURE)),
        "power": Power(watts_per_gpu=draw.choice((500.0, 1_500.0)), cap_watts_per_gpu_min=200.0),
        "held": draw.random() < 0.1,
    }
    if gpus >= 1 and draw.random() < 0.2:
        spec["elastic"] = Elastic(nodes_min=1, nodes_max=3)
        spec["nodes"] = 1
    elif nodes > 1 and draw.random() < 0.3:
        spec["topology"] = Topology(level=Level.RACK)
    world.submit(**spec)


def _an_active_job(world: Factory, draw: random.Random) -> str:
    jobs = sorted(world.controller.book.jobs)
    if not jobs:
        raise InputError("there is none")
    return draw.choice(jobs)


def _end(world: Factory, draw: random.Random) -> None:
    if live := world.engine.live():
        world.engine.finish(draw.choice(live), draw.choice((0, 1)))


def _change(world: Factory, draw: random.Random) -> None:
    change = draw.choice((intake.hold, intake.release))
    change(world.controller, OWNER_IDENTITY, _an_active_job(world, draw))


def _cancel(world: Factory, draw: random.Random) -> None:
    intake.cancel(world.controller, OWNER_IDENTITY, _an_active_job(world, draw), "")


def _node(world: Factory, draw: random.Random) -> None:
    path = f"fake/local/r01/n{draw.randint(1, 4):02}"
    if draw.random() < 0.3:
        world.engine.lose_node(path)
    else:
        state = draw.choice(("up", "up", "up", "draining"))
        intake.set_node(world.controller, OWNER_IDENTITY, path, state, "")


def _limit(world: Factory, draw: random.Random) -> None:
    limit_w = draw.choice((2_000, 5_000, 9_000, 12_000))
    asked = PowerRequest(limit_w=limit_w)
    if draw.random() < 0.5:
        from_ms = world.now_ms + draw.randint(1, 20_000)
        asked = PowerRequest(limit_w=limit_w, from_ms=from_ms, until_ms=from_ms + 15_000)
    power.set_limit(world.controller, OWNER_IDENTITY, "fake", asked)


def _reserve(world: Factory, draw: random.Random) -> None:
    from_ms = world.now_ms + draw.randint(0, 20_000)
    asked = ReservationRequest(
        name=draw.choice("ab"),
        project=draw.choice((None, "rival", "lab/vision")),
        nodes=draw.randint(1, 2),
        from_ms=from_ms,
        until_ms=from_ms + 10_000,
    )
    reserving.reserve(world.controller, OWNER_IDENTITY, asked)


def _sell(world: Factory, draw: random.Random) -> None:
    from_ms = world.now_ms + draw.randint(0, 20_000)
    asked = ContractRequest(
        name=f"c{world.now_ms}", project="rival", gpus=1, from_ms=from_ms, until_ms=from_ms + 9_000
    )
    contracting.sell(world.controller, OWNER_IDENTITY, asked)


def _forget(world: Factory, _draw: random.Random) -> None:
    """What a server does by itself when thousands of jobs are over."""
    world.controller._recover()


ACTS: tuple[tuple[Callable[[Factory, random.Random], None], int], ...] = (
    *((_submit, 8), (_end, 4), (_change, 2), (_cancel, 1), (_node, 2), (_limit, 2)),
    *((_reserve, 1), (_sell, 1), (_forget, 1)),
)


def _live(world: Factory, draw: random.Random, rounds: int) -> None:
    acts, weights = zip(*ACTS, strict=True)
    for _ in range(rounds):
        world.crash_at(draw.randint(1, 60))
        try:
            for act in draw.choices(acts, weights, k=draw.randint(0, 2)):
                try:
                    act(world, draw)
                except ArkwrightError:
                    continue  # refused, as a person would be
            world.step(draw.choice((10, 200, 2_000, 8_000, -500)))
        except Crash:
            world.restart()
    world.crash_on = None


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 15))]
)
def test_any_live_run_with_crashes_decides_the_same_again(
    tmp_path: Path, policy: str, seed: int
) -> None:
    with closing(Factory(tmp_path, factory=factory(policy))) as world:
        _live(world, random.Random(seed), 100)
        found = world.replayed()
        assert found.first is None
        assert found.is_same
        assert found.sha256 == found.sha256_live
        assert found.cycles == sum(e.kind is EventKind.CYCLE_RAN for e in world.log) > 10
        assert (found.too_old, found.other_scheduler) == (0, 0)
        assert found.events == world.store.last_seq
