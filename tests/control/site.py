"""A whole factory server over the fake engine, with its loop running, and people who use it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from arkwright.control.api import Api
from arkwright.control.clock import system_clock
from arkwright.control.factory_server import FactoryServer, open_factory
from arkwright.engines.fake import FakeEngine, Script, virtual_nodes
from arkwright.factory import loads
from arkwright.home import Paths
from control.asgi import Answer, call
from new_store import put_new_store, spare_the_disk

FACTORY = """
factory: fakery
sites:
  fake: {country: NO, engine: {kind: local, nodes: 4, gpus_per_node: 2}}
organisations:
  lab: {quota: {gpus: 8}, projects: {vision: {quota: {gpus: 4}}}}
  rival: {}
"""
WAIT_S = 20.0
Result = TypeVar("Result")


class Site:
    """One server and its engine; `owner` asks for it unless another token is given."""

    def __init__(
        self, folder: Path, factory: str = FACTORY, engine: FakeEngine | None = None
    ) -> None:
        self.engine = engine or fake_engine()
        self._runner = asyncio.Runner()
        paths = Paths(folder, "fakery").make()
        put_new_store(paths.store_db)
        self.server: FactoryServer = open_factory(
            loads(factory.encode()), paths, lambda _site, _section, _root: self.engine
        )
        spare_the_disk(self.server.store)
        self.application = Api(self.server).application()
        self.tokens: dict[str, str] = {}
        if paths.owner_token.exists():
            self.tokens["owner"] = paths.owner_token.read_text().strip()
        self.run(self._start())

    async def _start(self) -> None:
        self.server.start()

    def close(self) -> None:
        self.server.stop()
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str | None = "owner",
        headers: Mapping[str, str] | None = None,
        pieces: Sequence[bytes] | None = None,
        **query: object,
    ) -> Answer:
        return self.run(
            self.asking(method, path, body, user=user, headers=headers, pieces=pieces, query=query)
        )

    async def asking(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str | None = "owner",
        headers: Mapping[str, str] | None = None,
        pieces: Sequence[bytes] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Answer:
        if pieces is None:
            pieces = [b"" if body is None else json.dumps(body).encode()]
        given = dict(headers or {})
        if user is not None:
            given["Authorization"] = f"Bearer {self.tokens[user]}"
        return await call(self.application, method, path, query=query, headers=given, pieces=pieces)

    def add_user(self, name: str, project: str | None, role: str = "member") -> None:
        answer = self.ask("POST", "/v1/users", {"name": name, "role": role, "project": project})
        assert answer.status == 201, answer.json
        self.tokens[name] = answer.json["token"]

    def submit(self, *, user: str = "owner", **fields: object) -> str:
        answer = self.ask("POST", "/v1/jobs", job(**fields), user=user)
        assert answer.status == 201, answer.json
        return str(answer.json["id"])

    def state(self, job_id: str) -> str:
        return str(self.ask("GET", f"/v1/jobs/{job_id}").json["state"])

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, "the condition never came true"
            self.run(asyncio.sleep(0.01))

    def running(self, **fields: object) -> str:
        job_id = self.submit(**fields)
        self.until(lambda: self.state(job_id) == "running")
        return job_id


def fake_engine(nodes: int = 4, gpus: int = 2, output: bytes = b"") -> FakeEngine:
    engine = FakeEngine(system_clock, virtual_nodes(nodes, gpus))
    # Longer than any test: a job ends when the test says so.
    engine.default_script = Script(duration_ms=3_600_000, output=output)
    return engine


def job(**fields: object) -> dict[str, object]:
    return {"name": "job", "project": "lab", "command": ["true"]} | fields
