"""Reservations outlive the process: what was acknowledged is kept, by a server started anew too."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

from arkwright.control import reserving
from arkwright.control.reserving import ReservationRequest
from arkwright.engines.fake import Script
from simulation.world import OWNER_IDENTITY, Crash, World

HOUR_MS = 3_600_000


def reserve(world: World, name: str, nodes: int, from_ms: int, until_ms: int) -> None:
    request = ReservationRequest(
        name=name,
        project="lab",
        nodes=nodes,
        from_ms=world.now_ms + from_ms,
        until_ms=world.now_ms + until_ms,
    )
    reserving.reserve(world.controller, OWNER_IDENTITY, request)


def listed(world: World) -> list[tuple[str, int]]:
    found = reserving.listed(world.controller, OWNER_IDENTITY)
    return [(each.name, len(each.nodes)) for each in found]


def test_a_restarted_server_keeps_to_what_was_reserved_and_not_to_what_was_given_up(
    world: World,
) -> None:
    reserve(world, "kept", 3, HOUR_MS, 2 * HOUR_MS)
    reserve(world, "given-up", 1, HOUR_MS, 2 * HOUR_MS)
    reserve(world, "over", 1, 0, 50)
    reserving.withdraw(world.controller, OWNER_IDENTITY, "given-up")
    before = world.fleet.reservation("kept", world.now_ms)
    world.now_ms += 100
    world.restart()
    assert listed(world) == [("kept", 3)]
    assert world.fleet.reservation("kept", world.now_ms) == before
    job = world.submit(project="rival", nodes=2, time_limit=7_200.0)
    short = world.submit(project="rival", nodes=2, time_limit=60.0)
    world.until(lambda: world.state(short) == "succeeded")
    assert world.state(job) == "queued"
    world.step(2 * HOUR_MS)
    world.until(lambda: world.state(job) != "queued")


def test_a_crash_at_any_point_keeps_all_of_a_reservation_or_none_of_it(tmp_path: Path) -> None:
    """Crashed at touch 1, 2, 3, ...; asked again after the crash, it stands as if asked once."""
    for touch in itertools.count(1):
        folder = tmp_path / str(touch)
        folder.mkdir()
        with closing(World(folder)) as world:
            world.engine.default_script = Script(duration_ms=500, launch_ms=10)
            world.submit()
            world.crash_at(touch)
            crashed = False
            for _ in range(20):
                try:
                    if not listed(world):
                        reserve(world, "launch", 2, HOUR_MS, 2 * HOUR_MS)
                    world.step()
                except Crash:
                    crashed = True
                    world.restart()
                    assert listed(world) in ([], [("launch", 2)])
            assert listed(world) == [("launch", 2)]
            kinds = [event.kind.value for event in world.store.read().events()]
            assert kinds.count("reservation_made") == 1
            if not crashed:
                assert touch > 6
                return
