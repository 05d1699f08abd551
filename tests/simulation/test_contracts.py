"""Contracts outlive the process: what was sold is kept at its time, by a server started anew too.

The world begins at 2027-01-15T08:00Z. Of eight GPUs the file sells rival four from 09:00 to 11:00.
"""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

from arkwright.control import contracting
from arkwright.control.contracting import ContractRequest
from arkwright.engines.fake import Script
from arkwright.jobs.spec import Resources
from simulation.world import FACTORY, OWNER_IDENTITY, Crash, World

HOUR_MS = 3_600_000
SOLD = FACTORY.replace(
    b"rival: {}",
    b"rival: {contracts: [{gpus: 4, from: '2027-01-15T09:00:00Z', until: '2027-01-15T11:00:00Z'}]}",
)
NODE = Resources(gpus_per_node=2)


def sell(world: World, name: str, gpus: int, from_hour: float, until_hour: float) -> None:
    """To the lab, so many hours from now."""
    request = ContractRequest(
        name=name,
        project="lab",
        gpus=gpus,
        from_ms=world.now_ms + int(from_hour * HOUR_MS),
        until_ms=world.now_ms + int(until_hour * HOUR_MS),
    )
    contracting.sell(world.controller, OWNER_IDENTITY, request)


def told(world: World) -> list[tuple[str, int]]:
    """Whose contracts came or ended, and how many GPUs count from then on."""
    events = world.store.read().events_of("contract_reached")
    return [(event.subject, event.after["gpus"]) for event in events]


def lasting(world: World, hours: float, nodes: int = 1, project: str = "lab") -> str:
    world.engine.default_script = Script(duration_ms=int(hours * HOUR_MS), launch_ms=10)
    fields = {"resources": NODE, "nodes": nodes, "project": project}
    return world.submit(time_limit=hours * 3600.0 + 600.0, **fields)


def test_a_restarted_server_keeps_what_the_file_and_people_sold(tmp_path: Path) -> None:
    with closing(World(tmp_path, factory=SOLD)) as world:
        sell(world, "kept", 2, 1.5, 3)
        sell(world, "ended", 2, 1.5, 3)
        contracting.withdraw(world.controller, OWNER_IDENTITY, "ended")
        world.restart()
        # The lab may run long on two of its nodes; rival's four GPUs stay free for 09:00.
        first, second = lasting(world, 4), lasting(world, 4)
        third = lasting(world, 4)
        world.until(lambda: world.state(first) == world.state(second) == "running")
        world.step()
        assert world.state(third) == "queued"
        world.step(HOUR_MS)
        assert told(world) == [("rival", 4)]
        world.restart()
        world.step()
        assert told(world) == [("rival", 4)]
        mine = lasting(world, 1, nodes=2, project="rival")
        world.until(lambda: world.state(mine) == "running")
        world.step(HOUR_MS)
        assert told(world) == [("rival", 4), ("lab", 2)]
        world.step(HOUR_MS)
        assert told(world)[2:] == [("lab", 0), ("rival", 0)]
        world.until(lambda: world.state(third) == "running")


def test_a_crash_at_any_point_tells_of_a_contract_once(tmp_path: Path) -> None:
    """Crashed at touch 1, 2, 3, ... of a begin and an end, there is one event for each."""
    for touch in itertools.count(1):
        folder = tmp_path / str(touch)
        folder.mkdir()
        with closing(World(folder, factory=SOLD)) as world:
            world.crash_at(touch)
            crashed = False
            for _ in range(8):
                try:
                    world.step(HOUR_MS // 2)
                except Crash:
                    crashed = True
                    world.restart()
            assert told(world) == [("rival", 4), ("rival", 0)]
            if not crashed:
                assert touch > 3
                return
