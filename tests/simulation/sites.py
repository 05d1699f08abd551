"""Three sites under one queue: engines that can be cut off, or whose answers can be lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from arkwright.control.controller import Controller
from arkwright.control.factory_server import found_at, record_factory
from arkwright.control.store import open_store
from arkwright.design import engine_nodes
from arkwright.engines.fake import FakeEngine, Script, virtual_nodes
from arkwright.engines.port import NodeFacts
from arkwright.errors import EngineError, EngineUnreachable
from arkwright.fleet import assemble
from new_store import put_new_store, spare_the_disk
from simulation.world import World, _Watched

FACTORY = b"""
factory: simulated
sites:
  here: {country: NO, engine: {kind: local, nodes: 2, gpus_per_node: 2}}
  north: {country: NO, engine: {kind: local, nodes: 3, gpus_per_node: 2}}
  south: {country: NO, engine: {kind: local, nodes: 3, gpus_per_node: 2}}
organisations:
  lab: {quota: {gpus: 14}}
"""
NODES = {"here": 2, "north": 3, "south": 3}
CHANGING = ("launch", "stop", "forget", "adjust", "set_node")


class Flaky:
    """An engine at the other end of a line. `line` is `up`, `cut` (nothing arrives), or `deaf`
    (orders arrive and are carried out, answers do not come back)."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.line = "up"

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.engine, name)
        if name not in (*CHANGING, "observe", "nodes", "capabilities"):
            return inner

        def asked(*args: Any, **kwargs: Any) -> Any:
            if self.line == "up":
                return inner(*args, **kwargs)
            if self.line == "deaf" and name in CHANGING:
                inner(*args, **kwargs)
            kind = EngineUnreachable if name in CHANGING else EngineError
            raise kind("connecting to 10.0.0.7:6820: timed out")

        return asked


class Sites(World):
    """A local-like engine, which starts at once, and two that take their time, as Slurm does."""

    factory_file = FACTORY

    def __init__(self, folder: Path, factory: bytes | None = None) -> None:
        self.lines: dict[str, Flaky] = {}
        super().__init__(folder, factory=factory)

    def boot(self) -> None:
        if not self.lines:
            self.lines = {site: Flaky(self._engine(site, count)) for site, count in NODES.items()}
        self.crash_on = None
        put_new_store(self.folder / "store.db")
        self.store = open_store(self.folder / "store.db")
        spare_the_disk(self.store)
        found = {site: found_at(self.store, site, line) for site, line in self.lines.items()}  # type: ignore[arg-type]
        nodes = [node for each in found.values() for node in engine_nodes(each.nodes)]
        self.fleet = assemble(self.factory, nodes)
        record_factory(self.store, self.factory, found)
        self._watch(self.store, "append")
        engines: Mapping[str, Any] = {
            site: _Watched(line, self._touch)  # type: ignore[arg-type]
            for site, line in self.lines.items()
        }
        self.controller = Controller(
            self.store, self.fleet, engines, lambda: self.now_ms, self._random.randbytes
        )

    def _engine(self, site: str, count: int) -> FakeEngine:
        slow = site != "here"
        verbs = ("set_node",) if slow else ()
        engine = FakeEngine(lambda: self.real_ms, _nodes(site, count), verbs=verbs)
        engine.default_script = Script(launch_ms=1_500 * slow, term_ms=800 * slow)
        return engine

    def script(self, **fields: Any) -> None:
        """What every attempt launched from now on does."""
        for line in self.lines.values():
            script = line.engine.default_script
            launch_ms, term_ms = script.launch_ms, script.term_ms
            line.engine.default_script = Script(launch_ms=launch_ms, term_ms=term_ms, **fields)

    def step(self, advance_ms: int = 100) -> None:
        super().step(advance_ms)
        live = [each.partition(".")[0] for each in self.live()]
        assert len(live) == len(set(live)), f"two live attempts of one job: {self.live()}"

    def live(self) -> list[str]:
        """Attempts with a process left, at any site, whether it can be reached or not."""
        return [each for line in self.lines.values() for each in line.engine.live()]

    def launched(self, site: str) -> list[str]:
        """Attempts that began at a site, in order."""
        return [each.attempt_id for each in self.lines[site].engine.launches]


def _nodes(site: str, count: int) -> tuple[NodeFacts, ...]:
    return tuple(
        msgspec.structs.replace(node, path=node.path.replace("fake/", f"{site}/", 1))
        for node in virtual_nodes(count, 2)
    )
