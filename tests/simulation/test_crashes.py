"""The promises of the live system, with the process ended at every point between two writes.

1. Accepted means durable. 2. At most one live attempt per job (the fake engine asserts it).
3. Never over-committed (`World.step` checks every invariant). 5. Running jobs survive. 6. Every
change has an event. 7. What can run does run, once the crashes stop.
"""

from __future__ import annotations

import itertools
import random
from contextlib import closing
from pathlib import Path

import pytest

from arkwright.control import intake
from arkwright.engines.fake import Script
from arkwright.errors import ArkwrightError
from arkwright.jobs.spec import Resources, Retry, RetryOn
from simulation.world import OWNER_IDENTITY, Crash, World


@pytest.mark.slow
def test_a_crash_at_any_point_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    """One gang with a node loss and a cancellation, crashed at touch 1, 2, 3, … until it ends."""
    for touch in itertools.count(1):
        folder = tmp_path / str(touch)
        folder.mkdir()
        with closing(World(folder)) as world:
            if not _story_with_a_crash(world, touch):
                break
    assert touch > 20  # the story has at least so many points to crash at


def _story_with_a_crash(world: World, touch: int) -> bool:
    """Run the story, crash at `touch`; returns whether the story was long enough to."""
    world.engine.default_script = Script(duration_ms=2_000, launch_ms=100)
    accepted = [world.submit(nodes=2, resources=Resources(gpus_per_node=2)) for _ in range(3)]
    world.crash_at(touch)
    crashed = False
    acts = iter((_lose_a_node, _cancel_the_last))
    for step in range(200):
        try:
            if step in (10, 20):
                next(acts)(world, accepted)
            world.step()
        except Crash:
            crashed = True
            world.restart()
    states = [world.state(job) for job in accepted]
    assert states[0] == "succeeded"
    assert states[1] == "succeeded"
    assert states[2] in ("cancelled", "succeeded")
    assert world.controller.book.jobs == {}
    assert world.engine.live() == ()
    return crashed


def _lose_a_node(world: World, _accepted: list[str]) -> None:
    for launch in world.engine.launches:
        if launch.attempt_id in world.engine.live():
            world.engine.lose_node(launch.placements[0].node)
            return


def _cancel_the_last(world: World, accepted: list[str]) -> None:
    try:
        intake.cancel(world.controller, OWNER_IDENTITY, accepted[-1], "")
    except ArkwrightError:
        assert world.state(accepted[-1]) in ("succeeded", "cancelled")


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))]
)
def test_any_history_of_crashes_and_losses_keeps_every_promise(world: World, seed: int) -> None:
    """Random submissions, losses, cancellations and crashes; then calm, and everything ends."""
    draw = random.Random(seed)
    accepted: list[str] = []
    for _ in range(120):
        world.crash_at(draw.randint(1, 30))
        try:
            _something_happens(world, draw, accepted)
            world.step(draw.choice((10, 100, 1_000, -500)))
        except Crash:
            world.restart()
        world.crash_on = None
    while world.controller.book.jobs:
        _return_every_node(world)
        world.until(lambda: not world.controller.book.jobs or _is_any_down(world))
    assert {world.state(job) for job in accepted} <= {"succeeded", "failed", "cancelled"}
    attempts = [launch.attempt_id for launch in world.engine.launches]
    assert len(attempts) == len(set(attempts))
    _log_is_whole(world)


def _return_every_node(world: World) -> None:
    for node in world.fleet.nodes:
        intake.set_node(world.controller, OWNER_IDENTITY, node.path, "up", "")


def _is_any_down(world: World) -> bool:
    """A loss from before the calm may be noticed only now."""
    return any(world.fleet.node_state(node.path) == "down" for node in world.fleet.nodes)


def _something_happens(world: World, draw: random.Random, accepted: list[str]) -> None:
    match draw.randint(0, 5):
        case 0 | 1:
            script = Script(
                duration_ms=draw.choice((50, 500, 5_000)), exit_code=draw.choice((0, 1))
            )
            world.engine.default_script = script
            retry = Retry(limit=2, on=(RetryOn.NODE_LOST, RetryOn.FAILURE))
            accepted.append(world.submit(nodes=draw.randint(1, 4), retry=retry))
        case 2 if accepted:
            job = draw.choice(accepted)
            if job in world.controller.book.jobs:
                intake.cancel(world.controller, OWNER_IDENTITY, job, "")
        case 3:
            world.engine.lose_node(f"fake/local/r01/n{draw.randint(1, 4):02}")
        case 4:
            path = f"fake/local/r01/n{draw.randint(1, 4):02}"
            state = draw.choice(("up", "draining"))
            intake.set_node(world.controller, OWNER_IDENTITY, path, state, "")


def _log_is_whole(world: World) -> None:
    """No gaps, no steps back in time, and each job's states follow one another."""
    events = world.store.read().events(limit=1_000_000)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    times = [event.at_ms for event in events]
    assert times == sorted(times)
    last: dict[str, str] = {}
    for event in events:
        if event.kind.value.startswith("job_"):
            job = event.subject.partition(".")[0]
            assert event.before.get("state") == last.get(job)
            last[job] = event.after["state"]


def test_a_full_disk_stops_the_loop_from_deciding_and_nothing_is_lost(world: World) -> None:
    """The store refuses every write for a while: nothing starts, then everything goes on."""
    from arkwright.errors import StoreError

    job = world.submit()
    append = world.store.append

    def full(*_args: object, **_kwargs: object) -> None:
        raise StoreError("recording events: database or disk is full")

    world.store.append = full  # type: ignore[method-assign, assignment]
    for _ in range(3):
        with pytest.raises(StoreError):
            world.step()
    assert world.engine.launches == []
    world.store.append = append  # type: ignore[method-assign]
    world.step(2_000)
    world.until(lambda: world.state(job) == "succeeded")


def test_a_writer_that_was_replaced_can_never_write_again(world: World) -> None:
    """Two leaders: the older one, paused and resumed, is refused by its epoch."""
    from arkwright.control.store import _raise_epoch
    from arkwright.errors import FencedError

    _raise_epoch(world.store._engine)  # another server took over meanwhile
    with pytest.raises(FencedError, match="another server has taken over"):
        world.submit()


def test_replaying_the_log_rebuilds_the_same_tables(world: World) -> None:
    """The tables are a function of the log."""
    from sqlalchemy import create_engine, select

    from arkwright.control import tables
    from arkwright.control.projection import project

    world.engine.default_script = Script(duration_ms=1_000)
    jobs = [world.submit(nodes=index % 3 + 1) for index in range(6)]
    world.until(lambda: world.state(jobs[2]) == "running")
    world.engine.lose_node(world.engine.launches[0].placements[0].node)
    world.until(lambda: world.state(jobs[-1]) == "succeeded")
    rebuilt = create_engine("sqlite://")
    tables.METADATA.create_all(rebuilt)
    projected = (tables.JOBS, tables.ATTEMPTS, tables.NODES, tables.USERS)
    with rebuilt.begin() as connection:
        for event in world.store.read().events(limit=100_000):
            project(connection, event)
        for table in projected:
            query = select(table).order_by(*table.primary_key)
            assert connection.execute(query).all() == world.store.read().rows(query)
    rebuilt.dispose()
