"""The log of a live run decides the same again, from its first event on, whatever happened."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from arkwright import sched
from arkwright.control import contracting, intake, power, reserving
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
      speech: {budget: {gpu_hours: 1}}
  rival: {quota: {guarantee: 2, lend: 1}}
policy: POLICY
"""
POLICIES = (
    "{preemption: {enabled: true, run_min: 1s, evictions_max: 2}}",
    "{ordering: fair-share, half_life: 60 s}",
    "{backfill: conservative}",
    "{placement: first-fit}",
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


def _look_at_few(world: Factory, draw: random.Random) -> None:
    """What a server does while its scheduler is being compiled, and when that is done."""
    deciding = world.controller.deciding
    deciding._is_waiting = draw.random() < 0.7
    deciding._first = deciding._seen = draw.randint(1, 3)


ACTS: tuple[tuple[Callable[[Factory, random.Random], None], int], ...] = (
    *((_submit, 8), (_end, 4), (_change, 2), (_cancel, 1), (_node, 2), (_limit, 2)),
    *((_reserve, 1), (_sell, 1), (_forget, 1), (_look_at_few, 1)),
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


@pytest.mark.parametrize(
    ("seed", "policy"),
    [
        # One of each kind is quick: preemption, and plans made anew at every cycle.
        pytest.param(seed, policy, marks=() if seed == 0 and number in (0, 2) else pytest.mark.slow)
        for seed in range(15)
        for number, policy in enumerate(POLICIES)
    ],
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


def test_a_change_of_the_factory_file_and_a_node_that_went_are_followed(tmp_path: Path) -> None:
    """The third node is away for a while; the file lifts lab's quota from 4 GPUs to 8."""
    small = factory(POLICIES[0]).replace(b"gpus: 8}", b"gpus: 4}").replace(b"gpus: 6", b"gpus: 4")
    with closing(Factory(tmp_path, factory=small)) as world:
        world.engine.default_script = Script(duration_ms=60_000)
        jobs = [world.submit(resources=Resources(gpus_per_node=2)) for _ in range(4)]
        world.until(lambda: world.state(jobs[1]) == "running")
        assert world.state(jobs[2]) == "queued"
        nodes, world.engine._nodes = world.engine._nodes, world.engine._nodes[:2]
        world.factory = loads(factory(POLICIES[0]))
        world.restart()
        world.step(120_000)
        world.until(lambda: world.state(jobs[2]) == "running")
        world.engine._nodes = nodes
        world.restart()
        jobs.append(world.submit(nodes=2, resources=Resources(gpus_per_node=2)))
        world.until(lambda: world.state(jobs[-1]) == "running")
        found = world.replayed()
        assert (found.is_same, found.rebuilds, found.starts) == (True, 3, 5)
        absent = [e.after["rebuilt"]["absent"] for e in world.log if "rebuilt" in e.after]
        assert [len(each) for each in absent] == [0, 2, 0]


def test_a_queue_that_was_looked_at_in_part_is_so_again(tmp_path: Path) -> None:
    with closing(Factory(tmp_path, factory=factory("{}"))) as world:
        world.controller.deciding.wants_compiled = True
        world.controller.deciding._first = world.controller.deciding._seen = 2
        world.controller.deciding.begin()
        world.engine.default_script = Script(duration_ms=60_000)
        for _ in range(5):
            world.submit()
        for _ in range(5):
            world.step()
        seen = [e.after["queue_seen"] for e in world.log if e.kind is EventKind.CYCLE_RAN]
        assert seen[0] == 2
        found = world.replayed()
        assert (found.is_same, found.cycles, found.starts) == (True, len(seen), 5)


def test_a_log_without_a_decision_is_the_same_and_has_none(tmp_path: Path) -> None:
    with closing(Factory(tmp_path, factory=factory("{}"))) as world:
        world.step()
        found = world.replayed()
        assert (found.is_same, found.cycles, found.factory) == (True, 0, "simulated")


@pytest.fixture
def told(tmp_path: Path) -> list[Event]:
    """Three jobs of one node that all start; events 1 to 6 are the factory, its nodes, ...."""
    with closing(Factory(tmp_path, factory=factory("{}"))) as world:
        for _ in range(3):
            world.submit(resources=Resources(gpus_per_node=2))
            world.step()
        return world.log


def _with(events: list[Event], seq: int, **after: object) -> list[Event]:
    return [e if e.seq != seq else replace(e, after=e.after | after) for e in events]


def test_a_start_that_was_changed_in_the_log_is_named_with_its_event(told: list[Event]) -> None:
    second = [e for e in told if e.kind is EventKind.JOB_STARTED][1]
    (free,) = {f"fake/local/r01/n{n:02}" for n in range(1, 5)} - {
        path for e in told if e.kind is EventKind.JOB_STARTED for path in e.after["nodes"]
    }
    changed = _with(told, second.seq, nodes=[free])
    found = replay_log(lambda: changed)
    assert not found.is_same
    assert found.sha256 != found.sha256_live
    assert found.first is not None
    assert (found.first.seq, found.first.cycle) == (second.seq, "2")
    assert f"the log has job {second.subject.partition('.')[0]} started on {free}" in (
        found.first.words
    )
    assert f"decided again it is job {second.subject.partition('.')[0]}" in found.first.words


def test_a_start_that_cannot_have_been_is_told_once_and_nothing_after_it(told: list[Event]) -> None:
    """The second job is said to have started on the whole node that the first one holds."""
    first, second, _ = [e for e in told if e.kind is EventKind.JOB_STARTED]
    changed = _with(told, second.seq, nodes=first.after["nodes"])
    found = replay_log(lambda: changed)
    assert found.first is not None
    assert (found.first.seq, found.different, found.is_same) == (second.seq, 2, False)


def test_a_start_that_was_left_out_and_a_hash_that_was_changed_are_seen(told: list[Event]) -> None:
    last = told[-1] if told[-1].kind is EventKind.CYCLE_RAN else told[-2]
    assert last.kind is EventKind.CYCLE_RAN
    changed = _with(told, last.seq, sha256="0" * 64)
    found = replay_log(lambda: changed)
    assert found.first is not None
    assert (found.different, found.first.seq) == (1, last.seq)
    assert "recorded hash is not theirs" in found.first.words
    cut = [event for event in told if event.seq != 4]
    with pytest.raises(InputError, match="goes on with event 5 where event 4 is due"):
        replay_log(lambda: cut)


def test_a_log_of_an_earlier_version_says_from_when_on_logs_can_be_replayed(
    told: list[Event],
) -> None:
    new = ("file", "rebuilt", "events")
    old = [replace(e, after={k: v for k, v in e.after.items() if k not in new}) for e in told]
    with pytest.raises(InputError, match=r"3 cycles cannot be decided again.*from version 0\.1\.0"):
        replay_log(lambda: old)
    other = [
        replace(e, after=e.after | {"scheduler": 1}) if e.kind is EventKind.CYCLE_RAN else e
        for e in told
    ]
    with pytest.raises(InputError, match="another version of the scheduler"):
        replay_log(lambda: other)


def test_a_server_of_this_version_tells_an_older_log_the_factory_file(tmp_path: Path) -> None:
    """The file did not change, the log does not hold it: it is recorded once more, then not."""
    from sqlalchemy import update

    from arkwright.control import tables

    with closing(Factory(tmp_path, factory=factory("{}"))) as world:
        world.submit()
        world.step()
        loaded = tables.EVENTS.c.kind == EventKind.FACTORY_LOADED.value
        with world.store._engine.begin() as connection:
            connection.execute(update(tables.EVENTS).where(loaded).values(after={"sha256": "x"}))
            ran = tables.EVENTS.c.kind == EventKind.CYCLE_RAN.value
            connection.execute(
                update(tables.EVENTS)
                .where(ran)
                .values(
                    after=next(e for e in world.log if "events" in e.after).after | {"events": None}
                )
            )
        world.restart()
        world.restart()
        world.submit()
        world.step()
        assert sum(e.kind is EventKind.FACTORY_LOADED for e in world.log) == 2
        found = world.replayed()
        assert (found.is_same, found.too_old, found.cycles) == (True, 1, 1)


def test_the_fleet_at_the_end_of_a_log_is_that_of_a_server_started_there(tmp_path: Path) -> None:
    with closing(Factory(tmp_path, factory=factory(POLICIES[0]))) as world:
        _live(world, random.Random(5), 60)
        past = LogPast()
        for event in world.log:
            past.follow(event)
        world.restart()
        fleet = past.fleet(world.now_ms)
        assert sched.same(fleet._state, world.fleet._state)
        assert fleet._experience.finished == world.fleet._experience.finished
