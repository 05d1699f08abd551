"""The real control plane in a world of our own: fake clock, fake engine, a store on disk.

`World.crash_at(n)` ends the process at its n-th touch of the outside (before or after each commit
and each engine call), as `kill -9` would: nothing in memory survives, what was written does.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from arkwright.control import intake
from arkwright.control.controller import Controller
from arkwright.control.factory_server import record_factory
from arkwright.control.intake import Submission
from arkwright.control.store import Store, open_store
from arkwright.control.tables import JOBS
from arkwright.control.users import OWNER, Identity
from arkwright.design import engine_nodes
from arkwright.engines.fake import FakeEngine, virtual_nodes
from arkwright.factory import loads
from arkwright.fleet import Fleet, assemble
from arkwright.jobs.spec import JobSpec
from new_store import put_new_store, spare_the_disk

OWNER_IDENTITY = Identity(name="owner", role=OWNER, project=None)

FACTORY = b"""
factory: simulated
sites:
  fake: {country: NO, engine: {kind: local, nodes: 4, gpus_per_node: 2}}
organisations:
  lab: {quota: {gpus: 8}, projects: {vision: {quota: {gpus: 4}}}}
  rival: {}
"""


class Crash(BaseException):
    """The process is gone. A BaseException, so that no handler of the code under test eats it."""


class World:
    """Everything outside the controller, and the controller itself, which may be lost any time."""

    factory_file = FACTORY

    def __init__(
        self, folder: Path, nodes: int = 4, gpus: int = 2, factory: bytes | None = None
    ) -> None:
        self.now_ms = 1_800_000_000_000
        """The server's clock, which may jump."""
        self.real_ms = self.now_ms
        """Time as processes live it, which does not."""
        self.folder = folder
        self.factory = loads(factory or self.factory_file)
        self.engine = FakeEngine(lambda: self.real_ms, virtual_nodes(nodes, gpus))
        self.touches = 0
        self.crash_on: int | None = None
        self._random = random.Random(7)
        self.boot()

    def boot(self) -> None:
        """Start the control plane on what the last one left behind."""
        self.crash_on = None
        put_new_store(self.folder / "store.db")
        self.store: Store = open_store(self.folder / "store.db")
        spare_the_disk(self.store)
        found = self.engine.capabilities()
        self.fleet: Fleet = assemble(self.factory, engine_nodes(found.nodes))
        record_factory(self.store, self.factory, {"fake": found})
        self._watch(self.store, "append")
        engine = _Watched(self.engine, self._touch)
        self.controller = Controller(
            self.store, self.fleet, {"fake": engine}, lambda: self.now_ms, self._random.randbytes
        )

    def crash_at(self, touch: int) -> None:
        """Be gone at the `touch`-th touch from now."""
        self.touches, self.crash_on = 0, touch

    def restart(self) -> None:
        """Lose everything in memory, as a crash does, and boot again."""
        self.store.close()
        self.boot()

    def close(self) -> None:
        """End the control plane in order."""
        self.store.close()

    def submit(self, **fields: Any) -> str:
        """Submit one job of project `lab`; returns its id, which is then acknowledged."""
        spec = JobSpec(**{"name": "job", "project": "lab", "command": ("true",)} | fields)
        accepted = intake.accept(self.controller, Submission(OWNER_IDENTITY, (spec,)))
        self.controller.record(accepted.events)
        return accepted.job_ids[0]

    def step(self, advance_ms: int = 100) -> None:
        """Let time pass, then one round."""
        self.now_ms += advance_ms
        self.real_ms += abs(advance_ms)
        self.controller.step()
        assert self.fleet.violations() == []

    def until(self, condition: Callable[[], bool], rounds: int = 2000) -> None:
        """Step until `condition` holds; a world in which it never does fails the test."""
        for _ in range(rounds):
            if condition():
                return
            self.step()
        raise AssertionError("the condition never came true")

    def state(self, job_id: str) -> str:
        """The job's state as the store has it."""
        row = self.store.read().first(select(JOBS.c.state).where(JOBS.c.id == job_id))
        assert row is not None
        return str(row.state)

    def kinds(self, job_id: str) -> list[str]:
        """The job's story: kinds of its events in order."""
        return [event.kind.value for event in self.store.read().events(job_id=job_id)]

    def _touch(self) -> None:
        self.touches += 1
        if self.crash_on is not None and self.touches >= self.crash_on:
            raise Crash

    def _watch(self, target: Any, name: str) -> None:
        inner = getattr(target, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._touch()
            result = inner(*args, **kwargs)
            self._touch()
            return result

        setattr(target, name, watched)


class _Watched:
    """The engine, with a crash point before and after each call that changes something."""

    def __init__(self, engine: FakeEngine, touch: Callable[[], None]) -> None:
        self._engine = engine
        self._touch = touch

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._engine, name)
        if name not in ("launch", "stop", "forget"):
            return inner

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._touch()
            result = inner(*args, **kwargs)
            self._touch()
            return result

        return watched
