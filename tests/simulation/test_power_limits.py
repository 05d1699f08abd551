"""Limits that operators set and announce: durable, in force at their time, equal after a crash."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from arkwright import sched
from arkwright.control import power
from arkwright.control.power import PowerRequest
from arkwright.control.refusals import Conflict, Forbidden, NotFound
from arkwright.control.users import MEMBER, Identity
from arkwright.engines.fake import Script
from arkwright.errors import InputError
from arkwright.jobs.spec import Power, Resources
from simulation.world import OWNER_IDENTITY, Crash, World

FACTORY = b"""
factory: simulated
sites:
  fake:
    country: NO
    grid: {connection: 20 kW, basis: it}
    engine: {kind: local, nodes: 4, gpus_per_node: 2}
organisations:
  lab: {}
"""
MINUTE_MS = 60_000


class RealWorld(World):
    """Nodes with real GPUs at a site with a grid connection: jobs there are expected to draw."""

    factory_file = FACTORY

    def boot(self) -> None:
        nodes = [replace(n, is_virtual=False, gpu_type="h100") for n in self.engine._nodes]
        self.engine._nodes = tuple(nodes)
        super().boot()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[World]:
    with closing(RealWorld(tmp_path)) as world:
        world.engine.default_script = Script(duration_ms=3_600_000, launch_ms=0)
        yield world


def _set(world: World, **asked: object) -> None:
    power.set_limit(world.controller, OWNER_IDENTITY, "fake", PowerRequest(**asked))  # type: ignore[arg-type]


def _job(world: World, watts: float = 1000) -> str:
    resources = Resources(gpus_per_node=2)
    return world.submit(resources=resources, power=Power(watts_per_gpu=watts), time_limit=3600.0)


def _limit(world: World) -> int | None:
    (row,) = world.fleet.power()
    return row.limit_w


def test_a_limit_set_keeps_new_work_from_starting_and_ends_nothing(real: World) -> None:
    first = _job(real)
    real.until(lambda: real.state(first) == "running")
    base_w = _limit(real)
    assert base_w is not None
    assert base_w > 8000
    _set(real, limit_w=3000)
    second = _job(real)
    for _ in range(20):
        real.step()
    assert (real.state(first), real.state(second)) == ("running", "queued")
    assert real.fleet.explain(second, real.now_ms).code == "power"
    power.withdraw(real.controller, OWNER_IDENTITY, "fake", None, "")
    assert _limit(real) == base_w
    real.until(lambda: real.state(second) == "running")


def test_percent_is_of_the_files_limit_whatever_was_set_before(real: World) -> None:
    base_w = _limit(real) or 0
    _set(real, percent=70)
    _set(real, percent=50)
    assert _limit(real) == base_w * 50 // 100


def test_an_announced_limit_comes_and_goes_at_its_times(real: World) -> None:
    base_w, start_ms = _limit(real), real.now_ms + MINUTE_MS
    _set(real, limit_w=1000, from_ms=start_ms, until_ms=start_ms + MINUTE_MS)
    assert _limit(real) == base_w
    waiting = _job(real)
    real.step()
    assert real.fleet.explain(waiting, real.now_ms).code == "limit-ahead"
    real.until(lambda: _limit(real) == 1000)
    assert start_ms <= real.now_ms < start_ms + 1000
    assert real.state(waiting) == "queued"
    real.until(lambda: _limit(real) == base_w)
    real.until(lambda: real.state(waiting) == "running")
    kinds = [event.kind.value for event in real.store.read().events_of("power_")]
    assert kinds == ["power_limit_announced", "power_limit_reached", "power_limit_reached"]


def test_a_window_never_raises_what_an_operator_set(real: World) -> None:
    _set(real, limit_w=2000)
    _set(real, limit_w=5000, until_ms=real.now_ms + MINUTE_MS)
    assert _limit(real) == 2000


def test_a_withdrawn_announcement_does_not_come(real: World) -> None:
    start_ms = real.now_ms + MINUTE_MS
    _set(real, limit_w=1000, from_ms=start_ms)
    power.withdraw(real.controller, OWNER_IDENTITY, "fake", start_ms, "")
    job = _job(real)
    real.until(lambda: real.state(job) == "running")
    with pytest.raises(Conflict, match="nothing"):
        power.withdraw(real.controller, OWNER_IDENTITY, "fake", start_ms, "")


def test_what_cannot_be_set_is_refused_and_nothing_is_recorded(real: World) -> None:
    member = Identity(name="anna", role=MEMBER, project="lab")
    asked = PowerRequest(limit_w=1)
    with pytest.raises(Forbidden, match="only owners"):
        power.set_limit(real.controller, member, "fake", asked)
    with pytest.raises(NotFound, match="this factory has fake"):
        power.set_limit(real.controller, OWNER_IDENTITY, "mars", asked)
    with pytest.raises(InputError, match="one of the two"):
        _set(real)
    with pytest.raises(InputError, match="later end"):
        _set(real, limit_w=1, until_ms=5)
    assert real.store.read().events_of("power_") == []


@pytest.mark.parametrize("is_slow", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_crash_at_any_point_leaves_the_limits_the_log_says(tmp_path: Path, is_slow: bool) -> None:
    """Set, announce and let a window come; crash at touch 1, 2, 3, …; the state is the log's."""
    for touch in itertools.count(1, 1 if is_slow else 7):
        folder = tmp_path / str(touch)
        folder.mkdir()
        with closing(RealWorld(folder)) as world:
            if not _story(world, touch):
                break
    assert touch > 10


def _story(world: World, touch: int) -> bool:
    world.engine.default_script = Script(duration_ms=5_000, launch_ms=0)
    begin_ms = world.now_ms
    window = {"limit_w": 1500, "from_ms": begin_ms + 3000, "until_ms": begin_ms + 6000}
    acts = {2: {"limit_w": 9000}, 4: window, 50: {"percent": 60.0}}
    world.crash_at(touch)
    crashed = False
    for step in range(100):
        try:
            if step in acts:
                _set(world, **acts[step])
            if step % 20 == 0:
                _job(world, 500)
            world.step()
        except Crash:
            crashed = True
            world.restart()
            _same_as_recovered(world)
    _same_as_recovered(world)
    assert world.fleet.power_book.windows("fake") == []
    return crashed


def _same_as_recovered(world: World) -> None:
    """What the running fleet holds is what a new one makes of the log."""
    (row,) = world.fleet.power()
    state, told = world.fleet._state, world.fleet.power_book
    before = (row.limit_w, row.windows, state.step_at_ms[: int(state.step_count[0])].tolist())
    world.restart()
    (row,) = world.fleet.power()
    state = world.fleet._state
    assert before == (
        row.limit_w,
        row.windows,
        state.step_at_ms[: int(state.step_count[0])].tolist(),
    )
    assert told.standing("fake") == world.fleet.power_book.standing("fake")
    assert sched.check(state) == []
